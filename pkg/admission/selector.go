package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// side is whose labels a selector looks at.
type side string

const (
	ofNamespace side = "namespace"
	ofPod       side = "pod"
)

// term is one expression of a webhook that can be judged by itself.
type term struct {
	Expression
	side     side // empty for rules and conditions
	key      string
	operator metav1.LabelSelectorOperator
	values   []string
	selector labels.Selector
}

// asks reports whether the term wants a label to be there.
func (t *term) asks() bool {
	return t.operator == metav1.LabelSelectorOpIn || t.operator == metav1.LabelSelectorOpExists
}

// of returns the term with what it met.
func (t *term) of(in *input) term {
	met := *t
	met.Got = in.got(t.side, t.key)
	return met
}

// selector is a label selector taken apart.
type selector struct {
	terms []term
	err   error // it cannot be parsed, and matches nothing by itself
}

// compileSelector takes a selector apart. None at all selects everything,
// which is the API server's default (k8s.io/kubernetes v1.35,
// pkg/apis/admissionregistration/v1/defaults.go), though metav1 reads nil as
// nothing.
func compileSelector(s *metav1.LabelSelector, whose side, field string) selector {
	if s == nil {
		return selector{}
	}
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		return selector{err: err}
	}
	var c selector
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		c.terms = append(c.terms, term{
			Expression: Expression{Field: field + ".matchLabels[" + key + "]", Want: key + " = " + s.MatchLabels[key]},
			side:       whose, key: key, operator: metav1.LabelSelectorOpIn, values: []string{s.MatchLabels[key]},
			selector: labels.SelectorFromSet(labels.Set{key: s.MatchLabels[key]}),
		})
	}
	for i, e := range s.MatchExpressions {
		one, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{e}})
		if err != nil {
			return selector{err: err}
		}
		c.terms = append(c.terms, term{
			Expression: Expression{Field: fmt.Sprintf("%s.matchExpressions[%d]", field, i), Want: expressionText(e)},
			side:       whose, key: e.Key, operator: e.Operator, values: e.Values, selector: one,
		})
	}
	return c
}

func expressionText(e metav1.LabelSelectorRequirement) string {
	if len(e.Values) == 0 {
		return e.Key + " " + string(e.Operator)
	}
	return fmt.Sprintf("%s %s [%s]", e.Key, e.Operator, strings.Join(e.Values, " "))
}

// judge parts the terms into those that hold and those that fail.
func (c *selector) judge(in *input, set labels.Set) (holds, fails []term) {
	for i := range c.terms {
		t := &c.terms[i]
		if t.selector.Matches(set) {
			holds = append(holds, t.of(in))
		} else {
			fails = append(fails, t.of(in))
		}
	}
	return holds, fails
}
