package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// adminPort is Envoy's admin port in Istio's proxies.
const adminPort = 15000

// maxAnswer bounds one answer of a proxy, in bytes.
const maxAnswer = 256 << 20

// errNoRight tells that port-forward is forbidden.
var errNoRight = errors.New("may not create pods/portforward") // never written to

// errPodGone tells that a pod is there no more.
var errPodGone = errors.New("the pod is gone") // never written to

// admin reaches proxies' admin ports by port-forward, which needs the right to
// create pods/portforward.
type admin struct {
	config  *rest.Config
	timeout time.Duration
}

func newAdmin(q Query) (*admin, error) {
	cfg, err := restConfig(q)
	if err != nil {
		return nil, err
	}
	a := &admin{config: cfg, timeout: deadline(q, cfg)}
	cfg.Timeout = 0 // deadlines come from contexts
	return a, nil
}

// ask gets some paths of one proxy, over one connection.
func (a *admin) ask(ctx context.Context, p Proxy, paths []string) ([][]byte, error) {
	return a.get(ctx, p, adminPort, paths)
}

// get gets some paths of a pod's port.
func (a *admin) get(ctx context.Context, p Proxy, port int, paths []string) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	type result struct {
		answers [][]byte
		err     error
	}
	done := make(chan result, 1)
	go func() { // dialling takes no context
		answers, err := a.forward(ctx, p, port, paths)
		done <- result{answers, err}
	}()
	select {
	case r := <-done:
		return r.answers, a.words(p, r.err)
	case <-ctx.Done():
		return nil, a.words(p, ctx.Err())
	}
}

// words says why a proxy could not be asked, in one line.
func (a *admin) words(p Proxy, err error) error {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %s", a.timeout)
	case errors.Is(err, context.Canceled):
		return err
	case apierrors.IsNotFound(err), strings.Contains(text, fmt.Sprintf("pods %q not found", p.Pod)):
		return errPodGone
	case apierrors.IsForbidden(err), strings.Contains(text, "pods/portforward") && strings.Contains(text, "forbidden"):
		return fmt.Errorf("%w in namespace %s", errNoRight, p.Namespace)
	}
	return errors.New(strings.Join(strings.Fields(text), " "))
}

func (a *admin) forward(ctx context.Context, p Proxy, port int, paths []string) ([][]byte, error) {
	conn, err := a.dial(p)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close() // all has been read
	}()
	var answers [][]byte
	for i, path := range paths {
		body, err := request(ctx, conn, i, port, path)
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, err
		}
		answers = append(answers, body)
	}
	return answers, nil
}

// dial opens a connection for port-forwards as kubectl does, but asks for SPDY
// first, for which the right to create is enough
// (k8s.io/kubectl v0.35.0, pkg/cmd/portforward/portforward.go: createDialer).
func (a *admin) dial(p Proxy) (httpstream.Connection, error) {
	at, _, err := rest.DefaultServerUrlFor(a.config)
	if err != nil {
		return nil, err
	}
	at = at.JoinPath("api", "v1", "namespaces", p.Namespace, "pods", p.Pod, "portforward")
	transport, upgrader, err := spdy.RoundTripperFor(a.config)
	if err != nil {
		return nil, err
	}
	var dialer httpstream.Dialer = spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	if tunnel, err := portforward.NewSPDYOverWebsocketDialer(at, a.config); err == nil {
		dialer = portforward.NewFallbackDialer(dialer, tunnel, httpstream.IsUpgradeFailure)
	}
	conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	return conn, err
}

// request makes one HTTP request over a pair of streams of its own.
func request(ctx context.Context, conn httpstream.Connection, id, port int, path string) ([]byte, error) {
	headers := http.Header{}
	headers.Set(core.StreamType, core.StreamTypeError)
	headers.Set(core.PortHeader, fmt.Sprint(port))
	headers.Set(core.PortForwardRequestIDHeader, fmt.Sprint(id))
	failures, err := conn.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	_ = failures.Close() // nothing is sent on it
	headers.Set(core.StreamType, core.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	defer conn.RemoveStreams(failures, data)
	said := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(io.LimitReader(failures, 4096)) // its end is the answer that all went well
		if len(text) > 0 {
			said <- string(text)
			_ = data.Reset()
		}
	}()
	body, err := exchange(ctx, data, path)
	if err == nil {
		return body, nil
	}
	select {
	case text := <-said:
		return nil, errors.New(strings.TrimSpace(text))
	default:
		return nil, err
	}
}

func exchange(ctx context.Context, data io.ReadWriter, path string) ([]byte, error) {
	at, err := url.Parse("http://localhost" + path)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{Method: http.MethodGet, URL: at, Host: "localhost", Header: http.Header{}, Close: true}).WithContext(ctx)
	if err := r.Write(data); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(data), r)
	if err != nil {
		return nil, fmt.Errorf("its admin port does not answer: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its admin port answers %s: %s", answer.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
	return body, nil
}
