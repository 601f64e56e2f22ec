package scheduler_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker"
)

// eye is the connection of a worker. It reports the work items and answers that
// pass, and it can fail.
type eye struct {
	next  grpc.ClientConnInterface
	items *items
	to    reporter
	// answer, if not nil, stands between the worker and the scheduler when the
	// answer for a work item is sent.
	answer func(it item, send func() error) error
	end    context.CancelFunc // of the worker

	mu      sync.Mutex // guards what follows
	streams map[int]context.CancelFunc
	opened  int
	dead    bool
	held    map[string]struct{} // the activities of the newest stream, by token
	paused  chan struct{}       // closed when the worker goes on, nil while it does
}

func newEye(next grpc.ClientConnInterface, to reporter, seen *items) *eye {
	return &eye{next: next, items: seen, to: to, streams: make(map[int]context.CancelFunc), held: make(map[string]struct{})}
}

var errLost = status.Error(codes.Unavailable, "the worker is lost")

// activitiesAtOnce is how many a worker asks for.
const activitiesAtOnce = 3

// run runs a worker behind e until the test ends, or it does.
func (e *eye) run(t *testing.T, s *dtstest.Scheduler, hub string) {
	t.Helper()
	w := worker.New(s.Connect(hub, dts.WithConn(e)), functions(e.to), worker.WithMaxConcurrent(0, activitiesAtOnce))
	ctx, cancel := context.WithCancel(context.Background())
	e.end = cancel
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	<-w.Ready()
	t.Cleanup(func() {
		cancel()
		e.resume()
		if err := <-ended; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

// lose ends the streams of the worker, as a pause longer than the connection
// bears does. The worker itself goes on and connects again.
func (e *eye) lose() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, cancel := range e.streams {
		cancel()
	}
	clear(e.streams)
}

// vanish lets nothing through any more.
func (e *eye) vanish() {
	e.lose()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dead = true
}

// die is the end of a worker with all that it has in its hands.
func (e *eye) die() {
	e.vanish()
	e.resume()
	e.end()
}

// pause stops a worker for longer than its connection bears. What it does goes on
// and its answers wait, as does all that it is told.
func (e *eye) pause() {
	e.mu.Lock()
	if e.paused == nil {
		e.paused = make(chan struct{})
	}
	e.mu.Unlock()
	e.lose()
}

// resume lets a worker go on.
func (e *eye) resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.paused != nil {
		close(e.paused)
		e.paused = nil
	}
}

// rest returns when the worker is not paused.
func (e *eye) rest(ctx context.Context) {
	e.mu.Lock()
	paused := e.paused
	e.mu.Unlock()
	if paused != nil {
		select {
		case <-paused:
		case <-ctx.Done():
		}
	}
}

// hold notes an activity that the worker has in its hands.
func (e *eye) hold(token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[token] = struct{}{}
	if n := len(e.held); n > activitiesAtOnce {
		e.to.Violated(fmt.Sprintf("G10: a worker has %d activities at once and has asked for %d", n, activitiesAtOnce))
	}
}

// letGo notes that the worker has done with an activity.
func (e *eye) letGo(token string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.held, token)
}

func (e *eye) gone() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dead
}

func (e *eye) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	send := func() error {
		e.rest(ctx)
		if e.gone() {
			return errLost
		}
		return e.next.Invoke(ctx, method, args, reply, opts...)
	}
	var token, result string
	var book *dtspb.EntityBatchResult
	switch a := args.(type) {
	case *dtspb.AbandonActivityTaskRequest:
		e.letGo(a.GetCompletionToken())
		return send()
	case *dtspb.ActivityResponse:
		e.letGo(a.GetCompletionToken())
		token, result = a.GetCompletionToken(), a.GetResult().GetValue()
	case *dtspb.OrchestratorResponse:
		token = a.GetCompletionToken()
	case *dtspb.EntityBatchResult:
		token, book = a.GetCompletionToken(), a
	default:
		return send()
	}
	it, newest := e.items.find(token)
	if e.answer != nil {
		through := send
		send = func() error {
			return e.answer(it, func() error {
				_, newest = e.items.find(token) // it may have taken a while
				return through()
			})
		}
	}
	if err := send(); err != nil {
		return err
	}
	if !newest {
		e.to.Violated(fmt.Sprintf("G5: an answer for %s was accepted after the work item was handed out again", it.name))
	}
	if it.activity {
		e.to.Acked(it.name, result)
	}
	if len(book.GetResults()) > 0 && book.GetFailureDetails() == nil {
		e.to.Shown(it.entity, book.GetEntityState().GetValue())
	}
	return nil
}

func (e *eye) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	e.rest(ctx)
	ctx, cancel := context.WithCancel(ctx)
	e.mu.Lock()
	dead := e.dead
	e.opened++
	e.held = make(map[string]struct{})
	e.streams[e.opened] = cancel
	e.mu.Unlock()
	if dead {
		cancel()
		return nil, errLost
	}
	s, err := e.next.NewStream(ctx, desc, method, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &eyeStream{ClientStream: s, eye: e}, nil
}

type eyeStream struct {
	grpc.ClientStream

	eye *eye
}

func (s *eyeStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	s.eye.rest(context.WithoutCancel(s.Context()))
	if err != nil {
		return err
	}
	if s.eye.gone() {
		return errLost
	}
	if w, ok := m.(*dtspb.WorkItem); ok && w.GetCompletionToken() != "" {
		it, input := itemOf(w)
		s.eye.items.add(w.GetCompletionToken(), it)
		switch {
		case it.activity:
			s.eye.to.Handed(it.name, input)
			s.eye.hold(w.GetCompletionToken())
		case it.entity != "":
			s.eye.to.Shown(it.entity, input)
		}
	}
	return nil
}

// items knows which work item a token is for, and the newest token of each. The
// workers of a process share one.
type items struct {
	mu     sync.Mutex // guards what follows
	of     map[string]item
	newest map[item]string
}

// item is a work item as it would be handed out again: an activity, the turn of
// an execution behind so many events, or the batch of an entity that begins with
// a request.
type item struct {
	name     string
	activity bool
	entity   string // its id
}

func newItems() *items { return &items{of: make(map[string]item), newest: make(map[item]string)} }

// itemOf returns the item and what the worker is given for it, an activity's
// input or an entity's state.
func itemOf(w *dtspb.WorkItem) (it item, input string) {
	if a := w.GetActivityRequest(); a != nil {
		in := a.GetOrchestrationInstance()
		return item{name: taskName(in.GetInstanceId(), in.GetExecutionId().GetValue(), int(a.GetTaskId())), activity: true}, a.GetInput().GetValue()
	}
	if e := w.GetEntityRequestV2(); e != nil {
		first := e.GetOperationRequests()[0]
		request := first.GetEntityOperationCalled().GetRequestId() + first.GetEntityOperationSignaled().GetRequestId()
		return item{name: fmt.Sprintf("%s from request %s", e.GetInstanceId(), request), entity: e.GetInstanceId()}, e.GetEntityState().GetValue()
	}
	o := w.GetOrchestratorRequest()
	past := len(o.GetPastEvents()) + int(o.GetProperties()[wire.PropertyPastFrom].GetNumberValue())
	return item{name: fmt.Sprintf("%s/%s behind %d events", o.GetInstanceId(), o.GetExecutionId().GetValue(), past)}, ""
}

func (x *items) add(token string, it item) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.of[token], x.newest[it] = it, token
}

// find returns the item of a token and whether it has not been handed out again.
func (x *items) find(token string) (it item, newest bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it = x.of[token]
	return it, x.newest[it] == token
}
