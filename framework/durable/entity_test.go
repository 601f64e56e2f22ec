package durable_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// account is the entity of most tests.
type account struct {
	Cents   int
	History []string
}

var (
	accounts = durable.NewEntity[account]("Account")
	deposit  = durable.NewOperation(accounts, "deposit", (*account).deposit)
	withdraw = durable.NewOperation(accounts, "withdraw", (*account).withdraw)
	cents    = durable.NewOperation(accounts, "cents", func(a *account, _ *durable.EntityContext, _ durable.None) (int, error) { return a.Cents, nil })
	closing  = durable.NewOperation(accounts, "close", (*account).close)

	remove = durable.OperationNamed[durable.None, durable.None](accounts, "delete")
)

func (a *account) deposit(ctx *durable.EntityContext, amount int) (int, error) {
	a.Cents += amount
	a.History = append(a.History, fmt.Sprint(ctx.Exists(), " ", ctx.Key(), " ", amount))
	return a.Cents, nil
}

var errOverdrawn = errors.New("overdrawn")

func (a *account) withdraw(ctx *durable.EntityContext, amount int) (int, error) {
	a.Cents -= amount
	if err := deposit.Signal(ctx, "bank", 1); err != nil { // the fee
		return 0, err
	}
	if a.Cents < 0 {
		return 0, durable.Permanent(errOverdrawn)
	}
	return a.Cents, nil
}

func (a *account) close(ctx *durable.EntityContext, _ durable.None) (durable.None, error) {
	ctx.Delete()
	return durable.None{}, nil
}

// state is the state of an account once all that was asked for is done.
func state(t *testing.T, c *dts.Client, key string) string {
	t.Helper()
	synctest.Wait()
	a, ok, err := accounts.State(t.Context(), c, key)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return "none"
	}
	return fmt.Sprint(a.Cents, " ", a.History)
}

func TestEntityIsCalledByItsKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("save", func(ctx *durable.Context, key string) ([]int, error) {
			first := deposit.Start(ctx, key, 5)
			second := deposit.Start(ctx, key, 7)
			other := deposit.Start(ctx, "other", 1)
			return durable.All(ctx, first, second, other)
		})
		c := serve(t, []durable.Definition{o, accounts})
		got, err := run(t, c, o, "Ana")
		if diff := cmp.Diff([]int{5, 12, 1}, got); diff != "" || err != nil {
			t.Errorf("results: %v (-want +got):\n%s", err, diff)
		}
		if got, want := state(t, c, "Ana"), "12 [false Ana 5 true Ana 7]"; got != want {
			t.Errorf("state = %s, want %s", got, want)
		}
		if got, want := state(t, c, "ana"), "none"; got != want {
			t.Errorf("state of another key = %s, want %s", got, want)
		}
	})
}

func TestFailingOperationLeavesNoTraceAndIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("spend", func(ctx *durable.Context, amount int) (string, error) {
			if _, err := deposit.Call(ctx, "ana", 5); err != nil {
				return "", err
			}
			_, err := withdraw.Call(ctx, "ana", amount)
			failure, ok := errors.AsType[*dts.Failure](err)
			return fmt.Sprint(err, " ", ok && failure.NonRetriable), nil
		})
		c := serve(t, []durable.Definition{o, accounts})
		got, err := run(t, c, o, 6)
		if want := `operation "withdraw" of entity "@account@ana": overdrawn true`; got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if got, want := state(t, c, "ana"), "5 [false ana 5]"; got != want {
			t.Errorf("state = %s, want %s", got, want)
		}
		if got := state(t, c, "bank"); got != "none" {
			t.Errorf("the bank got %s for an operation that failed", got)
		}
		if _, err := run(t, c, o, 2); err != nil {
			t.Fatal(err)
		}
		if got, want := state(t, c, "bank"), "1 [false bank 1]"; got != want {
			t.Errorf("state of the bank = %s, want %s", got, want)
		}
	})
}

func TestEntityIsSignaledFromEverywhereInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("give", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
			for i := range 3 {
				if err := deposit.Signal(ctx, "ana", i); err != nil {
					return durable.None{}, err
				}
			}
			return durable.None{}, deposit.Signal(ctx, "ana", 100, durable.At(ctx.Now().Add(time.Hour)))
		})
		c := serve(t, []durable.Definition{o, accounts})
		if _, err := run(t, c, o, durable.None{}); err != nil {
			t.Fatal(err)
		}
		if got, want := state(t, c, "ana"), "3 [false ana 0 true ana 1 true ana 2]"; got != want {
			t.Errorf("state = %s, want %s", got, want)
		}
		time.Sleep(time.Hour + time.Second)
		for i := range 3 {
			if err := deposit.Send(t.Context(), c, "ana", i); err != nil {
				t.Fatal(err)
			}
		}
		if err := deposit.Send(t.Context(), c, "ana", 1000, durable.At(time.Now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		if got, want := state(t, c, "ana"), "106 [false ana 0 true ana 1 true ana 2 true ana 100 true ana 0 true ana 1 true ana 2]"; got != want {
			t.Errorf("state an hour later = %s, want %s", got, want)
		}
		time.Sleep(time.Hour + time.Second)
		if got, want := state(t, c, "ana"), "1106 "; !strings.HasPrefix(got, want) {
			t.Errorf("state after two hours = %s, want %s first", got, want)
		}
	})
}

func TestEntityEndsByDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, []durable.Definition{accounts})
		for name, end := range map[string]func(key string) error{
			"the operation that every entity has": func(key string) error { return remove.Send(t.Context(), c, key, durable.None{}) },
			"one of its own":                      func(key string) error { return closing.Send(t.Context(), c, key, durable.None{}) },
		} {
			if err := deposit.Send(t.Context(), c, name, 1); err != nil {
				t.Fatal(err)
			}
			if got := state(t, c, name); got == "none" {
				t.Errorf("%s: there is no state before it", name)
			}
			if err := end(name); err != nil {
				t.Fatal(err)
			}
			if got := state(t, c, name); got != "none" {
				t.Errorf("%s: state = %s, want none", name, got)
			}
			if err := deposit.Send(t.Context(), c, name, 2); err != nil {
				t.Fatal(err)
			}
			if got, want := state(t, c, name), "2 [false "+name+" 2]"; got != want {
				t.Errorf("%s: state afterwards = %s, want %s", name, got, want)
			}
		}
	})
}

// transfer is how money moves between two accounts with nobody in between.
var transfer = durable.NewOrchestrator("transfer", func(ctx *durable.Context, amount int) (string, error) {
	unlock, err := durable.Lock(ctx, accounts.ID("from"), accounts.ID("to"))
	if err != nil {
		return "", err
	}
	defer unlock()
	before, err := cents.Call(ctx, "from", durable.None{})
	if err != nil {
		return "", err
	}
	ctx.Sleep(time.Hour)
	if _, err := withdraw.Call(ctx, "from", amount); err != nil {
		return "", err
	}
	after, err := deposit.Call(ctx, "to", amount)
	return fmt.Sprint(before, " ", after), err
})

func TestLockedEntitiesAreLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.serve(transfer, accounts)
		c := h.client
		send := func(key string, amount int) {
			t.Helper()
			if err := deposit.Send(t.Context(), c, key, amount); err != nil {
				t.Fatal(err)
			}
		}
		send("from", 100)
		synctest.Wait()
		one, err := transfer.StartNew(t.Context(), c, 60)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		send("from", 7) // waits for the lock to end
		send("third", 7)
		two, err := transfer.StartNew(t.Context(), c, 60)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		held, err := c.Entity(t.Context(), accounts.ID("from"))
		if err != nil || held.LockedBy != one.ID || held.Backlog == 0 {
			t.Errorf("entity is %+v, %v, want it locked by %s with a backlog", held, err, one.ID)
		}
		if got, want := state(t, c, "from"), "100 [false from 100]"; got != want {
			t.Errorf("locked: state = %s, want %s", got, want)
		}
		if got := state(t, c, "third"); got == "none" {
			t.Error("an entity that is not locked waits too")
		}
		h.restart() // the lock outlives the worker, and the scheduler
		h.scheduler.Crash()
		if got, err := one.Wait(t.Context()); got != "100 60" || err != nil {
			t.Errorf("first transfer = %q, %v, want 100 60", got, err)
		}
		if _, err := two.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "overdrawn") {
			t.Errorf("second transfer: %v, want overdrawn", err)
		}
		if got, want := state(t, c, "from"), "47 [false from 100 true from 7]"; got != want {
			t.Errorf("released by a failure: state = %s, want %s", got, want)
		}
		if held, err := c.Entity(t.Context(), accounts.ID("from")); err != nil || held.LockedBy != "" || held.Backlog != 0 {
			t.Errorf("entity is %+v, %v, want it free", held, err)
		}
	})
}

func TestLockRefusesWhatCouldWaitForItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := durable.NewOrchestrator("bad", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			unlock, err := accounts.Lock(ctx, "a", "b")
			if err != nil {
				return nil, err
			}
			defer unlock()
			_, nested := accounts.Lock(ctx, "c")
			_, other := cents.Call(ctx, "c", durable.None{})
			signal := deposit.Signal(ctx, "a", 1)
			_, child := transfer.Call(ctx, 1)
			unlock()
			_, after := cents.Call(ctx, "c", durable.None{})
			return []string{fmt.Sprint(nested), fmt.Sprint(other), fmt.Sprint(signal), fmt.Sprint(child), fmt.Sprint(after)}, nil
		})
		got, err := run(t, serve(t, []durable.Definition{o, transfer, accounts}), o, durable.None{})
		want := []string{
			`lock [@account@c]: the orchestration has a lock already, on @account@a, @account@b; release it first, or lock all entities at once`,
			`operation "cents" of entity "@account@c": entity @account@c is not locked; while entities are locked (@account@a, @account@b) no other can be called: add it to the lock, or release the lock first`,
			`signal operation "deposit" of entity "@account@a": CriticalSectionError: entity @account@a cannot be signaled by the orchestration that has locked it; call it, or release the lock first`,
			`orchestrator "transfer": orchestrator "transfer" cannot be called while entities are locked (@account@a, @account@b); release the lock first`,
			"<nil>",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("errors: %v (-want +got):\n%s", err, diff)
		}
	})
}

// ping is bound apart: its operation starts an orchestrator that calls it.
var (
	pings   = durable.NewEntity[int]("ping")
	hit     = durable.OperationNamed[int, string](pings, "hit")
	count   = durable.OperationNamed[durable.None, int](pings, "count")
	volley  = durable.OrchestratorNamed[int, int]("volley")
	playing = []durable.Definition{
		pings.With(hit.With(hitBack), count.With(func(n *int, _ *durable.EntityContext, _ durable.None) (int, error) { return *n, nil })),
		volley.With(play),
	}
)

func hitBack(n *int, ctx *durable.EntityContext, left int) (string, error) {
	*n++
	if left == 0 {
		return "", nil
	}
	return volley.StartFrom(ctx, left-1, durable.ID(fmt.Sprint("volley-", left)), durable.At(time.Now().Add(time.Minute)))
}

func play(ctx *durable.Context, left int) (int, error) {
	if _, err := hit.Call(ctx, "p", left); err != nil {
		return 0, err
	}
	return count.Call(ctx, "p", durable.None{})
}

func TestOperationStartsOrchestrations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, slices.Clone(playing))
		began := time.Now()
		if _, err := run(t, c, volley, 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		last, err := volley.Instance(c, "volley-1").Wait(t.Context())
		if last != 3 || err != nil {
			t.Errorf("the last volley returned %d, %v, want 3", last, err)
		}
		in, err := c.Instance(t.Context(), "volley-1")
		if err != nil || in.ParentID != "" || in.Completed.Sub(began) < 2*time.Minute {
			t.Errorf("instance is %+v, %v, want one without a parent that ended two minutes after the first began", in, err)
		}
	})
}

func TestMiddlewareRunsAroundOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log []string
		who := durable.NewEntity[[]string]("Who")
		note := durable.NewOperation(who, "Note", func(s *[]string, ctx *durable.EntityContext, in string) (durable.None, error) {
			*s = append(*s, in+fmt.Sprint(ctx.Context().Value(userKey{})))
			return durable.None{}, nil
		})
		mw := func(next durable.Handler) durable.Handler {
			return func(ctx context.Context, call *durable.Call) ([]byte, error) {
				log = append(log, fmt.Sprintf("%s %s %s %s %s %v", call.Kind, call.Name, call.Operation, call.Instance, call.Input, call.Replaying()))
				out, err := next(context.WithValue(ctx, userKey{}, "ana"), call)
				if string(call.Input) == `"refused "` {
					err = errors.New("not today")
				}
				return out, err
			}
		}
		c := serve(t, []durable.Definition{who}, mw)
		for _, word := range []string{"by ", "refused "} {
			if err := note.Send(t.Context(), c, "k", word); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want := []string{`entity who Note @who@k "by " false`, `entity who Note @who@k "refused " false`}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		got, ok, err := who.State(t.Context(), c, "k")
		if diff := cmp.Diff([]string{"by ana"}, got); diff != "" || !ok || err != nil {
			t.Errorf("state: %v %v (-want +got):\n%s", ok, err, diff)
		}
	})
}

func TestOperationThatDoesNotFitSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		chans := durable.NewEntity[any]("chan")
		make1 := durable.NewOperation(chans, "make", func(c *any, _ *durable.EntityContext, _ durable.None) (durable.None, error) {
			*c = make(chan int)
			return durable.None{}, nil
		})
		give := durable.NewOperation(accounts.With(), "give", func(*account, *durable.EntityContext, durable.None) (any, error) { return make(chan int), nil })
		wrongInput := durable.OperationNamed[string, int](accounts, "Deposit")
		unknown := durable.OperationNamed[durable.None, int](accounts, "undo")
		tagged := durable.NewOperation(pings.With(), "tag", func(_ *int, ctx *durable.EntityContext, _ durable.None) (string, error) {
			return volley.StartFrom(ctx, 1, durable.Tag("k", "v"))
		})
		o := durable.NewOrchestrator("try", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			texts := make([]string, 5)
			for i, call := range []func() error{
				func() error { _, err := make1.Call(ctx, "k", durable.None{}); return err },
				func() error { _, err := give.Call(ctx, "k", durable.None{}); return err },
				func() error { _, err := wrongInput.Call(ctx, "k", "much"); return err },
				func() error { _, err := unknown.Call(ctx, "k", durable.None{}); return err },
				func() error { _, err := tagged.Call(ctx, "k", durable.None{}); return err },
			} {
				texts[i] = fmt.Sprint(call())
			}
			return texts, nil
		})
		c := serve(t, []durable.Definition{o, chans, accounts.With(give), pings.With(tagged)})
		got, err := run(t, c, o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			`operation "make" of entity "@chan@k": state of entity "@chan@k": write chan int as JSON: json: unsupported type: chan int`,
			`operation "give" of entity "@account@k": result: write chan int as JSON: json: unsupported type: chan int`,
			`operation "Deposit" of entity "@account@k": input: read JSON into *int: json: cannot unmarshal string`,
			`operation "undo" of entity "@account@k": entity "account" has no operation "undo", it has cents, close, deposit, give, withdraw`,
			`operation "tag" of entity "@ping@k": start orchestrator "volley": an entity cannot give tags to what it starts`,
		} {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("error %d is %q, want it to begin %q", i, got[i], want)
			}
		}
	})
}

func TestStateThatDoesNotFitSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, []durable.Definition{accounts})
		if err := deposit.Send(t.Context(), c, "k", 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, ok, err := durable.NewEntity[string]("account").State(t.Context(), c, "k")
		if want := `state of entity "@account@k": read JSON into *string: json: cannot unmarshal`; ok || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, %v, want %s", ok, err, want)
		}
	})
}

func TestRegisterReportsMistakesInEntities(t *testing.T) {
	t.Parallel()
	fn := func(*int, *durable.EntityContext, int) (int, error) { return 0, nil }
	empty, emptyAt := durable.NewEntity[int]("empty"), here()
	twice, twiceAt := durable.NewEntity[int]("twice"), here()
	durable.NewOperation(twice, "add", fn)
	durable.NewOperation(twice, "ADD", fn)
	durable.NewOperation(twice, "", fn)
	again := durable.NewEntity[int]("Twice").With(durable.NewOperation(durable.NewEntity[int]("x"), "x", fn))
	other := durable.NewEntity[int]("other")
	mixed := other.With(durable.NewOperation(durable.NewEntity[int]("x"), "x", fn), durable.OperationNamed[int, int](other, "open"))
	at := durable.NewEntity[int]("a@b")
	durable.NewOperation(at, "x", fn)

	err := durable.Register(worker.NewRegistry(), client(t), []durable.Definition{empty, twice, again, mixed, at})
	if err == nil {
		t.Fatal("Register succeeded, want errors")
	}
	for _, want := range []string{
		emptyAt + `: entity "empty" has no operation with a function`,
		twiceAt + `: operation "ADD" of entity "twice" is declared twice`,
		`entity "twice" has an operation without a name`,
		`entity "twice" is added twice, first declared at`,
		`operation "x" is of entity "x" and was given to entity "other"`,
		`operation "open" of entity "other" has no function`,
		`"a@b", contains @`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant %q in it", err, want)
		}
	}
}

func TestEntityThatIsNotInTheAppIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		missing := durable.NewEntity[int]("missing")
		op := durable.NewOperation(missing, "op", func(*int, *durable.EntityContext, int) (int, error) { return 0, nil })
		sender := durable.NewEntity[int]("sender")
		forward := durable.NewOperation(sender, "forward", func(_ *int, ctx *durable.EntityContext, _ durable.None) (durable.None, error) {
			return durable.None{}, op.Signal(ctx, "k", 1)
		})
		o := durable.NewOrchestrator("try", func(ctx *durable.Context, _ durable.None) ([]string, error) {
			_, call := op.Call(ctx, "k", 1)
			_, lock := missing.Lock(ctx, "k")
			_, inside := forward.Call(ctx, "k", durable.None{})
			return []string{fmt.Sprint(call), fmt.Sprint(op.Signal(ctx, "k", 1)), fmt.Sprint(lock), fmt.Sprint(inside)}, nil
		})
		got, err := run(t, serve(t, []durable.Definition{o, sender}), o, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range got {
			if !strings.Contains(text, `entity "missing"`) || !strings.Contains(text, "app.Add") {
				t.Errorf("error %d is %q, want it to name the entity and app.Add", i, text)
			}
		}
	})
}
