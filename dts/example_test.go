package dts_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

func ExampleParseConnectionString() {
	cs, err := dts.ParseConnectionString(`endpoint = http://localhost:8080; TaskHub = "default"; Authentication = none; Colour = red`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cs)
	fmt.Println("ignored:", cs.IgnoredKeys)

	_, err = dts.ParseConnectionString("Endpoint=http://localhost:8080;Authentication=Password")
	fmt.Println(errors.Is(err, dts.ErrInvalid))
	// Output:
	// Endpoint=http://localhost:8080;TaskHub=default;Authentication=None
	// ignored: [Colour]
	// true
}

func ExampleParseStatus() {
	s, err := dts.ParseStatus("terminated")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s, s.Terminal())
	// Output: Terminated true
}

func ExampleParseEntityID() {
	id, err := dts.ParseEntityID("@Cart@Ana")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id.Name, id.Key, id)
	// Output: cart Ana @cart@Ana
}

// Starts an orchestration, waits for its result and looks at what happened.
func Example() {
	client, stop := openHub()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	order := dts.StartRequest{
		Name:  "greet",
		ID:    "order-7",
		Input: []byte(`"Ana"`),
		Reuse: &dts.ReusePolicy{}, // one order is processed once
	}
	id, err := client.Start(ctx, order)
	fmt.Println("started", id, err)
	_, err = client.Start(ctx, order)
	fmt.Println("again:", errors.Is(err, dts.ErrExists))

	in, err := client.Wait(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", in.Status, in.Output)

	for e, err := range client.History(ctx, id) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Kind)
	}
	// Output:
	// started order-7 <nil>
	// again: true
	// Completed: ["hello","Ana"]
	// OrchestratorStarted
	// ExecutionStarted
	// ExecutionCompleted
}

// Lists what an orchestrator failed on, then removes it.
func ExampleClient_Instances() {
	client, stop := openHub()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	for _, id := range []string{"a-1", "a-2", "b-1"} {
		if _, err := client.Start(ctx, dts.StartRequest{Name: "greet", ID: id}); err != nil {
			fmt.Println(err)
			return
		}
		if _, err := client.Wait(ctx, id); err != nil {
			fmt.Println(err)
			return
		}
	}
	failed := dts.Query{IDPrefix: "a-", Status: []dts.Status{dts.StatusFailed}, Payloads: true}
	for in, err := range client.Instances(ctx, failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(in.ID, in.Failure.Message)
	}
	fmt.Println(client.PurgeAll(ctx, failed))
	// Output:
	// a-1 nobody to greet
	// a-2 nobody to greet
	// 2 <nil>
}

// openHub runs a scheduler in memory and a worker with one orchestrator. A
// program of its own would Dial the scheduler of its connection string instead.
func openHub() (client *dts.Client, stop func()) {
	server, err := scheduler.New(scheduler.Config{Listen: "none"})
	if err != nil {
		log.Fatal(err)
	}
	client, err = dts.Dial(dts.ConnectionString{}, dts.WithConn(server.Conn()))
	if err != nil {
		log.Fatal(err)
	}
	registry := worker.NewRegistry()
	err = registry.Orchestrator("greet", func(_ *worker.Context, name []byte) ([]byte, error) {
		if name == nil {
			return nil, errors.New("nobody to greet")
		}
		return fmt.Appendf(nil, `["hello",%s]`, name), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	serverCtx, cancelServer := context.WithCancel(context.Background())
	var workers, servers sync.WaitGroup
	servers.Go(func() { _ = server.Run(serverCtx) })
	<-server.Ready()
	workers.Go(func() { _ = worker.New(client, registry).Run(ctx) })
	return client, func() {
		cancel() // the worker first: it still has to answer
		workers.Wait()
		_ = client.Close()
		cancelServer()
		servers.Wait()
	}
}
