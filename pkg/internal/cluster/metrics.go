package cluster

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/kubectl-mesh/kubectl-mesh/pkg/mesh"
)

// The series of kube-apiserver that tell of admission
// (k8s.io/apiserver v0.35.0, pkg/admission/metrics/metrics.go and
// pkg/admission/plugin/webhook/matchconditions/matcher.go).
const (
	seriesPlugins    = "apiserver_admission_controller_admission_duration_seconds_count"
	seriesRequests   = "apiserver_admission_webhook_request_total"
	seriesRejections = "apiserver_admission_webhook_rejection_count"
	seriesFailOpen   = "apiserver_admission_webhook_fail_open_count"
	seriesExcluded   = "apiserver_admission_match_condition_exclusions_total"
)

// metrics reads the API server's /metrics; nil when it could not.
func (r *reading) metrics(ctx context.Context) *mesh.AdmissionMetrics {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	body, err := r.rest.Get().AbsPath("metrics").MaxRetries(maxRetries).SetHeader("Accept", "text/plain").Stream(ctx)
	r.answered(ctx, err)
	if err == nil {
		defer body.Close()
		var m *mesh.AdmissionMetrics
		if m, err = admissionMetrics(body); err == nil {
			r.read(mesh.APIServerMetrics, "")
			return m
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	r.missed(mesh.APIServerMetrics, "", err)
	return nil
}

// admissionMetrics parses of the metrics, which can be 10 MB, only the lines
// it needs.
func admissionMetrics(r io.Reader) (*mesh.AdmissionMetrics, error) {
	var lines bytes.Buffer
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if wanted(line) {
			lines.Write(line)
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
	}
	if n := lines.Len(); n > 0 && lines.Bytes()[n-1] != '\n' {
		lines.WriteByte('\n')
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&lines)
	if err != nil {
		return nil, fmt.Errorf("the metrics cannot be read: %w", err)
	}
	return summary(families), nil
}

func wanted(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("apiserver_admission_")) {
		return false
	}
	name, _, _ := bytes.Cut(line, []byte("{"))
	return slices.Contains([]string{seriesPlugins, seriesRequests, seriesRejections, seriesFailOpen, seriesExcluded}, string(name))
}

func summary(families map[string]*dto.MetricFamily) *mesh.AdmissionMetrics {
	out := &mesh.AdmissionMetrics{}
	for _, m := range families[seriesPlugins].GetMetric() {
		name, kind := label(m, "name"), label(m, "type")
		if (kind == "admit" || kind == "validate") && value(m) > 0 && !slices.Contains(out.Plugins, name) {
			out.Plugins = append(out.Plugins, name)
		}
	}
	slices.Sort(out.Plugins)
	count := func(series string, add func(*mesh.WebhookCalls, *dto.Metric)) {
		for _, m := range families[series].GetMetric() {
			name := strings.Clone(label(m, "name"))
			calls := out.Webhooks[name]
			add(&calls, m)
			if out.Webhooks == nil {
				out.Webhooks = map[string]mesh.WebhookCalls{}
			}
			out.Webhooks[name] = calls
		}
	}
	count(seriesRequests, func(c *mesh.WebhookCalls, m *dto.Metric) { c.Requests += value(m) })
	count(seriesFailOpen, func(c *mesh.WebhookCalls, m *dto.Metric) { c.FailOpen += value(m) })
	count(seriesExcluded, func(c *mesh.WebhookCalls, m *dto.Metric) { c.Excluded += value(m) })
	count(seriesRejections, func(c *mesh.WebhookCalls, m *dto.Metric) {
		if c.Rejections == nil {
			c.Rejections = map[string]int{}
		}
		c.Rejections[label(m, "error_type")] += value(m)
	})
	return out
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// value is a sample's; without its TYPE line a series is untyped.
func value(m *dto.Metric) int { return int(m.GetUntyped().GetValue()) }
