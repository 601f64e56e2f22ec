package saga_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/saga"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var lisbon = saga.Trip{ID: "t-1", City: "Lisbon", Cents: 400_00}

// steps are the activities of a trip in the order in which they have completed.
func steps(run *durabletest.Orchestration[string]) (names []string) {
	scheduled := make(map[int]string)
	for _, e := range run.History() {
		switch e.Kind {
		case "TaskScheduled":
			scheduled[e.EventID] = e.Name
		case "TaskCompleted":
			names = append(names, scheduled[e.TaskID])
		}
	}
	return names
}

func TestTripIsBookedAndNothingIsUndone(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(saga.Functions()...)
		run := durabletest.Start(e, saga.BookTrip, lisbon)
		if got, want := run.Result(), "have a nice time in Lisbon"; got != want {
			e.Errorf("got %q, want %q", got, want)
		}
		if diff := cmp.Diff([]string{"book-hotel", "book-flight", "pay-trip"}, steps(run)); diff != "" {
			e.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestPaymentThatFailsUndoesTheLastStepFirst(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, saga.CancelFlight, errors.New("airline is away"), 1, 2)
		e.Serve(saga.Functions()...)
		run := durabletest.Start(e, saga.BookTrip, saga.Trip{ID: "t-2", City: "Tokyo", Cents: 2000_00})
		if _, err := run.Wait(); err == nil || !strings.Contains(err.Error(), `"pay-trip": 200000 cents are more`) {
			e.Errorf("got %v, want the failure of the payment", err)
		}
		want := []string{"book-hotel", "book-flight", "cancel-flight", "cancel-hotel"}
		if diff := cmp.Diff(want, steps(run)); diff != "" {
			e.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestStepThatMayHaveHappenedIsUndone(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, saga.BookHotel, func(ctx context.Context, _ saga.Trip) (durable.None, error) {
			<-ctx.Done() // no answer
			return durable.None{}, ctx.Err()
		})
		e.Serve(saga.Functions()...)
		run := durabletest.Start(e, saga.BookTrip, lisbon)
		if _, err := run.Wait(); !errors.Is(err, durable.ErrTimeout) {
			e.Errorf("got %v, want durable.ErrTimeout", err)
		}
		if diff := cmp.Diff([]string{"cancel-hotel"}, steps(run)); diff != "" {
			e.Errorf("steps (-want +got):\n%s", diff)
		}
		if tries := len(durabletest.Calls(e, saga.BookHotel)); tries != 6 {
			e.Errorf("tried %d times, want 6", tries)
		}
	})
}

func TestWhatCannotBeUndoneIsInTheError(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, saga.BookFlight, durable.Permanent(errors.New("no seat")))
		durabletest.Fail(e, saga.CancelFlight, errors.New("who are you"))
		e.Serve(saga.Functions()...)
		run := durabletest.Start(e, saga.BookTrip, lisbon)
		_, err := run.Wait()
		for _, want := range []string{"no seat", "not undone", "who are you"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				e.Errorf("got %v, want %q in it", err, want)
			}
		}
		if diff := cmp.Diff([]string{"book-hotel", "cancel-hotel"}, steps(run)); diff != "" {
			e.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestTripThatIsCancelledOnTheWayIsUndone(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, saga.BookFlight, func(context.Context, saga.Trip) (durable.None, error) {
			time.Sleep(30 * time.Second)
			return durable.None{}, nil
		})
		e.Serve(saga.Functions()...)
		run := durabletest.Start(e, saga.BookTrip, lisbon)
		e.Sleep(time.Second)
		if err := e.Client().Cancel(e.Context(), run.ID, "rain"); err != nil {
			e.Fatal(err)
		}
		if _, err := run.Wait(); !errors.Is(err, durable.ErrTerminated) {
			e.Errorf("got %v, want durable.ErrTerminated", err)
		}
		want := []string{"book-hotel", "book-flight", "cancel-flight", "cancel-hotel"}
		if diff := cmp.Diff(want, steps(run)); diff != "" {
			e.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}
