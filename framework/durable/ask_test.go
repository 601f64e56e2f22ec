package durable_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
)

type purse struct{ Cents int }

func (p *purse) pay(ctx *durable.EntityContext, cents int) (string, error) {
	if cents > p.Cents {
		return "", fmt.Errorf("%s has only %d", ctx.Key(), p.Cents)
	}
	p.Cents -= cents
	return fmt.Sprintf("%d left", p.Cents), nil
}

func (p *purse) fill(_ *durable.EntityContext, _ durable.None) (durable.None, error) {
	p.Cents = 100
	return durable.None{}, nil
}

func TestClientAsksAnEntity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		purses := durable.NewEntity[purse]("purse")
		pay, fill := durable.NewOperation(purses, "pay", (*purse).pay), durable.NewOperation(purses, "fill", (*purse).fill)
		c := serve(t, []durable.Definition{purses})
		if _, err := fill.Ask(t.Context(), c, "ana", durable.None{}); err != nil {
			t.Fatal(err)
		}
		if got, err := pay.Ask(t.Context(), c, "ana", 30); got != "70 left" || err != nil {
			t.Errorf("got %q, %v, want 70 left", got, err)
		}
		_, err := pay.Ask(t.Context(), c, "ana", 80)
		if got, want := fmt.Sprint(err), `operation "pay" of entity "@purse@ana": ana has only 70`; got != want {
			t.Errorf("error = %q, want %q", got, want)
		}
		if _, ok := errors.AsType[*dts.Failure](err); !ok {
			t.Errorf("error = %#v, want a *dts.Failure", err)
		}
		if _, err := pay.Ask(t.Context(), c, strings.Repeat("x", 200), 1); err == nil || !strings.Contains(err.Error(), `operation "pay"`) {
			t.Errorf("error for a key that is too long = %v, want one that names the operation", err)
		}
		for i, err := range c.Instances(t.Context(), dts.Query{}) {
			t.Errorf("an instance is left: %v, %v", i, err)
		}
	})
}

func TestAskWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		elsewhere := durable.OperationNamed[int, string](durable.NewEntity[purse]("elsewhere"), "pay")
		c := serve(t, []durable.Definition{greet})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := elsewhere.Ask(ctx, c, "ana", 30)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(began).Round(time.Second); took != time.Minute {
			t.Errorf("took %v, want 1m", took)
		}
		time.Sleep(time.Minute)
		left := 0
		for i, err := range c.Instances(t.Context(), dts.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if left++; i.Status != dts.StatusTerminated {
				t.Errorf("the instance that asked is %v, want Terminated", i.Status)
			}
		}
		if left != 1 {
			t.Errorf("%d instances, want the one that asked", left)
		}
	})
}
