package dts_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

// inHub runs a test against the scheduler with a worker that knows two
// orchestrators: "wait" ends with the payload of its event "go", "echo" with its
// input.
func inHub(t *testing.T, test func(t *testing.T, c *dts.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		r := worker.NewRegistry()
		err := errors.Join(
			r.Orchestrator("wait", func(ctx *worker.Context, _ []byte) ([]byte, error) { return ctx.Event("go").Await() }),
			r.Orchestrator("echo", func(_ *worker.Context, in []byte) ([]byte, error) { return in, nil }),
		)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w, ended := worker.New(c, r), make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker: %v", err)
			}
		}()
		<-w.Ready()
		test(t, c)
	})
}

func start(t *testing.T, c *dts.Client, r dts.StartRequest) string {
	t.Helper()
	id, err := c.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wait(t *testing.T, c *dts.Client, id string) *dts.Instance {
	t.Helper()
	in, err := c.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestInstanceIsSteeredThroughItsLife(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, c *dts.Client) {
		ctx := t.Context()
		id := start(t, c, dts.StartRequest{Name: "wait", Version: "2", Tags: map[string]string{"a": "b"}, Input: []byte{}})
		in, err := c.WaitStarted(ctx, id)
		if err != nil || in.Status != dts.StatusRunning || in.Input == nil || len(in.Input) != 0 || in.Output != nil {
			t.Errorf("started: %+v, %v; want it running with an empty input and no output", in, err)
		}
		if in.Version != "2" || in.Tags["a"] != "b" || in.ExecutionID == "" || in.Created.IsZero() {
			t.Errorf("started: %+v, want version, tag, execution and time", in)
		}
		if err := c.Suspend(ctx, id, "hold"); err != nil {
			t.Fatal(err)
		}
		if err := c.Raise(ctx, id, "go", []byte(`"on"`)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if in, err := c.Instance(ctx, id); err != nil || in.Status != dts.StatusSuspended {
			t.Errorf("suspended: %+v, %v", in, err)
		}
		if n, err := c.Purge(ctx, id); n != 0 || err != nil {
			t.Errorf("purge of a live instance = %d, %v; want none", n, err)
		}
		if err := c.Resume(ctx, id, ""); err != nil {
			t.Fatal(err)
		}
		if in := wait(t, c, id); in.Status != dts.StatusCompleted || string(in.Output) != `"on"` || in.Completed.IsZero() {
			t.Errorf("ended: %+v, want it completed with the event's payload", in)
		}
		if n, err := c.Purge(ctx, id); n != 1 || err != nil {
			t.Errorf("purge = %d, %v; want one", n, err)
		}
		if _, err := c.Instance(ctx, id); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("get after purge: got %v, want ErrNotFound", err)
		}
	})
}

func TestTerminateGivesTheReasonAsOutput(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, c *dts.Client) {
		id := start(t, c, dts.StartRequest{Name: "wait"})
		if err := c.Terminate(t.Context(), id, "no longer wanted"); err != nil {
			t.Fatal(err)
		}
		if in := wait(t, c, id); in.Status != dts.StatusTerminated || string(in.Output) != `"no longer wanted"` || in.Input != nil {
			t.Errorf("ended: %+v, want it terminated with the reason", in)
		}
		for name, err := range map[string]error{
			"terminate": c.Terminate(t.Context(), "nobody", ""),
			"raise":     c.Raise(t.Context(), "nobody", "go", nil),
			"suspend":   c.Suspend(t.Context(), "nobody", ""),
			"resume":    c.Resume(t.Context(), "nobody", ""),
		} {
			if !errors.Is(err, dts.ErrNotFound) {
				t.Errorf("%s of an unknown instance: got %v, want ErrNotFound", name, err)
			}
		}
	})
}

