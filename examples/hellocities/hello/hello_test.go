package hello_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/examples/hellocities/hello"
	"github.com/funchost/funchost/framework/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the app's functions on a scheduler in memory until the test ends.
func serve(t *testing.T) *dts.Client {
	t.Helper()
	client := dtstest.Start(t).Client()
	registry := worker.NewRegistry()
	if err := durable.Register(registry, client, hello.Functions()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(client, registry).Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return client
}

var both = []durable.Orchestrator[[]string, []string]{hello.Cities, hello.CitiesFanout}

func TestGreetingsComeInTheOrderOfTheCities(t *testing.T) {
	t.Parallel()
	for _, greet := range both {
		t.Run(greet.Name(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				run, err := greet.StartNew(t.Context(), serve(t), []string{"Tokyo", "Seattle", "London", "São Paulo"})
				if err != nil {
					t.Fatal(err)
				}
				got, err := run.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				want := []string{"Hello Tokyo!", "Hello Seattle!", "Hello London!", "Hello São Paulo!"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("greetings (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestListOfTheWrongLengthIsRefused(t *testing.T) {
	t.Parallel()
	for _, greet := range both {
		for want, cities := range map[string][]string{
			"no cities to greet":                        nil,
			"101 cities are too many: send at most 100": make([]string, 101),
		} {
			t.Run(greet.Name()+"/"+want, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					run, err := greet.StartNew(t.Context(), serve(t), cities)
					if err != nil {
						t.Fatal(err)
					}
					if got, err := run.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("got %v, %v, want the error %q", got, err, want)
					}
				})
			})
		}
	}
}
