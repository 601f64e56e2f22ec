// Package clock reads clocks and waits by them.
package clock

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/near"
)

// The orchestrators.
var (
	Process = durable.OrchestratorNamed[string, string]("process")
	Direct  = durable.NewOrchestrator("direct", func(ctx *durable.Context, in string) (string, error) {
		return in + time.Now().String(), nil // want `^Direct: time.Now at clock.go:[0-9]+ reads the clock, .*; use ctx.Now$`
	})
)

// Functions binds them.
func Functions() []durable.Definition {
	return []durable.Definition{Process.With(process).WithVersion("2", processV2), Direct}
}

func processV2(ctx *durable.Context, in string) (string, error) {
	return in + time.Now().String(), nil // want `^processV2: time.Now at`
}

func process(ctx *durable.Context, in string) (string, error) {
	if late(time.Unix(0, 0)) {
		time.Sleep(time.Second) // want `^process: time.Sleep at clock.go:[0-9]+ waits in this process only; use ctx.Sleep$`
	}
	near.Remind(ctx, ctx.Now())
	return price(in), nil
}

func price(in string) string { return lookup(in) }

func lookup(in string) string {
	return in + time.Now().String() // want `^process -> price -> lookup: time.Now at clock.go`
}

func late(t time.Time) bool {
	return time.Since(t) > 0 // want `^process -> late: time.Since at`
}

func acrossPackages(ctx *durable.Context) string {
	return far.Stamp() // want `^acrossPackages -> far.Stamp -> now: time.Now at far/far.go:[0-9]+ reads the clock`
}

func acrossTwo(ctx *durable.Context) string {
	return near.Label("x") // want `^acrossTwo -> near.Label -> far.Stamp -> now: time.Now at far/far.go`
}

func byMethod(ctx *durable.Context) time.Duration {
	return far.Age(ctx.Now()) // want `byMethod -> far.Age -> watch.since: time.Since at far/far.go`
}

func sleepsFar(ctx *durable.Context) {
	far.Patience() // want `sleepsFar -> far.Patience: time.Sleep at far/far.go`
}

func timers(ctx *durable.Context) {
	t := time.NewTimer(time.Second) // want `timers: time.NewTimer .*; use ctx.After`
	defer t.Stop()
	<-t.C                            // want `receiving from a channel`
	k := time.NewTicker(time.Second) // want `time.NewTicker`
	k.Stop()
	time.AfterFunc(time.Second, func() {}) // want `time.AfterFunc`
}

func inClosures(ctx *durable.Context) error {
	_, err := ctx.Go("inner", func() error {
		defer func() {
			println(time.Now().String()) // want `inClosures: time.Now` `inClosures: println`
		}()
		return nil
	}).Get(ctx)
	return err
}

func asValue(ctx *durable.Context) time.Time {
	now := time.Now // want `asValue: time.Now`
	return now()
}

var clockOf = time.Now // want `bySeam -> clockOf: time.Now at`

func bySeam(ctx *durable.Context) time.Time { return clockOf() }

var started = time.Now() // want `sinceStart -> started: time.Now at clock.go`

func sinceStart(ctx *durable.Context) time.Duration { return ctx.Now().Sub(started) }

func inZone(ctx *durable.Context) time.Time {
	return ctx.Now().In(time.Local) // want `inZone: time.Local at clock.go:[0-9]+ can differ from host to host`
}

func zoneOf(ctx *durable.Context) (*time.Location, error) {
	return time.LoadLocation("Europe/Lisbon") // want `time.LoadLocation`
}

type flow struct{ ctx *durable.Context }

func holds(ctx *durable.Context) { (&flow{ctx}).run() }

func (f *flow) run() { _ = f.deadline() }

func (f *flow) deadline() time.Time {
	return time.Now().Add(time.Hour) // want `^holds -> flow.run -> flow.deadline: time.Now`
}

func methodValue(ctx *durable.Context) {
	f := flow{ctx}
	step := f.deadlineToo
	_ = step()
}

func (f flow) deadlineToo() time.Time {
	return time.Now() // want `methodValue -> flow.deadlineToo: time.Now`
}

func even(ctx *durable.Context, n int) bool { return n == 0 || odd(ctx, n-1) }

func odd(ctx *durable.Context, n int) bool {
	return time.Now().Unix() != 0 && n != 0 && even(ctx, n-1) // want `odd: time.Now`
}
