package eternal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/eternal"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The mail takes an hour to go out. What comes meanwhile is in the next digest.
func TestEveryMessageIsInOneDigest(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Replace(e, eternal.Send, func(context.Context, eternal.Digest) (durable.None, error) {
			time.Sleep(time.Hour)
			return durable.None{}, nil
		})
		e.Serve(eternal.Functions()...)
		run := durabletest.Start(e, eternal.Collect, eternal.Round{})
		for hour := range 60 {
			durabletest.Raise(e, eternal.Message, run.ID, fmt.Sprint(hour))
			e.Sleep(time.Hour)
		}
		e.Sleep(48 * time.Hour)
		var got []string
		numbers := 0
		for i, d := range durabletest.Calls(e, eternal.Send) {
			if d.Number != i {
				e.Errorf("digest %d has the number %d", i, d.Number)
			}
			numbers++
			got = append(got, d.Messages...)
		}
		var want []string
		for hour := range 60 {
			want = append(want, fmt.Sprint(hour))
		}
		if diff := cmp.Diff(want, got); diff != "" || numbers != 3 {
			e.Errorf("messages of %d digests, want 3 (-want +got):\n%s", numbers, diff)
		}
	})
}

func TestHistoryOfAMonthIsThatOfADay(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(eternal.Functions()...)
		run := durabletest.Start(e, eternal.Collect, eternal.Round{})
		e.Sleep(30*24*time.Hour + time.Hour)
		if events := len(run.History()); events > 10 {
			e.Errorf("history has %d events after a month, want those of a day", events)
		}
		if rounds := len(durabletest.Calls(e, eternal.Collect)); rounds != 31 {
			e.Errorf("%d rounds, want 31", rounds)
		}
	})
}

func TestFullDigestGoesOutEarly(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(eternal.Functions()...)
		run := durabletest.Start(e, eternal.Collect, eternal.Round{})
		for n := range 250 {
			durabletest.Raise(e, eternal.Message, run.ID, fmt.Sprint(n))
		}
		if got := len(durabletest.Calls(e, eternal.Send)); got != 2 {
			e.Errorf("%d digests at once, want 2", got)
		}
		e.Sleep(25 * time.Hour)
		if got := durabletest.Calls(e, eternal.Send); len(got) != 3 || len(got[2].Messages) != 50 {
			e.Errorf("got %d digests after a day, want a third with 50 messages", len(got))
		}
	})
}

func TestDigestThatIsAskedToEndSendsWhatItHas(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, eternal.Send, errors.New("no mail"), 1, 2)
		e.Serve(eternal.Functions()...)
		run := durabletest.Start(e, eternal.Collect, eternal.Round{})
		durabletest.Raise(e, eternal.Message, run.ID, "hello")
		e.Settle()
		if err := e.Client().Cancel(e.Context(), run.ID, "moving"); err != nil {
			e.Fatal(err)
		}
		if _, err := run.Wait(); !errors.Is(err, durable.ErrTerminated) {
			e.Errorf("ended with %v, want durable.ErrTerminated", err)
		}
		want := []eternal.Digest{{Messages: []string{"hello"}}, {Messages: []string{"hello"}}, {Messages: []string{"hello"}}}
		if diff := cmp.Diff(want, durabletest.Calls(e, eternal.Send)); diff != "" {
			e.Errorf("attempts to send (-want +got):\n%s", diff)
		}
	})
}
