// Package seams has function variables, fields and generic helpers without harm.
package seams

import (
	"slices"
	"strings"

	"github.com/funchost/funchost/framework/durable"
)

var upper = strings.ToUpper

type step struct {
	name string
	run  func(string) string
}

var steps = []step{{"upper", upper}, {"trim", strings.TrimSpace}}

func each[T, R any](in []T, f func(T) R) []R {
	out := make([]R, 0, len(in))
	for _, x := range in {
		out = append(out, f(x))
	}
	return out
}

func run(ctx *durable.Context, in []string) ([]string, error) {
	for _, s := range steps {
		in = each(in, s.run)
		ctx.SetStatus(s.name)
	}
	slices.SortFunc(in, strings.Compare)
	return in, nil
}
