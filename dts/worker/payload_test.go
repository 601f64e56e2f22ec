package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// shelf is a payload store in memory that can be away and can lose things.
type shelf struct {
	mu       sync.Mutex
	payloads map[string]string
	away     bool
	asked    int
}

func (s *shelf) Put(_ context.Context, payload []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.away {
		return "", errors.New("shelf: away")
	}
	token := fmt.Sprintf("shelf:%d", len(s.payloads))
	if s.payloads == nil {
		s.payloads = make(map[string]string)
	}
	s.payloads[token] = string(payload)
	return token, nil
}

func (s *shelf) Get(_ context.Context, token string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	payload, ok := s.payloads[token]
	switch {
	case s.away:
		return nil, errors.New("shelf: away")
	case !ok:
		return nil, fmt.Errorf("%w: no %s", dts.ErrPayloadGone, token)
	}
	return []byte(payload), nil
}

func (*shelf) Owns(text string) bool { return strings.HasPrefix(text, "shelf:") }

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *shelf) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shelf) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.payloads)
}

// large is a payload that no hub takes, with a mark at each end.
func large(mark string) []byte { return []byte(mark + strings.Repeat(".", 2<<20) + mark) }

// short shows a payload that may be large.
func short(p []byte) string {
	if len(p) < 100 {
		return string(p)
	}
	return fmt.Sprintf("%.3s(%d)%s", p, len(p), p[len(p)-3:])
}

// serve runs a worker on a client with the store.
func serve(t *testing.T, c *dts.Client, f functions, entities map[string]worker.Entity, opts ...worker.Option) {
	t.Helper()
	r := worker.NewRegistry()
	for name, fn := range f.orchestrators {
		if err := r.Orchestrator(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	for name, fn := range f.activities {
		if err := r.Activity(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	for name, fn := range entities {
		if err := r.Entity(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	w := worker.New(c, r, opts...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	<-w.Ready()
}

func echo(_ context.Context, in []byte) ([]byte, error) { return in, nil }

// hoard is an entity that keeps what it gets and answers with what it had.
func hoard(ctx *worker.EntityContext, op string, in []byte) ([]byte, error) {
	had := ctx.State()
	ctx.SetState(in)
	if op == "pass" {
		return had, ctx.Signal(dts.EntityID{Name: "hoard", Key: "next"}, "take", in, time.Time{})
	}
	return had, nil
}

// everything sends large payloads on every way that there is.
func everything(ctx *worker.Context, in []byte) ([]byte, error) {
	if string(in[:3]) == "two" {
		return ctx.Event("kept").Await() // carried over
	}
	ctx.SetStatus(large("sta"))
	result, err := ctx.Activity("echo", in, worker.ActivityOptions{}).Await()
	if err != nil {
		return nil, err
	}
	child, err := ctx.Orchestration("child", result, worker.OrchestrationOptions{}).Await()
	if err != nil {
		return nil, err
	}
	id := dts.EntityID{Name: "hoard", Key: "first"}
	if _, err := ctx.CallEntity(id, "pass", large("one")).Await(); err != nil {
		return nil, err
	}
	had, err := ctx.CallEntity(id, "take", large("abc")).Await()
	if err != nil {
		return nil, err
	}
	ctx.SendEvent(ctx.InstanceID(), "self", large("sel"))
	self, err := ctx.Event("self").Await()
	if err != nil {
		return nil, err
	}
	asked, err := ctx.Event("asked").Await()
	if err != nil {
		return nil, err
	}
	for what, p := range map[string][]byte{"activity": result, "child": child, "entity": had, "own event": self, "event": asked} {
		if len(p) < 2<<20 {
			return nil, fmt.Errorf("%s gave %s", what, short(p))
		}
	}
	return nil, ctx.ContinueAsNew(large("two"), worker.ContinueOptions{})
}

func TestLargePayloadsGoEverywhere(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]worker.Option{"warm": nil, "cold": {worker.WithMaxWarm(0)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dtstest.Start(t)
				c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: &shelf{}}))
				serve(t, c, functions{
					map[string]worker.Orchestrator{
						"main": everything, "child": func(_ *worker.Context, in []byte) ([]byte, error) { return in, nil },
					}, map[string]worker.Activity{"echo": echo},
				}, map[string]worker.Entity{"hoard": hoard}, opts...)
				id := begin(t, c, string(large("inp")))
				synctest.Wait()
				in, err := c.Instance(t.Context(), id)
				if err != nil || short(in.Input) != "inp(2097158)inp" || short(in.CustomStatus) != "sta(2097158)sta" {
					t.Errorf("input and status are %s and %s (%v)", short(in.Input), short(in.CustomStatus), err)
				}
				if got := longest(t, s.Client(), id); got > 1000 {
					t.Errorf("the hub has a payload of %d bytes", got)
				}
				if got := longest(t, c, id); got < 2<<20 {
					t.Errorf("the longest payload of the history has %d bytes, want that of the input", got)
				}
				for _, event := range []string{"kept", "asked"} {
					if err := c.Raise(t.Context(), id, event, large(event[:3])); err != nil {
						t.Fatal(err)
					}
				}
				end, err := c.Wait(t.Context(), id)
				if err != nil || end.Failure != nil || short(end.Output) != "kep(2097158)kep" {
					t.Errorf("ended with %s, %v, %v", short(end.Output), end.Failure, err)
				}
				for key, want := range map[string]string{"first": "abc(2097158)abc", "next": "one(2097158)one"} {
					e, err := c.Entity(t.Context(), dts.EntityID{Name: "hoard", Key: key})
					if err != nil || short(e.State) != want {
						t.Errorf("entity %s has %s (%v), want %s", key, short(e.State), err, want)
					}
				}
			})
		})
	}
}

