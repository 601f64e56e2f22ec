package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// TestDecisionsHoldTogether makes random decisions about a few instances. The
// world checks after each that disk and memory agree and that a refusal changed
// nothing; the ledger, that no event is lost, repeated or out of order.
func TestDecisionsHoldTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			world: newWorld(t), t: t, out: map[string]Turn{}, delivered: map[string][]*dtspb.HistoryEvent{},
			rewrites: map[string]*dtspb.OrchestratorAction{},
			sent:     map[string][]string{}, seen: map[string][]string{}, executions: map[uint64]string{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"start": m.start, "raise": m.raise, "control": m.control, "purge": m.purge, "fail": m.fail, "rewind": m.rewind,
			"deliver": m.deliver, "answer": m.answer, "activity": m.activity, "time": m.time, "crash": m.crash,
			"": m.holds,
		})
	})
}

type machine struct {
	*world

	t *rapid.T
	// out are the answers of turns at workers, with what was delivered.
	out       map[string]Turn
	delivered map[string][]*dtspb.HistoryEvent
	// rewrites are the right answers to those that ask for a rewind.
	rewrites map[string]*dtspb.OrchestratorAction
	// sent are the events that a live instance was given, seen those that its
	// turns consumed.
	sent, seen map[string][]string
	executions map[uint64]string
	events     int
	scheduled  []TaskKey
}

var propertyIDs = []string{"a", "b", "c", "d"}

func (m *machine) id() string { return rapid.SampledFrom(propertyIDs).Draw(m.t, "id") }
func (m *machine) chance(percent int, what string) bool {
	return rapid.IntRange(1, 100).Draw(m.t, what) <= percent
}

// decide decides a command and reports whether it was taken.
func (m *machine) decide(c Command) bool {
	err := m.try(c)
	for _, kind := range []error{ErrNotFound, ErrExists, ErrInvalid, ErrConflict, ErrStale} {
		if errors.Is(err, kind) {
			return false
		}
	}
	if err != nil {
		m.t.Fatalf("%T: %v", c, err)
	}
	for _, task := range m.fx.Tasks {
		m.scheduled = append(m.scheduled, task.TaskKey)
	}
	return true
}

func (m *machine) forget(id string) {
	delete(m.sent, id)
	delete(m.seen, id)
}

func (m *machine) start(*rapid.T) {
	r := &dtspb.CreateInstanceRequest{InstanceId: m.id(), Name: "orc", Input: text1("in")}
	if m.chance(30, "policy") {
		r.OrchestrationIdReusePolicy = &dtspb.OrchestrationIdReusePolicy{
			ReplaceableStatus: rapid.SliceOfDistinct(rapid.SampledFrom([]dtspb.OrchestrationStatus{
				pending, running, suspended, completed, failed, canceled, terminated,
			}), rapid.ID).Draw(m.t, "replaceable"),
		}
	}
	if m.chance(20, "delayed") {
		r.ScheduledStartTimestamp = at(m.now.Add(time.Minute))
	}
	var c Command = Start{Request: r}
	if m.chance(10, "restart") {
		c = Restart{ID: r.GetInstanceId()}
		if m.chance(50, "as") {
			c = Restart{ID: m.id(), As: r.GetInstanceId()}
		}
	}
	if m.decide(c) {
		m.forget(r.GetInstanceId())
	}
}

// event returns the name of a new event and notes that id gets it.
func (m *machine) event(id string) string {
	m.events++
	name := fmt.Sprint("e", m.events)
	if in := m.live[id]; in != nil && !in.Terminal() {
		m.sent[id] = append(m.sent[id], name)
	}
	return name
}

func (m *machine) raise(*rapid.T) {
	id := m.id()
	m.decide(Raise{ID: id, Name: m.event(id)})
}

func (m *machine) control(*rapid.T) {
	id := m.id()
	m.decide(rapid.SampledFrom([]Command{
		Suspend{ID: id}, Resume{ID: id}, Terminate{ID: id}, Terminate{ID: id, Recursive: true}, Kill{ID: id, Killed: new(bool)},
	}).Draw(m.t, "control"))
}

func (m *machine) purge(*rapid.T) {
	before := slices.Collect(maps.Keys(m.live))
	n := 0
	m.decide(Purge{ID: m.id(), Recursive: m.chance(50, "recursive"), Deleted: &n})
	gone := slices.DeleteFunc(before, func(id string) bool { return m.live[id] != nil })
	if len(gone) != n {
		m.t.Fatalf("purge says %d, deleted %v", n, gone)
	}
	for _, id := range gone {
		m.forget(id)
	}
}

func (m *machine) fail(*rapid.T) {
	id := m.id()
	if in := m.live[id]; in != nil && m.chance(20, "poison") {
		m.decide(Fail{ID: id, Gen: in.Record.GetGeneration() - uint64(rapid.IntRange(0, 1).Draw(m.t, "late")), Failure: failure("Poison", "")})
	}
}

// rewind takes a failed instance up again. What its last turn did not see is lost.
func (m *machine) rewind(*rapid.T) {
	id := m.id()
	if in := m.live[id]; in != nil && m.chance(20, "give up") {
		m.decide(RewindFailed{ID: id, Gen: in.Record.GetGeneration()})
		return
	}
	if m.decide(Rewind{ID: id}) {
		m.sent[id] = slices.Clone(m.seen[id])
	}
}

// deliver hands a turn out, or again.
func (m *machine) deliver(*rapid.T) {
	id := m.id()
	if in := m.live[id]; in != nil && in.Deliverable(m.now) {
		past := in.History
		m.delivered[id] = m.world.deliver(id)
		m.out[id] = m.world.answer(id, m.delivered[id])
		delete(m.rewrites, id)
		if in.Rewinding() {
			m.ids++
			m.rewrites[id] = rewrite(past, m.delivered[id], fmt.Sprintf("%032x", m.ids))
		}
	}
}

