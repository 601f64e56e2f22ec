package durable

import (
	"fmt"

	"github.com/funchost/funchost/dts"
)

// Lock waits until the orchestration holds all of the entities for itself. From
// then to the call of unlock, operations that others ask for wait their turn.
//
//	unlock, err := durable.Lock(ctx, Accounts.ID(from), Accounts.ID(to))
//	if err != nil {
//		return err
//	}
//	defer unlock()
//
// So that no orchestration waits for itself, until unlock only the locked entities
// can be called, each by one call at a time; they cannot be signaled, and no
// orchestrator can be called and nothing else be locked. What breaks these rules
// fails at once with a sentence. Orchestrations that lock in any order do not
// block each other for good.
//
// Unlock is never nil and may be called again. A lock that is held when the
// orchestration ends, also by a failure, is released then; one that continues as
// new with a lock fails.
func Lock(ctx *Context, entities ...dts.EntityID) (unlock func(), err error) {
	task, unlock := ctx.w.Lock(entities...)
	if _, err := task.Await(); err != nil {
		_, err = outcome[None](ctx.host.codec, fmt.Sprintf("lock %v", entities), nil, err)
		return unlock, err
	}
	return unlock, nil
}

// Lock is the function [Lock] for entities of one name, by their keys.
func (e *Entity[S]) Lock(ctx *Context, keys ...string) (unlock func(), err error) {
	if err := ctx.host.refuse(e); err != nil {
		return func() {}, fmt.Errorf("lock: %w", err)
	}
	ids := make([]dts.EntityID, len(keys))
	for i, key := range keys {
		ids[i] = e.ID(key)
	}
	return Lock(ctx, ids...)
}
