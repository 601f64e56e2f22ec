package asynchttp_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/asynchttp"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newApp() *framework.App {
	return framework.New("primes").Add(asynchttp.Functions()...).On(asynchttp.Routes()...)
}

func TestQuickCountIsAnsweredWithItsResult(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		if r := e.Post("/api/primes", 150_000); r.Status != http.StatusOK || r.Body != "13848" {
			e.Errorf("answer is %s, want 200 13848", r)
		}
	})
}

// slowly counts a range in a minute and finds one prime.
func slowly(ctx context.Context, _ asynchttp.Range) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Minute):
		return 1, nil
	}
}

func TestSlowCountIsPromisedAndCanBeFollowed(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, asynchttp.CountInRange, slowly)
		e.ServeApp(newApp())
		id := e.Post("/api/primes", 400_000).ID()
		e.Sleep(150 * time.Second)
		type answer struct {
			Status, Progress string
			Result           int
		}
		var got answer
		e.Get("/api/primes/" + id).Decode(&got)
		if diff := cmp.Diff(answer{Status: "Running", Progress: "50%"}, got); diff != "" {
			e.Errorf("on the way (-want +got):\n%s", diff)
		}
		durabletest.Instance(e, asynchttp.CountPrimes, id).Result()
		e.Get("/api/primes/" + id).Decode(&got)
		if diff := cmp.Diff(answer{"Completed", "100%", 4}, got); diff != "" {
			e.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

func TestCountThatFailsIsNoResult(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, asynchttp.CountInRange, errors.New("no power"))
		e.ServeApp(newApp())
		if r := e.Post("/api/primes", 10); r.Status != http.StatusInternalServerError {
			e.Errorf("answer is %s, want 500", r)
		}
		if r := e.Post("/api/primes", 100_000_000); r.Status != http.StatusInternalServerError {
			e.Errorf("answer to a number that is too large is %s, want 500", r)
		}
		if r := e.Get("/api/primes/nobody"); r.Status != http.StatusNotFound {
			e.Errorf("answer is %s, want 404", r)
		}
	})
}
