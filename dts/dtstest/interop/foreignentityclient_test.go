package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

// entityState is an entity as an SDK shows it.
type entityState struct {
	ID       string
	State    json.RawMessage
	Backlog  int
	LockedBy string // Python does not show it
	Modified time.Time
}

// signal signals an entity of our worker.
func (c *client) signal(ctx context.Context, key, operation string, input any) {
	c.t.Helper()
	c.must(ctx, "signal", args{"entity": "go-counter", "key": key, "operation": operation, "input": input}, nil)
}

// entity reads an entity of our worker, nil if it does not exist.
func (c *client) entity(ctx context.Context, key string) (e *entityState) {
	c.t.Helper()
	c.must(ctx, "getEntity", args{"entity": "go-counter", "key": key}, &e)
	return e
}

// untilEntity reads an entity of our worker until it is as wanted.
func (c *client) untilEntity(ctx context.Context, key string, as func(*entityState) bool) *entityState {
	c.t.Helper()
	for {
		e := c.entity(ctx, key)
		if as(e) {
			return e
		}
		select {
		case <-ctx.Done():
			c.t.Fatalf("entity %q stays %+v", key, e)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func counts(want string) func(*entityState) bool {
	return func(e *entityState) bool { return e != nil && string(e.State) == want }
}

// entityClientCases are what a foreign client does with entities of our worker.
var entityClientCases = []clientCase{
	{name: "signals and reads an entity", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		if e := c.entity(ctx, "signaled"); e != nil {
			t.Errorf("before its first operation the entity is %+v", e)
		}
		began := time.Now()
		for n := range 5 {
			c.signal(ctx, "signaled", "add", n)
		}
		e := c.untilEntity(ctx, "signaled", counts("10"))
		if e.ID != "@go-counter@signaled" || e.Backlog != 0 || e.LockedBy != "" || e.Modified.Before(began.Add(-time.Second)) {
			t.Errorf("entity is %+v", e)
		}
		var bare *entityState
		c.must(ctx, "getEntity", args{"entity": "GO-Counter", "key": "signaled", "state": false}, &bare)
		if bare == nil || len(bare.State) > 0 && string(bare.State) != "null" {
			t.Errorf("without its state the entity is %+v", bare)
		}
		if got, err := ours.Entity(ctx, dts.EntityID{Name: "go-counter", Key: "signaled"}); err != nil || string(got.State) != "10" {
			t.Errorf("we see %+v, error %v", got, err)
		}
		backlogIs(ctx, t, ours, dts.Backlog{Workers: 1})
	}},
	{name: "signals an entity later", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		at := time.Now().Add(1200 * time.Millisecond).UTC().Truncate(time.Millisecond)
		c.must(ctx, "signal", args{
			"entity": "go-counter", "key": "later", "operation": "add", "input": 1, "at": at.Format("2006-01-02T15:04:05.000+00:00"),
		}, nil)
		if e := c.entity(ctx, "later"); e != nil {
			t.Errorf("before its time the entity is %+v", e)
		}
		backlogIs(ctx, t, ours, dts.Backlog{Workers: 1}) // what is not due is not work
		if e := c.untilEntity(ctx, "later", counts("1")); e.Modified.Before(at) {
			t.Errorf("to be signaled at %v, the entity was at %v", at, e.Modified)
		}
	}},
	{name: "deletes an entity", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		c.signal(ctx, "deleted", "add", 1)
		c.untilEntity(ctx, "deleted", counts("1"))
		c.signal(ctx, "deleted", "delete", nil)
		c.untilEntity(ctx, "deleted", func(e *entityState) bool { return e == nil })
	}},
	{name: "sees who holds a lock", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		c.signal(ctx, "locked", "add", 1)
		id := c.start(ctx, "go-guard", "guard-1", operand{Entity: "go-counter", Keys: []string{"locked", "locked too"}})
		c.until(ctx, id, func(s *state) bool { return s.CustomStatus != nil && *s.CustomStatus != "" })
		c.signal(ctx, "locked", "add", 1)
		e := c.entity(ctx, "locked")
		if e == nil || string(e.State) != "1" || e.Backlog != 1 || e.LockedBy != id && c.s.name == javascript.name {
			t.Errorf("locked by %s the entity is %+v", id, e)
		}
		backlogIs(ctx, t, ours, dts.Backlog{Workers: 1}) // an operation that waits for the lock needs no worker
		if got := c.query(ctx, args{"prefix": "go-counter@locked", "transient": true}); len(got) != 2 {
			t.Errorf("locked entities are %+v, want the one without a state too", got)
		}
		c.must(ctx, "raise", args{"id": id, "event": "decision", "data": 1}, nil)
		c.untilEntity(ctx, "locked", counts("2"))
		c.wait(ctx, id)
		if got := c.query(ctx, args{"prefix": "go-counter@locked", "transient": true}); len(got) != 1 {
			t.Errorf("after the lock the entities are %+v, want one", got)
		}
	}},
	{name: "queries entities in pages", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		want := make(map[string]string)
		for i := range 5 {
			key := fmt.Sprintf("page-%d a+b", i)
			c.signal(ctx, key, "add", i)
			c.untilEntity(ctx, key, counts(fmt.Sprint(i)))
			want["@go-counter@"+key] = fmt.Sprint(i)
		}
		for _, prefix := range []string{"go-counter@page-", "@GO-Counter@page-"} {
			got := make(map[string]string)
			for _, e := range c.query(ctx, args{"prefix": prefix, "pageSize": 2}) {
				got[e.ID] = string(e.State)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entities with %q (-want +got):\n%s", prefix, diff)
			}
		}
		for _, e := range c.query(ctx, args{"prefix": "go-counter@page-", "state": false}) {
			if len(e.State) > 0 && string(e.State) != "null" {
				t.Errorf("the state of %s comes unasked", e.ID)
			}
		}
	}},
	{name: "cleans entities", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		var counts map[string]any
		c.must(ctx, "cleanEntities", args{}, &counts)
		for what, n := range counts {
			if n != 0.0 { // the scheduler leaves nothing to clean
				t.Errorf("%s: %v, want 0", what, n)
			}
		}
		if len(counts) != 2 {
			t.Errorf("cleaned %v, want two counts", counts)
		}
	}},
	{name: "is refused what no entity is", needs: []feature{entities}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		long := args{"entity": "go-counter", "key": string(make([]byte, 101)), "operation": "add", "input": 1}
		if err := c.try(ctx, "signal", long, nil); err == nil || err.Code != "INVALID_ARGUMENT" {
			t.Errorf("a key of 101 signs gives %v, want INVALID_ARGUMENT", err)
		}
	}},
}

// query lists entities.
func (c *client) query(ctx context.Context, a args) []*entityState {
	c.t.Helper()
	var found struct {
		Pages int
		Items []*entityState
	}
	c.must(ctx, "queryEntities", a, &found)
	if size, ok := a["pageSize"].(int); ok && found.Pages != 0 && found.Pages != (len(found.Items)+size-1)/size { // Python does not tell
		c.t.Errorf("%d entities came in %d pages of %d", len(found.Items), found.Pages, size)
	}
	return found.Items
}

// backlogIs asks for the metrics of the hub until they are as wanted. Ages are
// left out: how old the oldest may be is looked at where it matters.
func backlogIs(ctx context.Context, t *testing.T, c *dts.Client, want dts.Backlog) {
	t.Helper()
	for {
		got, err := c.Backlog(ctx)
		got.Orchestrations.Oldest, got.Activities.Oldest, got.Entities.Oldest = 0, 0, 0
		if err == nil && got == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("backlog stays %+v, error %v, want %+v", got, err, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
