package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const certLifetime = 365 * 24 * time.Hour

// authority is the sandbox's certificate authority; it signs servers and users.
type authority struct {
	dir  string // ca.crt, server.crt and the others
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// keyPair is a certificate and its key, in PEM.
type keyPair struct{ cert, key []byte }

// openAuthority reads the authority in dir, or makes one where there is none.
func openAuthority(dir, hostIP string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"))
	if errors.Is(err, os.ErrNotExist) {
		return newAuthority(dir, hostIP)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("certificate authority in %s: not an ECDSA key", dir)
	}
	return &authority{dir: dir, cert: pair.Leaf, key: key, pem: pemBlock("CERTIFICATE", pair.Leaf.Raw)}, nil
}

// newAuthority makes a CA, the server certificate and the key of service accounts, as files in dir.
func newAuthority(dir, hostIP string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certTemplate(pkix.Name{CommonName: "sandbox-ca"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	ca := &authority{dir: dir, cert: cert, key: key, pem: pemBlock("CERTIFICATE", der)}
	keyPEM, err := privatePEM(key)
	if err != nil {
		return nil, err
	}
	if err := ca.write("ca", keyPair{cert: ca.pem, key: keyPEM}); err != nil {
		return nil, err
	}
	server, err := ca.sign(pkix.Name{CommonName: "kube-apiserver"}, []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}, []string{"127.0.0.1", hostIP, "10.96.0.1"})
	if err != nil {
		return nil, err
	}
	if err := ca.write("server", server); err != nil {
		return nil, err
	}
	return ca, ca.serviceAccountKey()
}

func (ca *authority) file(name string) string { return filepath.Join(ca.dir, name) }

func (ca *authority) write(name string, p keyPair) error {
	if err := os.WriteFile(ca.file(name+".crt"), p.cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(ca.file(name+".key"), p.key, 0o600)
}

// user signs a client certificate: Kubernetes takes the common name as the user and organizations as groups.
func (ca *authority) user(name string, groups ...string) (keyPair, error) {
	return ca.sign(pkix.Name{CommonName: name, Organization: groups}, nil, nil)
}

func (ca *authority) sign(subject pkix.Name, names, ips []string) (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	template := certTemplate(subject)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = names
	for _, ip := range ips {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(ip))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return keyPair{}, fmt.Errorf("certificate of %s: %w", subject.CommonName, err)
	}
	keyPEM, err := privatePEM(key)
	return keyPair{cert: pemBlock("CERTIFICATE", der), key: keyPEM}, err
}

// serviceAccountKey writes the pair with which service account tokens are signed and checked.
func (ca *authority) serviceAccountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := privatePEM(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := os.WriteFile(ca.file("sa.pub"), pemBlock("PUBLIC KEY", public), 0o600); err != nil {
		return err
	}
	return os.WriteFile(ca.file("sa.key"), private, 0o600)
}

func certTemplate(subject pkix.Name) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		serial = big.NewInt(time.Now().UnixNano())
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certLifetime),
	}
}

func privatePEM(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, err
	}
	return pemBlock("EC PRIVATE KEY", der), nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