// longest returns the size of the largest payload of a history.
func longest(t *testing.T, c *dts.Client, id string) (size int) {
	t.Helper()
	for e, err := range c.History(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		size = max(size, len(e.Input), len(e.Result))
	}
	return size
}

func TestStoreThatIsAwayLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store, runs := dtstest.Start(t), &shelf{}, 0
		c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: store}))
		serve(t, c, functions{
			main(func(ctx *worker.Context, in []byte) ([]byte, error) {
				return ctx.Activity("echo", in, worker.ActivityOptions{}).Await()
			}),
			map[string]worker.Activity{"echo": func(_ context.Context, in []byte) ([]byte, error) {
				runs++
				store.set(runs == 1) // away when the first result is there
				return in, nil
			}},
		}, nil)
		id := begin(t, c, string(large("inp")))
		time.Sleep(10 * time.Minute)
		if in, err := s.Client().Instance(t.Context(), id); err != nil || in.Status != dts.StatusRunning || runs != 1 {
			t.Errorf("after ten minutes it is %v (%v) after %d runs of the activity", in.Status, err, runs)
		}
		if _, err := c.Instance(t.Context(), id); !errors.Is(err, dts.ErrStoreUnavailable) || !errors.Is(err, dts.ErrUnavailable) || errors.Is(err, dts.ErrPayloadGone) {
			t.Errorf("Instance while the store is away = %v, want an error that may pass", err)
		}
		if asked := store.count(); asked > 500 {
			t.Errorf("the store was asked %d times in ten minutes", asked)
		}
		go func() { // the client waits, too
			time.Sleep(time.Hour)
			store.set(false)
		}()
		if got := end(t, c, id); short([]byte(got)) != "Com(2097168)inp" {
			t.Errorf("ended with %s", short([]byte(got)))
		}
	})
}

func TestPayloadThatIsGoneFailsWhoNeedsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := dtstest.Start(t), &shelf{}
		c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: store}))
		serve(t, c, functions{
			main(func(ctx *worker.Context, in []byte) ([]byte, error) {
				if len(in) > 1000 {
					return in, nil
				}
				if string(in) == "activity" {
					return ctx.Activity("echo", []byte("shelf:100"), worker.ActivityOptions{}).Await()
				}
				_, err := ctx.CallEntity(dts.EntityID{Name: "hoard", Key: "k"}, "take", []byte("small")).Await()
				return nil, err
			}),
			map[string]worker.Activity{"echo": echo},
		}, map[string]worker.Entity{"hoard": hoard})
		if err := c.Signal(t.Context(), dts.EntityID{Name: "hoard", Key: "k"}, "take", large("sta")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		store.lose()
		raw := func(input string) string { // past the store, as a client of another SDK without one
			id := begin(t, s.Client(), input)
			got, err := s.Client().Wait(t.Context(), id)
			if err != nil || got.Failure == nil {
				return fmt.Sprintf("%s (%v)", got.Output, err)
			}
			return got.Failure.Message
		}
		if got := raw("shelf:7"); !strings.Contains(got, "not in the store: no shelf:7") {
			t.Errorf("an orchestration without its input: %s", got)
		}
		if got := raw("entity"); !strings.Contains(got, "not in the store: no shelf:1") {
			t.Errorf("an entity without its state: %s", got)
		}
		if e, err := s.Client().Entity(t.Context(), dts.EntityID{Name: "hoard", Key: "k"}); err != nil || string(e.State) != "shelf:1" {
			t.Errorf("the state is %q (%v), want the token that it was", e.State, err)
		}
		// What reads like a token is stored itself, so that it comes back as it was.
		if got := end(t, c, begin(t, c, "activity")); got != "Completed shelf:100" {
			t.Errorf("a payload that reads like a token: %s", got)
		}
		in, err := c.Instance(t.Context(), begin(t, s.Client(), "shelf:8"))
		if err != nil || string(in.Input) != "shelf:8" {
			t.Errorf("an input that is gone is %q (%v), want its token", in.Input, err)
		}
	})
}

func TestPayloadAboveTheLimitOfTheStoreIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		c := s.Connect("default", dts.WithPayloads(dts.Payloads{Store: &shelf{}, Max: 3 << 20}))
		tooLarge := make([]byte, 3<<20+1)
		serve(t, c, functions{
			main(func(ctx *worker.Context, in []byte) ([]byte, error) {
				switch string(in) {
				case "result":
					return tooLarge, nil
				case "activity":
					return ctx.Activity("grow", nil, worker.ActivityOptions{}).Await()
				default:
					return ctx.Activity("grow", tooLarge, worker.ActivityOptions{}).Await()
				}
			}),
			map[string]worker.Activity{"grow": func(context.Context, []byte) ([]byte, error) { return tooLarge, nil }},
		}, nil)
		for _, input := range []string{"result", "activity", "input"} {
			got := end(t, c, begin(t, c, input))
			if !strings.Contains(got, "InvalidPayload: ") || !strings.Contains(got, input+" of") && input != "activity" || !strings.Contains(got, "the limit is 3145728") {
				t.Errorf("%s: %s", input, got)
			}
		}
		_, err := c.Start(t.Context(), dts.StartRequest{Name: "main", Input: tooLarge})
		if !errors.Is(err, dts.ErrInvalid) || !strings.Contains(err.Error(), "3145728") {
			t.Errorf("Start = %v, want ErrInvalid with the limit", err)
		}
	})
}
