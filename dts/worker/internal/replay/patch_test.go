package replay

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func marked(id int32, change string) *dtspb.HistoryEvent { return eventSent(id, patchEvent+change) }

func TestPatchedFollowsTheHistory(t *testing.T) {
	t.Parallel()
	before := returns(func(t *Turn, _ string) string {
		await(t.Activity("a", nil, nil, nil))
		return await(t.Activity("b", nil, nil, nil))
	})
	after := returns(func(t *Turn, _ string) string {
		await(t.Activity("a", nil, nil, nil))
		if t.Patched("x") {
			await(t.Activity("x", nil, nil, nil))
		}
		again := t.Patched("x")
		return fmt.Sprint(await(t.Activity("b", nil, nil, nil)), again, t.Patched("x"))
	})
	removed := returns(func(t *Turn, _ string) string {
		await(t.Activity("a", nil, nil, nil))
		await(t.Activity("x", nil, nil, nil))
		return await(t.Activity("b", nil, nil, nil))
	})
	start := history{turn(0), begun(""), taskScheduled(0, "a")}
	old := slices.Concat(start, history{turn(1), taskCompleted(0, ""), taskScheduled(1, "b")})
	patched := slices.Concat(start, history{turn(1), taskCompleted(0, ""), marked(1, "x"), taskScheduled(1, "x")})
	onward := slices.Concat(patched, history{turn(2), taskCompleted(1, ""), taskScheduled(2, "b")})
	for _, test := range []struct {
		name         string
		run          Func
		past, events history
		want         []string
	}{
		{
			name: "the first time it is true, and marked", run: after, past: start,
			events: history{turn(1), taskCompleted(0, "")},
			want:   []string{"1 send funchost.patch/x/e:patch", "1 activity x"},
		}, {
			name: "in an old history it is false, from then on", run: after, past: old,
			events: history{turn(2), taskCompleted(1, "r")},
			want:   []string{"2 end COMPLETED <rfalse false>"},
		}, {
			name: "in a marked history it is true, and not marked again", run: after, past: patched,
			events: history{turn(2), taskCompleted(1, "")},
			want:   []string{"2 activity b"},
		}, {
			name: "and so to the end", run: after, past: onward,
			events: history{turn(3), taskCompleted(2, "r")},
			want:   []string{"3 end COMPLETED <rtrue true>"},
		}, {
			name: "the call can be taken out of the code", run: removed, past: onward,
			events: history{turn(3), taskCompleted(2, "r")},
			want:   []string{"3 end COMPLETED <r>"},
		}, {
			name: "the old code goes on with an old history", run: before, past: old,
			events: history{turn(2), taskCompleted(1, "r")},
			want:   []string{"2 end COMPLETED <r>"},
		}, {
			name: "the mark of a turn that suspends goes out at once", run: after, past: start,
			events: history{turn(1), taskCompleted(0, ""), suspended()},
			want:   []string{"1 send funchost.patch/x/e:patch"},
		}, {
			name: "and the rest when it is resumed", run: after,
			past:   slices.Concat(start, history{turn(1), taskCompleted(0, ""), suspended(), marked(1, "x")}),
			events: history{turn(2), resumed()},
			want:   []string{"1 activity x"},
		}, {
			name:   "several changes at the end",
			run:    returns(func(t *Turn, _ string) string { return fmt.Sprint(t.Patched("x"), t.Patched("y"), t.Patched("x")) }),
			events: history{turn(0), begun("")},
			want:   []string{"0 send funchost.patch/x/e:patch", "0 send funchost.patch/y/e:patch", "0 end COMPLETED <true true true>"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, cold(t, test.run, test.past, test.events)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPatchedCodeReplaysEveryHistory changes a random program by inserting steps in
// patches while an instance of it is under way. Whatever the moment of the change, the
// new code fits the history, also cold, also with the call taken out where every
// patch was met.
func TestPatchedCodeReplaysEveryHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(1, 8).Draw(t, "length")
		inserted := rapid.SliceOfN(rapid.Bool(), length, length).Draw(t, "patched before step")
		deployed := rapid.IntRange(0, length).Draw(t, "deployed in turn")
		code := func(patched func(t *Turn, change string) bool) Func {
			return returns(func(t *Turn, _ string) string {
				for i := range length {
					if inserted[i] && patched(t, fmt.Sprint(i)) {
						await(t.Activity(fmt.Sprint("new", i), nil, nil, nil))
					}
					await(t.Activity(fmt.Sprint("step", i), nil, nil, nil))
				}
				return "done"
			})
		}
		before := code(func(*Turn, string) bool { return false })
		after := code(func(t *Turn, change string) bool { return t.Patched(change) })
		removed := code(func(*Turn, string) bool { return true })

		var past history
		events := history{turn(0), begun("")}
		met := 0 // patches in history
		for n := 0; ; n++ {
			if n > 2*length+1 {
				t.Fatalf("no end after %d turns", n)
			}
			run := before
			if n >= deployed {
				run = after
			}
			actions, _ := coldTurn(run, past, events)
			past = slices.Concat(past, events)
			events = history{turn(n + 1)}
			for _, a := range actions {
				if end := a.GetCompleteOrchestration(); end != nil {
					if end.GetFailureDetails() != nil {
						t.Fatalf("turn %d: %s", n, show(actions))
					}
					all := 0
					for _, yes := range inserted {
						if yes {
							all++
						}
					}
					if met == all {
						if got := show(mustEnd(coldTurn(removed, past, nil))); !slices.Equal(got, show(actions[len(actions)-1:])) {
							t.Fatalf("without the calls it ends with %s", got)
						}
					}
					return
				}
				event, outcomes := confirmation(a)
				past = append(past, event)
				if outcomes == nil {
					met++
					continue
				}
				events = append(events, outcomes[0])
			}
		}
	})
}

// mustEnd returns the last of the actions.
func mustEnd(actions []*dtspb.OrchestratorAction, _ string) []*dtspb.OrchestratorAction {
	return actions[len(actions)-1:]
}
