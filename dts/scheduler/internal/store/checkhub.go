package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"google.golang.org/protobuf/proto"

	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/record"
)

// hubChecker compares the rows of a hub with each other. Rows that cannot be
// read have been reported before.
type hubChecker struct {
	*checker
	hub  uint32
	name string
	// How many rows the instances and entities have in the indexes. Where there are
	// more, some are of nothing, and those are looked for.
	created, ended, timers, tasks int
}

func (h *hubChecker) problem(what, id, text string) {
	h.report.addf("task hub %q: %s %q: %s", h.name, what, id, text)
}

func (h *hubChecker) check(ctx context.Context) error {
	counts := h.counts[h.hub]
	h.report.Instances += counts[kindInstance]
	h.report.Entities += counts[kindEntity]
	for _, step := range []func(context.Context) error{h.instances, h.entities, h.queues, h.ready} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, index := range []struct {
		kind byte
		want int
		look func(k []byte) error
	}{
		{kindCreated, h.created, h.createdRow},
		{kindEnded, h.ended, h.endedRow},
		{kindTask, h.tasks, h.taskRow},
		{kindTimer, h.timers, h.timerRow},
	} {
		if counts[index.kind] == index.want {
			continue
		}
		err := h.each(ctx, index.kind, func(k, _ []byte) error { return index.look(k) })
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f with the rows of a kind, without hub and kind in the key.
func (h *hubChecker) each(ctx context.Context, kind byte, f func(k, v []byte) error) error {
	prefix := newKey(nil, h.hub, kind)
	n := 0
	return h.store.scan(prefix, after(prefix), func(k, v []byte) (bool, error) {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		return true, f(k[len(prefix):], v)
	})
}

func (h *hubChecker) has(k key) (bool, error) {
	_, closer, err := h.store.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unread(k, err)
	}
	return true, closer.Close()
}

// want reports that an index lacks a row.
func (h *hubChecker) want(k key, what, id, missing string) error {
	found, err := h.has(k)
	if err == nil && !found {
		h.problem(what, id, missing)
	}
	return err
}

// instances looks at each instance with its history, which stands behind it.
func (h *hubChecker) instances(ctx context.Context) error {
	var current *record.Instance
	return h.each(ctx, kindInstance, func(k, v []byte) error {
		id, rest, history := bytes.Cut(k, []byte{0})
		if history {
			h.historyRow(string(id), rest, current)
			return nil
		}
		current = &record.Instance{}
		if !decodes(v, current) {
			current = nil
			return nil
		}
		if current.GetId() != string(id) {
			h.problem("instance", string(id), "says that it is "+current.GetId())
			return nil
		}
		return h.instance(current)
	})
}

func (h *hubChecker) historyRow(id string, rest []byte, of *record.Instance) {
	switch {
	case of == nil || of.GetId() != id:
		h.problem("history", id, "is of an instance that is not there")
	case len(rest) == 16 && binary.BigEndian.Uint64(rest) != of.GetGeneration():
		h.problem("history", id, "is of an execution that is gone")
	}
}

func (h *hubChecker) instance(rec *record.Instance) error {
	id, gen := rec.GetId(), rec.GetGeneration()
	stored, err := h.store.Instance(h.hub, id)
	switch {
	case errors.Is(err, ErrDamaged) || err == nil && stored == nil:
		h.problem("instance", id, "has a history that cannot be read")
		return ignoreDamage(err)
	case err != nil:
		return err
	}
	if n := len(stored.History); n != int(rec.GetEvents()) {
		h.report.addf("task hub %q: instance %q: has %d events of history, want %d", h.name, id, n, rec.GetEvents())
	}
	h.created++
	errs := []error{h.want(createdKey(nil, h.hub, rec.GetCreated(), id), "instance", id, "is not in the order of creation")}
	if engine.Terminal(rec.GetStatus()) {
		h.ended++
		errs = append(errs, h.want(momentKey(nil, h.hub, kindEnded, rec.GetCompleted(), id), "instance", id, "is not in the order of ends"))
		return errors.Join(errs...)
	}
	// As at the beginning of time, when no timer was due yet.
	in := engine.Load(rec, stored.History, stored.Inbox, stored.ReadyRow, time.Unix(0, 0))
	tasks, timers := in.Pending()
	for task := range tasks {
		h.tasks++
		errs = append(errs, h.want(taskKey(nil, h.hub, kindTask, id, gen, task), "instance", id, "waits for an activity that no worker will get"))
	}
	for timer, due := range timers {
		h.timers++
		errs = append(errs, h.want(timerKey(nil, h.hub, due, id, gen, timer), "instance", id, "waits for a timer that will not fire"))
	}
	switch waits := rec.GetTurn() == 0 && rec.GetScheduled() != 0; {
	case waits:
		h.timers++
		errs = append(errs, h.want(timerKey(nil, h.hub, rec.GetScheduled(), id, gen, engine.StartTimer), "instance", id, "has a start that will not come"))
	case len(stored.Inbox) > 0 && !stored.ReadyRow:
		h.problem("instance", id, "has messages and is not among those that are ready")
	}
	return errors.Join(errs...)
}

func (h *hubChecker) entities(ctx context.Context) error {
	return h.each(ctx, kindEntity, func(k, v []byte) error {
		rec := &record.Entity{}
		if !decodes(v, rec) {
			return nil
		}
		if rec.GetId() != string(k) {
			h.problem("entity", string(k), "says that it is "+rec.GetId())
		}
		if rec.GetOwner() == nil {
			return nil
		}
		return h.locked(string(k), rec.GetOwner(), "is locked by")
	})
}

// locked looks whether the execution that has an entity locked, or wants to, is there
// and will let go of it when it ends.
func (h *hubChecker) locked(entity string, owner *record.EntityOwner, how string) error {
	in, err := h.store.Record(h.hub, owner.GetInstanceId())
	switch {
	case errors.Is(err, ErrDamaged): // is reported where it stands
	case err != nil:
		return err
	case in.GetExecutionId() != owner.GetExecutionId() || engine.Terminal(in.GetStatus()):
		h.problem("entity", entity, how+" an execution that is gone")
	case !slices.Contains(in.GetLocks(), entity):
		h.problem("entity", entity, how+" an execution that does not know of it")
	}
	return nil
}

// queues looks at the messages of entities.
func (h *hubChecker) queues(ctx context.Context) error {
	return h.each(ctx, kindQueue, func(k, v []byte) error {
		m := &record.EntityMessage{}
		if len(k) < 10 || !decodes(v, m) {
			return nil
		}
		id, number := string(k[:len(k)-9]), binary.BigEndian.Uint64(k[len(k)-8:])
		if m.GetEvent().GetEntityLockRequested() != nil {
			if err := h.locked(id, m.GetSender(), "is to be locked by"); err != nil {
				return err
			}
		}
		if m.GetVisible() != 0 {
			// It is ready once its time has come, and has its timer until somebody looks.
			timer, err := h.has(timerKey(nil, h.hub, m.GetVisible(), id, number, engine.SignalTimer))
			if timer {
				h.timers++
			}
			if timer || err != nil {
				return err
			}
		}
		return h.want(idKey(nil, h.hub, kindReady, id), "entity", id, "has messages and is not among those that are ready")
	})
}

// ready looks at the rows that tell of stored messages. They may outlive them, but
// not the execution.
func (h *hubChecker) ready(ctx context.Context) error {
	return h.each(ctx, kindReady, func(k, v []byte) error {
		id, ready := string(k), &record.Ready{}
		if wire.IsEntity(id) || !decodes(v, ready) {
			return nil
		}
		return h.live("ready row", id, ready.GetGeneration())
	})
}

// live reports a row that is of no execution.
func (h *hubChecker) live(what, id string, gen uint64) error {
	rec, err := h.store.Record(h.hub, id)
	switch {
	case err != nil:
		return ignoreDamage(err)
	case rec == nil:
		h.problem(what, id, "is of an instance that is not there")
	case rec.GetGeneration() != gen || engine.Terminal(rec.GetStatus()):
		h.problem(what, id, "is of an execution that is gone")
	}
	return nil
}

func (h *hubChecker) createdRow(k []byte) error {
	if len(k) < 9 {
		return nil
	}
	rec, err := h.store.Record(h.hub, string(k[8:]))
	if err == nil && (rec == nil || rec.GetCreated() != int64(binary.BigEndian.Uint64(k))) {
		h.problem("row in the order of creation", string(k[8:]), "is of an instance that is not there")
	}
	return ignoreDamage(err)
}

func (h *hubChecker) endedRow(k []byte) error {
	if len(k) < 9 {
		return nil
	}
	rec, err := h.store.Record(h.hub, string(k[8:]))
	if err == nil && (!engine.Terminal(rec.GetStatus()) || rec.GetCompleted() != int64(binary.BigEndian.Uint64(k))) {
		h.problem("row in the order of ends", string(k[8:]), "is of an instance that has not ended so")
	}
	return ignoreDamage(err)
}

func (h *hubChecker) taskRow(k []byte) error {
	if len(k) < 14 {
		return nil
	}
	id, gen, task := parseScope(k)
	tasks, _, err := h.pending(id, gen)
	if err == nil && !tasks[task] {
		h.problem("activity", id, "is one that nobody waits for")
	}
	return ignoreDamage(err)
}

func (h *hubChecker) timerRow(k []byte) error {
	if len(k) < 22 {
		return nil
	}
	due := int64(binary.BigEndian.Uint64(k))
	id, gen, timer := parseScope(k[8:])
	if timer == engine.SignalTimer && wire.IsEntity(id) {
		return h.want(executionKey(nil, h.hub, kindQueue, id, gen), "timer", id, "is of a signal that is gone")
	}
	_, timers, err := h.pending(id, gen)
	if at, ok := timers[timer]; err == nil && (!ok || at != due) {
		h.problem("timer", id, "is one that nobody waits for")
	}
	return ignoreDamage(err)
}

// pending tells what an execution waits for, its start included.
func (h *hubChecker) pending(id string, gen uint64) (tasks map[int32]bool, timers map[int32]int64, err error) {
	stored, err := h.store.Instance(h.hub, id)
	if err != nil || stored == nil || stored.Record.GetGeneration() != gen || engine.Terminal(stored.Record.GetStatus()) {
		return nil, nil, err
	}
	tasks, timers = engine.Load(stored.Record, stored.History, stored.Inbox, stored.ReadyRow, time.Unix(0, 0)).Pending()
	if rec := stored.Record; rec.GetTurn() == 0 && rec.GetScheduled() != 0 {
		timers[engine.StartTimer] = rec.GetScheduled()
	}
	return tasks, timers, nil
}

// decodes reads a value. One that cannot be read has been reported.
func decodes(v []byte, m proto.Message) bool { return proto.Unmarshal(v, m) == nil }

// ignoreDamage is for rows whose instance has been reported.
func ignoreDamage(err error) error {
	if errors.Is(err, ErrDamaged) {
		return nil
	}
	return err
}
