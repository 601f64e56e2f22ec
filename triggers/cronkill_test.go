//go:build unix

package triggers_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

var (
	killsFor = flag.Duration("kills", 20*time.Second, "how long hosts of the cron test are killed")
	killSeed = flag.Uint64("kill-seed", 0, "repeats the kills of the cron test")
)

// printReport is the work of a report: long enough to be killed in the middle.
var printReport = durable.NewActivity("print", func(ctx context.Context, _ durable.None) (durable.None, error) {
	select {
	case <-time.After(200 * time.Millisecond):
		return durable.None{}, nil
	case <-ctx.Done():
		return durable.None{}, ctx.Err()
	}
})

// cronHostProcess is this test binary as a host with a schedule.
func cronHostProcess() int {
	err := framework.New("reports",
		framework.Set("listen", "none"), framework.Set("admin-listen", "none"), framework.Set("log-level", "error"),
	).Add(printReport, report.With(func(ctx *durable.Context, _ durable.Tick) (durable.None, error) {
		return printReport.Call(ctx, durable.None{})
	})).On(
		triggers.Cron("* * * * * *", report, triggers.Missed(triggers.MissedAll), triggers.Overlap(triggers.OverlapAllow)),
	).Run(context.Background())
	fmt.Fprintln(os.Stderr, err)
	return 1 // it is killed, it does not end
}

// killable is a host that is a process, while it lives.
type killable struct{ cmd *exec.Cmd }

func (k *killable) start(t *testing.T, connection string) {
	t.Helper()
	k.cmd = exec.Command(os.Args[0])
	k.cmd.Env = append(os.Environ(), cronHostVariable+"=1", "DTS_CONNECTION_STRING="+connection)
	k.cmd.Stderr = os.Stderr
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

func (k *killable) kill() {
	_ = k.cmd.Process.Kill() // SIGKILL
	_ = k.cmd.Wait()
	k.cmd = nil
}

// Three processes have the schedule, and are killed and started again by chance as
// long as one is left: every second has one finished instance.
func TestEverySecondRunsOnceWhileProcessesAreKilled(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat the kills with -kill-seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := dtstest.Start(t, dtstest.Listen())
	connection := s.ConnectionString().String()
	hosts := make([]killable, 3)
	t.Cleanup(func() {
		for i := range hosts {
			if hosts[i].cmd != nil {
				hosts[i].kill()
			}
		}
	})
	living := len(hosts)
	for i := range hosts {
		hosts[i].start(t, connection)
	}
	kills := 0
	began := time.Now()
	for time.Since(began) < *killsFor {
		<-time.After(time.Duration(rng.IntN(1500)) * time.Millisecond)
		switch h := &hosts[rng.IntN(len(hosts))]; {
		case h.cmd == nil:
			h.start(t, connection)
			living++
		case living > 1:
			h.kill()
			living--
			kills++
		}
	}
	dues := untilFinished(t, s.Client(), time.Now().UTC().Truncate(time.Second))
	if late := dues[0].Sub(began); late > 10*time.Second {
		t.Errorf("the first tick was due %v after the start", late)
	}
	for i, due := range dues {
		if want := dues[0].Add(time.Duration(i) * time.Second); !due.Equal(want) {
			t.Fatalf("after that of %v comes the tick of %v", want.Add(-time.Second), due)
		}
	}
	t.Logf("%d ticks, %d kills", len(dues), kills)
	if kills < int(*killsFor/(5*time.Second)) {
		t.Errorf("%d kills: the world was too kind", kills)
	}
}

// untilFinished waits until every tick through last has completed, and returns when
// those were due.
func untilFinished(t *testing.T, c *dts.Client, last time.Time) []time.Time {
	t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-look.C {
		dues, open := []time.Time(nil), []string(nil)
		for in, err := range c.Instances(t.Context(), dts.Query{IDPrefix: "cron:report:"}) {
			if err != nil {
				t.Fatal(err)
			}
			due, err := time.Parse(time.RFC3339, strings.TrimPrefix(in.ID, "cron:report:"))
			if err != nil {
				t.Fatal(err)
			}
			if due.After(last) {
				continue
			}
			dues = append(dues, due)
			if in.Status != dts.StatusCompleted {
				open = append(open, fmt.Sprintf("%s is %s", in.ID, in.Status))
			}
		}
		slices.SortFunc(dues, time.Time.Compare)
		if n := len(dues); n > 0 && dues[n-1].Equal(last) && len(open) == 0 {
			return dues
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all ticks through %v finish: %d came, %q", last, len(dues), open)
		}
	}
}
