package replay

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

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
		(*t.by.Load()).Trespassed(ours)
	}
	runtime.Goexit()
}

// expelled reports whether the goroutine ends because of expel. The deferred
// functions of Goexit run on top of the frames that called it.
func expelled() bool {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, ".(*Turn).expel") {
			return true
		}
		if !more {
			return false
		}
	}
}
