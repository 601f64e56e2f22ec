package durable_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// step is a piece of a random orchestrator, which gets it as its input.
type step struct {
	Kind  stepKind
	N     int
	Retry int    // attempts, -1 for no limit, 0 for no policy
	Fails int    // attempts of the activity that fail; the last of them for good if Final
	Final bool   // as Permanent
	Body  []step // of a child, or of a line of work beside the others
}

type stepKind int

const (
	callStep stepKind = iota
	callLimited
	callHandled
	fanOutStep
	childStep
	sideStep
	groupStep
	sleepStep
	eventStep
	raceStep
	entityStep
	lockStep
	stepKinds
)

// program is the input of a random orchestrator, in one of its rounds.
type program struct {
	Place  string // among all that run
	Steps  []step
	Rounds int // still to come
	Fail   bool
	Log    []string
}

// moment is a length of time that belongs to a name: a different one for every
// name, so that no two things happen at once and their order is no accident.
func moment(name string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return time.Duration(h.Sum64()%uint64(time.Minute)) + 1
}

// try is the input of an activity: which one of the program it is, and how it fails.
type try struct {
	Place string
	Fails int
	Final bool
}

// machine has the functions that random programs are made of.
type machine struct {
	mu       sync.Mutex
	attempts map[string]int // by instance and place

	play    durable.Orchestrator[program, []string]
	flaky   durable.Activity[try, string]
	sums    *durable.Entity[int]
	add     durable.Operation[int, int, int]
	waiting durable.Event[int]
}

func newMachine() *machine {
	m := &machine{
		attempts: make(map[string]int),
		play:     durable.OrchestratorNamed[program, []string]("play"),
		flaky:    durable.ActivityNamed[try, string]("flaky"),
		sums:     durable.NewEntity[int]("sum"),
		waiting:  durable.NewEvent[int]("waiting"),
	}
	m.add = durable.NewOperation(m.sums, "add", func(sum *int, _ *durable.EntityContext, n int) (int, error) {
		if *sum += n; n == 2 {
			return 0, errors.New("two is too much")
		}
		return *sum, nil
	})
	return m
}

func (m *machine) functions() []durable.Definition {
	return []durable.Definition{m.play.With(m.run), m.flaky.With(m.fail), m.sums}
}

// fail fails as often as it is told, after a time of its own.
func (m *machine) fail(ctx context.Context, in try) (string, error) {
	info, _ := worker.ActivityInfoFrom(ctx)
	m.mu.Lock()
	place := info.InstanceID + in.Place
	m.attempts[place]++
	attempt := m.attempts[place]
	m.mu.Unlock()
	time.Sleep(moment(fmt.Sprint(in.Place, attempt))) // also when its time is over: that is when the timer of the caller fires
	switch {
	case attempt > in.Fails:
		return fmt.Sprintf("attempt %d", attempt), nil
	case attempt == in.Fails && in.Final:
		return "", durable.Permanent(fmt.Errorf("failure %d, the last", attempt))
	default:
		return "", fmt.Errorf("failure %d", attempt)
	}
}

func (m *machine) run(ctx *durable.Context, p program) ([]string, error) {
	if err := m.perform(ctx, fmt.Sprint(p.Place, "/", p.Rounds), p.Steps, &p.Log); err != nil {
		return nil, err
	}
	switch {
	case p.Rounds > 0:
		p.Rounds--
		return nil, durable.ContinueAsNew(ctx, p)
	case p.Fail:
		return nil, errors.New("no child of mine")
	}
	return p.Log, nil
}

// perform does steps; what happened goes to log. Place names a step among all.
func (m *machine) perform(ctx *durable.Context, place string, steps []step, log *[]string) error {
	say := func(format string, args ...any) { *log = append(*log, fmt.Sprintf(format, args...)) }
	for i, s := range steps {
		at := fmt.Sprintf("%s.%d", place, i)
		in := try{at, s.Fails, s.Final}
		switch s.Kind {
		case callStep:
			out, err := m.flaky.Call(ctx, in, s.options(at)...)
			say("call %s %v", out, err)
		case callLimited:
			out, err := m.flaky.Call(ctx, in, append(s.options(at), durable.Timeout(moment(at+"limit")))...)
			say("limited %s %v", out, err)
		case callHandled:
			out, err := m.flaky.Call(ctx, in, durable.Retry(durable.RetryPolicy{
				Attempts: -1, First: moment(at), Total: 10 * time.Minute,
				Handle: func(err error) bool { say("asked about %v", err); return !strings.Contains(err.Error(), "failure 3") },
			}))
			say("handled %s %v", out, err)
		case fanOutStep:
			var calls []durable.Future[string]
			for n := range s.N {
				calls = append(calls, m.flaky.Start(ctx, try{fmt.Sprint(at, "-", n), (s.Fails + n) % 4, s.Final}, s.options(fmt.Sprint(at, n))...))
			}
			out, err := durable.All(ctx, calls...)
			say("all %q %v", out, err)
		case childStep:
			out, err := m.play.Call(ctx, program{Place: at, Steps: s.Body, Rounds: s.N % 2, Fail: s.Fails > 1}, s.options(at)...)
			say("child %q %t", out, err == nil) // the text has an id that is made up
		case sideStep:
			ctx.Go("side", func() error { return m.perform(ctx, at, s.Body, log) })
		case groupStep:
			wg := durable.WaitGroup{Limit: s.N}
			for n := range 2 {
				wg.Go(ctx, "group", func() error { return m.perform(ctx, fmt.Sprint(at, "-", n), s.Body, log) })
			}
			if err := wg.Wait(ctx); err != nil {
				return err
			}
		case sleepStep:
			ctx.Sleep(moment(at))
			say("slept")
		case eventStep:
			v, err := m.waiting.Wait(ctx, 2*moment(at))
			say("event %d %v", v, err)
		case raceStep:
			call, timer := m.flaky.Start(ctx, in, s.options(at)...), ctx.After(moment(at+"timer"))
			first, err := durable.First(ctx, call, timer)
			timer.Cancel()
			say("first %d %v", first, err)
		case entityStep:
			ctx.Sleep(moment(at)) // entities answer at once
			sum, err := m.add.Call(ctx, at, s.N)
			say("sum %d %v, signal %v", sum, err, m.add.Signal(ctx, at, 1))
		case lockStep:
			ctx.Sleep(moment(at))
			unlock, err := m.sums.Lock(ctx, at)
			if err == nil {
				_, err = m.add.Call(ctx, at, 1)
				unlock()
			}
			say("locked %t", err == nil) // it may be this orchestration that has the lock
		case stepKinds:
		}
	}
	return nil
}