func TestReusePolicyDecidesWhoKeepsAnID(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, c *dts.Client) {
		start(t, c, dts.StartRequest{Name: "wait", ID: "o-7"})
		again := func(reuse *dts.ReusePolicy) error {
			_, err := c.Start(t.Context(), dts.StartRequest{Name: "echo", ID: "o-7", Reuse: reuse, Input: []byte("1")})
			return err
		}
		if err := again(nil); !errors.Is(err, dts.ErrExists) {
			t.Errorf("live, no policy: got %v, want ErrExists", err)
		}
		if err := again(&dts.ReusePolicy{Replaceable: []dts.Status{dts.StatusRunning}}); !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("a policy that cannot terminate what it replaces: got %v, want ErrInvalid", err)
		}
		live := []dts.Status{dts.StatusPending, dts.StatusRunning, dts.StatusSuspended, dts.StatusTerminated}
		if err := again(&dts.ReusePolicy{Replaceable: live}); err != nil {
			t.Errorf("live, replaceable: %v", err)
		}
		if in := wait(t, c, "o-7"); string(in.Output) != "1" || in.Name != "echo" {
			t.Errorf("ended: %+v, want the second one", in)
		}
		if err := again(&dts.ReusePolicy{}); !errors.Is(err, dts.ErrExists) {
			t.Errorf("finished, nothing replaceable: got %v, want ErrExists", err)
		}
		if err := again(nil); err != nil {
			t.Errorf("finished, no policy: %v", err)
		}
	})
}

func TestHubIsListedPagedAndPurged(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, c *dts.Client) {
		began := time.Now()
		for _, id := range []string{"a-1", "a-2", "b-1", "b-2", "b-3"} {
			start(t, c, dts.StartRequest{Name: "echo", ID: id, Input: []byte("1")})
			wait(t, c, id)
			time.Sleep(time.Minute)
		}
		start(t, c, dts.StartRequest{Name: "wait", ID: "b-live"})
		ids := func(q dts.Query) (got []string) {
			for in, err := range c.Instances(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				if (in.Output != nil) != q.Payloads {
					t.Errorf("%s has output %q, asked is %t", in.ID, in.Output, q.Payloads)
				}
				got = append(got, in.ID)
			}
			return got
		}
		for name, tc := range map[string]struct {
			query dts.Query
			want  []string
		}{
			"all, two at a time": {dts.Query{PageSize: 2}, []string{"a-1", "a-2", "b-1", "b-2", "b-3", "b-live"}},
			"finished":           {dts.Query{Status: []dts.Status{dts.StatusCompleted}, Payloads: true}, []string{"a-1", "a-2", "b-1", "b-2", "b-3"}},
			"by prefix":          {dts.Query{IDPrefix: "a-", Payloads: true}, []string{"a-1", "a-2"}},
			"by time":            {dts.Query{CreatedFrom: began.Add(time.Minute), CreatedTo: began.Add(3 * time.Minute)}, []string{"a-2", "b-1"}},
			"none":               {dts.Query{IDPrefix: "c"}, nil},
		} {
			if diff := cmp.Diff(tc.want, ids(tc.query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if _, _, err := c.Page(t.Context(), dts.Query{}, "no token of yours"); !errors.Is(err, dts.ErrInvalid) {
			t.Errorf("a foreign token: got %v, want ErrInvalid", err)
		}
		if n, err := c.PurgeAll(t.Context(), dts.Query{IDPrefix: "b-"}); n != 3 || err != nil {
			t.Errorf("purge by prefix = %d, %v; want 3", n, err)
		}
		if n, err := c.PurgeAll(t.Context(), dts.Query{CreatedTo: began.Add(time.Minute)}); n != 1 || err != nil {
			t.Errorf("purge by time = %d, %v; want 1", n, err)
		}
		if diff := cmp.Diff([]string{"a-2", "b-live"}, ids(dts.Query{})); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	})
}

func TestBacklogCountsWhatWaitsForAWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		start(t, c, dts.StartRequest{Name: "echo"})
		start(t, c, dts.StartRequest{Name: "echo"})
		start(t, c, dts.StartRequest{Name: "echo", StartAt: time.Now().Add(24 * time.Hour)})
		time.Sleep(time.Minute)
		got, err := c.Backlog(t.Context())
		want := dts.Backlog{Orchestrations: dts.Work{Pending: 2, Oldest: time.Minute}}
		if err != nil || got != want {
			t.Errorf("Backlog = %+v, %v; want %+v", got, err, want)
		}
	})
}
