package conformance

import (
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/funchost/funchost/dts/internal/dtspb"
)

// madeID is the form of ids that the scheduler makes.
var madeID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// maxPayload is what one payload may have, in bytes.
const maxPayload = 1 << 20

var startScenarios = []scenario{
	{
		name: "an-empty-id-is-made",
		rule: "An empty instance id becomes 32 hexadecimal digits",
		from: documented,
		run: func(w *world) {
			id := w.start("", func(r *dtspb.CreateInstanceRequest) { r.InstanceId = "" })
			w.made = append(w.made, id)
			if !madeID.MatchString(id) {
				w.Errorf("made id %q", id)
			}
			w.wantStatus(id, pending)
		},
	},
	{
		name: "what-was-started-is-shown",
		rule: "An instance is there as soon as its start is answered, with its name, version, tags and input, an execution id and both timestamps",
		from: documented,
		run: func(w *world) {
			id := w.start("a", input(`"in"`), version("1.2"), func(r *dtspb.CreateInstanceRequest) { r.Tags = map[string]string{"k": "v"} })
			s := w.state(id)
			if !madeID.MatchString(s.GetExecutionId().GetValue()) || s.GetCreatedTimestamp() == nil || s.GetLastUpdatedTimestamp() == nil {
				w.Errorf("execution id or timestamps are missing: %v", s)
			}
			w.wantSame("state", &dtspb.OrchestrationState{
				InstanceId: id, Name: w.orc, Version: text("1.2"), Input: text(`"in"`), Tags: map[string]string{"k": "v"}, OrchestrationStatus: pending,
				ExecutionId: s.GetExecutionId(), CreatedTimestamp: s.GetCreatedTimestamp(), LastUpdatedTimestamp: s.GetLastUpdatedTimestamp(),
			}, s)
		},
	},
	{
		name: "what-was-started-reaches-the-worker",
		rule: "`ExecutionStarted` has the name, version, input, tags and trace context of the start, and the instance's two ids",
		from: documented,
		run: func(w *world) {
			trace := &dtspb.TraceContext{TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState: text("s")}
			id := w.start("a", input("in"), version("1.2"), func(r *dtspb.CreateInstanceRequest) {
				r.Tags, r.ParentTraceContext = map[string]string{"k": "v"}, trace
			})
			t := w.worker().turn()
			got := first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted)
			got.OrchestrationSpanID = nil // the scheduler's own
			w.wantSame("ExecutionStarted", &dtspb.ExecutionStartedEvent{
				Name: w.orc, Version: text("1.2"), Input: text("in"), Tags: map[string]string{"k": "v"}, ParentTraceContext: trace,
				OrchestrationInstance: &dtspb.OrchestrationInstance{InstanceId: id, ExecutionId: w.state(id).GetExecutionId()},
			}, got)
		},
	},
	{
		name: "no-input-and-an-empty-one-stay-apart",
		rule: "An input that is absent stays absent, and an empty one stays empty, in the state and at the worker",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			for name, sent := range map[string]*wrapperspb.StringValue{"none": nil, "empty": text(""), "null": text("null"), "zero": text("0")} {
				id := w.start(name, func(r *dtspb.CreateInstanceRequest) { r.Input = sent })
				w.wantSame("state of "+name, sent, w.state(id).GetInput())
				w.wantSame("event of "+name, sent, first(w, k.turnOf(id).news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetInput())
			}
		},
	},
	{
		name: "ids-may-have-colons-dots-and-plus",
		rule: "Instance ids may have `:`, `.` and `+`",
		from: documented,
		run: func(w *world) {
			for _, name := range []string{"a:b", "a.b", "a+b", "a:b.c+d"} {
				id := w.start(name)
				if s := w.state(id); s.GetInstanceId() != id {
					w.Errorf("%q: got %v", id, s)
				}
			}
		},
	},
	{
		name: "ids-are-any-text",
		rule: "Instance ids may have any characters but the zero byte, and case counts",
		from: decided,
		run: func(w *world) {
			ids := []string{"a/b", "%2F", " ", "a b ", "ключ", "a\nb", "#?&=", "..", "A", "a"}
			for _, name := range ids {
				w.start(name, input(name))
			}
			for _, name := range ids {
				if got := w.state(w.id(name)).GetInput().GetValue(); got != name {
					w.Errorf("%q: got the instance of %q", name, got)
				}
			}
			refused(w, codes.InvalidArgument, "zero byte", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id("a\x00b"), Name: w.orc})
		},
	},
	{
		name: "an-id-has-at-most-100-characters",
		rule: "An id of 100 characters is taken, one of 101 is `INVALID_ARGUMENT`",
		from: documented,
		run: func(w *world) {
			longest := strings.Repeat("x", 100-len(w.tag))
			w.wantStatus(w.start(longest), pending)
			refused(w, codes.InvalidArgument, "100", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.id(longest + "x"), Name: w.orc})
		},
	},
	{
		name: "ids-of-entities-are-refused",
		rule: "An instance id in the form of an entity's is `INVALID_ARGUMENT`",
		from: decided,
		run: func(w *world) {
			refused(w, codes.InvalidArgument, "entities", w.StartInstance, &dtspb.CreateInstanceRequest{InstanceId: w.entity("a"), Name: w.orc})
		},
	},
	{
		name: "an-execution-id-may-be-proposed",
		rule: "The execution id of the request is taken if it is 32 hexadecimal digits, and replaced if not",
		from: decided,
		run: func(w *world) {
			for name, proposed := range map[string]string{"taken": strings.Repeat("0af7", 8), "replaced": "mine"} {
				id := w.start(name, func(r *dtspb.CreateInstanceRequest) { r.ExecutionId = text(proposed) })
				if got := w.state(id).GetExecutionId().GetValue(); !madeID.MatchString(got) || (got == proposed) != (name == "taken") {
					w.Errorf("%s: execution id is %q, proposed was %q", name, got, proposed)
				}
			}
		},
	},
	{
		name: "a-start-in-1970-is-now",
		rule: "A start time that has passed, the epoch that JavaScript sends too, is now, and the clock of the turn is the scheduler's",
		from: documented,
		run: func(w *world) {
			k := w.worker()
			id := w.start("a", func(r *dtspb.CreateInstanceRequest) { r.ScheduledStartTimestamp = &timestamppb.Timestamp{} })
			if t := k.turnOf(id); t.now().Before(w.state(id).GetCreatedTimestamp().AsTime().Add(-time.Minute)) {
				w.Errorf("the clock of the turn is %v", t.now())
			}
		},
	},
	{
		name: "a-start-in-the-future-waits",
		rule: "A start time in the future is shown, the instance is Pending until then, and is not handed out before; its event has the time too",
		from: documented,
		run: func(w *world) {
			at := w.now().Add(300 * time.Millisecond)
			tomorrow := at.AddDate(0, 0, 1)
			k, far, near := w.worker(), w.start("tomorrow", due(tomorrow)), w.start("soon", due(at))
			w.wantSame("scheduled time", stamp(tomorrow), w.state(far).GetScheduledStartTimestamp())
			shown := w.state(near).GetScheduledStartTimestamp() // none on a machine that is very slow
			t := k.turn()
			if t.GetInstanceId() != near || t.now().Before(at) {
				w.Errorf("%s is handed out at %v, %v before its time", t.GetInstanceId(), t.now(), at.Sub(t.now()))
			}
			w.wantSame("event", shown, first(w, t.news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetScheduledStartTimestamp())
			w.wantStatus(far, pending)
		},
	},
	{
		name: "a-payload-has-at-most-one-mebibyte",
		rule: "An input of 1 MiB arrives whole, one with a byte more is refused and nothing is started",
		from: documented,
		run: func(w *world) {
			largest := strings.Repeat("x", maxPayload)
			id := w.start("a", input(largest))
			if got := first(w, w.worker().turn().news(), (*dtspb.HistoryEvent).GetExecutionStarted).GetInput().GetValue(); got != largest {
				w.Errorf("got %d bytes", len(got))
			}
			call(w, w.SkipGracefulOrchestrationTerminations, skip(id))
			if _, err := w.StartInstance(w.ctx, &dtspb.CreateInstanceRequest{InstanceId: w.id("b"), Name: w.orc, Input: text(largest + "x")}); err == nil {
				w.Error("a larger one is taken")
			}
			w.wantGone(w.id("b"))
		},
	},
}
