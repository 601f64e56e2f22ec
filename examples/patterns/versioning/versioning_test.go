package versioning_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/versioning"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var told = []versioning.Mail{{To: "ana", Text: "your trial ends tomorrow"}}

func TestTrialOfTheFirstVersionEndsWithAReminderAndAPayment(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(versioning.Functions()...)
		began := time.Now()
		if got := durabletest.Start(e, versioning.Trial, "ana").Result(); got != "customer" {
			e.Errorf("got %q, want a customer", got)
		}
		if took := time.Since(began).Round(time.Hour); took != 30*24*time.Hour {
			e.Errorf("took %v, want 30 days", took)
		}
		if diff := cmp.Diff(told, durabletest.Calls(e, versioning.Tell)); diff != "" {
			e.Errorf("mails (-want +got):\n%s", diff)
		}
	})
}

func TestTrialOfTheSecondVersionAsks(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]func(e *durabletest.Env, id string){
		"customer": func(e *durabletest.Env, id string) { durabletest.Raise(e, versioning.Stay, id, true) },
		"gone":     func(*durabletest.Env, string) {},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			durabletest.Run(t, func(e *durabletest.Env) {
				e.Serve(versioning.Functions()...)
				run := durabletest.Start(e, versioning.Current, "ben")
				answer(e, run.ID)
				if got := run.Result(); got != want {
					e.Errorf("got %q, want %q", got, want)
				}
				if paid := len(durabletest.Calls(e, versioning.Charge)); (paid == 1) != (want == "customer") {
					e.Errorf("charged %d times", paid)
				}
			})
		})
	}
}

// silent is the first version as it was before it reminded anybody.
func silent(ctx *durable.Context, customer string) (string, error) {
	ctx.Sleep(30 * 24 * time.Hour)
	_, err := versioning.Charge.Call(ctx, customer)
	return "customer", err
}

var update = flag.Bool("update", false, "write testdata anew, by the code of the time before the change")

// testdata has histories of the code before the reminder: one under way, one that
// has ended.
func TestTrialsFromBeforeTheChangeGoTheOldWay(t *testing.T) {
	t.Parallel()
	if *update {
		durabletest.Run(t, func(e *durabletest.Env) {
			e.Serve(versioning.Trial.With(silent), versioning.Charge.With(func(context.Context, string) (durable.None, error) {
				return durable.None{}, nil
			}))
			run := durabletest.Start(e, versioning.Trial, "ana", durable.ID("ana"))
			run.Save("testdata/under-way.json")
			run.Result()
			run.Save("testdata/ended.json")
		})
	}
	durabletest.Replay(t, framework.New("trials").Add(versioning.Functions()...), "testdata/*.json")
}

// The other way round: without the patch the history of the new code does not fit.
func TestReplayFindsAChangeWithoutAPatch(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(versioning.Functions()...)
		run := durabletest.Start(e, versioning.Trial, "ana")
		run.Result()
		old := framework.New("old").Add(versioning.Trial.With(silent))
		replayed, err := old.Replay(run.History())
		if err != nil || replayed.Difference == nil {
			e.Errorf("got %+v, %v, want a difference", replayed, err)
		}
	})
}
