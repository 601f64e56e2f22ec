package durabletest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

// How often a wait looks around, at first, and how many turns an orchestration may
// make meanwhile. Virtual time is free, but turns are not: one that never ends would
// keep the test busy for ever.
const (
	firstLook = time.Minute
	maxTurns  = 10_000
)

// await returns when the instance has ended. It fails the test when that cannot be
// expected any more.
func (e *Env) await(id string) {
	e.Helper()
	client := e.Client()
	ctx, cancel := context.WithCancel(e.Context())
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, failed = client.Wait(ctx, id)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	before, turns := "", e.record.turnsOf(id)
	began := time.Now()
	moved := began // when something has last happened, or is due to happen
	for pause := time.Duration(0); ; pause = min(max(2*pause, firstLook), e.patience()) {
		timer := time.NewTimer(pause)
		select {
		case <-ended:
			timer.Stop()
			e.must(failed)
			return
		case <-timer.C:
		}
		e.Settle()
		select {
		case <-ended:
			continue
		default:
		}
		seen := e.look(id)
		if seen.print != before {
			before, moved = seen.print, time.Now()
		}
		if seen.due.After(moved) {
			moved = seen.due
		}
		switch {
		case e.record.turnsOf(id)-turns > maxTurns:
			e.Fatalf("durabletest: instance %q has made more than %d turns in %v and has not ended\n"+
				"  for one that goes on for ever, Sleep and then look at its State", id, maxTurns, time.Since(began).Round(time.Second))
		case time.Since(moved) >= e.patience():
			e.Fatalf("durabletest: %s%s", seen.says, e.wayOut(seen))
		}
	}
}

// view is an instance with what it waits for, and all below it.
type view struct {
	print string    // changes when something happens
	due   time.Time // of the latest timer
	says  string
	event string // that an orchestration waits for, if one does
	id    string // of that
}

// look reads the instance.
func (e *Env) look(id string) view {
	e.Helper()
	in, err := e.Client().Instance(e.Context(), id)
	if err != nil {
		e.must(err)
	}
	events, err := history(e.Context(), e.Client(), id)
	e.must(err)
	v := view{print: fmt.Sprint(in.ExecutionID, in.Status, len(events)), due: in.StartAt}
	v.says = fmt.Sprintf("orchestrator %q (%s) is %s", in.Name, id, strings.ToLower(in.Status.String()))
	if in.Status == dts.StatusSuspended || in.Status.Terminal() {
		return v
	}
	replayed, err := e.replay(events)
	switch {
	case errors.Is(err, worker.ErrNotRegistered):
		v.says += ": nothing that was served has it"
		return v
	case err != nil: // it has not begun
		return v
	case replayed.Difference != nil:
		v.says += ", and does not repeat itself: " + inWords(replayed.Difference)
		return v
	}
	v.says += " and waits" + at(replayed.At)
	for i, w := range replayed.Waits {
		if i > 0 {
			v.says += ", and"
		}
		e.see(&v, w, id)
	}
	return v
}

// see adds one of the things that the instance waits for.
func (e *Env) see(v *view, w worker.Wait, id string) {
	e.Helper()
	v.says += " for " + w.What
	switch {
	case w.Event != "":
		v.event, v.id = w.Event, id
	case w.Instance != "":
		child := e.look(w.Instance)
		v.print += "/" + child.print
		v.says += ": " + child.says
		if child.event != "" {
			v.event, v.id = child.event, child.id
		}
		w.Due = child.due
	case !w.Due.IsZero():
		v.says += " at " + w.Due.Format(time.DateTime)
	case w.Activity != "" && len(e.record.of(function{durable.KindActivity, w.Activity, ""})) == 0:
		v.says += ", which nothing that was served has"
	}
	if w.Due.After(v.due) {
		v.due = w.Due
	}
}

// wayOut says what the author of the test can do.
func (e *Env) wayOut(v view) string {
	if v.event == "" {
		return fmt.Sprintf("\n  for %v nothing has happened: serve or replace what it waits for, or set Patience if it takes longer", e.patience())
	}
	return fmt.Sprintf("\n  for %v nobody has raised %q: raise it before the wait, or give it a timeout", e.patience(), v.event)
}

// replay asks the apps that are served.
func (e *Env) replay(events []dts.HistoryEvent) (replayed *worker.Replayed, err error) {
	err = worker.ErrNotRegistered
	for _, app := range e.apps {
		if replayed, err = app.Replay(events); !errors.Is(err, worker.ErrNotRegistered) {
			break
		}
	}
	return replayed, err
}

// at names a line of code.
func at(line string) string {
	if line == "" {
		return ""
	}
	if cwd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(cwd, line); err == nil && filepath.IsLocal(rel) {
			line = rel
		} else {
			line = filepath.Base(line)
		}
	}
	return " at " + line
}

func inWords(d *worker.Difference) string {
	short := *d
	short.At = strings.TrimPrefix(at(d.At), " at ")
	return short.String()
}
