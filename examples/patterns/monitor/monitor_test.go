package monitor_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/examples/patterns/monitor"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nap is what is watched.
var nap = durable.NewOrchestrator("nap", func(ctx *durable.Context, d time.Duration) (durable.None, error) {
	ctx.Sleep(d)
	return durable.None{}, nil
})

func TestMonitorLooksLessAndLessOften(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(append(monitor.Functions(), nap)...)
		began := time.Now()
		watched := durabletest.Start(e, nap, 10*time.Minute)
		got := durabletest.Start(e, monitor.Watch, monitor.Watched{Instance: watched.ID, Until: began.Add(time.Hour)}).Result()
		if want := (monitor.Seen{Status: "Completed", Ended: true}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		if took := time.Since(began).Round(time.Minute); took != 15*time.Minute {
			e.Errorf("seen after %v, want 15m", took)
		}
		if looks := len(durabletest.Calls(e, monitor.Look)); looks != 5 { // at 0, 1, 3, 7 and 15 minutes
			e.Errorf("looked %d times, want 5", looks)
		}
		if alarms := durabletest.Calls(e, monitor.Alarm); len(alarms) != 0 {
			e.Errorf("alarms %v, want none", alarms)
		}
	})
}

func TestAlarmIsRaisedAtTheTimeItIsDue(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(append(monitor.Functions(), nap)...)
		began := time.Now()
		watched := durabletest.Start(e, nap, 1000*time.Hour)
		got := durabletest.Start(e, monitor.Watch, monitor.Watched{Instance: watched.ID, Until: began.Add(5 * time.Minute)}).Result()
		if took := time.Since(began).Round(time.Second); got.Ended || took != 5*time.Minute {
			e.Errorf("got %+v after %v, want it not ended after 5m", got, took)
		}
		if alarms := len(durabletest.Calls(e, monitor.Alarm)); alarms != 1 {
			e.Errorf("%d alarms, want 1", alarms)
		}
	})
}

func TestLongWatchKeepsAShortHistory(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(append(monitor.Functions(), nap)...)
		watched := durabletest.Start(e, nap, 1000*time.Hour)
		run := durabletest.Start(e, monitor.Watch, monitor.Watched{Instance: watched.ID, Until: time.Now().Add(200 * time.Hour)})
		run.Result()
		if looks := len(durabletest.Calls(e, monitor.Look)); looks < 200 {
			e.Errorf("looked %d times, want once an hour", looks)
		}
		if events := len(run.History()); events > 50*6 {
			e.Errorf("history has %d events, want those of one round", events)
		}
	})
}

func TestLookThatFailsIsRepeatedUnlessThereIsNothingToSee(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, monitor.Look, errors.New("no connection"), 1, 2, 3)
		e.Serve(append(monitor.Functions(), nap)...)
		watched := durabletest.Start(e, nap, time.Second)
		if got := durabletest.Start(e, monitor.Watch, monitor.Watched{Instance: watched.ID}).Result(); !got.Ended {
			e.Errorf("got %+v, want it ended", got)
		}
		_, err := durabletest.Start(e, monitor.Watch, monitor.Watched{Instance: "nobody"}).Wait()
		if _, failed := errors.AsType[*dts.Failure](err); !failed {
			e.Errorf("watching nobody: %v, want a failure", err)
		}
	})
}
