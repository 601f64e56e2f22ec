package worker_test

import (
	"context"
	"fmt"
	"log"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/scheduler"
	"github.com/funchost/funchost/dts/worker"
)

// A worker with one orchestrator and one activity, on a scheduler in memory. The
// connection could as well be one to another process or to Azure.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	server, err := scheduler.New(scheduler.Config{Listen: "none"})
	if err != nil {
		log.Fatal(err)
	}
	serving, working := make(chan error, 1), make(chan error, 1)
	go func() { serving <- server.Run(ctx) }()
	<-server.Ready()
	client, err := dts.Dial(dts.ConnectionString{TaskHub: "default"}, dts.WithConn(server.Conn()))
	if err != nil {
		log.Fatal(err)
	}

	registry := worker.NewRegistry()
	err = registry.Orchestrator("hello", func(ctx *worker.Context, name []byte) ([]byte, error) {
		return ctx.Activity("greet", name, worker.ActivityOptions{}).Await()
	})
	if err != nil {
		log.Fatal(err)
	}
	err = registry.Activity("greet", func(_ context.Context, name []byte) ([]byte, error) {
		return fmt.Appendf(nil, "Hello, %s!", name), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	w := worker.New(client, registry)
	workCtx, stopWork := context.WithCancel(ctx)
	go func() { working <- w.Run(workCtx) }()

	id, err := client.Start(ctx, dts.StartRequest{Name: "hello", Input: []byte("Tokyo")})
	if err != nil {
		log.Fatal(err)
	}
	instance, err := client.Wait(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(instance.Status, string(instance.Output))

	stopWork() // the worker first, it still has something to say to the scheduler
	fmt.Println("worker:", <-working)
	stop()
	fmt.Println("scheduler:", <-serving)
	// Output:
	// Completed Hello, Tokyo!
	// worker: <nil>
	// scheduler: <nil>
}
