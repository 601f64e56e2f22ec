package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestAnswerIsSentAgainWhileTheProblemCanPass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		code      codes.Code
		times     int
		want      []time.Duration // between attempts
		abandoned bool
	}{
		{"accepted at once", codes.OK, 0, nil, false},
		{"unavailable for a while", codes.Unavailable, 3, seconds(0.24, 0.48, 0.96), false},
		{"unknown error once", codes.Unknown, 1, seconds(0.24), false},
		{"internal error once", codes.Internal, 1, seconds(0.24), false},
		{"deadline once", codes.DeadlineExceeded, 1, seconds(0.24), false},
		{"unavailable for too long", codes.Unavailable, 99, seconds(0.24, 0.48, 0.96, 1.92, 3.84, 7.68, 15.36, 18, 18), true},
		{"refused, and its failure too", codes.InvalidArgument, 99, seconds(0), true},
		{"somebody else has it", codes.NotFound, 99, nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n, last := 0, time.Now()
				var pauses []time.Duration
				g := start(t, &fake{refuse: func() error {
					if n++; n > 1 {
						pauses = append(pauses, time.Since(last))
					}
					last = time.Now()
					if n <= test.times {
						return status.Error(test.code, "")
					}
					return nil
				}}, registry(t, "a"))
				g.connected().items <- activityItemOf("token", "a", "")
				time.Sleep(3 * time.Minute)
				synctest.Wait()
				if diff := cmp.Diff(test.want, pauses); diff != "" {
					t.Errorf("pauses (-want +got):\n%s", diff)
				}
				if got := len(g.abandoned) == 1; got != test.abandoned {
					t.Errorf("abandoned: %t, want %t", got, test.abandoned)
				}
			})
		})
	}
}

// TestRefusedAnswerBecomesAFailure: the same answer would be refused after each
// further run, and nobody would ever be told.
func TestRefusedAnswerBecomesAFailure(t *testing.T) {
	t.Parallel()
	want := &dtspb.TaskFailureDetails{
		ErrorType: "AnswerRefused", ErrorMessage: "the scheduler refused the answer: no such thing", IsNonRetriable: true,
	}
	for _, code := range []error{
		status.Error(codes.InvalidArgument, "no such thing"),
		status.Error(codes.Internal, "grpc: error while marshaling: no such thing"),
	} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			g := start(t, &fake{refuse: func() error {
				if n++; n%2 == 1 {
					return code
				}
				return nil
			}}, func() *Registry {
				r := registry(t, "a")
				if err := r.Orchestrator("o", func(*Context, []byte) ([]byte, error) { return nil, nil }); err != nil {
					t.Fatal(err)
				}
				return r
			}())
			want.ErrorMessage = "the scheduler refused the answer: " + status.Convert(code).Message()
			s := g.connected()
			s.items <- activityItemOf("token", "a", "")
			<-g.answers // the one that is refused
			if diff := cmp.Diff(want, (<-g.answers).(*dtspb.ActivityResponse).GetFailureDetails(), protocmp.Transform()); diff != "" {
				t.Errorf("activity (-want +got):\n%s", diff)
			}
			s.items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "in")})
			<-g.answers
			got := (<-g.answers).(*dtspb.OrchestratorResponse).GetActions()[0].GetCompleteOrchestration()
			if diff := cmp.Diff(want, got.GetFailureDetails(), protocmp.Transform()); diff != "" {
				t.Errorf("orchestration (-want +got):\n%s", diff)
			}
		})
	}
}

func seconds(s ...float64) []time.Duration {
	var d []time.Duration
	for _, x := range s {
		d = append(d, time.Duration(x*float64(time.Second)))
	}
	return d
}

func TestItemOutlivesItsStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		err := r.Activity("a", func(_ context.Context, in []byte) ([]byte, error) {
			time.Sleep(time.Minute)
			return in, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g := start(t, &fake{}, r)
		s := g.connected()
		s.items <- activityItemOf("old", "a", "")
		s.end <- status.Error(codes.Unavailable, "")
		g.connected().items <- activityItemOf("new", "a", "") // handed out again
		var got []string
		for range 2 {
			got = append(got, (<-g.answers).(*dtspb.ActivityResponse).GetCompletionToken())
		}
		if want := []string{"old", "new"}; !slices.Equal(got, want) {
			t.Errorf("answered tokens %q, want %q", got, want)
		}
	})
}

