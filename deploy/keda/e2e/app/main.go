// Command app is the host that the test scales. Its orchestrations are nothing but
// activities that take a while, and each activity leaves its beginning and its end
// in the ledger.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/funchost/funchost/deploy/keda/e2e/ledger"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

func main() {
	book, err := openBook()
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(2)
	}
	go book.noteStop()
	work := durable.ActivityNamed[job, durable.None]("work")
	shift := durable.NewOrchestrator("shift", func(ctx *durable.Context, takes []time.Duration) (int, error) {
		for i, d := range takes {
			if _, err := work.Call(ctx, job{fmt.Sprintf("%s/%d", ctx.ID(), i), d}); err != nil {
				return i, err
			}
		}
		return len(takes), nil
	})
	framework.Main(framework.New("e2e").Add(work.With(book.work), shift).On(triggers.HTTP("POST /api/shift", shift)))
}

// job is one activity.
type job struct {
	Name  string
	Takes time.Duration
}

// book is the ledger in the hands of one worker.
type book struct {
	*ledger.Ledger

	worker string
}

// openBook opens the file that the overlay names. The name of a pod is the name of
// its host.
func openBook() (*book, error) {
	l, err := ledger.Open(os.Getenv("E2E_LEDGER"))
	return &book{l, os.Getenv("HOSTNAME")}, err
}

// work does not look at ctx: an activity that is cut off has no end in the ledger.
func (b *book) work(_ context.Context, j job) (durable.None, error) {
	if err := b.Note(ledger.Entry{Event: ledger.Begin, Worker: b.worker, Activity: j.Name}); err != nil {
		return durable.None{}, err
	}
	time.Sleep(j.Takes)
	return durable.None{}, b.Note(ledger.Entry{Event: ledger.End, Worker: b.worker, Activity: j.Name})
}

func (b *book) noteStop() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM) // the host hears it too
	<-stop
	if err := b.Note(ledger.Entry{Event: ledger.Stop, Worker: b.worker}); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
	}
}
