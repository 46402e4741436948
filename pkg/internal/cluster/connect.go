package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// connection is how the API server is reached. Nothing is sent before the
// first call.
type connection struct {
	http    *http.Client
	rest    *rest.RESTClient // asks for protobuf, takes JSON
	host    string
	source  string
	timeout time.Duration
}

func connect(q Query) (*connection, error) {
	cfg, err := restConfig(q)
	if err != nil {
		return nil, err
	}
	c := &connection{host: cfg.Host, source: q.Source, timeout: q.Timeout}
	if c.source == "" {
		c.source = sourceOf(q.Getter, cfg.Host)
	}
	if c.timeout <= 0 {
		c.timeout = cfg.Timeout
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	// Deadlines come from contexts, whose errors are told from others.
	cfg.Timeout = 0
	// Client-side throttling (5 a second) would take longer than the answers.
	cfg.QPS, cfg.Burst = -1, 0
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	cfg.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	cfg.ContentType = runtime.ContentTypeProtobuf
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	if c.http, err = rest.HTTPClientFor(cfg); err != nil {
		return nil, err
	}
	c.rest, err = rest.UnversionedRESTClientForConfigAndClient(cfg, c.http)
	return c, err
}

func restConfig(q Query) (*rest.Config, error) {
	if q.Getter != nil {
		cfg, err := q.Getter.ToRESTConfig()
		if err != nil {
			return nil, err
		}
		return rest.CopyConfig(cfg), nil
	}
	if q.Config == nil {
		return nil, errors.New("no cluster to read: neither flags nor a configuration are given")
	}
	return rest.CopyConfig(q.Config), nil
}

// sourceOf names the cluster as its user does, by context.
func sourceOf(getter genericclioptions.RESTClientGetter, host string) string {
	if flags, ok := getter.(*genericclioptions.ConfigFlags); ok && flags.Context != nil && *flags.Context != "" {
		return "context " + *flags.Context
	}
	if getter != nil {
		if raw, err := getter.ToRawKubeConfigLoader().RawConfig(); err == nil && raw.CurrentContext != "" {
			return "context " + raw.CurrentContext
		}
	}
	return fmt.Sprintf("server %s", host)
}
