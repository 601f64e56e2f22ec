package durable_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// Two versions of an orchestrator and of its activity in one host.
var (
	pack = durable.ActivityNamed[durable.None, string]("pack")
	ship = durable.OrchestratorNamed[durable.None, string]("ship")
)

func shipping() []durable.Definition {
	packed := func(in string) func(context.Context, durable.None) (string, error) {
		return func(context.Context, durable.None) (string, error) { return in, nil }
	}
	shipped := func(by string) func(*durable.Context, durable.None) (string, error) {
		return func(ctx *durable.Context, _ durable.None) (string, error) {
			parcel, err := pack.Call(ctx, durable.None{})
			return parcel + " " + by, err
		}
	}
	return []durable.Definition{
		pack.With(packed("bag")), pack.WithVersion("2", packed("box")),
		ship.With(shipped("on foot")), ship.WithVersion("2", shipped("by rail")),
	}
}

func TestVersionsOfOneNameLiveSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		second := ship.WithVersion("2", nil)
		parent := durable.NewOrchestrator("parent", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			return durable.All(ctx,
				ship.Start(ctx, durable.None{}),
				ship.Start(ctx, durable.None{}, durable.Version("2")),
				second.Start(ctx, durable.None{}),
				second.Start(ctx, durable.None{}, durable.Version("")),
			)
		})
		c := serve(t, append(shipping(), parent))
		for _, tt := range []struct {
			o    durable.Orchestrator[durable.None, string]
			opts []durable.StartOption
			want string
		}{
			{ship, nil, "bag on foot"},
			{ship, []durable.StartOption{durable.Version("2")}, "box by rail"},
			{second, nil, "box by rail"},
			{second, []durable.StartOption{durable.Version("")}, "bag on foot"},
		} {
			if got, err := run(t, c, tt.o, durable.None{}, tt.opts...); got != tt.want || err != nil {
				t.Errorf("%v: got %q, %v, want %q", tt.opts, got, err, tt.want)
			}
		}
		got, err := run(t, c, parent, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"bag on foot", "box by rail", "box by rail", "bag on foot"}, got); diff != "" {
			t.Errorf("children (-want +got):\n%s", diff)
		}
	})
}

func TestOneVersionIsAddedOnce(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.stop = func() {}
	err := durable.Register(worker.NewRegistry(), h.client, append(shipping(), shipping()[1]))
	if err == nil || !strings.Contains(err.Error(), `version "2" of activity "pack" is added twice, first declared at `) {
		t.Errorf("error = %v, want one that names the version", err)
	}
}