// options are the retries of a step.
func (s step) options(at string) []durable.CallOption {
	if s.Retry == 0 {
		return nil
	}
	return []durable.CallOption{durable.Retry(durable.RetryPolicy{
		Attempts: s.Retry, First: moment(at + "retry"), Factor: float64(s.N), Max: 2 * time.Minute,
	})}
}

func stepsOf(depth int) *rapid.Generator[[]step] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		s := step{
			Kind: stepKind(rapid.IntRange(0, int(stepKinds)-1).Draw(t, "kind")), N: rapid.IntRange(1, 3).Draw(t, "n"),
			Retry: rapid.SampledFrom([]int{3, 2, 4, -1, 0, 1}).Draw(t, "attempts"), Fails: rapid.IntRange(0, 3).Draw(t, "fails"),
			Final: rapid.IntRange(0, 4).Draw(t, "final") == 0,
		}
		switch s.Kind {
		case childStep, sideStep, groupStep:
			if depth == 0 {
				s.Kind = callStep
				break
			}
			s.Body = stepsOf(depth-1).Draw(t, "body")
			if s.Kind == childStep && s.Retry < 0 {
				s.Retry = 2 // one that fails does so each time
			}
		default:
		}
		return s
	}), 1, 2+depth)
}

// hubWith is a task hub with one worker, and what its functions remember.
func hubWith(t *testing.T, s *dtstest.Scheduler, name string, warm int) (*machine, *dts.Client, *worker.Registry) {
	t.Helper()
	m, client, registry := newMachine(), s.Connect(name), worker.NewRegistry()
	if err := durable.Register(registry, client, m.functions()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.New(client, registry, worker.WithMaxWarm(warm)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return m, client, registry
}

// played runs a program to its end and returns the history of its last round.
func played(t *testing.T, m *machine, c *dts.Client, p program, events []string) (history []dts.HistoryEvent) {
	t.Helper()
	run, err := m.play.StartNew(t.Context(), c, p, durable.ID("p"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		time.Sleep(moment(e))
		if err := m.waiting.Raise(t.Context(), c, run.ID, i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run.Wait(t.Context()); err != nil {
		t.Log(err) // an end like any other: it must be the same each time
	}
	time.Sleep(time.Hour) // for what it has left behind: attempts that were given up, lines of work that nobody waited for
	for e, err := range c.History(t.Context(), run.ID) {
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, e)
	}
	return history
}

// alike leaves out what is made up for each run, and counts times from the
// beginning.
func alike(history []dts.HistoryEvent) []dts.HistoryEvent {
	began := history[0].Timestamp
	history = slices.Clone(history)
	for i := range history {
		e := &history[i]
		e.Timestamp = time.Time{}.Add(e.Timestamp.Sub(began))
		if !e.FireAt.IsZero() {
			e.FireAt = time.Time{}.Add(e.FireAt.Sub(began))
		}
		e.ExecutionID, e.RequestID = "", ""
		if e.Kind == "SubOrchestrationInstanceCreated" || e.Kind == "EventSent" {
			e.InstanceID = ""
		}
	}
	return history
}

// TestColdReplayEqualsWarmExecution lets random orchestrators run in a worker that
// keeps them warm and in one that replays each turn from its history: both do the
// same, action for action, at the same times. Then the code replays the history up
// to the end of every turn and has nothing else to do.
func TestColdReplayEqualsWarmExecution(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := program{Steps: stepsOf(2).Draw(r, "steps"), Rounds: rapid.IntRange(0, 2).Draw(r, "rounds")}
		var events []string
		for i := range rapid.IntRange(0, 4).Draw(r, "events") {
			events = append(events, fmt.Sprint("event ", i))
		}
		problem := ""
		synctest.Test(t, func(t *testing.T) { problem = compared(t, p, events) })
		if problem != "" {
			r.Fatal(problem)
		}
	})
}

// compared says where a program is led another way when it is replayed.
func compared(t *testing.T, p program, events []string) string {
	t.Helper()
	s := dtstest.Start(t)
	warm, client, registry := hubWith(t, s, "warm", 1000)
	history := played(t, warm, client, p, events)
	cold, client, _ := hubWith(t, s, "cold", 0)
	if diff := cmp.Diff(alike(history), alike(played(t, cold, client, p, events))); diff != "" {
		return "histories (-warm +cold):\n" + diff
	}
	for end := 1; end <= len(history); end++ {
		if end < len(history) && history[end].Kind != "OrchestratorStarted" {
			continue // in the middle of a turn
		}
		replayed, err := worker.Replay(registry, history[:end])
		if err != nil {
			t.Fatal(err)
		}
		if d := replayed.Difference; d != nil {
			return fmt.Sprintf("replay of %d events of %d: %s", end, len(history), d)
		}
	}
	return ""
}
