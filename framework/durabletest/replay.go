package durabletest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
)

// Replay checks that the orchestrators of an app still do what they did when the
// histories in files were made. [Orchestration.Save] makes them, and so does
//
//	funchost history INSTANCE --output json
//
// Files is a path, or a pattern as of [filepath.Glob]. For each history with which the
// code disagrees the test fails and names the first difference: the number of the
// event, what history has there, what the code has, and the line of it.
func Replay(t testing.TB, app *framework.App, files string) {
	t.Helper()
	names, err := filepath.Glob(files)
	if err == nil && len(names) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		t.Fatalf("durabletest: replay %s: %v", files, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		var h dts.History
		if err == nil {
			err = json.Unmarshal(text, &h)
		}
		if err != nil {
			t.Errorf("durabletest: replay %s: %v", name, err)
			continue
		}
		check(t, app, name, h.Events)
	}
}

// ReplayInstance is [Replay] with the history that an instance of a hub has now. It
// reads it and changes nothing.
func ReplayInstance(t testing.TB, app *framework.App, c *dts.Client, id string) {
	t.Helper()
	events, err := history(t.Context(), c, id)
	if err != nil {
		t.Fatalf("durabletest: replay instance %q: %v", id, err)
	}
	check(t, app, "instance "+id, events)
}

func check(t testing.TB, app *framework.App, name string, events []dts.HistoryEvent) {
	t.Helper()
	replayed, err := app.Replay(events)
	switch {
	case err != nil:
		t.Errorf("durabletest: replay %s: %v", name, err)
	case replayed.Difference != nil:
		t.Errorf("durabletest: %s: orchestrator %q takes another way: %s", name, replayed.Name, inWords(replayed.Difference))
	}
}

// replayAll fails the test for orchestrations that do not repeat themselves.
func (e *Env) replayAll() {
	e.Helper()
	if e.scheduler == nil || e.Failed() {
		return
	}
	e.Settle()
	ctx := context.WithoutCancel(e.Context())
	for in, err := range e.Client().Instances(ctx, dts.Query{}) {
		e.must(err)
		events, err := history(ctx, e.Client(), in.ID)
		if errors.Is(err, dts.ErrNotFound) || errors.Is(err, dts.ErrPayloadGone) || robbed(events) {
			continue
		}
		e.must(err)
		replayed, err := e.replay(events)
		if err != nil { // it is not served, or has not begun
			continue
		}
		if d := replayed.Difference; d != nil {
			e.Errorf("durabletest: orchestrator %q (%s) does not repeat itself: %s\n"+
				"  it must take the same way in each replay: no clock, no random numbers, no order of a map, nothing from outside", in.Name, in.ID, inWords(d))
		}
	}
}

// robbed reports whether an orchestration ended since a payload of its was gone: not by
// its code, which would go on.
func robbed(events []dts.HistoryEvent) bool {
	return slices.ContainsFunc(events, func(e dts.HistoryEvent) bool {
		return e.Kind == "ExecutionCompleted" && e.Failure != nil && e.Failure.Type == "PayloadGone"
	})
}
