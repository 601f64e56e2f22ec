// Package meter has all that the scheduler measures: names, units, labels and
// meanings. Labels have few values; none is an id or the name of a function.
package meter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/funchost/funchost/dts"
)

// Labels.
const (
	labelHub     = attribute.Key("hub")
	labelKind    = attribute.Key("kind")    // orchestration, activity, entity
	labelState   = attribute.Key("state")   // pending, active
	labelOutcome = attribute.Key("outcome") // completed, failed, abandoned, lost
	labelStatus  = attribute.Key("status")  // the four that an orchestration ends with
)

// Kind is a kind of work item.
type Kind uint8

// The kinds, in the order of package dispatch.
const (
	Orchestration Kind = iota
	Activity
	Entity
	kinds
)

var kindNames = [kinds]string{"orchestration", "activity", "entity"}

// Outcome is what became of a work item at a worker.
type Outcome uint8

// The outcomes.
const (
	Completed Outcome = iota // answered; an activity: with a result
	Failed                   // an activity: with a failure
	Abandoned                // given back
	Lost                     // the worker's stream ended
	outcomes
)

var outcomeNames = [outcomes]string{"completed", "failed", "abandoned", "lost"}

var (
	// seconds are the bounds of what waits for workers and people.
	seconds = metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)
	// moments are those of what waits for the disk.
	moments = metric.WithExplicitBucketBoundaries(.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5)
)

// Meter is the instruments of one server.
type Meter struct {
	meter    metric.Meter
	started  metric.Int64Counter
	ended    metric.Int64Counter
	retired  metric.Int64Counter
	answered metric.Int64Counter
	wait     metric.Float64Histogram
	work     metric.Float64Histogram
	life     metric.Float64Histogram
	commit   metric.Float64Histogram
}

// New makes the instruments.
func New(p metric.MeterProvider) (*Meter, error) {
	m := &Meter{meter: p.Meter("github.com/funchost/funchost/dts/scheduler")}
	var errs [8]error
	m.started, errs[0] = m.meter.Int64Counter("funchost.scheduler.orchestrations.started",
		metric.WithDescription("Orchestrations started: by clients, as sub-orchestrations, by entities, by a restart."))
	m.ended, errs[1] = m.meter.Int64Counter("funchost.scheduler.orchestrations.ended",
		metric.WithDescription("Orchestrations ended, by status."))
	m.retired, errs[2] = m.meter.Int64Counter("funchost.scheduler.orchestrations.retired",
		metric.WithDescription("Ended orchestrations that retention has purged."))
	m.answered, errs[3] = m.meter.Int64Counter("funchost.scheduler.work.items",
		metric.WithDescription("Work items that workers had: turns of orchestrations, activities, batches of entities."))
	m.wait, errs[4] = m.meter.Float64Histogram("funchost.scheduler.work.wait", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long a work item was ready before a worker got it."))
	m.work, errs[5] = m.meter.Float64Histogram("funchost.scheduler.work.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long a worker had a work item that it answered."))
	m.life, errs[6] = m.meter.Float64Histogram("funchost.scheduler.orchestrations.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long orchestrations took from their creation to their end, by status."))
	m.commit, errs[7] = m.meter.Float64Histogram("funchost.scheduler.commit.duration", metric.WithUnit("s"), moments,
		metric.WithDescription("How long a decision took to be on disk, synced."))
	return m, errors.Join(errs[:]...)
}

// None returns instruments that measure nothing.
func None() *Meter {
	m, _ := New(noop.NewMeterProvider()) // which refuses nothing
	return m
}

// Commit notes that a decision took so long to be on disk.
func (m *Meter) Commit(took time.Duration) {
	m.commit.Record(context.Background(), took.Seconds())
}

// Hub is the instruments of one task hub. Labels are put together once, because
// some of this is measured with every work item.
type Hub struct {
	m       *Meter
	hub     []metric.AddOption
	kind    [kinds][]metric.RecordOption
	outcome [kinds][outcomes][]metric.AddOption
	ended   map[dts.Status][]metric.AddOption
	life    map[dts.Status][]metric.RecordOption
}

// Hub returns the instruments of a hub.
func (m *Meter) Hub(name string) *Hub {
	hub := labelHub.String(name)
	h := &Hub{
		m: m, hub: []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(hub))},
		ended: make(map[dts.Status][]metric.AddOption), life: make(map[dts.Status][]metric.RecordOption),
	}
	for k, kind := range kindNames {
		h.kind[k] = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(hub, labelKind.String(kind)))}
		for o, outcome := range outcomeNames {
			labels := attribute.NewSet(hub, labelKind.String(kind), labelOutcome.String(outcome))
			h.outcome[k][o] = []metric.AddOption{metric.WithAttributeSet(labels)}
		}
	}
	for _, status := range []dts.Status{dts.StatusCompleted, dts.StatusFailed, dts.StatusTerminated, dts.StatusCanceled} {
		labels := metric.WithAttributeSet(attribute.NewSet(hub, labelStatus.String(status.String())))
		h.ended[status] = []metric.AddOption{labels}
		h.life[status] = []metric.RecordOption{labels}
	}
	return h
}

// Started notes the start of orchestrations.
func (h *Hub) Started(n int64) { h.m.started.Add(context.Background(), n, h.hub...) }

// Retired notes purges by retention.
func (h *Hub) Retired(n int64) { h.m.retired.Add(context.Background(), n, h.hub...) }

// Ended notes the end of an orchestration.
func (h *Hub) Ended(status dts.Status, took time.Duration) {
	h.m.ended.Add(context.Background(), 1, h.ended[status]...)
	h.m.life.Record(context.Background(), took.Seconds(), h.life[status]...)
}

// Handed notes that a worker got an item, which was ready for so long.
func (h *Hub) Handed(k Kind, wait time.Duration) {
	h.m.wait.Record(context.Background(), wait.Seconds(), h.kind[k]...)
}

// Answered notes that a worker answered an item after so long.
func (h *Hub) Answered(k Kind, o Outcome, took time.Duration) {
	h.m.answered.Add(context.Background(), 1, h.outcome[k][o]...)
	h.m.work.Record(context.Background(), took.Seconds(), h.kind[k]...)
}

// Returned notes that items came back without an answer.
func (h *Hub) Returned(k Kind, o Outcome) {
	h.m.answered.Add(context.Background(), 1, h.outcome[k][o]...)
}
