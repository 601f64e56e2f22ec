package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// witness looks at one instance again and again. What it was shown must stay.
type witness struct {
	client *dts.Client
	ledger *ledger
	id     string
	// afterlife tells that the instance may be rewound, restarted or purged.
	afterlife bool

	looks     int
	seen      *dts.Instance
	history   []string
	execution string // whose history it is
}

// run looks until stop is closed: often at first, then less and less.
func (w *witness) run(ctx context.Context, stop <-chan struct{}, pause, longest time.Duration) {
	for ; ; pause = min(longest, 2*pause) {
		w.look(ctx)
		select {
		case <-time.After(pause):
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look reads the instance, in one way and then another, and compares.
func (w *witness) look(ctx context.Context) {
	if w.looks++; w.seen != nil && w.looks%2 == 0 && !w.afterlife { // its time of creation may change
		w.lookInList(ctx)
		return
	}
	in, err := w.client.Instance(ctx, w.id)
	if err != nil && !errors.Is(err, dts.ErrNotFound) {
		return // the scheduler is away
	}
	w.compare(in)
	if in == nil {
		return
	}
	if w.execution != in.ExecutionID {
		w.execution, w.history = in.ExecutionID, nil
	}
	w.lookAtHistory(ctx)
}

func (w *witness) lookInList(ctx context.Context) {
	created := w.seen.Created
	page, _, err := w.client.Page(ctx, dts.Query{CreatedFrom: created, CreatedTo: created.Add(1), IDPrefix: w.id, Payloads: true}, "")
	if err != nil {
		return
	}
	var in *dts.Instance
	if i := slices.IndexFunc(page, func(in *dts.Instance) bool { return in.ID == w.id }); i >= 0 {
		in = page[i]
	}
	w.compare(in)
}

func (w *witness) lookAtHistory(ctx context.Context) {
	var history []string
	for e, err := range w.client.History(ctx, w.id) {
		if err != nil {
			return
		}
		history = append(history, fmt.Sprintf("%d %s %d at %v: %s%s", e.EventID, e.Kind, e.TaskID, e.Timestamp, e.Input, e.Result))
	}
	in, err := w.client.Instance(ctx, w.id)
	if err != nil || in.ExecutionID != w.execution {
		return // whose history that was is unknown
	}
	if n := len(w.history); n > len(history) || !slices.Equal(w.history, history[:n]) {
		w.ledger.Violated(fmt.Sprintf("a reader of the history of %q saw\n%s\nand then\n%s",
			w.id, strings.Join(w.history, "\n"), strings.Join(history, "\n")))
	}
	w.history = history
}

// compare holds what is shown now against what was shown before.
func (w *witness) compare(now *dts.Instance) {
	if problem := regress(w.seen, now); problem != "" && !w.excuses(now) {
		w.ledger.Violated(fmt.Sprintf("a reader saw instance %q and then %s", w.id, problem))
	}
	if now != nil {
		if w.seen == nil || w.seen.Updated.Before(now.Updated) {
			w.ledger.Seen()
		}
		w.seen = now
	}
}

// excuses reports whether an end that changed is what the scenario is about.
func (w *witness) excuses(now *dts.Instance) bool {
	if now == nil {
		return w.ledger.isPurged(w.id)
	}
	return w.afterlife && w.seen.Status.Terminal() && now.Updated.After(w.seen.Updated)
}

// regress says what is older in now than in seen, empty if nothing is.
func regress(seen, now *dts.Instance) string {
	switch {
	case seen == nil:
		return ""
	case now == nil:
		return "it was gone"
	case now.Updated.Before(seen.Updated):
		return fmt.Sprintf("%v as of %v was %v as of %v again", seen.Status, seen.Updated, now.Status, now.Updated)
	case seen.Status.Terminal() && (now.Status != seen.Status || string(now.Output) != string(seen.Output) || !now.Completed.Equal(seen.Completed)):
		return fmt.Sprintf("its end changed from %v %s at %v to %v %s at %v", seen.Status, seen.Output, seen.Completed, now.Status, now.Output, now.Completed)
	default:
		return ""
	}
}
