package durable_test

import (
	"context"
	"strings"
	"testing"

	"github.com/funchost/funchost/framework/durable"
)

type tally struct{ Sum int }

func TestReplacedFunctionsRunInTheOldPlaces(t *testing.T) {
	t.Parallel()
	tallies := durable.NewEntity[tally]("tally")
	add := durable.NewOperation(tallies, "add", func(s *tally, _ *durable.EntityContext, n int) (int, error) { s.Sum += n; return s.Sum, nil })
	get := durable.NewOperation(tallies, "get", func(s *tally, _ *durable.EntityContext, _ durable.None) (int, error) { return s.Sum, nil })
	one := durable.NewActivity("one", func(context.Context, durable.None) (int, error) { return 1, nil })
	two := durable.ActivityNamed[durable.None, int]("two") // of another app
	sum := durable.NewOrchestrator("sum", func(ctx *durable.Context, _ durable.None) (int, error) {
		for _, number := range []durable.Activity[durable.None, int]{one, two} {
			n, err := number.Call(ctx, durable.None{})
			if err != nil {
				return 0, err
			}
			if _, err := add.Call(ctx, "all", n); err != nil {
				return 0, err
			}
		}
		return get.Call(ctx, "all", durable.None{})
	})
	constant := func(n int) func(context.Context, durable.None) (int, error) {
		return func(context.Context, durable.None) (int, error) { return n, nil }
	}
	defs, err := durable.Replace([]durable.Definition{tallies, one, sum}, []durable.Definition{
		one.With(constant(10)), two.With(constant(20)),
		add.With(func(s *tally, _ *durable.EntityContext, n int) (int, error) { s.Sum += 100 * n; return s.Sum, nil }).Definition(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := run(t, serve(t, defs), sum, durable.None{}); got != 3000 || err != nil {
		t.Errorf("got %d, %v, want 3000", got, err)
	}
}

func TestReplacementWithoutAVersionIsForAll(t *testing.T) {
	t.Parallel()
	which := durable.ActivityNamed[durable.None, string]("which")
	says := func(s string) func(context.Context, durable.None) (string, error) {
		return func(context.Context, durable.None) (string, error) { return s, nil }
	}
	ask := durable.NewOrchestrator("ask", func(ctx *durable.Context, version string) (string, error) {
		return which.Call(ctx, durable.None{}, durable.Version(version))
	})
	defs := []durable.Definition{which.With(says("any")), ask, which.WithVersion("1", says("first")), which.WithVersion("2", says("second"))}
	for name, tt := range map[string]struct {
		by   durable.Definition
		want string // of versions none, 1 and 2
	}{
		"all": {which.With(says("new")), "new/new/new"},
		"one": {which.WithVersion("2", says("new")), "any/first/new"},
	} {
		replaced, err := durable.Replace(defs, []durable.Definition{tt.by})
		if err != nil {
			t.Fatal(err)
		}
		c := serve(t, replaced)
		var got []string
		for _, version := range []string{"", "1", "2"} {
			answer, err := run(t, c, ask, version)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, answer)
		}
		if got := strings.Join(got, "/"); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestReplacementOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	_, err := durable.Replace(
		[]durable.Definition{durable.NewEntity[tally]("tally")},
		[]durable.Definition{durable.NewEntity[string]("tally"), nil},
	)
	if err == nil || !strings.Contains(err.Error(), `entity "tally" has a state of durable_test.tally`) || !strings.Contains(err.Error(), "nil") {
		t.Errorf("got %v, want both mistakes", err)
	}
}
