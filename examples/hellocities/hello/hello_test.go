package hello_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/hellocities/hello"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var both = []durable.Orchestrator[[]string, []string]{hello.Cities, hello.CitiesFanout}

func TestGreetingsComeInTheOrderOfTheCities(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(hello.Functions()...)
		for _, greet := range both {
			got := durabletest.Start(e, greet, []string{"Tokyo", "Seattle", "London", "São Paulo"}).Result()
			want := []string{"Hello Tokyo!", "Hello Seattle!", "Hello London!", "Hello São Paulo!"}
			if diff := cmp.Diff(want, got); diff != "" {
				e.Errorf("greetings of %s (-want +got):\n%s", greet.Name(), diff)
			}
		}
	})
}

func TestListOfTheWrongLengthIsRefused(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(hello.Functions()...)
		for want, cities := range map[string][]string{
			"no cities to greet":                        nil,
			"101 cities are too many: send at most 100": make([]string, 101),
		} {
			for _, greet := range both {
				if got, err := durabletest.Start(e, greet, cities).Wait(); err == nil || !strings.Contains(err.Error(), want) {
					e.Errorf("%s: got %v, %v, want the error %q", greet.Name(), got, err, want)
				}
			}
		}
	})
}
