package worker

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
	"github.com/funchost/funchost/dts/internal/wire"
	"github.com/funchost/funchost/dts/worker/internal/replay"
)

// ActivityInfo says which activity runs and for whom. The tags must not be changed.
type ActivityInfo struct {
	InstanceID, ExecutionID string
	Name, Version           string
	TaskID                  int
	Tags                    map[string]string
}

// ActivityInfoFrom returns what an activity's context knows about it; false for
// other contexts. InstanceID and TaskID name the work: after a crash the same
// activity runs again with the same ones.
func ActivityInfoFrom(ctx context.Context) (ActivityInfo, bool) {
	req, ok := ctx.Value(activityKey{}).(*dtspb.ActivityRequest)
	if !ok {
		return ActivityInfo{}, false
	}
	return ActivityInfo{
		InstanceID:  req.GetOrchestrationInstance().GetInstanceId(),
		ExecutionID: req.GetOrchestrationInstance().GetExecutionId().GetValue(),
		Name:        req.GetName(),
		Version:     req.GetVersion().GetValue(),
		TaskID:      int(req.GetTaskId()),
		Tags:        req.GetTags(),
	}, true
}

type activityKey struct{}

// activityContext adds the request to the context in one allocation.
type activityContext struct {
	context.Context
	request *dtspb.ActivityRequest
}

func (c *activityContext) Value(key any) any {
	if key == (activityKey{}) {
		return c.request
	}
	return c.Context.Value(key)
}

// activity runs one activity item. The answer is sent by a deferred function
// because the activity may end its goroutine.
func (r *run) activity(l *lease, req *dtspb.ActivityRequest) {
	defer r.end(l)
	mismatch := r.refuseActivity(req)
	if mismatch != nil && !r.versioning.Fail {
		if l.claim() {
			r.abandon(l)
		}
		return
	}
	answer := &dtspb.ActivityResponse{
		InstanceId:      req.GetOrchestrationInstance().GetInstanceId(),
		TaskId:          req.GetTaskId(),
		CompletionToken: l.token,
	}
	defer func() {
		if r.payloads != nil && !r.storeResult(l, answer) {
			return
		}
		r.note(keyActivity, req.GetName(), l.instance, answer.GetFailureDetails())
		r.answerActivity(l, answer)
	}()

	if mismatch != nil {
		answer.FailureDetails = mismatch
		return
	}
	fn, _ := r.registry.activities[req.GetName()].find(req.GetVersion().GetValue())
	if fn == nil {
		answer.FailureDetails = &dtspb.TaskFailureDetails{
			ErrorType:      typeActivityNotFound,
			ErrorMessage:   notRegistered(req.GetName(), req.GetVersion().GetValue()),
			IsNonRetriable: true,
		}
		return
	}
	input := req.GetInput()
	if r.payloads != nil && !r.fetchInput(l, &input, answer) {
		return
	}
	ctx, cancel := limit(r.work, req.GetTags())
	defer cancel()
	defer func() { answer.FailureDetails = timedOut(ctx, req.GetTags(), answer.GetFailureDetails()) }()
	r.call(&activityContext{ctx, req}, fn, input, answer)
}

// maxNoted is how much of a failure's text goes into the log: what happened stands
// at the beginning, and what was quoted at length has no business there.
const maxNoted = 300

func notRegistered(name, version string) string {
	if version != "" {
		return fmt.Sprintf("version %q of activity %q is not registered in this worker", version, name)
	}
	return fmt.Sprintf("activity %q is not registered in this worker", name)
}

// refuseActivity says why the activity is not for this worker, nil if it is. One
// without a version came by that of its orchestration, which the scheduler has
// looked at.
func (r *run) refuseActivity(req *dtspb.ActivityRequest) *dtspb.TaskFailureDetails {
	if req.GetVersion() == nil {
		return nil
	}
	return r.versioning.refuse(req.GetName(), req.GetVersion().GetValue())
}

// note says that a function failed, with the first line of what it says. Payloads,
// stacks and the failures behind it are in the history.
func (r *run) note(key, name, instance string, f *dtspb.TaskFailureDetails) {
	if f == nil {
		return
	}
	text, _, _ := strings.Cut(f.GetErrorMessage(), "\n")
	r.log.Info(key+" failed", key, name, keyInstance, instance, keyType, f.GetErrorType(), keyError, cut(text, maxNoted))
}

// call runs fn and writes its outcome into answer, whichever way fn ends.
func (r *run) call(ctx *activityContext, fn Activity, input *wrapperspb.StringValue, answer *dtspb.ActivityResponse) {
	returned := false
	defer func() {
		switch cause := recover(); {
		case returned:
		case cause != nil:
			answer.FailureDetails = shorten(replay.Panicked(cause))
		default:
			answer.FailureDetails = shorten(replay.Exited())
		}
	}()
	result, err := fn(ctx, wire.ToPayload(input))
	if err != nil {
		answer.FailureDetails = details(err)
	} else if answer.FailureDetails = checkResult(r.payloads.Limit(), "activity", ctx.request.GetName(), result); answer.FailureDetails == nil {
		answer.Result = wire.FromPayload(result)
	}
	returned = true
}
