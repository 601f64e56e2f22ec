//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/funchost/funchost/deploy/keda/e2e/ledger"
	"github.com/funchost/funchost/dts"
)

// outcome is a run in which everything went well, until somebody changes it.
type outcome struct {
	ids     []string
	ends    map[string]end
	entries []ledger.Entry
	curve   []int
}

func good() *outcome {
	o := &outcome{ends: map[string]end{}, curve: []int{0, 1, 5, 2, 0}}
	for i := range orchestrations {
		id := fmt.Sprint(i)
		o.ids = append(o.ids, id)
		o.ends[id] = end{dts.StatusCompleted, "2", 1}
		for part := range parts(i) {
			o.note(ledger.Begin, id, part)
			if i == 7 && part == 0 {
				o.entries = append(o.entries, ledger.Entry{Event: ledger.Stop, Worker: "w"})
			}
			o.note(ledger.End, id, part)
		}
	}
	return o
}

func (o *outcome) note(e ledger.Event, id string, part int) {
	o.entries = append(o.entries, ledger.Entry{Event: e, Worker: "w", Activity: fmt.Sprintf("%s/%d", id, part)})
}

// drop takes out the entries of an event, all or those of one activity.
func (o *outcome) drop(event ledger.Event, activity string) {
	o.entries = slices.DeleteFunc(o.entries, func(e ledger.Entry) bool {
		return e.Event == event && (activity == "" || e.Activity == activity)
	})
}

func TestVerdictSeesWhatWentWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		spoil func(*outcome)
		want  string // empty: nothing
	}{
		{"nothing", func(*outcome) {}, ""},
		{"an orchestration that failed", func(o *outcome) { o.ends["3"] = end{dts.StatusFailed, "", 1} }, "orchestration 3 is Failed"},
		{"an orchestration without an end", func(o *outcome) { delete(o.ends, "3") }, "orchestration 3"},
		{"an orchestration that ended twice", func(o *outcome) { o.ends["3"] = end{dts.StatusCompleted, "2", 2} }, "ended 2 times"},
		{"an orchestration with another result", func(o *outcome) { o.ends["3"] = end{dts.StatusCompleted, "1", 1} }, "with 1"},
		{"an orchestration too few", func(o *outcome) { o.ids[3] = o.ids[4] }, "199 orchestrations"},
		{"an activity that ran twice", func(o *outcome) {
			o.note(ledger.Begin, "3", 1)
			o.note(ledger.End, "3", 1)
		}, `activity 3/1 began in ["w" "w"]`},
		{"an activity that was cut off", func(o *outcome) { o.drop(ledger.End, "3/1") }, "activity 3/1"},
		{"an activity that did not run", func(o *outcome) {
			o.drop(ledger.Begin, "3/0")
			o.drop(ledger.End, "3/0")
		}, "activity 3/0"},
		{"an activity of nobody", func(o *outcome) { o.note(ledger.Begin, "x", 0) }, "nobody asked for"},
		{"no busy worker that was stopped", func(o *outcome) {
			o.drop(ledger.Stop, "")
			o.entries = append(o.entries, ledger.Entry{Event: ledger.Stop, Worker: "w"})
		}, "none of them was busy"},
		{"too few replicas", func(o *outcome) { o.curve = []int{0, 1, 3, 0} }, "replicas went 0, 1, 3, 0"},
		{"no beginning with one", func(o *outcome) { o.curve = []int{0, 4, 0} }, "replicas went"},
		{"workers in the beginning", func(o *outcome) { o.curve = []int{1, 4, 0} }, "replicas went"},
		{"workers in the end", func(o *outcome) { o.curve = []int{0, 1, 4, 1} }, "replicas went"},
		{"no workers at all", func(o *outcome) { o.curve = nil }, "replicas went"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := good()
			test.spoil(o)
			v := judge(o.ids, o.ends, o.entries, o.curve)
			if (v.err() == nil) != (test.want == "") || !strings.Contains(strings.Join(v.bad, "\n"), test.want) {
				t.Errorf("verdict:\n%v\nwant %q", v, test.want)
			}
		})
	}
}

func TestVerdictIsShort(t *testing.T) {
	t.Parallel()
	v := judge(nil, nil, nil, nil)
	o := good()
	all := judge(o.ids, nil, nil, nil)
	if v.err() == nil || all.err() == nil || len(all.bad) > 4*(most+1) {
		t.Errorf("verdicts of nothing:\n%v\n%v\nwant both bad and the second in a few lines", v, all)
	}
}

func TestPartsAreTheWholeActivity(t *testing.T) {
	t.Parallel()
	for i := range orchestrations {
		p := parts(i)
		if len(p) != 2 || p[0] <= 0 || p[1] <= 0 || p[0]+p[1] != activity {
			t.Errorf("orchestration %d has parts %v, want two that are %v together", i, p, activity)
		}
	}
}
