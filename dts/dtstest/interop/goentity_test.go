package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// operand is the input of the orchestrators that use entities: ask, visit,
// transfer and guard. Each reads its part.
type operand struct {
	Entity    string          `json:"entity"`
	Key       string          `json:"key,omitempty"`
	Keys      []string        `json:"keys,omitempty"`
	From      string          `json:"from,omitempty"`
	To        string          `json:"to,omitempty"`
	Operation string          `json:"operation,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	Amount    int             `json:"amount,omitempty"`
}

func (o operand) id(key string) dts.EntityID { return dts.EntityID{Name: o.Entity, Key: key} }

// addEntities registers what the other languages have in their entities files.
func addEntities(r *worker.Registry) error {
	use := func(name string, fn func(*worker.Context, operand) ([]byte, error)) error {
		return r.Orchestrator("go-"+name, func(c *worker.Context, input []byte) ([]byte, error) {
			var o operand
			if err := json.Unmarshal(input, &o); err != nil {
				return nil, err
			}
			return fn(c, o)
		})
	}
	return errors.Join(
		r.Entity("go-counter", count),
		use("ask", func(c *worker.Context, o operand) ([]byte, error) {
			return c.CallEntity(o.id(o.Key), o.Operation, o.Input).Await()
		}),
		use("visit", func(c *worker.Context, o operand) ([]byte, error) {
			if err := c.SignalEntity(o.id(o.Key), "add", []byte("2"), time.Time{}); err != nil {
				return nil, err
			}
			return c.CallEntity(o.id(o.Key), "add", []byte("3")).Await()
		}),
		use("transfer", transfer),
		use("guard", func(c *worker.Context, o operand) ([]byte, error) {
			ids := make([]dts.EntityID, len(o.Keys))
			for i, key := range o.Keys {
				ids[i] = o.id(key)
			}
			locked, release := c.Lock(ids...)
			defer release()
			if _, err := locked.Await(); err != nil {
				return nil, err
			}
			c.SetStatus([]byte(`{"waits":"decision"}`))
			return c.Event("decision").Await()
		}),
	)
}

func transfer(c *worker.Context, o operand) ([]byte, error) {
	locked, release := c.Lock(o.id(o.From), o.id(o.To))
	defer release()
	if _, err := locked.Await(); err != nil {
		return nil, err
	}
	left, err := c.CallEntity(o.id(o.From), "add", fmt.Append(nil, -o.Amount)).Await()
	if err != nil {
		return nil, err
	}
	got, err := c.CallEntity(o.id(o.To), "add", fmt.Append(nil, o.Amount)).Await()
	return fmt.Appendf(nil, "[%s,%s]", left, got), err
}

// count is the entity go-counter.
func count(c *worker.EntityContext, op string, input []byte) ([]byte, error) {
	total := 0
	if state := c.State(); state != nil {
		if err := json.Unmarshal(state, &total); err != nil {
			return nil, err
		}
	}
	switch op {
	case "add":
		n := 0
		if err := json.Unmarshal(input, &n); err != nil {
			return nil, err
		}
		total += n
		c.SetState(fmt.Append(nil, total))
	case "delete":
		c.SetState(nil)
		return nil, nil
	case "get":
	default:
		return nil, fmt.Errorf("no operation %q", op)
	}
	return fmt.Append(nil, total), nil
}
