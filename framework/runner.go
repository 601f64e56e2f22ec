package framework

import (
	"context"
	"time"

	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/internal/lifecycle"
)

// worker returns the runner of the app's functions. How long it may drain is
// known when it is started.
func (p *parts) worker() Runner {
	return lifecycle.Late(func(ctx context.Context) (lifecycle.Runner, error) {
		// A tenth of the share is for giving back what is not finished.
		drain := lifecycle.Share(ctx) * 9 / 10
		return worker.New(p.client, p.registry, worker.WithLogger(p.logger), worker.WithDrain(drain),
			worker.WithMaxConcurrent(p.settings.Number(keyOrchestrations), p.settings.Number(keyActivities)),
			worker.WithMaxConcurrentEntities(p.settings.Number(keyEntities)),
			worker.WithMaxWarm(p.settings.Number(keyWarm)),
			worker.WithVersioning(p.versioning())), nil
	})
}

// versioning is what the settings say about versions.
func (p *parts) versioning() worker.Versioning {
	return worker.Versioning{
		Version: p.settings.Text(keyVersion),
		Default: p.settings.Text(keyDefaultVersion),
		Match: map[string]worker.Match{
			matchAny: worker.MatchAny, matchStrict: worker.MatchStrict, matchOlder: worker.MatchCurrentOrOlder,
		}[p.settings.Text(keyVersionMatch)],
		Fail: p.settings.Text(keyVersionMismatch) == mismatchFail,
	}
}

// pull is a function of a trigger that fetches.
type pull struct {
	name string
	run  func(context.Context) error
}

func (p pull) Run(ctx context.Context) error { return p.run(ctx) }
func (p pull) Ready() <-chan struct{}        { return closed() }

// untilStop is a runner that only has something to do at its end.
type untilStop func()

func (f untilStop) Run(ctx context.Context) error {
	<-ctx.Done()
	f()
	return nil
}

func (f untilStop) Ready() <-chan struct{} { return closed() }

// addPause keeps what was added before it running for a while after the process
// has said that it is not ready: load balancers take a moment to see that.
func (p *Process) addPause(name string, d time.Duration) {
	p.steps = append(p.steps, lifecycle.Step{Name: name, Runner: pause(d), Needs: d})
}

type pause time.Duration

func (d pause) Run(ctx context.Context) error {
	<-ctx.Done()
	timer := time.NewTimer(time.Duration(d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-lifecycle.Grace(ctx).Done():
	}
	return nil
}

func (d pause) Ready() <-chan struct{} { return closed() }

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
