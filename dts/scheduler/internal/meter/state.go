package meter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// State is what a server is asked for when somebody collects.
type State struct {
	Hubs []HubState
	// Disk is the size of the data directory in bytes.
	Disk int64
}

// HubState is the backlog of a hub.
type HubState struct {
	Name    string
	Workers int64
	Work    [kinds]Backlog
}

// Backlog is how much there is of a kind of work.
type Backlog struct {
	Pending, Active int64
	// Oldest is how long the oldest pending item has been ready.
	Oldest time.Duration
}

// Observe calls read whenever somebody collects, until stop is called.
func (m *Meter) Observe(read func() State) (stop func() error, err error) {
	var errs [4]error
	backlog, err := m.meter.Int64ObservableGauge("funchost.scheduler.backlog",
		metric.WithDescription("Work items that wait for a worker (pending) or are at one (active)."))
	errs[0] = err
	oldest, err := m.meter.Float64ObservableGauge("funchost.scheduler.backlog.oldest", metric.WithUnit("s"),
		metric.WithDescription("How long the oldest pending work item has been ready; 0 if there is none."))
	errs[1] = err
	workers, err := m.meter.Int64ObservableGauge("funchost.scheduler.workers",
		metric.WithDescription("Workers that are connected and take work."))
	errs[2] = err
	disk, err := m.meter.Int64ObservableGauge("funchost.scheduler.store.size", metric.WithUnit("By"),
		metric.WithDescription("Size of the data on disk."))
	errs[3] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	registration, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		state := read()
		o.ObserveInt64(disk, state.Disk)
		for _, h := range state.Hubs {
			hub := labelHub.String(h.Name)
			o.ObserveInt64(workers, h.Workers, metric.WithAttributeSet(attribute.NewSet(hub)))
			for k, b := range h.Work {
				kind := labelKind.String(kindNames[k])
				o.ObserveInt64(backlog, b.Pending, metric.WithAttributeSet(attribute.NewSet(hub, kind, labelState.String("pending"))))
				o.ObserveInt64(backlog, b.Active, metric.WithAttributeSet(attribute.NewSet(hub, kind, labelState.String("active"))))
				o.ObserveFloat64(oldest, b.Oldest.Seconds(), metric.WithAttributeSet(attribute.NewSet(hub, kind)))
			}
		}
		return nil
	}, backlog, oldest, workers, disk)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}
