//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/funchost/funchost/deploy/keda/e2e/ledger"
	"github.com/funchost/funchost/dts"
)

// verdict is what the run showed.
type verdict struct {
	good, bad []string
}

// judge compares what was asked for with what is in the hub, in the ledger and in
// the curve.
func judge(ids []string, ends map[string]end, entries []ledger.Entry, steps []int) *verdict {
	v := &verdict{}
	v.ends(ids, ends)
	v.activities(ids, entries)
	v.scaleIn(entries)
	v.curve(steps)
	return v
}

func (v *verdict) String() string {
	var b strings.Builder
	for _, text := range v.good {
		fmt.Fprintf(&b, "  yes  %s\n", text)
	}
	for _, text := range v.bad {
		fmt.Fprintf(&b, "  NO   %s\n", text)
	}
	return b.String()
}

func (v *verdict) err() error {
	if len(v.bad) == 0 {
		return nil
	}
	return errors.New("this is not what it should show")
}

// most is how many reasons of one kind are worth reading.
const most = 5

// say is good when nothing stands against it.
func (v *verdict) say(good string, against ...string) {
	if len(against) == 0 {
		v.good = append(v.good, good)
	}
	if n := len(against); n > most {
		against = append(against[:most], fmt.Sprintf("and %d more like that", n-most))
	}
	v.bad = append(v.bad, against...)
}

// ends: every orchestration ended, once, with the number of its activities.
func (v *verdict) ends(ids []string, ends map[string]end) {
	var against []string
	for _, id := range ids {
		if got, want := ends[id], (end{dts.StatusCompleted, strconv.Itoa(len(parts(0))), 1}); got != want {
			against = append(against, fmt.Sprintf("orchestration %s is %s with %s and ended %d times, want %s with %s, once",
				id, got.status, got.output, got.times, want.status, want.output))
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != orchestrations {
		against = append(against, fmt.Sprintf("there were %d orchestrations, want %d", n, orchestrations))
	}
	v.say(fmt.Sprintf("%d orchestrations ended, each once and with its result", len(ids)), against...)
}

// activities: each began once and ended once, in one worker.
func (v *verdict) activities(ids []string, entries []ledger.Entry) {
	begins, ends := map[string][]string{}, map[string][]string{} // the workers of an activity
	for _, e := range entries {
		switch e.Event {
		case ledger.Begin:
			begins[e.Activity] = append(begins[e.Activity], e.Worker)
		case ledger.End:
			ends[e.Activity] = append(ends[e.Activity], e.Worker)
		}
	}
	var names, against []string
	for i, id := range ids {
		for part := range parts(i) {
			names = append(names, fmt.Sprintf("%s/%d", id, part))
		}
	}
	for _, name := range names {
		if b, e := begins[name], ends[name]; len(b) != 1 || !slices.Equal(b, e) {
			against = append(against, fmt.Sprintf("activity %s began in %q and ended in %q, want one worker, once", name, b, e))
		}
		delete(begins, name)
	}
	for name, workers := range begins {
		against = append(against, fmt.Sprintf("%q ran activity %s, which nobody asked for", workers, name))
	}
	v.say(fmt.Sprintf("%d activities ran, none twice", len(names)), against...)
}

// scaleIn: workers were stopped while they worked. If none was, the run says
// nothing about what happens then.
func (v *verdict) scaleIn(entries []ledger.Entry) {
	stopped, busy, cut, held := 0, 0, 0, map[string]int{}
	for _, e := range entries {
		switch e.Event {
		case ledger.Begin:
			held[e.Worker]++
		case ledger.End:
			held[e.Worker]--
		case ledger.Stop:
			stopped++
			if n := held[e.Worker]; n > 0 {
				busy++
				cut += n
			}
		}
	}
	if busy == 0 {
		v.say("", fmt.Sprintf("%d workers were told to stop and none of them was busy: this run shows nothing about scale-in", stopped))
		return
	}
	v.say(fmt.Sprintf("%d workers were told to stop, %d of them in the middle of %d activities", stopped, busy, cut))
}

// curve: from none to one to many to none.
func (v *verdict) curve(steps []int) {
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(steps), " ", ", "), "[]")
	var against []string
	if len(steps) < 3 || steps[0] != 0 || steps[1] != 1 || steps[len(steps)-1] != 0 || slices.Max(steps) < wantReplicas {
		against = append(against, fmt.Sprintf("replicas went %s, want 0, 1, at least %d, 0", text, wantReplicas))
	}
	v.say("replicas went "+text, against...)
}
