package sandbox

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

func parseCert(t *testing.T, content []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(content)
	require.NotNil(t, block)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

func TestUsersAndServerAreSignedByTheSandboxsAuthority(t *testing.T) {
	ca, err := newAuthority(filepath.Join(t.TempDir(), "pki"), "192.0.2.7")
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca.pem))

	pair, err := ca.user("bob", "testers", "viewers")
	require.NoError(t, err)
	bob := parseCert(t, pair.cert)
	_, err = bob.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	require.Equal(t, "bob", bob.Subject.CommonName)
	require.Equal(t, []string{"testers", "viewers"}, bob.Subject.Organization)

	content, err := os.ReadFile(ca.file("server.crt"))
	require.NoError(t, err)
	for _, name := range []string{"localhost", "127.0.0.1", "192.0.2.7", "kubernetes.default.svc"} {
		_, err = parseCert(t, content).Verify(x509.VerifyOptions{Roots: roots, DNSName: name})
		require.NoError(t, err, name)
	}
}

func TestAKubeconfigIsReadBackAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	want := kubeconfigFor("https://127.0.0.1:6443", []byte("ca"), &api.AuthInfo{Token: "secret"})
	want.Contexts[contextName].Namespace = "shop"
	require.NoError(t, writeKubeconfig(path, want))

	got, err := clientcmd.LoadFromFile(path)

	require.NoError(t, err)
	require.Equal(t, want.Clusters[contextName].Server, got.Clusters[contextName].Server)
	require.Equal(t, want.AuthInfos[contextName].Token, got.AuthInfos[contextName].Token)
	require.Equal(t, want.Contexts[contextName].Namespace, got.Contexts[contextName].Namespace)
	require.Equal(t, contextName, got.CurrentContext)
	config, err := RESTConfig(path)
	require.NoError(t, err)
	require.Equal(t, "https://127.0.0.1:6443", config.Host)
	require.Equal(t, []byte("ca"), config.CAData)
}
