package replay

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

func TestRequestToCancelIsTheInstances(t *testing.T) {
	t.Parallel()
	obeys := Func(func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
		reason := await(t.CancelRequest())
		t.Activity("clean up", nil, nil, nil)
		t.EndCanceled(text(reason + await(t.CancelRequest())))
		return []byte("ignored"), nil
	})
	fails := Func(func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
		t.EndCanceled(text(await(t.CancelRequest())))
		return nil, &dtspb.TaskFailureDetails{ErrorType: "X", ErrorMessage: "no"}
	})
	continues := func(drop, look bool) Func {
		return func(t *Turn, _ []byte) ([]byte, *dtspb.TaskFailureDetails) {
			if look {
				t.CancelRequest()
			}
			await(t.Event("go"))
			t.ContinueAsNew(nil, nil, drop)
			return nil, nil
		}
	}
	for _, test := range []struct {
		name   string
		run    Func
		events history
		want   []string
	}{
		{
			name: "is kept until somebody looks, any case", run: obeys,
			events: history{turn(0), begun(""), raised("Funchost.Cancel", "why")},
			want:   []string{"0 activity clean up", "1 end TERMINATED <whywhy>"},
		}, {
			name: "came before the beginning", run: obeys,
			events: history{turn(0), raised("funchost.cancel", "why"), begun("")},
			want:   []string{"0 activity clean up", "1 end TERMINATED <whywhy>"},
		}, {
			name: "does not hide a failure", run: fails,
			events: history{turn(0), begun(""), raised("funchost.cancel", "why")},
			want:   []string{"0 end FAILED (X: no)"},
		}, {
			name: "is seen in the first line of a round that it came with", run: returns(func(t *Turn, _ string) string {
				asked := t.CancelRequest().Done()
				return fmt.Sprint(asked, await(t.Event("go")))
			}),
			events: history{turn(0), begun(""), raised("a", ""), raised("funchost.cancel", "why"), raised("go", "1")},
			want:   []string{"0 end COMPLETED <true1>"},
		}, {
			name: "is not seen before the turn that it came with", run: returns(func(t *Turn, _ string) string {
				before := t.CancelRequest().Done()
				await(t.Activity("a", nil, nil, nil))
				return fmt.Sprint(before, t.CancelRequest().Done())
			}),
			events: history{turn(0), begun(""), taskScheduled(0, "a"), turn(1), taskCompleted(0, ""), raised("funchost.cancel", "why")},
			want:   []string{"1 end COMPLETED <false true>"},
		}, {
			name: "seen ahead is received once", run: returns(func(t *Turn, _ string) string {
				return await(t.CancelRequest()) + await(t.Event("funchost.cancel"))
			}),
			events: history{turn(0), begun(""), raised("funchost.cancel", "1"), raised("funchost.cancel", "2")},
			want:   []string{"0 end COMPLETED <12>"},
		}, {
			name: "goes on to the next round unread", run: continues(false, false),
			events: history{turn(0), begun(""), raised("a", "1"), raised("funchost.cancel", "why"), raised("go", "")},
			want:   []string{"0 end CONTINUED_AS_NEW +a=1 +funchost.cancel=why"},
		}, {
			name: "goes on when events are dropped", run: continues(true, false),
			events: history{turn(0), begun(""), raised("a", "1"), raised("funchost.cancel", "why"), raised("go", ""), raised("b", "2")},
			want:   []string{"0 end CONTINUED_AS_NEW +funchost.cancel=why"},
		}, {
			name: "goes on though it was received", run: continues(true, true),
			events: history{turn(0), begun(""), raised("funchost.cancel", "why"), raised("go", ""), raised("funchost.cancel", "again")},
			want:   []string{"0 end CONTINUED_AS_NEW +funchost.cancel=why +funchost.cancel=again"},
		}, {
			name: "that nobody has made does not go on", run: continues(false, true),
			events: history{turn(0), begun(""), raised("go", "")},
			want:   []string{"0 end CONTINUED_AS_NEW"},
		}, {
			name: "gives way to a termination", run: obeys,
			events: history{turn(0), begun(""), terminated("now"), raised("funchost.cancel", "why")},
			want:   []string{"1 end TERMINATED <now>"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, cold(t, test.run, nil, test.events)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}
