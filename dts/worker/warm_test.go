package worker

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// counter is an orchestrator that waits for the events 0, 1, 2 ... and says in its
// custom status which it has got; begun counts how often its first line ran.
func counter(begun *int, ended *int) Orchestrator {
	return func(ctx *Context, _ []byte) ([]byte, error) {
		*begun++
		defer func() { *ended++ }()
		var got []string
		for i := 0; ; i++ {
			e, err := ctx.Event("e").Await()
			if err != nil {
				return nil, err
			}
			got = append(got, string(e))
			ctx.SetStatus([]byte(strings.Join(got, ",")))
			if string(e) == "end" {
				return e, nil
			}
		}
	}
}

func raised(input string) *dtspb.HistoryEvent {
	return &dtspb.HistoryEvent{EventId: -1, EventType: &dtspb.HistoryEvent_EventRaised{EventRaised: &dtspb.EventRaisedEvent{Name: "e", Input: text(input)}}}
}

func begins() *dtspb.HistoryEvent { return firstTurn("", "")[0] }

// turns gives the turns of one instance to a worker.
type turns struct {
	g    *rig
	s    *stream
	past []*dtspb.HistoryEvent
	n    int
}

// next gives the worker a turn and returns the custom status that it answers.
func (p *turns) next(change func(*dtspb.OrchestratorRequest), events ...*dtspb.HistoryEvent) string {
	p.n++
	req := &dtspb.OrchestratorRequest{ExecutionId: text("x"), PastEvents: p.past, NewEvents: events}
	if change != nil {
		change(req)
	}
	p.s.items <- turnItemOf(fmt.Sprint("token ", p.n), req)
	answer := (<-p.g.answers).(*dtspb.OrchestratorResponse)
	synctest.Wait() // until the answer was taken
	p.past = append(p.past, events...)
	return answer.GetCustomStatus().GetValue()
}

// leaveOut leaves out the first events of the past, as a scheduler does that knows
// that the worker has seen them.
func leaveOut(n int) func(*dtspb.OrchestratorRequest) {
	return func(req *dtspb.OrchestratorRequest) {
		req.PastEvents = req.PastEvents[n:]
		req.Properties = map[string]*structpb.Value{wire.PropertyPastFrom: structpb.NewNumberValue(float64(n))}
	}
}

// TestWarmInstance says in which cases an orchestrator goes on where it waits, and
// in which it is replayed from its history.
func TestWarmInstance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		opts   []Option
		play   func(*turns) (status string)
		want   string
		begun  int
		answer error // to completions
	}{
		{"goes on", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			return p.next(nil, begins(), raised("b"))
		}, "a,b", 1, nil},
		{"goes on without its history", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			return p.next(leaveOut(4), begins(), raised("b"))
		}, "a,b", 1, nil},
		{"goes on after turns of another worker", nil, func(p *turns) string {
			p.past = append(p.past, begins(), raised("a"), begins(), raised("b"))
			return p.next(nil, begins(), raised("c"))
		}, "a,b,c", 1, nil},
		{"is replayed if instances are not kept", []Option{WithMaxWarm(0)}, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			return p.next(nil, begins(), raised("b"))
		}, "a,b", 3, nil},
		{"is replayed from a history that is fetched", []Option{WithMaxWarm(0)}, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			p.g.history = []*dtspb.HistoryChunk{{Events: p.past}}
			return p.next(leaveOut(4), begins(), raised("b"))
		}, "a,b", 3, nil},
		{"goes on if less is left out than it has seen", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			p.g.history = []*dtspb.HistoryChunk{{Events: p.past}}
			return p.next(leaveOut(2), begins(), raised("b"))
		}, "a,b", 1, nil},
		{"is replayed if another worker has got other events", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			p.past[3] = raised("A")
			return p.next(nil, begins(), raised("b"))
		}, "A,b", 2, nil},
		{"is replayed if its turn did not count", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			p.past = p.past[:2]
			return p.next(nil, begins(), raised("b"), raised("c"))
		}, "b,c", 2, nil},
		{"is replayed in another execution", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			return p.next(func(req *dtspb.OrchestratorRequest) { req.ExecutionId = text("y") }, begins(), raised("b"))
		}, "a,b", 2, nil},
		{"is replayed if the answer was refused", nil, func(p *turns) string {
			p.next(nil, begins(), raised("a"))
			return p.next(nil, begins(), raised("b"))
		}, "a,b", 3, status.Error(codes.NotFound, "somebody else has it")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var begun, ended int
				g := start(t, &fake{refuse: func() error { return test.answer }}, orchestrators(t, counter(&begun, &ended)), test.opts...)
				p := &turns{g: g, s: g.connected()}
				if got, want := len(p.s.header.Get(wire.HeaderWarm)) == 0, len(test.opts) > 0; got != want {
					t.Errorf("header %s is missing: %v, want %v", wire.HeaderWarm, got, want)
				}
				p.next(nil, firstTurn("o", "")...)
				if got := test.play(p); got != test.want || begun != test.begun {
					t.Errorf("got %q after %d beginnings, want %q after %d", got, begun, test.want, test.begun)
				}
				p.g.history = []*dtspb.HistoryChunk{{Events: p.past}}
				g.stop()
				<-g.ended
				if begun != ended {
					t.Errorf("of %d that began %d have ended with the worker", begun, ended)
				}
			})
		})
	}
}

// TestWarmInstancesAreBounded: what is let go is unwound, and replayed when it goes on.
func TestWarmInstancesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun, ended int
		g := start(t, &fake{}, orchestrators(t, counter(&begun, &ended)), WithMaxWarm(2))
		s := g.connected()
		give := func(id string, past []*dtspb.HistoryEvent, events ...*dtspb.HistoryEvent) {
			item := turnItemOf(id, &dtspb.OrchestratorRequest{PastEvents: past, NewEvents: events})
			item.GetOrchestratorRequest().InstanceId = id
			s.items <- item
			<-g.answers
			synctest.Wait()
		}
		for i := range 5 {
			give(fmt.Sprint(i), nil, firstTurn("o", "")...)
		}
		if begun != 5 || ended != 3 {
			t.Errorf("of %d that began %d were let go, want 3 of 5", begun, ended)
		}
		give("4", firstTurn("o", ""), begins(), raised("end"))
		give("0", firstTurn("o", ""), begins(), raised("a"))
		if begun != 6 || ended != 4 {
			t.Errorf("of %d that began %d have ended, want 4 of 6", begun, ended)
		}
	})
}

// TestContextOfAWarmInstanceIsNobodyElses: a goroutine that uses it between the turns
// is stopped, and the instance goes on as if it had been replayed.
func TestContextOfAWarmInstanceIsNobodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var context *Context
		g := start(t, &fake{}, orchestrators(t, func(ctx *Context, _ []byte) ([]byte, error) {
			context = ctx
			return ctx.Event("e").Await()
		}))
		p := &turns{g: g, s: g.connected()}
		p.next(nil, firstTurn("o", "")...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			context.SetStatus([]byte("from outside"))
		}()
		<-done
		if got := p.next(nil, begins(), raised("a")); got != "" {
			t.Errorf("custom status is %q, want none", got)
		}
	})
}
