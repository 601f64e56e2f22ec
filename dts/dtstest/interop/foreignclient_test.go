package interop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// A clientCase is what a foreign client does with orchestrations of our worker.
type clientCase struct {
	name  string
	needs []feature
	do    func(ctx context.Context, t *testing.T, c *client, ours *dts.Client)
}

// TestForeignClient lets one client process per SDK do one case after the other.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		work(t, sched)
		c := s.client(t, sched, "default")
		for _, tc := range slices.Concat(clientCases, controlCases, entityClientCases) {
			t.Run(strings.ReplaceAll(tc.name, " ", "-"), func(t *testing.T) {
				s.scenario(t, tc.needs...)
				c := &client{t: t, s: s, p: c.p}
				tc.do(inTime(t), t, c, sched.Client())
			})
		}
	})
}

var clientCases = []clientCase{
	{name: "starts and gets and waits", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-echo", "echo-1", map[string]int{"pears": 3})
		s := c.wait(ctx, id)
		if s.ID != id || s.Name != "go-echo" || s.Status != "COMPLETED" || s.Failure != nil {
			t.Errorf("instance is %v", s)
		}
		for _, payload := range []*string{s.Input, s.Output} {
			if err := sameJSON(payload, `{"pears":3}`); err != nil {
				t.Error(err)
			}
		}
		var bare *state
		c.must(ctx, "get", args{"id": id, "payloads": false}, &bare)
		if bare == nil || bare.Status != "COMPLETED" || bare.Input != nil && *bare.Input != "" || bare.Output != nil && *bare.Output != "" {
			t.Errorf("without payloads the instance is %v", bare)
		}
	}},
	{name: "names neither id nor input", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		var id string
		c.must(ctx, "start", args{"name": "go-echo"}, &id)
		if s := c.wait(ctx, id); id == "" || s.Status != "COMPLETED" {
			t.Errorf("instance %q is %v", id, s)
		}
		in, err := ours.Instance(ctx, id)
		if err != nil || len(in.Input) > 0 || len(in.Output) > 0 { // JavaScript sends an empty one
			t.Errorf("from no input came %q and %q, error %v", in.Input, in.Output, err)
		}
	}},
	{name: "hands over a version", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		c.must(ctx, "start", args{"name": "go-echo", "id": "versioned", "version": "1.2"}, nil)
		c.wait(ctx, "versioned")
		if in, err := ours.Instance(ctx, "versioned"); err != nil || in.Version != "1.2" {
			t.Errorf("instance is %+v, error %v", in, err)
		}
	}},
	{name: "hands over tags", needs: []feature{tagging}, do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		tags := map[string]string{"colour": "red"}
		c.must(ctx, "start", args{"name": "go-echo", "id": "tagged", "tags": tags}, nil)
		s := c.wait(ctx, "tagged")
		if s.Tags != nil && !cmp.Equal(s.Tags, tags) { // Python does not show them
			t.Errorf("the client sees tags %v", s.Tags)
		}
		in, err := ours.Instance(ctx, "tagged")
		if err != nil || !cmp.Equal(in.Tags, tags) {
			t.Errorf("instance is %+v, error %v", in, err)
		}
	}},
	{name: "starts later", do: func(ctx context.Context, t *testing.T, c *client, ours *dts.Client) {
		at := time.Now().Add(1200 * time.Millisecond).UTC().Truncate(time.Millisecond)
		c.must(ctx, "start", args{"name": "go-echo", "id": "later", "startAt": at.Format("2006-01-02T15:04:05.000+00:00")}, nil)
		var s *state
		c.must(ctx, "get", args{"id": "later"}, &s)
		if s == nil || s.Status != "PENDING" {
			t.Errorf("before its time the instance is %v", s)
		}
		c.wait(ctx, "later")
		in, err := ours.Instance(ctx, "later")
		if err != nil || !in.StartAt.Equal(at) || in.Completed.Before(at) {
			t.Errorf("to be started at %v, got %+v, error %v", at, in, err)
		}
	}},
	{name: "waits for the start and for a deadline", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-approval", "approval-1", nil)
		var s *state
		c.must(ctx, "waitStart", args{"id": id, "timeout": patience.Seconds()}, &s)
		if s == nil || s.Status != "RUNNING" {
			t.Errorf("started instance is %v", s)
		} else if err := sameJSON(s.CustomStatus, `{"waits":"decision"}`); err != nil {
			t.Errorf("custom status: %v", err)
		}
		if err := c.try(ctx, "wait", args{"id": id, "timeout": 0.3}, nil); err == nil || err.Code != "TIMEOUT" {
			t.Errorf("a wait that is too short gives %v, want TIMEOUT", err)
		}
	}},
	{name: "sees a failure", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		s := c.wait(ctx, c.start(ctx, "go-fail", "fail-1", nil))
		if s.Status != "FAILED" || s.Failure == nil || s.Failure.Message != "no stock" || s.Failure.Type == "" {
			t.Errorf("instance is %v", s)
		}
	}},
	{name: "reads history", needs: []feature{histories}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		c.wait(ctx, c.start(ctx, "go-call", "history-1", map[string]string{"activity": "go-greet", "input": "Ana"}))
		var got []struct {
			Kind string
			ID   int
		}
		c.must(ctx, "history", args{"id": "history-1"}, &got)
		var kinds []string
		for _, e := range got {
			kinds = append(kinds, e.Kind)
		}
		want := []string{"OrchestratorStarted", "ExecutionStarted", "TaskScheduled", "OrchestratorStarted", "TaskCompleted", "ExecutionCompleted"}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	}},
	{name: "queries in pages", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		var want []string
		for i := range 5 {
			want = append(want, c.start(ctx, []string{"go-echo", "go-fail"}[i%2], fmt.Sprintf("page:%d.a+b", i), i))
		}
		for _, id := range want {
			c.wait(ctx, id)
		}
		list := func(a args) (ids []string, pages int, items []*state) {
			var found struct {
				Pages int
				Items []*state
			}
			c.must(ctx, "query", a, &found)
			for _, s := range found.Items {
				ids = append(ids, s.ID)
			}
			return ids, found.Pages, found.Items
		}
		ids, pages, items := list(args{"prefix": "page:", "pageSize": 2, "payloads": true})
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Fatalf("ids (-want +got):\n%s", diff)
		}
		if pages != 0 && pages != 3 { // Python does not tell
			t.Errorf("five instances came in %d pages of two", pages)
		}
		for i, s := range items {
			if err := sameJSON(s.Input, fmt.Sprint(i)); err != nil {
				t.Errorf("input of %s: %v", s.ID, err)
			}
		}
		ids, _, items = list(args{"prefix": "page:", "statuses": []string{"FAILED", "TERMINATED"}})
		if diff := cmp.Diff([]string{want[1], want[3]}, ids); diff != "" {
			t.Errorf("failed ones (-want +got):\n%s", diff)
		}
		for _, s := range items {
			if s.Input != nil && *s.Input != "" {
				t.Errorf("input of %s comes unasked", s.ID)
			}
		}
	}},
	{name: "is refused a live id", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-approval", "taken", 1)
		c.until(ctx, id, hasStatus("RUNNING"))
		if err := c.try(ctx, "start", args{"name": "go-echo", "id": id, "input": 2}, nil); err == nil || err.Code != "ALREADY_EXISTS" {
			t.Errorf("a second start gives %v, want ALREADY_EXISTS", err)
		}
		c.must(ctx, "terminate", args{"id": id}, nil)
		c.wait(ctx, id)
		c.start(ctx, "go-echo", id, 3) // a finished instance is replaced
		if err := sameJSON(c.wait(ctx, id).Output, `3`); err != nil {
			t.Error(err)
		}
	}},
	{name: "replaces by policy", needs: []feature{reuse}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-approval", "replaced", 1)
		c.until(ctx, id, hasStatus("RUNNING"))
		again := func(statuses ...string) *callError {
			return c.try(ctx, "start", args{"name": "go-echo", "id": id, "input": 2, "replaceable": statuses}, nil)
		}
		if err := again("RUNNING"); err == nil || err.Code != "INVALID_ARGUMENT" ||
			!strings.Contains(err.Message, "Invalid reusable statuses: cannot exclude 'Terminated' while also allowing reuse of running instances") {
			t.Errorf("a policy that contradicts itself gives %v", err)
		}
		if err := again("COMPLETED"); err == nil || err.Code != "ALREADY_EXISTS" {
			t.Errorf("a policy that forbids gives %v", err)
		}
		if err := again("RUNNING", "PENDING", "TERMINATED"); err != nil {
			t.Fatal(err)
		}
		if err := sameJSON(c.wait(ctx, id).Output, `2`); err != nil {
			t.Error(err)
		}
	}},
	{name: "uses signs of all languages", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		id := c.start(ctx, "go-żółw", "żółw 🐢/1?a=b&c#d", "Ωραίο")
		c.until(ctx, id, func(s *state) bool { return s.CustomStatus != nil && *s.CustomStatus != "" })
		c.must(ctx, "raise", args{"id": id, "event": "ćma", "data": "\u0007 🐢"}, nil)
		s := c.wait(ctx, id)
		for payload, want := range map[*string]string{s.Input: `"Ωραίο"`, s.CustomStatus: `"czeka na ćmę"`, s.Output: `"\u0007 🐢"`} {
			if err := sameJSON(payload, want); err != nil {
				t.Error(err)
			}
		}
		var found struct{ Items []*state }
		if c.must(ctx, "query", args{"prefix": "żółw 🐢/"}, &found); len(found.Items) != 1 || found.Items[0].ID != id {
			t.Errorf("by its prefix %v is found", found.Items)
		}
	}},
	{name: "waits through a hundred executions", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		s := c.wait(ctx, c.start(ctx, "go-spin", "spin-1", 100))
		if err := sameJSON(s.Output, `"done"`); err != nil || s.Status != "COMPLETED" {
			t.Errorf("instance is %v: %v", s, err)
		}
	}},
	{name: "lists the ids of what has ended", needs: []feature{listing}, do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		from := time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00")
		var want, got []string
		for i := range 5 {
			id := c.start(ctx, "go-echo", fmt.Sprintf("ended-%d", 4-i), i)
			c.wait(ctx, id)
			want = append(want, id)
		}
		c.wait(ctx, c.start(ctx, "go-fail", "ended-failed", nil))
		c.must(ctx, "listIDs", args{"from": from, "statuses": []string{"COMPLETED"}, "pageSize": 2}, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ids in the order of their ends (-want +got):\n%s", diff)
		}
	}},
	{name: "is told of an unknown instance", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		var s *state
		if c.must(ctx, "get", args{"id": "nobody"}, &s); s != nil {
			t.Errorf("unknown instance is %v", s)
		}
		for _, call := range []string{"raise", "suspend", "resume", "terminate"} {
			if err := c.try(ctx, call, args{"id": "nobody", "event": "e"}, nil); err == nil || err.Code != "NOT_FOUND" {
				t.Errorf("%s gives %v, want NOT_FOUND", call, err)
			}
		}
		if !c.s.has(histories) {
			return
		}
		var events []struct{}
		if err := c.try(ctx, "history", args{"id": "nobody"}, &events); len(events) > 0 || err != nil && err.Code != "NOT_FOUND" {
			t.Errorf("history is %v, error %v, want none or NOT_FOUND", events, err) // JavaScript gives none
		}
	}},
	{name: "meets the limits", do: func(ctx context.Context, t *testing.T, c *client, _ *dts.Client) {
		big := strings.Repeat("x", 1<<20-2) // with its quotes 1 MiB
		if s := c.wait(ctx, c.start(ctx, "go-echo", "big", big)); s.Output == nil || *s.Output != `"`+big+`"` {
			t.Errorf("a payload of 1 MiB did not come back: status %s", s.Status)
		}
		for what, a := range map[string]args{
			"a longer payload":    {"name": "go-echo", "id": "bigger", "input": big + "x"},
			"an id of 101 signs":  {"name": "go-echo", "id": strings.Repeat("i", 101)},
			"an id of an entity":  {"name": "go-echo", "id": "@counter@a"},
			"a name of no length": {"name": "", "id": "nameless"},
		} {
			err := c.try(ctx, "start", a, nil)
			if c.s.name == java.name && a["name"] == "" && err != nil && err.Code == "IllegalArgumentException" {
				continue // it does not ask the scheduler
			}
			if err == nil || err.Code != "INVALID_ARGUMENT" {
				t.Errorf("%s gives %v, want INVALID_ARGUMENT", what, err)
			}
		}
	}},
}

// TestForeignClientNamesItsHub shows that a client without the header is in the
// hub "default", which Python's package for Azure and the header name too.
func TestForeignClientNamesItsHub(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		ctx := inTime(t)
		s.client(t, sched, "").start(ctx, "go-echo", "in-default", nil)
		for hub, want := range map[string]bool{"default": true, "other": false} {
			var in *state
			s.client(t, sched, hub).must(ctx, "get", args{"id": "in-default"}, &in)
			if got := in != nil; got != want {
				t.Errorf("in hub %q the instance is found: %v, want %v", hub, got, want)
			}
		}
		if err := s.client(t, sched, "no hub").try(ctx, "get", args{"id": "in-default"}, nil); err == nil || err.Code != "NOT_FOUND" {
			t.Errorf("a name that no hub can have gives %v, want NOT_FOUND", err)
		}
	})
}
