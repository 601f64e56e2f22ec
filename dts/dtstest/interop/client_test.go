package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/dtstest"
)

// client is a client of a foreign SDK, in its own process. It makes one call at
// a time.
type client struct {
	t *testing.T
	s sdk
	p *program
}

func (s sdk) client(t *testing.T, sched *dtstest.Scheduler, hub string) *client {
	t.Helper()
	return &client{t: t, s: s, p: s.start(t, sched, hub, "client")}
}

// args are the arguments of a call; each SDK ignores what it has no notion of.
type args map[string]any

// callError is how the SDK refused: a gRPC code by name, TIMEOUT, or the class of
// an exception of its own.
type callError struct{ Code, Message string }

func (e *callError) Error() string { return e.Code + ": " + e.Message }

// try makes a call and reads what it returned into value, unless that is nil.
func (c *client) try(ctx context.Context, call string, a args, value any) *callError {
	c.t.Helper()
	a["call"] = call
	line, err := json.Marshal(a)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.p.stdin.Write(append(line, '\n')); err != nil {
		c.t.Fatalf("%s: %v", c.p.name, err)
	}
	var answer struct {
		Value json.RawMessage
		Error *callError
	}
	if err := c.p.next(ctx, &answer); err != nil {
		c.t.Fatalf("%s: %v", call, err)
	}
	if answer.Error == nil && value != nil {
		if err := json.Unmarshal(answer.Value, value); err != nil {
			c.t.Fatalf("%s answers %s: %v", call, answer.Value, err)
		}
	}
	return answer.Error
}

// must makes a call that has to succeed.
func (c *client) must(ctx context.Context, call string, a args, value any) {
	c.t.Helper()
	if err := c.try(ctx, call, a, value); err != nil {
		c.t.Fatalf("%s %v: %v", call, a, err)
	}
}

// state is an instance as an SDK shows it; payloads as they went over the wire.
type state struct {
	ID, Name, Status            string
	Input, Output, CustomStatus *string
	Failure                     *struct{ Type, Message string }
	Tags                        map[string]string
}

func (s *state) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// wait returns an instance when it has ended.
func (c *client) wait(ctx context.Context, id string) *state {
	c.t.Helper()
	var s *state
	c.must(ctx, "wait", args{"id": id, "timeout": patience.Seconds()}, &s)
	if s == nil {
		c.t.Fatalf("wait for %s: not found", id)
	}
	return s
}

// until asks for an instance until it is as wanted.
func (c *client) until(ctx context.Context, id string, as func(*state) bool) *state {
	c.t.Helper()
	for {
		var s *state
		c.must(ctx, "get", args{"id": id}, &s)
		if s != nil && as(s) {
			return s
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("instance %s stays %v", id, s)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func hasStatus(want string) func(*state) bool {
	return func(s *state) bool { return s.Status == want }
}

// start starts an orchestration under an id and returns the id.
func (c *client) start(ctx context.Context, name, id string, input any) string {
	c.t.Helper()
	var got string
	c.must(ctx, "start", args{"name": name, "id": id, "input": input}, &got)
	if got != id {
		c.t.Fatalf("start answers %q, want %q", got, id)
	}
	return id
}

// sameJSON says how a payload differs from the JSON that is wanted; the SDKs
// write spaces differently.
func sameJSON(got *string, want string) error {
	if got == nil {
		return fmt.Errorf("no payload, want %s", want)
	}
	var g, w any
	if err := json.Unmarshal([]byte(*got), &g); err != nil {
		return fmt.Errorf("payload %q: %w", *got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return err
	}
	if !cmp.Equal(g, w) {
		return fmt.Errorf("payload %s, want %s", *got, want)
	}
	return nil
}