func (m *machine) answer(*rapid.T) {
	id := m.id()
	c, ok := m.out[id]
	if !ok {
		return
	}
	if m.chance(80, "once") {
		delete(m.out, id)
	}
	messages := m.delivered[id][1:]
	consumed := len(messages)
	c.Response = &dtspb.OrchestratorResponse{}
	if m.chance(20, "partly") {
		n := rapid.IntRange(0, consumed+1).Draw(m.t, "processed")
		c.Response.NumEventsProcessed = wrapperspb.Int32(int32(n))
		consumed = min(n, consumed)
	}
	in := m.live[id]
	fresh := in != nil && in.Record.GetGeneration() == c.Gen && in.Delivered > 0 && !in.Terminal()
	if fresh && in.Record.GetTurn() == 0 {
		consumed = max(consumed, 1)
	}
	var sends [][2]string
	c.Response.Actions, sends = m.actions(id)
	if fresh && in.Rewinding() {
		sends = nil
		if m.chance(90, "rewritten") {
			c.Response.Actions = []*dtspb.OrchestratorAction{m.rewrites[id]}
		}
	}
	if !fresh {
		if m.decide(c) {
			m.t.Fatalf("a stale answer for %q was taken", id)
		}
		return
	}
	for _, e := range messages[:consumed] {
		if r := e.GetEventRaised(); r != nil {
			m.seen[id] = append(m.seen[id], r.GetName())
		}
	}
	for _, s := range sends {
		if to := m.live[s[0]]; to != nil && !to.Terminal() {
			m.sent[s[0]] = append(m.sent[s[0]], s[1])
		}
	}
	kids, ended := map[string]uint64{}, map[string]bool{}
	for id, in := range m.live {
		kids[id], ended[id] = in.Record.GetGeneration(), in.Terminal()
	}
	m.decide(c)
	for other, in := range m.live {
		switch {
		case other == id:
		case kids[other] != in.Record.GetGeneration():
			m.forget(other) // a child of its own
		case ended[other] && !in.Terminal():
			m.sent[other] = slices.Clone(m.seen[other]) // a child that is rewound too
		}
	}
}

// actions draws what an orchestrator could answer, and the events it sends.
func (m *machine) actions(id string) (actions []*dtspb.OrchestratorAction, sends [][2]string) {
	free := int32(0)
	in := m.live[id]
	taken := map[int32]bool{}
	if in != nil {
		for id := range in.open {
			taken[id] = true
		}
		for _, m := range in.Inbox { // an SDK uses an id again only when it has seen the outcome
			if id, _, ok := outcomeOf(m.Event); ok {
				taken[id] = true
			}
		}
	}
	next := func() int32 {
		for taken[free] {
			free++
		}
		free++
		return free - 1
	}
	for range rapid.IntRange(0, 3).Draw(m.t, "actions") {
		switch rapid.IntRange(0, 4).Draw(m.t, "action") {
		case 0:
			actions = append(actions, actTask(next(), "t"))
		case 1:
			actions = append(actions, actTimer(next(), m.now.Add(time.Duration(rapid.IntRange(-1, 3).Draw(m.t, "minutes"))*time.Minute)))
		case 2:
			actions = append(actions, actTerminate(next(), m.id(), m.chance(50, "recursive")))
		case 3:
			to := m.id()
			m.events++
			sends = append(sends, [2]string{to, fmt.Sprint("e", m.events)})
			actions = append(actions, actSend(next(), to, sends[len(sends)-1][1]))
		case 4:
			// Last, since it can be the id of an instance that a send is for.
			if child := m.id(); m.chance(50, "child") {
				return append(actions, actChild(next(), child)), sends
			}
		}
	}
	if m.chance(30, "end") {
		end := rapid.SampledFrom([]dtspb.OrchestrationStatus{completed, failed, terminated, continued, running}).Draw(m.t, "end")
		if end == running { // impossible: nothing of the answer is carried out
			sends = nil
		}
		actions = append(actions, actComplete(next(), end, "out"))
	}
	return actions, sends
}

func (m *machine) activity(*rapid.T) {
	if len(m.scheduled) > 0 {
		m.decide(ActivityDone{Task: rapid.SampledFrom(m.scheduled).Draw(m.t, "task"), Result: text1("r")})
	}
}

func (m *machine) time(*rapid.T) {
	m.wait(time.Duration(rapid.IntRange(1, 90).Draw(m.t, "seconds")) * time.Second)
}

// crash loses what is in memory. Answers that are on their way come too late.
func (m *machine) crash(*rapid.T) { m.restart() }

func (m *machine) holds(*rapid.T) {
	for id, in := range m.live {
		exec := id + " " + in.Record.GetExecutionId()
		if had := m.executions[in.Record.GetGeneration()]; had != "" && had != exec {
			m.t.Fatalf("generation %d is of %q and of %q", in.Record.GetGeneration(), had, exec)
		}
		m.executions[in.Record.GetGeneration()] = exec
		if in.Terminal() {
			continue
		}
		got := slices.Clone(m.seen[id])
		for _, msg := range in.Inbox {
			if r := msg.Event.GetEventRaised(); r != nil {
				got = append(got, r.GetName())
			}
		}
		if diff := gocmp.Diff(m.sent[id], got, cmpopts.EquateEmpty()); diff != "" {
			m.t.Fatalf("events of %q (-sent +seen and waiting):\n%s", id, diff)
		}
	}
}
