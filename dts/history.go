package dts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
)

// HistoryEvent is one entry of the history of an execution. Fields that its kind
// does not have are zero.
type HistoryEvent struct {
	// EventID is the number of the action that the entry confirms, -1 for what
	// came in from outside: results, events, requests.
	EventID   int
	Timestamp time.Time
	// Kind is the protocol's name of the entry: "TaskScheduled", "TimerFired".
	Kind string
	// Name is of the function, of the event or of the entity operation; of a lock
	// the ids of its entities.
	Name    string
	Version string
	// TaskID is the EventID of the entry that this one answers: the scheduled
	// task, the created sub-orchestration or the created timer.
	TaskID int
	// InstanceID is the other instance: the child, the target of a sent event, the
	// entity.
	InstanceID string
	// ExecutionID is of the execution that has started, ParentID of the orchestration
	// that has called it; empty for one that was started from outside.
	ExecutionID, ParentID string
	// Tags are those that the instance was started with.
	Tags map[string]string
	// RequestID ties what was asked of an entity to its answer, and a lock to its
	// release.
	RequestID string
	Input     []byte
	Result    []byte
	Failure   *Failure
	// FireAt is when the timer or the delayed signal is due.
	FireAt time.Time
	// Status is that of a completed execution.
	Status Status
	// Reason is why an instance was suspended, resumed or rewound.
	Reason string
}

// History lists the history of the current execution of an instance in order.
// After an error the sequence ends. The error is [ErrNotFound] for an unknown
// id; some schedulers give an empty history instead.
func (c *Client) History(ctx context.Context, id string) iter.Seq2[HistoryEvent, error] {
	return func(yield func(HistoryEvent, error) bool) {
		op := fmt.Sprintf("read history of instance %q", id)
		if err := wire.CheckID(id); err != nil {
			yield(HistoryEvent{}, invalid(op, err))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the stream when the caller stops early
		stream, err := c.hubs.StreamInstanceHistory(ctx, &dtspb.StreamInstanceHistoryRequest{InstanceId: id})
		if err != nil {
			yield(HistoryEvent{}, c.fail(op, err))
			return
		}
		for {
			chunk, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(HistoryEvent{}, c.fail(op, err))
				return
			}
			events := make([]HistoryEvent, 0, len(chunk.GetEvents()))
			for _, e := range chunk.GetEvents() {
				events = append(events, toHistoryEvent(e))
			}
			if err := c.restoreEvents(ctx, op, events); err != nil {
				yield(HistoryEvent{}, err)
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
