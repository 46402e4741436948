package sandbox

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// contextName is the context, cluster and user name in every kubeconfig of the sandbox.
const contextName = "sandbox"

// kubeconfigFor is a kubeconfig with one context for the API server at url.
func kubeconfigFor(url string, ca []byte, user *api.AuthInfo) *api.Config {
	config := api.NewConfig()
	config.Clusters[contextName] = &api.Cluster{Server: url, CertificateAuthorityData: ca}
	config.AuthInfos[contextName] = user
	config.Contexts[contextName] = &api.Context{Cluster: contextName, AuthInfo: contextName}
	config.CurrentContext = contextName
	return config
}

func writeKubeconfig(path string, config *api.Config) error {
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	return nil
}

// certUser signs a client certificate and returns it as a kubeconfig's user.
func (ca *authority) certUser(name string, groups ...string) (*api.AuthInfo, error) {
	pair, err := ca.user(name, groups...)
	if err != nil {
		return nil, err
	}
	return &api.AuthInfo{ClientCertificateData: pair.cert, ClientKeyData: pair.key}, nil
}

// RESTConfig reads a kubeconfig file of this sandbox and lifts client-go's own rate limit.
func RESTConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS, config.Burst = 1000, 2000
	return config, nil
}
