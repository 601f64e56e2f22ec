package triggers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// report is what ticks start. A test binds it to what it needs.
var report = durable.OrchestratorNamed[durable.Tick, durable.None]("report")

// atOnce is a report that is done when it is started.
func atOnce(*durable.Context, durable.Tick) (durable.None, error) { return durable.None{}, nil }

// cronHost runs an app with its triggers and functions, without a listener, until
// the test ends or stop is called. Ready is when it has started.
func cronHost(t *testing.T, c *dts.Client, role framework.Role, log slog.Handler, defs []durable.Definition, ts ...framework.Trigger) (stop func()) {
	t.Helper()
	ready := make(chan struct{})
	app := framework.New("reports",
		framework.Set("role", string(role)),
		framework.Set("listen", "none"),
		framework.Set("admin-listen", "none"),
		framework.WithClient(c),
		framework.WithLogger(slog.New(log)),
		framework.OnReady(func(framework.Ready) { close(ready) }),
	).Add(defs...).On(ts...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the app ended: %v", err)
	}
	return stop
}

func reports(t *testing.T, c *dts.Client, ts ...framework.Trigger) (stop func()) {
	t.Helper()
	return cronHost(t, c, framework.RoleAll, slog.DiscardHandler, []durable.Definition{report.With(atOnce)}, ts...)
}

// ticks are the inputs of the instances that cron triggers have started, by due
// time.
func ticks(t *testing.T, c *dts.Client) []durable.Tick {
	t.Helper()
	var all []durable.Tick
	for in, err := range c.Instances(t.Context(), dts.Query{IDPrefix: "cron:", Payloads: true}) {
		if err != nil {
			t.Fatal(err)
		}
		var tick durable.Tick
		if err := json.Unmarshal(in.Input, &tick); err != nil {
			t.Fatal(err)
		}
		all = append(all, tick)
	}
	slices.SortFunc(all, func(a, b durable.Tick) int { return a.Due.Compare(b.Due) })
	return all
}

// dues are the due times of ticks, as texts.
func dues(all []durable.Tick) []string {
	var texts []string
	for _, tick := range all {
		texts = append(texts, tick.Due.Format(time.RFC3339))
	}
	return texts
}

func count(t *testing.T, c *dts.Client, q dts.Query) int {
	t.Helper()
	n := 0
	for _, err := range c.Instances(context.WithoutCancel(t.Context()), q) { // also in a cleanup
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// In a bubble the clock begins at midnight of 1 January 2000, UTC.

func TestEachSecondHasATick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		reports(t, c, triggers.Cron("* * * * * *", report))
		time.Sleep(5*time.Second + time.Millisecond)
		want := []string{
			"2000-01-01T00:00:01Z", "2000-01-01T00:00:02Z", "2000-01-01T00:00:03Z", "2000-01-01T00:00:04Z", "2000-01-01T00:00:05Z",
		}
		all := ticks(t, c)
		if diff := cmp.Diff(want, dues(all)); diff != "" {
			t.Errorf("due times (-want +got):\n%s", diff)
		}
		for _, tick := range all {
			if tick.Trigger != "report" || tick.Late || tick.Missed != 0 {
				t.Errorf("tick %+v, want one of report that is in time", tick)
			}
		}
		if in, err := c.Instance(t.Context(), "cron:report:2000-01-01T00:00:05Z"); err != nil || in.Status != dts.StatusCompleted {
			t.Errorf("the last run: %+v, %v", in, err)
		}
	})
}

