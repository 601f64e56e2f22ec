package durable_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// inHub runs the functions in a worker on a scheduler in memory for as long as do
// takes. An app does all this with framework.Main.
func inHub(functions []durable.Definition, do func(ctx context.Context, c *dts.Client), mw ...durable.Middleware) {
	server, err := scheduler.New(scheduler.Config{Listen: "none"})
	check(err)
	address := dts.ConnectionString{Endpoint: "http://127.0.0.1", TaskHub: "default", Authentication: dts.AuthNone}
	client, err := dts.Dial(address, dts.WithConn(server.Conn()))
	check(err)
	registry := worker.NewRegistry()
	check(durable.Register(registry, client, functions, mw...))

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- server.Run(ctx) }()
	<-server.Ready()
	working, rest := context.WithCancel(ctx)
	go func() { ended <- worker.New(client, registry).Run(working) }()

	do(ctx, client)

	rest()
	check(<-ended)
	stop()
	check(<-ended)
	check(client.Close())
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// result runs an orchestration from its start to its end and prints what came out.
func result[I, O any](o durable.Orchestrator[I, O], in I, others ...durable.Definition) {
	inHub(append(others, o), func(ctx context.Context, c *dts.Client) {
		run, err := o.StartNew(ctx, c, in, durable.ID("example"))
		check(err)
		out, err := run.Wait(ctx)
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println(out)
	})
}

func Example() {
	sayHello := durable.NewActivity("say-hello", func(_ context.Context, city string) (string, error) {
		return "Hello " + city + "!", nil
	})
	cities := durable.NewOrchestrator("hello-cities", func(ctx *durable.Context, cities []string) ([]string, error) {
		var greetings []durable.Future[string]
		for _, city := range cities {
			greetings = append(greetings, sayHello.Start(ctx, city))
		}
		return durable.All(ctx, greetings...)
	})
	result(cities, []string{"Tokyo", "Lisbon"}, sayHello)
	// Output: [Hello Tokyo! Hello Lisbon!]
}

func ExampleNewActivity() {
	double := durable.NewActivity("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

	result(durable.NewOrchestrator("main", func(ctx *durable.Context, n int) (int, error) {
		return double.Call(ctx, n)
	}), 21, double)
	// Output: 42
}

func ExampleActivityNamed() {
	// Declared once, as a package variable in a real program ...
	double := durable.ActivityNamed[int, int]("double")
	// ... called where only the name and the types are known ...
	main := durable.NewOrchestrator("main", func(ctx *durable.Context, n int) (int, error) {
		return double.Call(ctx, n)
	})
	// ... and bound where the app is put together, if it is bound here at all.
	result(main, 21, double.With(func(_ context.Context, n int) (int, error) { return 2 * n, nil }))
	// Output: 42
}

func ExampleNewOrchestrator() {
	nap := durable.NewOrchestrator("nap", func(ctx *durable.Context, d time.Duration) (string, error) {
		began := ctx.Now()
		ctx.Sleep(d)
		return fmt.Sprint("slept long enough: ", ctx.Now().Sub(began) >= d), nil
	})
	result(nap, time.Millisecond)
	// Output: slept long enough: true
}

func ExampleOrchestratorNamed() {
	// An orchestrator that calls itself is declared apart from its function.
	factorial := durable.OrchestratorNamed[int, int]("factorial")
	result(factorial.With(func(ctx *durable.Context, n int) (int, error) {
		if n <= 1 {
			return 1, nil
		}
		rest, err := factorial.Call(ctx, n-1)
		return n * rest, err
	}), 5)
	// Output: 120
}

func ExampleOrchestrator_StartNew() {
	echo := durable.NewOrchestrator("echo", func(_ *durable.Context, in string) (string, error) { return in, nil })
	inHub([]durable.Definition{echo}, func(ctx context.Context, c *dts.Client) {
		run, err := echo.StartNew(ctx, c, "hi", durable.ID("echo-1"), durable.Once(), durable.Tag("team", "sales"))
		check(err)
		out, err := run.Wait(ctx)
		fmt.Println(run.ID, out, err)

		_, err = echo.StartNew(ctx, c, "again", durable.ID("echo-1"), durable.Once())
		fmt.Println(errors.Is(err, dts.ErrExists))
	})
	// Output:
	// echo-1 hi <nil>
	// true
}

func ExampleNewEvent() {
	approved := durable.NewEvent[string]("approved")
	buy := durable.NewOrchestrator("buy", func(ctx *durable.Context, _ durable.None) (string, error) {
		by, err := approved.Wait(ctx, 24*time.Hour)
		if errors.Is(err, durable.ErrTimeout) {
			return "nobody approved", nil
		}
		return "approved by " + by, err
	})
	inHub([]durable.Definition{buy}, func(ctx context.Context, c *dts.Client) {
		run, err := buy.StartNew(ctx, c, durable.None{})
		check(err)
		check(approved.Raise(ctx, c, run.ID, "ana"))
		fmt.Println(run.Wait(ctx))
	})
	// Output: approved by ana <nil>
}

func ExampleEvent_Listen() {
	approved, withdrawn := durable.NewEvent[string]("approved"), durable.NewEvent[string]("withdrawn")
	buy := durable.NewOrchestrator("buy", func(ctx *durable.Context, _ durable.None) (string, error) {
		yes, no := approved.Listen(ctx), withdrawn.Listen(ctx)
		first, err := durable.First(ctx, yes, no)
		if err != nil {
			return "", err
		}
		if first == 1 {
			yes.Cancel()
			return "withdrawn", nil
		}
		no.Cancel()
		by, err := yes.Get(ctx)
		return "approved by " + by, err
	})
	inHub([]durable.Definition{buy}, func(ctx context.Context, c *dts.Client) {
		run, err := buy.StartNew(ctx, c, durable.None{})
		check(err)
		check(withdrawn.Raise(ctx, c, run.ID, "customer"))
		fmt.Println(run.Wait(ctx))
	})
	// Output: withdrawn <nil>
}

func ExampleRetry() {
	attempts := 0
	flaky := durable.NewActivity("flaky", func(context.Context, durable.None) (string, error) {
		if attempts++; attempts < 3 {
			return "", errors.New("not yet")
		}
		return fmt.Sprintf("worked at attempt %d", attempts), nil
	})
	result(durable.NewOrchestrator("main", func(ctx *durable.Context, _ durable.None) (string, error) {
		return flaky.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{
			Attempts: 5,
			First:    time.Millisecond,
			Factor:   2,
		}))
	}), durable.None{}, flaky)
	// Output: worked at attempt 3
}

