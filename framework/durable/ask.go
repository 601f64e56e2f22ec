package durable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
)

// Ask asks the entity with the key for the operation from outside and waits for the
// result, as long as ctx lives: give it a deadline. A failure is that of
// [Operation.Call].
//
// The protocol lets only orchestrations call an entity. So each Ask starts one, which
// any host of this framework in the hub can run, and purges it when the result is
// there. If ctx ends first it is terminated; the operation may happen all the same, or
// have happened. Where no result is needed [Operation.Send] costs less, and
// [Entity.State] looks at the state without asking the entity.
func (op Operation[S, I, O]) Ask(ctx context.Context, c *dts.Client, key string, in I) (O, error) {
	var zero O
	what := op.on(key)
	input, err := codec{c.Converter()}.encode(in)
	if err != nil {
		return zero, fmt.Errorf("call %s: %w", what, err)
	}
	run, err := askEntity.StartNew(ctx, c, question{Entity: op.entity.ID(key).String(), Operation: op.name, Input: textOf(input)})
	if err != nil {
		return zero, fmt.Errorf("call %s: %w", what, err)
	}
	answer, err := run.Wait(ctx)
	if f, ok := errors.AsType[*dts.Failure](err); ok {
		err = f
	} else if err != nil && ctx.Err() != nil {
		giveUp(ctx, c, run.ID)
	}
	if ctx.Err() == nil {
		_, _ = c.Purge(ctx, run.ID) // one that stays is purged with everything that has finished
	}
	return outcome[O](codec{c.Converter()}, what, bytesOf(answer), err)
}

// giveUp ends the orchestration behind a question that nobody waits for any more. It
// would stay for ever if no host has the entity.
func giveUp(ctx context.Context, c *dts.Client, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.Terminate(ctx, id, "nobody waits for the answer")
}

// askEntity calls an entity for a client. Payloads pass through it encoded.
var askEntity = OrchestratorNamed[question, *string]("funchost.ask")

type question struct {
	Entity    string  `json:"entity"`
	Operation string  `json:"operation"`
	Input     *string `json:"input,omitempty"`
}

func ask(ctx *Context, q question) (*string, error) {
	id, err := dts.ParseEntityID(q.Entity)
	if err != nil {
		return nil, Permanent(err)
	}
	answer, err := ctx.w.CallEntity(id, q.Operation, bytesOf(q.Input)).Await()
	return textOf(answer), err
}

// textOf and bytesOf are for payloads inside of payloads; nil is none.

func textOf(payload []byte) *string {
	if payload == nil {
		return nil
	}
	text := string(payload)
	return &text
}

func bytesOf(text *string) []byte {
	if text == nil {
		return nil
	}
	return []byte(*text)
}
