package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// ErrNotRegistered is the error of [Replay] for the history of an orchestrator that
// the registry does not have.
var ErrNotRegistered = errors.New("the orchestrator is not registered")

// Replayed is where code stands at the end of a history.
type Replayed struct {
	// InstanceID and Name are of the instance and its orchestrator.
	InstanceID, Name string
	// Difference is the first thing that the code does otherwise; nil if it repeats
	// the history.
	Difference *Difference
	// Ended reports whether the orchestrator has come to an end.
	Ended bool
	// Waits are what the orchestrator has asked for and not got, in the order in which
	// it did, events last; and At is where its function waits, as file:line. Empty when
	// it has ended or there is a difference.
	Waits []Wait
	At    string
}

// Difference is where code and history part.
type Difference struct {
	// Event is the number of the entry of the history, from 1, and Kind what it is,
	// "TaskScheduled". After the last entry Kind is empty.
	Event int
	Kind  string
	// History and Code are what each of them has there: `activity "charge"`.
	History, Code string
	// At is the file:line that Code comes from, or where the orchestrator waits when it
	// has nothing there. It is empty for what no line of the author stands behind.
	At string
}

// String says all of it in one line.
func (d *Difference) String() string {
	where := fmt.Sprintf("event %d (%s)", d.Event, d.Kind)
	if d.Kind == "" {
		where = "after the last event"
	}
	at := ""
	if d.At != "" {
		at = " at " + d.At
	}
	return fmt.Sprintf("%s: history has %s, the code has %s%s", where, d.History, d.Code, at)
}

// Wait is something that an orchestrator has asked for and not got.
type Wait struct {
	// What is the thing in words: `activity "charge"`.
	What string
	// Activity is the name of the activity, if it is one.
	Activity string
	// Event is the name of the event, if it is one.
	Event string
	// Instance is the id of the sub-orchestration, if it is one.
	Instance string
	// Due is when the timer fires, if it is one.
	Due time.Time
	// At is the file:line that has asked for it.
	At string
}

// Replay runs the orchestrator of a history against the whole of it, as a worker
// does that has never seen the instance, and says where the code takes another way:
// what it asks for and history does not have, in kind, name, target or order, and
// the reverse. Inputs and results are not compared. Nothing of what the code asks
// for is done.
//
// History is that of one execution, from its first event, up to the end of a turn,
// as [dts.Client.History] gives it. The error is [ErrNotRegistered] or says that this
// is no history of an orchestration.
func Replay(r *Registry, history []dts.HistoryEvent) (*Replayed, error) {
	p := &player{history: history, rewound: -1}
	var version string
	for i, e := range history {
		switch e.Kind {
		case kindExecutionStarted:
			p.out.InstanceID, p.out.Name, version = e.InstanceID, e.Name, e.Version
		case kindExecutionRewound:
			p.rewound = i
		}
	}
	switch {
	case p.out.Name == "":
		return nil, errNoStart
	case r.orchestrator(p.out.Name, version) == nil:
		return nil, fmt.Errorf("replay orchestrator %q: %w", p.out.Name, ErrNotRegistered)
	}
	config := replay.Config{
		Find:   r.orchestrator,
		Logger: slog.New(slog.DiscardHandler),
		Trace:  true,
	}
	if last := history[len(history)-1]; last.Failure == nil || last.Failure.Type != typeInvalidPayload {
		config.MaxPayload = math.MaxInt // whatever store the payloads have gone to
	}
	p.turn = replay.New(&config, p, p.out.InstanceID, "")
	defer p.turn.Close()
	p.out.Difference = p.play()
	if p.out.Difference == nil {
		_, p.out.Ended = p.turn.Status()
		p.out.At = p.turn.Standing()
		for _, w := range p.turn.Waits() {
			p.out.Waits = append(p.out.Waits, toWait(w))
		}
	}
	return &p.out, nil
}

// player is one replay.
type player struct {
	turn    *replay.Turn
	history []dts.HistoryEvent
	rewound int // number of the last event that says so, -1 if there is none
	out     Replayed
}

// Trespassed is for workers that have to answer; the turn keeps the failure, too.
func (*player) Trespassed(*dtspb.TaskFailureDetails) {}

// play applies the events up to the first difference.
func (p *player) play() *Difference {
	events := make([]*dtspb.HistoryEvent, len(p.history))
	for i, e := range p.history {
		events[i] = toEvent(e)
	}
	p.turn.Foresee(events)
	for i, e := range p.history {
		if i > 0 && (e.Kind == kindOrchestratorStarted || e.Kind == kindOrchestratorCompleted) {
			if d := p.atRest(i, "nothing more in this turn"); d != nil {
				return d
			}
		}
		if e.Kind == kindExecutionCompleted {
			return p.completed(i, e)
		}
		p.turn.Apply(events[i:i+1], true)
		if d := p.turn.Difference(); d != nil {
			return p.difference(i, d.History, d)
		}
	}
	return p.atRest(len(p.history), "nothing more")
}

// atRest compares what the code has asked for by the end of a turn, before the event
// with that number. All of it has been recorded by then, unless a rewind has taken
// away what failed, to be asked for again.
func (p *player) atRest(i int, was string) *Difference {
	if p.rewound >= 0 && i <= p.rewound+2 {
		return nil
	}
	if d := p.turn.Unrecorded(); d != nil {
		return p.difference(i, was, d)
	}
	return nil
}

// completed compares the ends.
func (p *player) completed(i int, e dts.HistoryEvent) *Difference {
	was := "an end as " + strings.ToLower(e.Status.String())
	status, ended := p.turn.Status()
	switch d := p.turn.Unrecorded(); {
	case e.Status == dts.StatusTerminated || e.Status == dts.StatusCanceled:
		return nil
	case !ended && d != nil:
		return p.difference(i, was, d)
	case !ended:
		return p.difference(i, was, &replay.Difference{Code: "nothing", At: p.turn.Standing()})
	case (status == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_COMPLETED) != (e.Status == dts.StatusCompleted),
		(status == dtspb.OrchestrationStatus_ORCHESTRATION_STATUS_FAILED) != (e.Status == dts.StatusFailed):
		return p.difference(i, was, &replay.Difference{Code: p.turn.Ending()})
	case d != nil && d.Code != p.turn.Ending():
		return p.difference(i, "nothing more in this turn", d)
	}
	return nil
}

func (p *player) difference(i int, was string, d *replay.Difference) *Difference {
	kind := ""
	if i < len(p.history) {
		kind = p.history[i].Kind
	}
	return &Difference{Event: i + 1, Kind: kind, History: was, Code: d.Code, At: d.At}
}

func toWait(w replay.Wait) Wait {
	return Wait{What: w.What, Activity: w.Activity, Event: w.Event, Instance: w.Child, Due: w.Due, At: w.At}
}
