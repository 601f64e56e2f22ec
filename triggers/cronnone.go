package triggers

import (
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

// NoCron withdraws the cron triggers that the app has had. A cron trigger does that
// too for others that are gone; NoCron is for an app that has lost its last one,
// since a tick that waits in the hub would become due, with no worker that could
// run it. It can go when the record of the schedule, the instance
// cron-schedule:NAME, has completed, a day later.
func NoCron() framework.Trigger { return noCron{} }

type noCron struct{}

func (noCron) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "cron", Name: "none"}
}

func (noCron) Definitions() []durable.Definition { return cronFunctions() }

func (noCron) Bind(b *framework.Binder) error {
	keeperOf(b)
	return nil
}
