// Package near stands between the orchestrators and far, and has a helper of its own
// that takes the context.
package near

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
)

// Label is three calls and two packages away from the clock.
func Label(name string) string { return name + " " + far.Stamp() }

// Desk has a method that reaches far.
type Desk struct{ Name string }

// Lamp reads the environment, in the end.
func (d *Desk) Lamp() string { return d.Name + far.Region() }

// Lamps is an interface that one type has.
type Lamps interface{ Lamp() string }

// Remind belongs to orchestrators, so its mistake is reported here and not by those
// who call it.
func Remind(ctx *durable.Context, at time.Time) {
	ctx.Sleep(time.Until(at)) // want `Remind: time.Until at near.go:[0-9]+ reads the clock`
}
