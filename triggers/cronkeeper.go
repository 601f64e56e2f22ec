package triggers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
)

type keeperKey struct{}

// keeper settles the schedules of one host with the hub: it declares them when the
// host starts, takes back those that the app no longer has, and then looks from
// time to time whether another host sees it differently. It only reads as long as
// all agree.
type keeper struct {
	client *dts.Client
	app    string
	logger *slog.Logger
	kept   map[string]*kept // by trigger
}

// kept is a trigger as this host wants it.
type kept struct {
	plan   cronPlan
	logger *slog.Logger
	told   bool // it was declared
	heard  int  // how many declarations the record knew of then
	ousted bool // another plan held when we last looked
}

// keeperOf returns the keeper of the host.
func keeperOf(b *framework.Binder) *keeper {
	k, _ := b.Share(keeperKey{}, func() any {
		k := &keeper{client: b.Client(), app: b.App(), logger: b.Logger(), kept: make(map[string]*kept)}
		b.Go("cron schedules", k.run)
		return k
	}).(*keeper)
	return k
}

func (k *keeper) add(trigger string, p cronPlan, l *slog.Logger) error {
	if k.kept[trigger] != nil {
		return fmt.Errorf("another cron trigger has the name %q too\n  give one of them the option triggers.Name", trigger)
	}
	k.kept[trigger] = &kept{plan: p, logger: l}
	return nil
}

// run works until ctx ends. What cannot be done now is done at the next look.
func (k *keeper) run(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for searched := false; ; {
		if !searched {
			err := k.search(ctx)
			searched = err == nil
			warn(ctx, k.logger, "cron triggers that the app no longer has could not be looked for", err)
		}
		for _, trigger := range slices.Sorted(maps.Keys(k.kept)) {
			t := k.kept[trigger]
			warn(ctx, t.logger, "a schedule could not be settled", k.settle(ctx, trigger, t))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

func warn(ctx context.Context, l *slog.Logger, text string, err error) {
	if err != nil && ctx.Err() == nil {
		l.Warn(text, "error", err)
	}
}

// keeperTimeout bounds what one look waits for the scheduler.
const keeperTimeout = 15 * time.Second

// search adds the triggers that hosts of this app have declared before and that it
// no longer has: the plan for them is to have none.
func (k *keeper) search(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keeperTimeout)
	defer cancel()
	q := dts.Query{IDPrefix: recordPrefix, Status: []dts.Status{dts.StatusPending, dts.StatusRunning, dts.StatusSuspended}, Payloads: true}
	for in, err := range k.client.Instances(ctx, q) {
		if err != nil {
			return err
		}
		r, err := recordOf(k.client, in)
		if err != nil {
			return err
		}
		if r.App == k.app && !r.Plan.withdrawn() && k.kept[r.Trigger] == nil {
			k.logger.Info("a cron trigger is gone from the app", "gone", r.Trigger, "schedule", r.Plan.Spec)
			k.kept[r.Trigger] = &kept{logger: k.logger}
		}
	}
	return nil
}

// settle looks at one record and declares the plan where that is needed: once in
// any case, then as long as another plan holds or ours is disputed. It waits until
// a declaration is heard before it makes the next, so that they do not pile up
// while no worker is there.
func (k *keeper) settle(ctx context.Context, trigger string, t *kept) error {
	ctx, cancel := context.WithTimeout(ctx, keeperTimeout)
	defer cancel()
	r, err := readRecord(ctx, k.client, trigger)
	if err != nil {
		return err
	}
	if r == nil {
		if t.plan.withdrawn() {
			return nil
		}
		if err := k.startRecord(ctx, trigger); err != nil {
			return err
		}
		r = new(cronRecord)
	} else if t.told {
		agreed := r.Plan == t.plan
		if r.Heard == t.heard || agreed && r.Disputed.IsZero() {
			return nil
		}
		k.tell(t, r, agreed)
	}
	return k.declare(ctx, trigger, t, r.Heard)
}

// tell says in the log when hosts begin to disagree.
func (k *keeper) tell(t *kept, r *cronRecord, agreed bool) {
	if !agreed && !t.ousted {
		t.logger.Warn("other hosts have another schedule for this trigger, which holds as long as they are there",
			"schedule", r.Plan.Spec, "own", t.plan.Spec)
	}
	t.ousted = !agreed
}

func (k *keeper) startRecord(ctx context.Context, trigger string) error {
	input, err := k.client.Converter().Marshal(cronRecord{Trigger: trigger})
	if err != nil {
		return err
	}
	_, err = k.client.Start(ctx, dts.StartRequest{
		Name: keepRecord.Name(), ID: recordID(trigger), Input: input,
		Reuse: &dts.ReusePolicy{Replaceable: []dts.Status{
			dts.StatusCompleted, dts.StatusFailed, dts.StatusTerminated, dts.StatusCanceled,
		}},
	})
	if errors.Is(err, dts.ErrExists) {
		return nil // another host was faster
	}
	return err
}

func (k *keeper) declare(ctx context.Context, trigger string, t *kept, heard int) error {
	if err := declared.Raise(ctx, k.client, recordID(trigger), cronDeclaration{k.app, t.plan}); err != nil {
		return err
	}
	t.told, t.heard = true, heard
	return nil
}
