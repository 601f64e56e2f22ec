package replay

import (
	"runtime"
	"strings"
	"testing"
)

func TestTaskOfAnotherInstanceIsTheReasonThatIsGiven(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("goroutines cannot be told apart here")
	}
	var task *Task // where the one instance leaves it for the other
	run := returns(func(t *Turn, _ string) string {
		if task == nil {
			task = t.Event("never")
		}
		return await(task)
	})
	turns := make([]*Turn, 2)
	for i := range turns {
		var by nobody
		turns[i] = New(only(run), &by, "i", "e")
		defer turns[i].Close()
		turns[i].Apply(history{turn(0), begun("")}, false)
	}
	want := "0 end FAILED (ForeignGoroutine: the function used the context or a future of another orchestration"
	if got := show(turns[1].Actions()); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("got actions %q, want one that begins with %q", got, want)
	}
}