// slow has an activity "a" that takes ten seconds and tells when it is disturbed.
func slow(t *testing.T) *Registry {
	t.Helper()
	r := NewRegistry()
	err := r.Activity("a", func(ctx context.Context, _ []byte) ([]byte, error) {
		time.Sleep(10 * time.Second)
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStopKeepsTheStreamUntilItemsHaveFinished(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan string, 10)
		g := start(t, &fake{drain: func(ctx context.Context) (bool, error) {
			header, _ := metadata.FromIncomingContext(ctx)
			asked <- fmt.Sprint(header.Get("taskhub"), header.Get("workerid"))
			return true, nil
		}}, slow(t))
		s := g.connected()
		s.items <- activityItemOf("first", "a", "")
		synctest.Wait()
		before := time.Now()
		g.stop()
		synctest.Wait()
		if want, got := fmt.Sprint(s.header.Get("taskhub"), s.header.Get("workerid")), <-asked; got != want {
			t.Errorf("%s drains, want %s", got, want)
		}
		s.items <- activityItemOf("second", "a", "") // was under way
		if got := <-g.abandoned; got != "second" || time.Since(before) != 0 {
			t.Errorf("abandoned %q after %s, want the second at once", got, time.Since(before))
		}
		answer := (<-g.answers).(*dtspb.ActivityResponse)
		if answer.GetCompletionToken() != "first" || answer.GetFailureDetails() != nil {
			t.Errorf("answer is %v, want the first item, undisturbed", answer)
		}
		<-s.gone
		if err := <-g.done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if got := time.Since(before); got != 10*time.Second || len(asked) > 0 {
			t.Errorf("Run returned after %s and %d more drains, want when the activity had ended, and none", got, len(asked))
		}
	})
}

// TestStopPartsFromASchedulerThatCannotDrain: what runs goes on, and no more comes.
func TestStopPartsFromASchedulerThatCannotDrain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		drain func(context.Context) (bool, error)
		after time.Duration
	}{
		{"that is too old", nil, 0},
		{"that does not know the worker", func(context.Context) (bool, error) { return false, nil }, 0},
		{"that refuses", func(context.Context) (bool, error) { return false, status.Error(codes.PermissionDenied, "") }, 0},
		{"that does not answer", func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}, announceTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := start(t, &fake{drain: test.drain}, slow(t))
				s := g.connected()
				s.items <- activityItemOf("token", "a", "")
				synctest.Wait()
				before := time.Now()
				g.stop()
				<-s.gone
				if got := time.Since(before); got != test.after {
					t.Errorf("stream ended after %s, want %s", got, test.after)
				}
				answer := (<-g.answers).(*dtspb.ActivityResponse)
				if answer.GetFailureDetails() != nil {
					t.Errorf("activity failed with %v, want it to finish undisturbed", answer.GetFailureDetails())
				}
				if err := <-g.done; err != nil {
					t.Errorf("Run returned %v, want nil", err)
				}
				if got := time.Since(before); got != 10*time.Second {
					t.Errorf("Run returned after %s, want when the activity had ended", got)
				}
			})
		})
	}
}

func TestStopOfAnIdleWorkerAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{drain: func(context.Context) (bool, error) {
			t.Error("a worker without items drains")
			return true, nil
		}}, slow(t))
		s := g.connected()
		synctest.Wait()
		before := time.Now()
		g.stop()
		<-s.gone
		if err := <-g.done; err != nil || time.Since(before) != 0 {
			t.Errorf("Run returned %v after %s, want nil at once", err, time.Since(before))
		}
	})
}

func TestStopAbandonsWhatDoesNotFinishInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, cause := NewRegistry(), make(chan error, 1)
		err := r.Activity("polite", func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Activity("deaf", func(context.Context, []byte) ([]byte, error) {
			time.Sleep(time.Hour)
			return nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		agrees := func(context.Context) (bool, error) { return true, nil }
		g := start(t, &fake{drain: agrees}, r, WithDrain(5*time.Second))
		s := g.connected()
		s.items <- activityItemOf("1", "polite", "")
		s.items <- activityItemOf("2", "deaf", "")
		synctest.Wait()
		before := time.Now()
		g.stop()
		got := []string{<-g.abandoned, <-g.abandoned}
		slices.Sort(got)
		if want := []string{"1", "2"}; !slices.Equal(got, want) {
			t.Errorf("abandoned %q, want %q", got, want)
		}
		if got := time.Since(before); got != 5*time.Second {
			t.Errorf("abandoned after %s, want 5s", got)
		}
		if err := <-cause; !errors.Is(err, errDrained) {
			t.Errorf("context of the activity ended with %v, want %v", err, errDrained)
		}
		if err := <-g.done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if got := time.Since(before); got != 6*time.Second {
			t.Errorf("Run returned after %s, want the budget and a second", got)
		}
		time.Sleep(time.Hour) // the deaf one ends as well, for the bubble
		if len(g.answers) > 0 {
			t.Errorf("abandoned item was answered with %v", <-g.answers)
		}
	})
}

func TestStopWhileWaitingToReconnectIsImmediate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, &fake{}, registry(t, "a"))
		(<-g.streams).end <- nil
		synctest.Wait()
		before := time.Now()
		g.stop()
		if err := <-g.done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		if got := time.Since(before); got != 0 {
			t.Errorf("Run returned after %s, want at once", got)
		}
	})
}

func TestStopDoesNotWaitForATurnThatIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		g := start(t, &fake{}, orchestrators(t, func(ctx *Context, _ []byte) ([]byte, error) {
			go func() { ctx.Now() }()
			<-release // for ever, as far as the worker knows
			return nil, nil
		}))
		g.connected().items <- turnItemOf("token", &dtspb.OrchestratorRequest{NewEvents: firstTurn("o", "")})
		<-g.answers
		synctest.Wait()
		began := time.Now()
		g.stop()
		<-g.ended
		if took := time.Since(began); took > 0 {
			t.Errorf("the stop took %s, want none: everything was answered", took)
		}
	})
}