func TestTicksKeepToTheWallClockWhenItChanges(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string][]string{
		"America/New_York":    {"2000-04-01T02:30:00-05:00", "2000-04-02T03:30:00-04:00", "2000-04-03T02:30:00-04:00"},
		"Europe/Berlin":       {"2000-03-25T02:30:00+01:00", "2000-03-26T03:30:00+02:00", "2000-03-27T02:30:00+02:00"},
		"Australia/Lord_Howe": {"2000-08-26T02:15:00+10:30", "2000-08-27T02:45:00+11:00", "2000-08-28T02:15:00+11:00"},
	} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				spec := "30 2 * * *"
				if strings.HasSuffix(zone, "Howe") {
					spec = "15 2 * * *"
				}
				first, err := time.Parse(time.RFC3339, want[0])
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Until(first) - time.Hour)
				c := dtstest.Start(t).Client()
				reports(t, c, triggers.Cron(spec, report, triggers.TimeZone(zone)))
				time.Sleep(50 * time.Hour)
				if diff := cmp.Diff(want, dues(ticks(t, c))); diff != "" {
					t.Errorf("due times (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTickFiresWhileNoTriggerHostIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		nightly := triggers.Cron("@daily", report, triggers.Name("nightly"))
		stop := reports(t, c, nightly)
		time.Sleep(time.Hour)
		stop()
		cronHost(t, c, framework.RoleWorker, slog.DiscardHandler, []durable.Definition{report.With(atOnce)}, nightly)
		time.Sleep(48 * time.Hour)
		if diff := cmp.Diff([]string{"2000-01-02T00:00:00Z", "2000-01-03T00:00:00Z"}, dues(ticks(t, c))); diff != "" {
			t.Errorf("due times (-want +got):\n%s", diff)
		}
	})
}

