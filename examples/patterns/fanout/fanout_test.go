package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/fanout"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestResultsComeTogetherWithoutThoseThatFailed(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(fanout.Functions()...)
		got := durabletest.Start(e, fanout.CountAll, []fanout.Document{
			{Name: "z", Text: " "}, {Name: "a", Text: "one two"}, {Name: "b", Text: "three"}, {Name: "c"},
		}).Result()
		if diff := cmp.Diff(fanout.Report{Words: 3, Failed: []string{"c", "z"}}, got); diff != "" {
			e.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

func TestOnlySoManyRunAtOnce(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		var running, most atomic.Int32
		durabletest.Replace(e, fanout.Count, func(context.Context, fanout.Document) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Minute)
			running.Add(-1)
			return 1, nil
		})
		e.Serve(fanout.Functions()...)
		began := time.Now()
		if got := durabletest.Start(e, fanout.CountAll, documents(25)).Result(); got.Words != 25 {
			e.Errorf("got %+v, want 25 words", got)
		}
		if got := most.Load(); got != fanout.AtOnce {
			e.Errorf("%d ran at once, want %d", got, fanout.AtOnce)
		}
		if took := time.Since(began).Round(time.Minute); took != 3*time.Minute {
			e.Errorf("took %v, want 3m for 25 of them", took)
		}
	})
}

func TestOneThatFailsIsTriedAgainAlone(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, fanout.Count, errors.New("no connection"), 2)
		e.Serve(fanout.Functions()...)
		got := durabletest.Start(e, fanout.CountAll, documents(3)).Result()
		if calls := len(durabletest.Calls(e, fanout.Count)); got.Words != 3 || calls != 4 {
			e.Errorf("got %+v with %d calls, want 3 words with 4", got, calls)
		}
	})
}

func documents(n int) (ds []fanout.Document) {
	for i := range n {
		ds = append(ds, fanout.Document{Name: fmt.Sprint("d", i), Text: "word"})
	}
	return ds
}
