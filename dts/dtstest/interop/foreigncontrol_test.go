package interop

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
)

// controlCases are what a foreign client does to orchestrations that are there.
var controlCases = []clientCase{
	{name: "raises an event", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-approval", "approval-2", nil)
		c.must(ctx, "raise", args{"id": id, "event": "Decision", "data": map[string]bool{"yes": true}}, nil)
		if err := sameJSON(c.wait(ctx, id).Output, `{"yes":true}`); err != nil {
			t.Error(err)
		}
	}},
	{name: "suspends and resumes", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		id := c.start(ctx, "go-approval", "approval-3", nil)
		c.until(ctx, id, hasStatus("RUNNING"))
		c.must(ctx, "suspend", args{"id": id}, nil)
		c.until(ctx, id, hasStatus("SUSPENDED"))
		c.must(ctx, "raise", args{"id": id, "event": "decision", "data": 7}, nil)
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		if in, err := ours.Wait(short, id); err == nil {
			t.Errorf("a suspended instance went on: %+v", in)
		}
		c.must(ctx, "resume", args{"id": id}, nil)
		if err := sameJSON(c.wait(ctx, id).Output, `7`); err != nil {
			t.Error(err)
		}
	}},
	{name: "terminates", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-approval", "approval-4", nil)
		c.must(ctx, "terminate", args{"id": id, "output": map[string]string{"why": "late"}}, nil)
		s := c.wait(ctx, id)
		if err := sameJSON(s.Output, `{"why":"late"}`); s.Status != "TERMINATED" || err != nil {
			t.Errorf("instance is %v: %v", s, err)
		}
	}},
	{name: "terminates children too", needs: []feature{recursion}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		for _, recursive := range []bool{false, true} {
			id := fmt.Sprintf("keeper-%v", recursive)
			c.start(ctx, "go-keeper", id, id+"-child")
			c.until(ctx, id+"-child", hasStatus("RUNNING"))
			c.must(ctx, "terminate", args{"id": id, "output": "enough", "recursive": recursive}, nil)
			c.wait(ctx, id)
			if recursive {
				c.until(ctx, id+"-child", hasStatus("TERMINATED"))
			} else if s := c.until(ctx, id+"-child", func(*state) bool { return true }); s.Status != "RUNNING" {
				t.Errorf("the child of a terminated instance is %v", s)
			}
		}
	}},
	{name: "purges", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		count := func(call string, a args) (n int) {
			c.must(ctx, call, a, &n)
			return n
		}
		live := c.start(ctx, "go-approval", "purge-live", nil)
		c.until(ctx, live, hasStatus("RUNNING"))
		done := c.start(ctx, "go-delegate", "purge-done", map[string]any{"orchestrator": "go-echo", "input": 1})
		c.wait(ctx, done)
		deleted := 2
		if !c.s.has(recursion) {
			deleted = 1
		}
		got := []int{
			count("purge", args{"id": live}),
			count("purge", args{"id": "purge-unknown"}),
			count("purge", args{"id": done, "recursive": true}),
			count("purge", args{"id": done, "recursive": true}),
		}
		if want := []int{0, 0, deleted, 0}; !slices.Equal(got, want) {
			t.Errorf("purged %d, want %d: a live, an unknown, one with its child, again", got, want)
		}
		var s *state
		if c.must(ctx, "get", args{"id": done}, &s); s != nil {
			t.Errorf("a purged instance is there: %v", s)
		}
	}},
	{name: "purges by filter", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		from := time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00")
		c.wait(ctx, c.start(ctx, "go-echo", "filter-completed", 1))
		c.wait(ctx, c.start(ctx, "go-fail", "filter-failed", 1))
		n := 0
		c.must(ctx, "purgeWhere", args{"from": from, "statuses": []string{"FAILED"}}, &n)
		var failed, completed *state
		c.must(ctx, "get", args{"id": "filter-failed"}, &failed)
		c.must(ctx, "get", args{"id": "filter-completed"}, &completed)
		if n != 1 || failed != nil || completed == nil {
			t.Errorf("purged %d; failed one: %v, completed one: %v", n, failed, completed)
		}
	}},
	{name: "restarts", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		id := c.start(ctx, "go-approval", "restarted", 5)
		c.until(ctx, id, hasStatus("RUNNING"))
		live, unknown := "FAILED_PRECONDITION", "NOT_FOUND"
		if c.s.name == java.name { // it reads the instance and starts one like it
			live, unknown = "ALREADY_EXISTS", "IllegalArgumentException"
		}
		if err := c.try(ctx, "restart", args{"id": id}, nil); err == nil || err.Code != live {
			t.Errorf("restart of a running instance gives %v, want %s", err, live)
		}
		if err := c.try(ctx, "restart", args{"id": "nobody"}, nil); err == nil || err.Code != unknown {
			t.Errorf("restart of an unknown instance gives %v, want %s", err, unknown)
		}
		c.must(ctx, "terminate", args{"id": id}, nil)
		c.wait(ctx, id)
		before, err := ours.Instance(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		var again string
		c.must(ctx, "restart", args{"id": id}, &again)
		s := c.until(ctx, again, hasStatus("RUNNING"))
		after, err := ours.Instance(ctx, again)
		if err != nil || again != id || after.ExecutionID == before.ExecutionID {
			t.Errorf("restarted as %q: %+v, error %v", again, after, err)
		}
		if err := sameJSON(s.Input, `5`); err != nil {
			t.Errorf("input: %v", err)
		}
	}},
	{name: "restarts under a new id", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		c.wait(ctx, c.start(ctx, "go-echo", "copied", []int{5}))
		var again string
		c.must(ctx, "restart", args{"id": "copied", "newID": true}, &again)
		if s := c.wait(ctx, again); again == "copied" || s.Name != "go-echo" || sameJSON(s.Output, `[5]`) != nil {
			t.Errorf("restarted as %q it is %v", again, s)
		}
		if in, err := ours.Instance(ctx, "copied"); err != nil || in.Status != dts.StatusCompleted {
			t.Errorf("what was restarted is %+v, error %v", in, err)
		}
	}},
	{name: "rewinds", needs: []feature{rewinding}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-mend", "rewound", "once")
		if s := c.wait(ctx, id); s.Status != "FAILED" {
			t.Fatalf("the first time it is %v", s)
		}
		c.must(ctx, "rewind", args{"id": id}, nil)
		s := c.wait(ctx, id)
		if err := sameJSON(s.Output, `"once"`); err != nil || s.Status != "COMPLETED" {
			t.Errorf("rewound it is %v: %v", s, err)
		}
		if err := c.try(ctx, "rewind", args{"id": id}, nil); err == nil || err.Code != "FAILED_PRECONDITION" && err.Code != "Error" {
			t.Errorf("rewind of what has not failed gives %v", err)
		}
		if err := c.try(ctx, "rewind", args{"id": "nobody"}, nil); err == nil || err.Code != "NOT_FOUND" && err.Code != "Error" {
			t.Errorf("rewind of an unknown instance gives %v", err)
		}
	}},
	{name: "suspends a parent and its child", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		parent, child := c.start(ctx, "go-keeper", "suspended", "suspended-child"), "suspended-child"
		c.until(ctx, child, hasStatus("RUNNING"))
		c.must(ctx, "suspend", args{"id": parent}, nil)
		c.until(ctx, parent, hasStatus("SUSPENDED"))
		if s := c.until(ctx, child, func(*state) bool { return true }); s.Status != "RUNNING" {
			t.Errorf("the child of a suspended instance is %v", s)
		}
		c.must(ctx, "suspend", args{"id": child}, nil)
		c.until(ctx, child, hasStatus("SUSPENDED"))
		c.must(ctx, "raise", args{"id": child, "event": "decision", "data": 7}, nil)
		c.must(ctx, "resume", args{"id": child}, nil)
		c.wait(ctx, child)
		if s := c.until(ctx, parent, func(*state) bool { return true }); s.Status != "SUSPENDED" {
			t.Errorf("with its child at an end the suspended instance is %v", s)
		}
		c.must(ctx, "resume", args{"id": parent}, nil)
		if err := sameJSON(c.wait(ctx, parent).Output, `7`); err != nil {
			t.Error(err)
		}
	}},
	{name: "raises and terminates before the start", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		at := func(d time.Duration) string {
			return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05.000+00:00")
		}
		c.must(ctx, "start", args{"name": "go-approval", "id": "early", "startAt": at(time.Second)}, nil)
		c.must(ctx, "raise", args{"id": "early", "event": "decision", "data": 7}, nil)
		c.must(ctx, "start", args{"name": "go-approval", "id": "never", "startAt": at(time.Hour)}, nil)
		c.must(ctx, "terminate", args{"id": "never", "output": "no"}, nil)
		s := c.wait(ctx, "never")
		if err := sameJSON(s.Output, `"no"`); err != nil || s.Status != "TERMINATED" {
			t.Errorf("terminated before its start it is %v: %v", s, err)
		}
		if err := sameJSON(c.wait(ctx, "early").Output, `7`); err != nil {
			t.Error(err)
		}
		if in, err := ours.Instance(ctx, "early"); err != nil || in.Completed.Before(in.StartAt) {
			t.Errorf("instance is %+v, error %v", in, err)
		}
	}},
}