func ExamplePermanent() {
	charge := durable.NewActivity("charge", func(context.Context, durable.None) (durable.None, error) {
		return durable.None{}, durable.Permanent(errors.New("card expired"))
	})
	result(durable.NewOrchestrator("main", func(ctx *durable.Context, _ durable.None) (durable.None, error) {
		return charge.Call(ctx, durable.None{}, durable.Retry(durable.RetryPolicy{Attempts: -1}))
	}), durable.None{}, charge)
	// Output: error: orchestrator "main" (example): activity "charge": card expired
}

func ExampleFirst() {
	never := durable.NewEvent[string]("never")
	result(durable.NewOrchestrator("main", func(ctx *durable.Context, _ durable.None) (string, error) {
		event, time := never.Listen(ctx), ctx.After(time.Millisecond)
		first, err := durable.First(ctx, event, time)
		return fmt.Sprint("done first: ", first), err
	}), durable.None{})
	// Output: done first: 1
}

func ExampleContext_Go() {
	result(durable.NewOrchestrator("main", func(ctx *durable.Context, _ durable.None) (int, error) {
		sum := 0
		add := func(n int) func() error {
			return func() error {
				ctx.Sleep(time.Duration(n) * time.Millisecond)
				sum += n
				return nil
			}
		}
		_, err := durable.All(ctx, ctx.Go("one", add(1)), ctx.Go("two", add(2)))
		return sum, err
	}), durable.None{})
	// Output: 3
}

func ExampleContinueAsNew() {
	countdown := durable.NewOrchestrator("countdown", func(ctx *durable.Context, n int) (string, error) {
		if n == 0 {
			return "lift-off", nil
		}
		ctx.Sleep(time.Millisecond)
		return "", durable.ContinueAsNew(ctx, n-1)
	})
	result(countdown, 3)
	// Output: lift-off
}

func ExampleMiddleware() {
	logging := func(next durable.Handler) durable.Handler {
		return func(ctx context.Context, call *durable.Call) ([]byte, error) {
			out, err := next(ctx, call)
			if call.Kind == durable.KindActivity {
				fmt.Printf("%s %s: %s -> %s\n", call.Instance, call.Name, call.Input, out)
			}
			return out, err
		}
	}
	double := durable.NewActivity("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })
	main := durable.NewOrchestrator("main", func(ctx *durable.Context, n int) (int, error) { return double.Call(ctx, n) })

	inHub([]durable.Definition{double, main}, func(ctx context.Context, c *dts.Client) {
		run, err := main.StartNew(ctx, c, 21, durable.ID("main-1"))
		check(err)
		_, err = run.Wait(ctx)
		check(err)
	}, logging)
	// Output: main-1 double: 21 -> 42
}