func TestMissedTicksGoByThePolicy(t *testing.T) {
	t.Parallel()
	type due struct {
		Hour   int
		Late   bool
		Missed int
	}
	for _, tc := range []struct {
		policy triggers.MissedPolicy
		down   time.Duration // from half past midnight
		want   []due
	}{
		{triggers.MissedOne, 3 * time.Hour, []due{{1, true, 2}, {4, false, 0}}},
		{triggers.MissedAll, 3 * time.Hour, []due{{1, true, 0}, {2, true, 0}, {3, true, 0}, {4, false, 0}}},
		{triggers.MissedNone, 3 * time.Hour, []due{{4, false, 0}}},
		{triggers.MissedNone, 31 * time.Minute, []due{{1, false, 0}, {2, false, 0}}},
		{triggers.MissedOne, 40 * time.Minute, []due{{1, true, 0}, {2, false, 0}}},
		// The day back from half past two ends at half past two of the day before.
		{triggers.MissedAll, 26 * time.Hour, append([]due{{1, true, 1}}, func() (rest []due) {
			for hour := 3; hour <= 26; hour++ {
				rest = append(rest, due{hour, true, 0})
			}
			return append(rest, due{27, false, 0})
		}()...)},
	} {
		t.Run(fmt.Sprintf("%s after %v", tc.policy, tc.down), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := dtstest.Start(t).Client()
				hourly := triggers.Cron("@hourly", report, triggers.Missed(tc.policy), triggers.Overlap(triggers.OverlapAllow))
				stop := reports(t, c, hourly)
				time.Sleep(30 * time.Minute)
				stop()
				time.Sleep(tc.down)
				reports(t, c, hourly)
				time.Sleep(time.Hour)
				began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
				var got []due
				for _, tick := range ticks(t, c) {
					got = append(got, due{int(tick.Due.Sub(began).Hours()), tick.Late, tick.Missed})
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("ticks (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestOverlappingTicksGoByThePolicy(t *testing.T) {
	t.Parallel()
	slow := report.With(func(ctx *durable.Context, _ durable.Tick) (durable.None, error) {
		ctx.Sleep(150 * time.Minute)
		return durable.None{}, nil
	})
	for policy, want := range map[triggers.OverlapPolicy][]int{
		triggers.OverlapSkip:  {1, 4, 7}, // the run of one o'clock ends at half past three
		triggers.OverlapAllow: {1, 2, 3, 4, 5, 6, 7},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := dtstest.Start(t).Client()
				cronHost(t, c, framework.RoleAll, slog.DiscardHandler, []durable.Definition{slow},
					triggers.Cron("@hourly", report, triggers.Overlap(policy)))
				time.Sleep(7*time.Hour + time.Minute)
				var got []int
				for _, tick := range ticks(t, c) {
					got = append(got, tick.Due.Hour())
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("hours (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// G7, in virtual time and with power cuts of the scheduler; cronkill_test.go has
// processes: hosts come and go, the scheduler loses power, and
// every due time has one finished instance.
func TestEveryDueTimeRunsOnceWhileHostsAndSchedulerDie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
		rng := rand.New(rand.NewPCG(seed, 0))
		s := dtstest.Start(t)
		c := s.Client()
		start := func() (kill func()) {
			wire := &mortal{ClientConnInterface: s.Conn()}
			wire.life, wire.end = context.WithCancel(context.Background())
			stop := reports(t, s.Connect("default", dts.WithConn(wire)), triggers.Cron("* * * * * *", report,
				triggers.Missed(triggers.MissedAll), triggers.Overlap(triggers.OverlapAllow)))
			return func() {
				wire.end() // whatever the host still does, nobody hears of it
				stop()
			}
		}
		hosts := []func(){start(), start(), start()}
		killed, crashed := 0, 0
		began := time.Now()
		for time.Since(began) < 2*time.Minute {
			time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
			switch i := rng.IntN(len(hosts)); {
			case rng.IntN(8) == 0:
				s.Crash()
				crashed++
			case hosts[i] == nil:
				hosts[i] = start()
			case alive(hosts) > 1:
				hosts[i]()
				hosts[i] = nil
				killed++
			}
		}
		time.Sleep(10 * time.Second) // for those that a crash has delayed
		finished := make(map[string]bool)
		for in, err := range c.Instances(t.Context(), dts.Query{IDPrefix: "cron:", Status: []dts.Status{dts.StatusCompleted}}) {
			if err != nil {
				t.Fatal(err)
			}
			finished[in.ID] = true
		}
		for i := range 120 {
			id := "cron:report:" + began.Truncate(time.Second).Add(time.Duration(i+1)*time.Second).Format(time.RFC3339)
			if !finished[id] {
				t.Errorf("%s did not finish", id)
			}
		}
		if killed == 0 || crashed == 0 {
			t.Errorf("%d hosts killed, %d power cuts: the world was too kind", killed, crashed)
		}
		if all := dues(ticks(t, c)); len(all) != len(slices.Compact(slices.Clone(all))) {
			t.Errorf("due times that ran more than once: %v", all)
		}
	})
}

// mortal is the connection of a host until it is killed.
type mortal struct {
	grpc.ClientConnInterface

	life context.Context
	end  context.CancelFunc
}

func (m *mortal) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, cancel := m.until(ctx)
	defer cancel()
	if m.life.Err() != nil {
		return status.Error(codes.Unavailable, "killed")
	}
	return m.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func (m *mortal) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, _ = m.until(ctx)
	if m.life.Err() != nil {
		return nil, status.Error(codes.Unavailable, "killed")
	}
	return m.ClientConnInterface.NewStream(ctx, desc, method, opts...)
}

// until is ctx, and ends with the host too.
func (m *mortal) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(m.life, cancel)
	return ctx, cancel
}

func alive(hosts []func()) int {
	n := 0
	for _, h := range hosts {
		if h != nil {
			n++
		}
	}
	return n
}

func TestTickThatIsRepeatedStartsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		hourly := triggers.Cron("@hourly", report)
		reports(t, c, hourly)
		reports(t, c, hourly)
		time.Sleep(90 * time.Minute)
		const run, tick = "cron:report:2000-01-01T01:00:00Z", "cron-tick:report:2000-01-01T01:00:00Z"
		before := instance(t, c, run)
		// The same work once more, as after an answer that was lost.
		again := dts.StartRequest{Name: "funchost.cron.tick", ID: "again", Input: instance(t, c, tick).Input}
		if _, err := c.Start(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if in, err := c.Wait(t.Context(), "again"); err != nil || in.Status != dts.StatusCompleted {
			t.Fatalf("%+v, %v", in, err)
		}
		// A host that starts declares again; nothing more comes of that either.
		reports(t, c, hourly)
		time.Sleep(time.Minute)
		if diff := cmp.Diff(before, instance(t, c, run)); diff != "" {
			t.Errorf("the run has changed (-before +after):\n%s", diff)
		}
		if got := count(t, c, dts.Query{IDPrefix: "cron"}); got != 4 {
			t.Errorf("%d instances, want the record, two ticks and a run", got)
		}
	})
}

func instance(t *testing.T, c *dts.Client, id string) *dts.Instance {
	t.Helper()
	in, err := c.Instance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestFinishedTicksArePurgedAfterAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		reports(t, c, triggers.Cron("*/5 * * * *", report))
		time.Sleep(10*time.Hour + time.Second)
		// An hour has twelve, one waits, and the one that purges comes first.
		if got := count(t, c, dts.Query{IDPrefix: "cron-tick:"}); got < 12 || got > 15 {
			t.Errorf("%d ticks are kept, want those of an hour", got)
		}
		if got := len(ticks(t, c)); got != 120 {
			t.Errorf("%d runs, want 120: they are not ours to purge", got)
		}
	})
}

