package hub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/dispatch"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// Options say how a hub behaves; all are required.
type Options struct {
	Store *store.Store
	Log   *slog.Logger
	// MaxPayload is the largest payload in bytes.
	MaxPayload int
	// MaxLosses is how many workers may be lost with a work item before it is
	// taken for poison; 0 is no limit.
	MaxLosses uint32
	// Keep says how long ended instances are kept; nil is for ever.
	Keep Ages
	// Meter measures; nil measures nothing.
	Meter *meter.Hub
}

// Hub is a task hub at work. Its methods are safe for concurrent use.
type Hub struct {
	Queue *dispatch.Queue

	opts      Options
	number    uint32
	shards    [shards]shard
	idleBytes atomic.Int64 // of what nobody uses, in all shards
	timers    *timers

	decisions sync.Pool // of *decision

	opened time.Time

	gone chan struct{} // closed by Close

	mu      sync.Mutex // guards what follows
	delayed map[*time.Timer]struct{}
	closed  bool
	losses  map[engine.TaskKey]uint32 // as they were when the hub was opened
}

// Open makes the hub's work ready that is on disk. Run keeps its timers.
func Open(rec *record.Hub, opts Options) (*Hub, error) {
	if opts.Meter == nil {
		opts.Meter = meter.None().Hub("")
	}
	h := &Hub{
		Queue:   dispatch.NewQueue(opts.Store.Epoch()),
		opts:    opts,
		number:  rec.GetNumber(),
		opened:  time.Now(),
		gone:    make(chan struct{}),
		delayed: make(map[*time.Timer]struct{}),
	}
	h.decisions.New = func() any {
		return &decision{state: engine.State{NewID: NewID, NewGeneration: opts.Store.NewGeneration, MaxPayload: opts.MaxPayload}}
	}
	h.timers = newTimers(func(behind *engine.Timer, limit int) ([]engine.Timer, error) {
		if planted.Active(planted.DueIndexForgotten) {
			return nil, nil
		}
		return opts.Store.Timers(h.number, behind, limit)
	})
	for i := range h.shards {
		h.shards[i].entries = make(map[string]*entry)
	}
	if err := h.recover(); err != nil {
		return nil, err
	}
	return h, nil
}

// recover queues what waited or was at a worker when the directory was closed.
func (h *Hub) recover() error {
	var err error
	if h.losses, err = h.opts.Store.Losses(h.number); err != nil {
		return err
	}
	err = h.opts.Store.Ready(h.number, func(id string, r *record.Ready) {
		key := engine.TaskKey{ID: id, Gen: r.GetGeneration(), TaskID: engine.TurnTask}
		kind := dispatch.Orchestration
		if wire.IsEntity(id) {
			kind = dispatch.Entity
		}
		h.Queue.Push(&dispatch.Item{
			Kind: kind, Key: key, Name: r.GetName(), Version: r.GetVersion().GetValue(),
			Since: time.Unix(0, r.GetSince()), Recovered: true, Losses: h.losses[key],
		})
	})
	if err != nil {
		return err
	}
	return h.opts.Store.Tasks(h.number, func(t engine.Task) {
		it := taskItem(t)
		it.Recovered, it.Losses = true, h.losses[t.TaskKey]
		h.Queue.Push(it)
	})
}

func (h *Hub) lossesOf(k engine.TaskKey) uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.losses[k]
}

// forgetLosses begins to count anew.
func (h *Hub) forgetLosses(k engine.TaskKey) error {
	h.mu.Lock()
	delete(h.losses, k)
	h.mu.Unlock()
	return h.opts.Store.DeleteLosses(h.number, k)
}

// Run fires timers and purges what is too old until ctx ends or the hub is closed.
func (h *Hub) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return h.fire(ctx) })
	all.Go(func() error { return h.retire(ctx) })
	all.Go(func() error {
		select {
		case <-h.gone:
			cancel()
		case <-ctx.Done():
		}
		return nil
	})
	err := all.Wait()
	if errors.Is(err, store.ErrHubGone) {
		return nil
	}
	return err
}

func (h *Hub) fire(ctx context.Context) error {
	return h.timers.run(ctx, func(t engine.Timer) error {
		var cmd engine.Command = engine.TimerDue{Timer: t}
		if t.TaskID == engine.GrantTimer {
			cmd = engine.Grant{ID: t.ID}
		}
		_, err := h.decide(ctx, cmd, nil)
		if errors.Is(err, store.ErrDamaged) {
			h.opts.Log.Error("timer is not fired", "instance", t.ID, "error", err)
			err = nil // the others can
		}
		return err
	})
}

// Gone is closed when the hub is: who waits for something in it waits in vain.
func (h *Hub) Gone() <-chan struct{} { return h.gone }

// Close stops what would happen later and ends Run and all that wait. The second
// call does nothing.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	close(h.gone)
	for t := range h.delayed {
		t.Stop()
	}
	clear(h.delayed)
}

// later calls f after d unless the hub is closed before.
func (h *Hub) later(d time.Duration, f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		h.mu.Lock()
		_, ok := h.delayed[t]
		delete(h.delayed, t)
		h.mu.Unlock()
		if ok {
			f()
		}
	})
	h.delayed[t] = struct{}{}
}

