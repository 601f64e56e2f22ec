package replay

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// guard lets only the coroutine that runs pass.
func (t *Turn) guard(method string) {
	if t.owner.Load() != goroutine() {
		t.expel(method)
	}
}

// expel deals with a goroutine that is not the turn's. A panic there would end
// the host, since nobody can catch it; so the instance fails with the text, and
// the goroutine ends quietly, its deferred functions run.
func (t *Turn) expel(method string) {
	f := &dtspb.TaskFailureDetails{
		ErrorType: typeTrespass,
		ErrorMessage: fmt.Sprintf("%s was called from a goroutine that is not the orchestrator's, or after its turn; "+
			"inside an orchestrator use Context.Go instead of go, and do not keep its context", method),
		StackTrace:     wrapperspb.String(string(debug.Stack())),
		IsNonRetriable: true,
	}
	ours := proto.CloneOf(f) // once stored, f belongs to the turn's goroutine
	if t.trespass.CompareAndSwap(nil, f) {
		t.config.Logger.Error("orchestrator context used from outside of its turn", keyInstance, t.instanceID, "error", ours.GetErrorMessage(), "stack", ours.GetStackTrace().GetValue())
		t.by.Trespassed(ours)
	}
	runtime.Goexit()
}