func TestNewScheduleWithdrawsTheTickOfTheOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		stop := reports(t, c, triggers.Cron("0 12 * * *", report))
		time.Sleep(time.Second)
		if _, err := c.Instance(t.Context(), "cron-tick:report:2000-01-01T12:00:00Z"); err != nil {
			t.Error(err)
		}
		stop()
		reports(t, c, triggers.Cron("0 18 * * *", report))
		time.Sleep(time.Second)
		if _, err := c.Instance(t.Context(), "cron-tick:report:2000-01-01T12:00:00Z"); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("the old tick: %v, want that it is gone", err)
		}
		time.Sleep(24 * time.Hour)
		if diff := cmp.Diff([]string{"2000-01-01T18:00:00Z"}, dues(ticks(t, c))); diff != "" {
			t.Errorf("due times (-want +got):\n%s", diff)
		}
	})
}

func TestDueTimeOfBothSchedulesRunsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		stop := reports(t, c, triggers.Cron("@hourly", report))
		time.Sleep(time.Second)
		stop()
		reports(t, c, triggers.Cron("*/30 * * * *", report))
		time.Sleep(2*time.Hour + time.Second)
		want := []string{"2000-01-01T00:30:00Z", "2000-01-01T01:00:00Z", "2000-01-01T01:30:00Z", "2000-01-01T02:00:00Z"}
		if diff := cmp.Diff(want, dues(ticks(t, c))); diff != "" {
			t.Errorf("due times (-want +got):\n%s", diff)
		}
	})
}

func TestTriggerThatIsGoneFromTheAppIsWithdrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		daily := triggers.Cron("@daily", report, triggers.Name("daily"))
		hourly := triggers.Cron("@hourly", report, triggers.Name("hourly"))
		stop := reports(t, c, daily, hourly)
		time.Sleep(time.Minute)
		stop()
		reports(t, c, daily)
		time.Sleep(25 * time.Hour)
		if diff := cmp.Diff([]string{"2000-01-02T00:00:00Z"}, dues(ticks(t, c))); diff != "" {
			t.Errorf("due times (-want +got):\n%s", diff)
		}
		if got := count(t, c, dts.Query{IDPrefix: "cron-tick:hourly:"}); got != 0 {
			t.Errorf("%d ticks of the trigger that is gone, want none", got)
		}
		if in, err := c.Instance(t.Context(), "cron-schedule:hourly"); err != nil || in.Status != dts.StatusCompleted {
			t.Errorf("its record after a day: %+v, %v, want that it is finished", in, err)
		}
	})
}