// Do decides a command and returns once all is on disk that the answer tells of.
// That is more than the command's own changes: a refusal, or a command that had
// nothing to change, tells of an earlier decision, which a power cut could undo.
func (h *Hub) Do(ctx context.Context, cmd engine.Command) error {
	c, err := h.decide(ctx, cmd, nil)
	if c == nil {
		c = h.opts.Store.Last()
	}
	if notSafe := decided(ctx, c); notSafe != nil {
		return notSafe
	}
	return err
}

// Settle returns once all is on disk that the caller may have seen.
func (h *Hub) Settle(ctx context.Context) error { return decided(ctx, h.opts.Store.Last()) }

// decide lets the engine decide cmd under the locks of all it touches and hands
// the outcome to the store. The admit function, if there is one, is asked under
// the locks whether the command still stands. The commit is nil if the decision
// changed nothing on disk.
func (h *Hub) decide(ctx context.Context, cmd engine.Command, admit func() error) (*store.Commit, error) {
	d, _ := h.decisions.Get().(*decision)
	defer h.decisions.Put(d)
	defer d.reset()
	d.ids = append(d.ids, engine.Touches(&d.state, cmd)...)
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		commit, again, err := h.try(d, cmd, admit)
		if !again {
			return commit, err
		}
	}
}

// decision is the memory that a decision needs while it is made. It is used for
// one after the other.
type decision struct {
	state  engine.State
	ids    []string // to lock
	locked []*entry
}

func (d *decision) reset() {
	d.state.Reset()
	clear(d.ids)
	clear(d.locked)
	d.ids, d.locked = d.ids[:0], d.locked[:0]
}

// try decides cmd with the instances of d.ids, or adds to them what it needs
// besides and has to be called again for.
func (h *Hub) try(d *decision, cmd engine.Command, admit func() error) (_ *store.Commit, again bool, _ error) {
	state := &d.state
	state.Reset()
	d.locked = h.lock(d.locked, d.ids)
	defer h.unlock(d.locked)
	for _, e := range d.locked {
		if err := h.load(e); err != nil {
			return nil, false, err
		}
		if e.entity != nil {
			state.PutEntity(e.entity)
		} else {
			state.Put(e.id, e.in)
		}
	}
	if missing := engine.Touches(state, cmd); len(missing) > 0 {
		d.ids = append(d.ids, missing...)
		return nil, true, nil
	}
	if admit != nil {
		if err := admit(); err != nil {
			return nil, false, err
		}
	}
	now := time.Now()
	fx, err := engine.Apply(state, cmd, now)
	if err != nil {
		return nil, false, err
	}
	follow := followUp{hub: h, withdrawn: fx.Withdrawn, tasks: fx.Tasks, timers: fx.Timers}
	for _, e := range d.locked {
		if e.entity != nil {
			follow.addEntity(e.entity, now)
			continue
		}
		e.in = state.Instance(e.id)
		follow.wake = e.takeReady(follow.wake)
		if e.in != nil && e.in.Deliverable(now) {
			follow.turns = append(follow.turns, h.readyTurn(e, now))
		}
	}
	if len(fx.Writes) == 0 {
		// A lock that cannot be granted yet is asked for again by who lets go of what
		// it waits for. Asking at once would go round and round, before those whose turn
		// it is, and before all timers.
		if _, waits := cmd.(engine.Grant); !waits {
			follow.run()
		}
		return nil, false, nil
	}
	if planted.Active(planted.DispatchBeforeCommit) {
		follow.run()
		follow = followUp{hub: h}
	}
	h.measure(fx.Writes)
	commit := h.opts.Store.Submit(h.number, fx.Writes, follow.run)
	for _, e := range d.locked {
		e.last = commit
	}
	return commit, false, nil
}

// followUp is what a decision causes once it is on disk.
type followUp struct {
	hub       *Hub
	withdrawn []engine.TaskKey
	tasks     []engine.Task
	timers    []engine.Timer
	turns     []*dispatch.Item
	wake      []*waiter
}

func (f *followUp) run() {
	for _, k := range f.withdrawn {
		f.hub.Queue.Withdraw(k)
	}
	for _, t := range f.tasks {
		f.hub.Queue.Push(taskItem(t))
	}
	for _, it := range f.turns {
		f.hub.Queue.Push(it)
	}
	f.hub.timers.add(f.timers)
	for _, w := range f.wake {
		close(w.done)
	}
}

func (h *Hub) readyTurn(e *entry, now time.Time) *dispatch.Item {
	in := e.in
	it := &dispatch.Item{
		Kind: dispatch.Orchestration, Key: in.TurnKey(),
		Name: in.Record.GetName(), Version: in.Record.GetVersion().GetValue(), Since: now, Prefer: e.keeper(),
	}
	// A timer that was due before the restart makes its turn ready again only now.
	if in.Inbox[0].Event.GetTimestamp().AsTime().Before(h.opened) {
		it.Recovered, it.Losses = true, h.lossesOf(it.Key)
	}
	return it
}

// taskItem returns the item of an activity. An activity scheduled without a
// version is matched by the version of its orchestration: JavaScript and Python
// schedule none and still list theirs in the filter.
func taskItem(t engine.Task) *dispatch.Item {
	version := t.Task.GetOrchestrationVersion()
	if v := t.Task.GetScheduled().GetVersion(); v != nil {
		version = v.GetValue()
	}
	return &dispatch.Item{
		Kind: dispatch.Activity, Key: t.TaskKey, Task: t,
		Name: t.Task.GetScheduled().GetName(), Version: version, Since: time.Unix(0, t.Task.GetSince()),
	}
}

// NewID returns 32 random hexadecimal digits, the form of ids that DTS makes.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
