package admission

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	celtypes "github.com/google/cel-go/common/types"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/environment"
)

// celCompiler makes the API server's CEL environment when the first condition
// asks for it: most clusters have none, and making it takes a while.
type celCompiler struct{ compiler cel.Compiler }

// conditions are a webhook's match conditions, compiled.
type conditions struct {
	sources   []admissionv1.MatchCondition
	field     string
	ignore    bool // failurePolicy is Ignore
	evaluator cel.ConditionEvaluator
	errors    []fieldError
}

type fieldError struct {
	at  string
	err error
}

// conditions compiles as the API server does for webhooks it has stored
// (k8s.io/apiserver v0.35.0, pkg/admission/plugin/webhook/accessors.go:
// GetCompiledMatcher).
func (c *celCompiler) conditions(h *admissionv1.MutatingWebhook, field string) *conditions {
	if c.compiler == nil {
		c.compiler = cel.NewCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	}
	out := &conditions{sources: h.MatchConditions, field: field, ignore: h.FailurePolicy != nil && *h.FailurePolicy == admissionv1.Ignore}
	compiled := make([]cel.CompilationResult, len(h.MatchConditions))
	for i, m := range h.MatchConditions {
		compiled[i] = c.compiler.CompileCELExpression(&matchconditions.MatchCondition{Name: m.Name, Expression: m.Expression},
			cel.OptionalVariableDeclarations{HasAuthorizer: true}, environment.StoredExpressions)
		if err := compiled[i].Error; err != nil {
			out.errors = append(out.errors, fieldError{at: fmt.Sprintf(".matchConditions[%d].expression", i), err: err})
		}
	}
	out.evaluator = cel.NewCondition(compiled)
	return out
}

// judge adds to a verdict what the conditions say, by the API server's rule
// (k8s.io/apiserver v0.35.0,
// pkg/admission/plugin/webhook/matchconditions/matcher.go): one that is false
// keeps the webhook away, whatever fails beside it; else one that fails refuses
// the pod, or keeps the webhook away where failurePolicy is Ignore.
func (c *conditions) judge(ctx context.Context, in *input, j *judged) {
	results, err := c.evaluate(ctx, in.attr)
	failed, isFalse := "", false
	if err != nil { // all of them together cost too much
		failed = "match conditions cannot be evaluated: " + oneLine(err)
		j.fails = append(j.fails, term{Expression: Expression{Field: c.field + ".matchConditions", Want: "true", Got: failed}})
	}
	for i, r := range results {
		t := term{Expression: Expression{Field: fmt.Sprintf("%s.matchConditions[%d]", c.field, i), Want: oneLine(c.sources[i].Expression)}}
		name := c.sources[i].Name
		if lacks := c.lacks(i, in); lacks != "" {
			j.guess = joinGuess(j.guess, lacks)
			t.Got = fmt.Sprintf("match condition %q is taken as true", name)
			j.holds = append(j.holds, t)
			continue
		}
		j.guess = joinGuess(j.guess, c.guess(i))
		switch {
		case r.Error != nil:
			t.Got = fmt.Sprintf("match condition %q cannot be evaluated: %s", name, oneLine(r.Error))
			if failed == "" {
				failed = t.Got
			}
			j.fails = append(j.fails, t)
		case r.EvalResult == celtypes.False:
			t.Got, isFalse = fmt.Sprintf("match condition %q is false", name), true
			j.fails = append(j.fails, t)
		default:
			t.Got = fmt.Sprintf("match condition %q is true", name)
			j.holds = append(j.holds, t)
		}
	}
	if j.reached && failed != "" && !isFalse && !c.ignore {
		j.Refusal = failed
	}
}

func (c *conditions) evaluate(ctx context.Context, attr *admission.VersionedAttributes) ([]cel.EvaluationResult, error) {
	request := cel.CreateAdmissionRequest(attr.Attributes, metav1.GroupVersionResource(attr.GetResource()), metav1.GroupVersionKind(attr.VersionedKind))
	results, _, err := c.evaluator.ForInput(ctx, attr, request, cel.OptionalVariableBindings{Authorizer: denyAll()}, nil, celconfig.RuntimeCELCostBudgetMatchConditions)
	return results, err
}

// denyAll stands in for the cluster's authorizer: what rights the pod's
// creator has beyond creating pods is not known.
func denyAll() authorizer.Authorizer {
	return authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
		return authorizer.DecisionNoOpinion, "", nil
	})
}

// known matches what of the object a template tells without the whole pod.
var known = regexp.MustCompile(`\bobject\.(metadata\.(labels|annotations|namespace)|spec\.hostNetwork|kind|apiVersion)\b`)

var object = regexp.MustCompile(`\bobject\b`)

// lacks says that a condition looks at what is not known of the pod.
func (c *conditions) lacks(i int, in *input) string {
	if in.whole || !object.MatchString(known.ReplaceAllString(c.sources[i].Expression, "")) {
		return ""
	}
	return fmt.Sprintf("match condition %q looks at parts of the pod that are not known, and is taken as true", c.sources[i].Name)
}

// guess says what a condition asks for that had to be assumed.
func (c *conditions) guess(i int) string {
	switch source := c.sources[i]; {
	case strings.Contains(source.Expression, "authorizer"):
		return fmt.Sprintf("match condition %q asks for rights of whoever creates the pod, taken as none", source.Name)
	case strings.Contains(source.Expression, "userInfo"):
		return fmt.Sprintf("match condition %q asks who creates the pod, taken to be its controller", source.Name)
	}
	return ""
}

func joinGuess(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// oneLine writes an error or an expression without its line breaks.
func oneLine(v any) string { return strings.Join(strings.Fields(fmt.Sprint(v)), " ") }
