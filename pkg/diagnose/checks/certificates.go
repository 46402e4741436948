package checks

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// bundle is what a list of certificates in PEM holds.
type bundle []*x509.Certificate

// readBundle reads the certificates of a PEM text and passes over what is none
// (crypto/x509.CertPool.AppendCertsFromPEM, which the API server uses, does
// so too). It is empty for a text without any.
func readBundle(text []byte) bundle {
	var b bundle
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			return b
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			b = append(b, c)
		}
	}
}

// shares reports whether two bundles trust a common authority: the same name
// and key. A root that was renewed with its key, as istiod renews its own,
// still verifies what the old one signed.
func (b bundle) shares(o bundle) bool {
	return slices.ContainsFunc(b, func(c *x509.Certificate) bool {
		return slices.ContainsFunc(o, func(d *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, d.RawSubject) && bytes.Equal(c.RawSubjectPublicKeyInfo, d.RawSubjectPublicKeyInfo)
		})
	})
}

// last is the certificate that is valid longest; nil for an empty bundle.
func (b bundle) last() *x509.Certificate {
	if len(b) == 0 {
		return nil
	}
	return slices.MaxFunc(b, func(c, d *x509.Certificate) int { return c.NotAfter.Compare(d.NotAfter) })
}

// String lists the certificates: what they are called, until when they are
// valid, and the start of their SHA-256.
func (b bundle) String() string {
	if len(b) == 0 {
		return "no certificate"
	}
	var names []string
	for _, c := range b {
		names = append(names, describeCert(c))
	}
	return strings.Join(names, "; ")
}

func describeCert(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return fmt.Sprintf("%s, valid until %s, sha256 %x", cmp.Or(c.Subject.String(), "a certificate without a name"), day(c.NotAfter), sum[:4])
}

// selfSigned reports whether a root looks like the one that istiod makes for
// itself: an organization and no name (istio.io/istio 1.29.1,
// security/pkg/pki/ca/ca.go: NewSelfSignedIstioCAOptions).
func selfSigned(c *x509.Certificate) bool {
	return c.Subject.CommonName == "" && len(c.Subject.Organization) == 1 && bytes.Equal(c.RawSubject, c.RawIssuer)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// daysLeft is a length of time in days, or hours when it is short.
func daysLeft(d time.Duration) string {
	if d < 48*time.Hour {
		return count(int(d.Hours()), "hour")
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
