package aggregator_test

import (
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/aggregator"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newApp() *framework.App {
	return framework.New("meters").Add(aggregator.Functions()...).On(aggregator.Routes()...)
}

func TestReadingsOfAllHostsAreSummedUp(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		e.Serve(aggregator.Functions()...)
		for n := range 30 {
			durabletest.Signal(e, aggregator.Record, "attic", aggregator.Reading{Number: n + 1, Watts: n})
			durabletest.Signal(e, aggregator.Record, "cellar", aggregator.Reading{Number: n + 1, Watts: 1})
		}
		e.Settle()
		var got aggregator.Meter
		e.Get("/api/meters/attic").Decode(&got)
		if want := (aggregator.Meter{Readings: 30, Last: 30, Sum: 435, Peak: 29}); got != want {
			e.Errorf("attic: got %+v, want %+v", got, want)
		}
		if got, _ := durabletest.State(e, aggregator.Meters, "cellar"); got.Sum != 30 {
			e.Errorf("cellar: got %+v, want a sum of 30", got)
		}
	})
}

func TestReadingThatComesTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		for _, number := range []int{1, 2, 2, 1, 3} {
			if r := e.Post("/api/meters/attic", aggregator.Reading{Number: number, Watts: 10}); r.Status != http.StatusAccepted {
				e.Errorf("answer is %s, want 202", r)
			}
		}
		if got, _ := durabletest.State(e, aggregator.Meters, "attic"); got.Readings != 3 || got.Sum != 30 {
			e.Errorf("got %+v, want 3 readings of 10 watts", got)
		}
	})
}

func TestReadingThatCannotBeLeavesNoTrace(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		for n, watts := range []int{10, -5, 20} {
			durabletest.Signal(e, aggregator.Record, "attic", aggregator.Reading{Number: n + 1, Watts: watts})
		}
		if got, want := mustState(e), (aggregator.Meter{Readings: 2, Last: 3, Sum: 30, Peak: 20}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func mustState(e *durabletest.Env) aggregator.Meter {
	e.Helper()
	meter, ok := durabletest.State(e, aggregator.Meters, "attic")
	if !ok {
		e.Fatal("the meter does not exist")
	}
	return meter
}

func TestRoutesRefuseWhatIsNoReadingAndNoMeter(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		if r := e.Post("/api/meters/attic", `{"watts":40}`); r.Status != http.StatusBadRequest {
			e.Errorf("answer to a reading without a number is %s, want 400", r)
		}
		if r := e.Get("/api/meters/attic"); r.Status != http.StatusNotFound {
			e.Errorf("answer for a meter that has not reported is %s, want 404", r)
		}
		if r := e.Post("/api/meters/"+strings.Repeat("m", 200), `{"number":1}`); r.Status != http.StatusNotFound {
			e.Errorf("answer for a name that is too long is %s, want 404", r)
		}
	})
}