// Decision 22: a rolling update has hosts of both kinds for a while, and an old
// host that restarts meanwhile does not take the schedule back.
func TestOldHostsOfARollingUpdateDoNotWin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		old, young := triggers.Cron("30 * * * *", report), triggers.Cron("45 * * * *", report)
		stopOld := reports(t, c, old)
		stopOther := reports(t, c, old)
		time.Sleep(time.Minute)
		stopYoung := reports(t, c, young)
		time.Sleep(time.Minute)
		stopOld()
		stopOld = reports(t, c, old) // it crashed, say
		time.Sleep(3 * time.Hour)
		stopOld()
		stopOther()
		for _, due := range dues(ticks(t, c)) {
			if !strings.Contains(due, ":45:") {
				t.Errorf("due %s is of the old schedule", due)
			}
		}
		if got := len(ticks(t, c)); got != 3 {
			t.Errorf("%d ticks in three hours, want 3", got)
		}

		// A roll-back: hosts with the old schedule, and nobody left to object.
		stopYoung()
		reports(t, c, old)
		time.Sleep(2 * time.Minute)
		in, err := c.Instance(t.Context(), "cron-schedule:report")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(in.CustomStatus), `"spec":"30 * * * *"`) {
			t.Errorf("two minutes after the roll-back the record says %s", in.CustomStatus)
		}
	})
}

// The record's history is cut from time to time; ticks that read it meanwhile see
// a plan.
func TestRecordOutlivesManyDeclarations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		for range 120 {
			reports(t, c, triggers.Cron("* * * * * *", report))()
			time.Sleep(50 * time.Millisecond)
		}
		reports(t, c, triggers.Cron("* * * * * *", report))
		time.Sleep(3 * time.Second)
		events := 0
		for _, err := range c.History(t.Context(), "cron-schedule:report") {
			if err != nil {
				t.Fatal(err)
			}
			events++
		}
		if events > 500 {
			t.Errorf("%d events in the history of the record, want it cut", events)
		}
		all := ticks(t, c)
		if last := all[len(all)-1].Due; time.Since(last) > time.Second {
			t.Errorf("the last tick was due at %v, it is %v", last, time.Now())
		}
	})
}

func TestTerminatedRecordIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		stop := reports(t, c, triggers.Cron("@hourly", report))
		time.Sleep(time.Minute)
		if err := c.Terminate(t.Context(), "cron-schedule:report", "enough"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if got := len(ticks(t, c)); got != 2 {
			t.Errorf("%d ticks, want 2: a host is there that wants them", got)
		}
		stop()
		cronHost(t, c, framework.RoleWorker, slog.DiscardHandler, []durable.Definition{report.With(atOnce)}, triggers.Cron("@hourly", report))
		if err := c.Terminate(t.Context(), "cron-schedule:report", "enough"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if got := len(ticks(t, c)); got != 2 {
			t.Errorf("%d ticks, want 2 as before: the trigger is withdrawn", got)
		}
	})
}

func TestAppWithoutCronTriggersWithdrawsTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		stop := reports(t, c, triggers.Cron("@hourly", report))
		time.Sleep(time.Minute)
		stop()
		reports(t, c, triggers.NoCron())
		time.Sleep(25 * time.Hour)
		if got := len(ticks(t, c)); got != 0 {
			t.Errorf("%d ticks, want none", got)
		}
		if in, err := c.Instance(t.Context(), "cron-schedule:report"); err != nil || in.Status != dts.StatusCompleted {
			t.Errorf("its record after a day: %+v, %v, want that it is finished", in, err)
		}
		backlog, err := c.Backlog(t.Context())
		if want := (dts.Backlog{Workers: 1}); err != nil || backlog != want {
			t.Errorf("backlog %+v, %v, want none: nothing may keep a worker awake", backlog, err)
		}
	})
}

