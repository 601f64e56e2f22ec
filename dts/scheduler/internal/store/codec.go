package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// encode puts the writes of a decision into a batch.
func encode(b *pebble.Batch, hub uint32, writes []engine.Write) error {
	var k [512]byte // an id has up to 400 bytes
	for i := range writes {
		if err := encodeWrite(b, k[:0], hub, &writes[i]); err != nil {
			return fmt.Errorf("instance %q: %w", writes[i].ID, err)
		}
	}
	return nil
}

func encodeWrite(b *pebble.Batch, k key, hub uint32, w *engine.Write) error {
	switch w.Op {
	case engine.PutInstance:
		return set(b, idKey(k, hub, kindInstance, w.ID), w.Instance)
	case engine.DeleteInstance:
		return b.Delete(idKey(k, hub, kindInstance, w.ID), nil)
	case engine.PutMessage:
		return set(b, historyKey(k, hub, w.ID, w.Gen, w.Turn, w.Slot), w.Event)
	case engine.DeleteMessage:
		return b.Delete(historyKey(k, hub, w.ID, w.Gen, w.Turn, w.Slot), nil)
	case engine.PutTurn:
		return set(b, historyKey(k, hub, w.ID, w.Gen, w.Turn, 0), &dtspb.HistoryChunk{Events: w.Events})
	case engine.DeleteExecution:
		k = executionKey(k, hub, kindInstance, w.ID, w.Gen)
		return b.DeleteRange(k, after(k), nil)
	case engine.PutTask:
		return set(b, taskKey(k, hub, kindTask, w.ID, w.Gen, w.TaskID), w.Task)
	case engine.DeleteTask:
		return b.Delete(taskKey(k, hub, kindTask, w.ID, w.Gen, w.TaskID), nil)
	case engine.PutTimer:
		return b.Set(timerKey(k, hub, w.At, w.ID, w.Gen, w.TaskID), nil, nil)
	case engine.DeleteTimer:
		return b.Delete(timerKey(k, hub, w.At, w.ID, w.Gen, w.TaskID), nil)
	case engine.PutReady:
		return set(b, idKey(k, hub, kindReady, w.ID), w.Ready)
	case engine.DeleteReady:
		return b.Delete(idKey(k, hub, kindReady, w.ID), nil)
	case engine.PutCreated:
		return b.Set(createdKey(k, hub, w.At, w.ID), nil, nil)
	case engine.DeleteCreated:
		return b.Delete(createdKey(k, hub, w.At, w.ID), nil)
	case engine.PutEntity:
		return set(b, idKey(k, hub, kindEntity, w.ID), w.Entity)
	case engine.DeleteEntity:
		return b.Delete(idKey(k, hub, kindEntity, w.ID), nil)
	case engine.PutEntityMessage:
		return set(b, executionKey(k, hub, kindQueue, w.ID, w.Gen), w.EntityMessage)
	case engine.DeleteEntityMessage:
		return b.Delete(executionKey(k, hub, kindQueue, w.ID, w.Gen), nil)
	case engine.PutCompleted:
		return b.Set(momentKey(k, hub, kindEnded, w.At, w.ID), []byte{byte(w.Instance.GetStatus())}, nil)
	case engine.DeleteCompleted:
		return b.Delete(momentKey(k, hub, kindEnded, w.At, w.ID), nil)
	case engine.DeleteInbox:
		all := executionKey(k, hub, kindInstance, w.ID, w.Gen)
		return b.DeleteRange(append(key(nil), all...).u32(w.Turn+1), after(all), nil)
	default:
		return fmt.Errorf("BUG: write with op %d", w.Op)
	}
}

// set encodes m into the batch without a copy in between.
func set(b *pebble.Batch, k key, m proto.Message) error {
	opts := proto.MarshalOptions{}
	size := opts.Size(m)
	op := b.SetDeferred(len(k), size)
	copy(op.Key, k)
	opts.UseCachedSize = true
	v, err := opts.MarshalAppend(op.Value[:0], m)
	if err != nil {
		return err
	}
	if len(v) != size {
		return fmt.Errorf("BUG: %s encoded to %d bytes, announced %d", m.ProtoReflect().Descriptor().Name(), len(v), size)
	}
	return op.Finish()
}
