package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// TestCallbacksAreInTheOrderOfSubmissions, each after its batch is on disk and
// before who waits for it goes on.
func TestCallbacksAreInTheOrderOfSubmissions(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	var mu sync.Mutex // orders the submissions, as the locks of instances do
	var submitted, called []int
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				n, done := i*50+j, false
				mu.Lock()
				submitted = append(submitted, n)
				c := s.Submit(1, putInstance("a", int64(n)), func() { called = append(called, n); done = true })
				mu.Unlock()
				if err := c.Wait(t.Context()); err != nil || !done {
					t.Errorf("batch %d: %v, called is %v", n, err, done)
				}
			}
		})
	}
	wg.Wait()
	for i := range submitted {
		if submitted[i] != called[i] {
			t.Fatalf("callback %d is of batch %d, submitted was %d", i, called[i], submitted[i])
		}
	}
}

// slow is a disk whose syncs wait for a signal, in a bubble.
func slow(t *testing.T, f func(t *testing.T, s *store.Store, resume func())) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var held chan struct{}
		s, err := tryOpen(errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if isSync(op.Kind) && held != nil {
				<-held
			}
			return nil
		})), "data")
		if err != nil {
			t.Fatal(err)
		}
		held = make(chan struct{})
		resume := sync.OnceFunc(func() { close(held) })
		defer func() { resume(); closeStore(t, s) }()
		f(t, s, resume)
	})
}

func isSync(k errorfs.OpKind) bool {
	return k == errorfs.OpFileSync || k == errorfs.OpFileSyncData || k == errorfs.OpFileSyncTo
}

func TestLastWaitsForWhatCanBeRead(t *testing.T) {
	slow(t, func(t *testing.T, s *store.Store, resume func()) {
		before := s.Last()
		if err := before.Wait(t.Context()); err != nil {
			t.Errorf("nothing to wait for: %v", err)
		}
		c := s.Submit(1, putInstance("a", 1), nil)
		if rec, err := s.Record(1, "a"); rec == nil || err != nil {
			t.Fatalf("cannot be read: %v", err)
		}
		if s.Last() != c {
			t.Error("the last batch is not the last submitted")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Last().Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("on disk already: %v", err)
		}
		resume()
		if err := c.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseWaitsForPendingBatches(t *testing.T) {
	slow(t, func(t *testing.T, s *store.Store, resume func()) {
		called := 0
		for range 20 {
			s.Submit(1, putInstance("a", 1), func() { called++ })
		}
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed before the batches are on disk")
		default:
		}
		resume()
		if err := <-closed; err != nil || called != 20 {
			t.Errorf("close: %v, %d of 20 callbacks", err, called)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close twice: %v", err)
		}
		if err := s.Submit(1, putInstance("b", 1), nil).Wait(t.Context()); !errors.Is(err, store.ErrClosed) {
			t.Errorf("submit after close: got %v", err)
		}
	})
}

// TestFailedWriteEndsAllThatWaits, and nothing is acknowledged after it. What was
// acknowledged is there when the directory is opened again.
func TestFailedWriteEndsAllThatWaits(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(errorfs.Op) bool{
		"a write to the log": func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".log") },
		"a sync of the log":  func(op errorfs.Op) bool { return isSync(op.Kind) && strings.HasSuffix(op.Path, ".log") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := vfs.NewCrashableMem()
			broken := make(chan struct{})
			s, err := tryOpen(errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
				select {
				case <-broken:
					if fails(op) {
						return errors.New("disk on fire")
					}
				default:
				}
				return nil
			})), "data")
			if err != nil {
				t.Fatal(err)
			}
			save(t, s, 1, putInstance("saved", 1)...)
			close(broken)
			c := s.Submit(1, putInstance("lost", 2), func() { t.Error("told of a batch that is not on disk") })
			if err := c.Wait(t.Context()); err == nil {
				t.Error("the batch is acknowledged")
			}
			<-s.Failed()
			if s.Err() == nil {
				t.Error("the store does not say why")
			}
			if err := s.Submit(1, putInstance("late", 3), func() { t.Error("told of a batch after the failure") }).Wait(t.Context()); err == nil {
				t.Error("a batch after the failure is acknowledged")
			}
			if err := s.Last().Wait(t.Context()); err == nil {
				t.Error("a reader is told that what he saw is on disk")
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			again := open(t, fs.CrashClone(vfs.CrashCloneCfg{}), "data")
			if rec, err := again.Record(1, "saved"); rec == nil || err != nil {
				t.Errorf("what was acknowledged: got %v, %v", rec, err)
			}
		})
	}
}

// TestDecisionThatCannotBeEncodedFailsTheStore: it is in memory already, so
// memory is wrong from here on.
func TestDecisionThatCannotBeEncodedFailsTheStore(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]engine.Write{
		"text that is not UTF-8": {Op: engine.PutInstance, ID: "a", Instance: &record.Instance{CustomStatus: wrapperspb.String("\xff")}},
		"an unknown write":       {Op: 99, ID: "a"},
	} {
		s := open(t, vfs.NewMem(), "data")
		if err := s.Submit(1, []engine.Write{w}, nil).Wait(t.Context()); err == nil || s.Err() == nil || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%s: got %v, store says %v", name, err, s.Err())
		}
	}
}