func TestCronFuncRunsForEachTickAndAgainWhenItFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		var hours []int
		stop := cronHost(t, c, framework.RoleAll, slog.DiscardHandler, nil, triggers.CronFunc("@hourly", func(ctx context.Context, tick durable.Tick) error {
			if framework.ClientFrom(ctx) != c {
				t.Error("the function does not find the client")
			}
			hours = append(hours, tick.Due.Hour())
			if len(hours) == 1 {
				return errors.New("not yet")
			}
			return nil
		}, triggers.Name("clean up")))
		time.Sleep(2*time.Hour + time.Minute)
		stop()
		if diff := cmp.Diff([]int{1, 1, 2}, hours); diff != "" {
			t.Errorf("hours (-want +got):\n%s", diff)
		}
	})
}

func TestLongAndOddNamesBecomeIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		var ts []framework.Trigger
		for _, name := range []string{strings.Repeat("n", 60), strings.Repeat("n", 61), "a:b", "a/b", "@a", "\u00e9t\u00e9", "~x"} {
			ts = append(ts, triggers.Cron("@hourly", report, triggers.Name(name)))
		}
		reports(t, c, ts...)
		time.Sleep(61 * time.Minute)
		if got := len(ticks(t, c)); got != len(ts) {
			t.Errorf("%d ticks, want %d", got, len(ts))
		}
	})
}

func TestSchedulerThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		reports(t, s.Client(), triggers.Cron("@hourly", report))
		for range 3 {
			time.Sleep(29 * time.Minute)
			s.Restart()
		}
		time.Sleep(time.Hour)
		if got := len(ticks(t, s.Client())); got != 2 {
			t.Errorf("%d ticks, want 2", got)
		}
	})
}

func TestNextFiveTicksAreShownAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		stop := cronHost(t, dtstest.Start(t).Client(), framework.RoleAPI, slog.NewTextHandler(&log, nil), nil,
			triggers.Cron("0 9 * * MON-FRI", report, triggers.TimeZone("Europe/Lisbon")))
		stop()
		want := "2000-01-03T09:00:00Z 2000-01-04T09:00:00Z 2000-01-05T09:00:00Z 2000-01-06T09:00:00Z 2000-01-07T09:00:00Z"
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %s, want %s in it", log.String(), want)
		}
	})
}

func TestMistakesOfCronTriggersAreReturnedAtTheStart(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	twin := triggers.Cron("@daily", report)
	var nothing func(context.Context, durable.Tick) error
	app := framework.New("reports",
		framework.Set("listen", "none"), framework.Set("admin-listen", "none"),
		framework.WithClient(c), framework.WithLogger(slog.New(slog.DiscardHandler)),
	).On(
		triggers.Cron("0 0 30 2 *", report, triggers.Name("a")),
		triggers.Cron("@daily", report, triggers.Name("b"), triggers.TimeZone("Europe/Atlantis")),
		triggers.Cron("@daily", report, triggers.Name("c"), triggers.Missed("some")),
		triggers.Cron("@daily", report, triggers.Name("d"), triggers.Overlap("buffer")),
		triggers.CronFunc("@daily", nothing, triggers.Name("e")),
		triggers.CronFunc("@hourly", func(context.Context, durable.Tick) error { return nil }),
		twin, twin,
	)
	err := app.Run(t.Context())
	for _, want := range []string{
		`trigger "a": schedule "0 0 30 2 *": it is never due`,
		`trigger "b": schedule "@daily": the time zone "Europe/Atlantis" is not known`,
		`trigger "c": there is no policy "some" for missed ticks`,
		`trigger "d": there is no policy "buffer" for overlapping ticks`,
		`trigger "e": the function is nil`,
		`trigger "@hourly": the trigger has no name`,
		`trigger "report": another cron trigger has the name "report" too`,
	} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error %v\nwant %s in it", err, want)
		}
	}
}
