package triggers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
	"github.com/funchost/funchost/triggers"
)

var (
	placed   = durable.OrchestratorNamed[order, string]("placed")
	audit    = durable.OrchestratorNamed[durable.CloudEvent[order], string]("audit")
	text     = durable.OrchestratorNamed[string, string]("text")
	blob     = durable.OrchestratorNamed[[]byte, string]("blob")
	anything = durable.OrchestratorNamed[durable.CloudEvent[any], string]("anything")
	bare     = durable.OrchestratorNamed[durable.CloudEvent[durable.None], string]("bare")
)

func ordersEvents() framework.Trigger {
	return triggers.CloudEvents("/events",
		triggers.Match(placed, triggers.Type("order.placed", "order.placed.v2"), triggers.Source("/shop")),
		triggers.Match(audit, triggers.Type("order.placed", "order.audited")),
		triggers.Match(text, triggers.Type("text")),
		triggers.Match(blob, triggers.Type("blob")),
		triggers.Match(bare, triggers.Type("bare")),
	)
}

const (
	structured = "application/cloudevents+json"
	batched    = "application/cloudevents-batch+json"
)

// eventText is a structured event with more members, which replace those it has.
func eventText(id, kind string, more ...string) string {
	members := map[string]json.RawMessage{
		"specversion": json.RawMessage(`"1.0"`), "id": quoted(id), "source": json.RawMessage(`"/shop"`), "type": quoted(kind),
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			delete(members, more[i])
			continue
		}
		members[more[i]] = json.RawMessage(more[i+1])
	}
	body, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func quoted(s string) json.RawMessage {
	body, _ := json.Marshal(s)
	return body
}

// binary are the headers of an event in binary mode, with more of them. An empty
// value takes one away.
func binary(id, kind string, more ...string) []string {
	return append([]string{"Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", "/shop", "Ce-Type", kind, "Content-Type", jsonType}, more...)
}

func TestEventStartsWhatTheFirstRuleSays(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	const data = `{"ID":"7","Cents":500}`
	for _, tc := range []struct {
		name, body   string
		header       []string
		orchestrator string
		input        string
	}{
		{"structured", eventText("1", "order.placed", "data", data), []string{"Content-Type", structured}, "placed", data},
		{"structured with parameters", eventText("2", "order.placed", "data", data), []string{"Content-Type", "Application/CloudEvents+JSON; Charset=UTF-8"}, "placed", data},
		{"binary", data, binary("3", "order.placed.v2"), "placed", data},
		{"binary without a content type", data, binary("4", "order.placed", "Content-Type", ""), "placed", data},
		{
			"the whole event", eventText("5", "order.placed", "data", data, "source", `"/other"`, "subject", `"s"`, "time", `"2026-01-02T03:04:05+01:00"`,
				"dataschema", `"http://x/s"`, "datacontenttype", `"application/vnd.x+json"`, "priority", `7`, "urgent", `true`),
			[]string{"Content-Type", structured},
			"audit", `{"id":"5","source":"/other","type":"order.placed","subject":"s","time":"2026-01-02T03:04:05+01:00","datacontenttype":"application/vnd.x+json",` +
				`"dataschema":"http://x/s","extensions":{"priority":"7","urgent":"true"},"data":{"ID":"7","Cents":500}}`,
		},
		{
			"the whole event in binary mode", data, binary("6", "order.audited", "Ce-Subject", "Euro%20%E2%82%AC", "Ce-Comexample", `"a \"b\" 100%"`),
			"audit", `{"id":"6","source":"/shop","type":"order.audited","subject":"Euro €","datacontenttype":"application/json","extensions":{"comexample":"a \"b\" 100%"},"data":{"ID":"7","Cents":500}}`,
		},
		{"text", "Grüße", binary("7", "text", "Content-Type", "text/plain"), "text", `"Grüße"`},
		{"text as JSON", `"Grüße"`, binary("8", "text"), "text", `"Grüße"`},
		{"text in a structured event", eventText("9", "text", "data", `"<x/>"`, "datacontenttype", `"text/xml"`), []string{"Content-Type", structured}, "text", `"<x/>"`},
		{"bytes", "\x00\xff", binary("10", "blob", "Content-Type", "image/png"), "blob", `"AP8="`},
		{"bytes in a structured event", eventText("11", "blob", "data_base64", `"AP8="`), []string{"Content-Type", structured}, "blob", `"AP8="`},
		{"JSON as base64", eventText("12", "order.placed", "data_base64", `"eyJJRCI6IjciLCJDZW50cyI6NTAwfQ=="`, "datacontenttype", `"application/json"`), []string{"Content-Type", structured}, "placed", data},
		{"no data", "", binary("13", "bare", "Content-Type", ""), "bare", `{"id":"13","source":"/shop","type":"bare","data":{}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t, h.client, h.http, h.url}
			got := h.do("POST", "/events", tc.body, tc.header...)
			in := h.started(got)
			if in.Name != tc.orchestrator || string(in.Input) != tc.input {
				t.Errorf("started %s with\n%s, want %s with\n%s", in.Name, in.Input, tc.orchestrator, tc.input)
			}
			if !strings.HasPrefix(in.ID, "ce:") || len(in.ID) != 35 {
				t.Errorf("id %q, want ce: and a hash", in.ID)
			}
			// A redelivery has the same answer and starts nothing.
			again := h.do("POST", "/events", tc.body, tc.header...)
			if diff := cmp.Diff(got.body, again.body); diff != "" || again.code != 202 {
				t.Errorf("again: %d %s", again.code, diff)
			}
			if now := h.started(again); now.ExecutionID != in.ExecutionID || !now.Created.Equal(in.Created) {
				t.Errorf("the second delivery has started %+v", now)
			}
		})
	}
	t.Cleanup(func() {
		if got := count(t, h.client, dts.Query{}); got != 13 {
			t.Errorf("%d instances, want 13", got)
		}
	})
}

func TestOneEventStartsEachOrchestratorThatItIsForOnce(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents(), triggers.CloudEvents("/archive", triggers.Match(anything)))
	var got []string
	for _, path := range []string{"/events", "/archive", "/events", "/archive"} {
		in := h.started(h.do("POST", path, `{"ID":"7"}`, binary("1", "order.placed")...))
		got = append(got, in.Name)
	}
	if want := []string{"placed", "anything", "placed", "anything"}; !cmp.Equal(got, want) {
		t.Errorf("the answers lead to %q, want %q", got, want)
	}
	// Another type does not make another event, but another rule may mean it.
	if in := h.started(h.do("POST", "/events", `"x"`, binary("1", "text")...)); in.Name != "text" {
		t.Errorf("an event for text leads to an instance of %s", in.Name)
	}
	if got := count(t, h.client, dts.Query{}); got != 3 {
		t.Errorf("%d instances, want 3", got)
	}
}

func TestEventThatIsFinishedIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	post := func() *dts.Instance { return h.started(h.do("POST", "/events", `{}`, binary("1", "order.placed")...)) }
	first := post()
	if err := h.client.Terminate(t.Context(), first.ID, "done"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.Wait(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if again := post(); again.Status != dts.StatusTerminated {
		t.Errorf("the second delivery has started an instance that is %s", again.Status)
	}
}

func TestEventsThatCannotBeTakenAreRefused(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents(), triggers.CloudEvents("/all", triggers.Match(anything)))
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	large := `"` + strings.Repeat("a", httpapi.MaxBody-2) + `"`
	many := "[" + strings.Repeat(eventText("1", "text", "data", `"x"`)+",", 100) + eventText("1", "text", "data", `"x"`) + "]"
	as := func(kind string) []string { return []string{"Content-Type", kind} }
	ev := func(more ...string) string { return eventText("1", "order.placed", more...) }
	for _, tc := range []struct {
		name, path, body string
		header           []string
		code             int
		says             string
	}{
		{"no event", "/events", `{}`, as(jsonType), 415, "no CloudEvent"},
		{"nothing at all", "/events", ``, nil, 415, "no CloudEvent"},
		{"another format", "/events", `<event/>`, as("application/cloudevents+xml"), 415, "not known"},
		{"another format of batches", "/events", ``, as("application/cloudevents-batch+protobuf"), 415, "not known"},
		{"another charset", "/events", ev(), as(structured + "; charset=utf-16"), 415, "application/json"},
		{"a structured event without a body", "/events", ``, as(structured), 400, "not a JSON object"},
		{"half an object", "/events", `{"specversion":"1.0",`, as(structured), 400, "line 1, column 21"},
		{"an array as one event", "/events", `[` + ev() + `]`, as(structured), 400, "not a JSON object"},
		{"null", "/events", `null`, as(structured), 400, "not a JSON object"},
		{"no version", "/events", ev("specversion", ""), as(structured), 400, `specversion is ""`},
		{"an old version", "/events", ev("specversion", `"0.3"`), as(structured), 400, `specversion is "0.3"`},
		{"no id", "/events", ev("id", ""), as(structured), 400, "id"},
		{"an empty id", "/events", ev("id", `""`), as(structured), 400, "id"},
		{"an id that is a number", "/events", ev("id", `7`), as(structured), 400, "attribute id is not a string"},
		{"no source", "/events", ev("source", ""), as(structured), 400, "source"},
		{"a source that is no URI", "/events", ev("source", `"%zz"`), as(structured), 400, "uri"},
		{"no type", "/events", ev("type", `null`), as(structured), 400, "type: MUST be a non-empty string"},
		{"an id with half a character", "/events", ev("id", `"\ud800"`, "data", `{}`), as(structured), 400, "attribute id has half a character"},
		{"an id that is not UTF-8", "/events", strings.Replace(ev("id", `"X"`, "data", `{}`), "X", "\xff", 1), as(structured), 400, "not UTF-8"},
		{"an attribute with half a character in its name", "/events", ev("X", `1`, "data", `{}`)[:1] + `"\udfff":1,` + ev("data", `{}`)[1:], as(structured), 400, "attribute"},
		{"data with half a character", "/events", ev("data", `{"ID":"\udfff"}`), as(structured), 400, `\udfff stands alone`},
		{"text data with half a character", "/events", eventText("1", "text", "data", `"\ud800"`, "datacontenttype", `"text/plain"`), as(structured), 400, "half a character"},
		{"data that is null", "/events", ev("data", `null`), as(structured), 400, "null"},
		{"a time that is none", "/events", ev("time", `"yesterday"`), as(structured), 400, "cannot be read"},
		{"an attribute with parts", "/events", ev("extra", `{"a":1}`), as(structured), 400, `"extra"`},
		{"an attribute without a name", "/events", ev("", `1`), as(structured), 400, `attribute ""`},
		{"base64 that is a number", "/events", `{"data_base64":5,"specversion":"1.0","id":"1","source":"/s","type":"blob"}`, as(structured), 400, "data_base64"},
		{"base64 that is none", "/events", eventText("1", "blob", "data_base64", `"***"`), as(structured), 400, "data_base64"},
		{"data twice", "/events", ev("data_base64", `"AA=="`, "data", `1`), as(structured), 400, "data and data_base64"},
		{"text data that is an object", "/events", eventText("1", "text", "data", `{}`, "datacontenttype", `"text/plain"`), as(structured), 400, "must be a string"},
		{"an attribute twice", "/events", `{"id":"0",` + ev("data", `{}`)[1:], as(structured), 400, `attribute "id" is there twice`},
		{"data of another shape", "/events", ev("data", `[]`), as(structured), 400, "the data of the event: does not fit: line 1, column 1: got a JSON array, want an object"},
		{"data of another type", "/events", ev("data", `{"Cents":"many"}`), as(structured), 400, `field "Cents"`},
		{"no data", "/events", ev(), as(structured), 400, "no data"},
		{"deep data", "/events", ev("data", deep), as(structured), 400, "deeper than 64"},
		{"deep data in binary mode", "/events", deep, binary("1", "order.placed"), 400, "deeper than 64"},
		{"data that is not JSON", "/events", `{"ID":`, binary("1", "order.placed"), 400, "not JSON"},
		{"data of a type that the input cannot take", "/events", `<order/>`, binary("1", "order.placed", "Content-Type", "application/xml"), 415, "application/xml"},
		{"data that is not UTF-8", "/events", "{\"ID\":\"\xff\"}", binary("1", "order.placed"), 400, "not UTF-8"},
		{"a content type that is not UTF-8", "/events", "x", binary("1", "text", "Content-Type", "text/plain; x=\"\xff\""), 400, "UTF-8"},
		{"text that is not UTF-8", "/events", "\xff", binary("1", "text", "Content-Type", "text/plain"), 400, "UTF-8"},
		{"a body that is too large", "/events", ev("data", large), as(structured), 413, "1048576 bytes"},
		{"data that is too large", "/events", large + " ", binary("1", "text"), 413, "1048576 bytes"},
		{"an input that is too large", "/all", large, binary("1", "text"), 413, "1048576 bytes"},
		{"binary without an id", "/events", `{}`, binary("", "order.placed"), 400, "id"},
		{"binary of an old version", "/events", `{}`, binary("1", "order.placed", "Ce-Specversion", "0.3"), 400, `"0.3"`},
		{"the content type as an attribute", "/events", `{}`, binary("1", "order.placed", "Ce-Datacontenttype", "text/plain"), 400, "Content-Type"},
		{"a header without a name", "/events", `{}`, binary("1", "order.placed", "Ce-", "x"), 400, "names no attribute"},
		{"an attribute name with a dash", "/events", `{}`, binary("1", "order.placed", "Ce-A-B", "x"), 400, "cannot be read"},
		{"a header that is not UTF-8", "/events", `{}`, binary("1", "order.placed", "Ce-Subject", "%ff"), 400, "UTF-8"},
		{"a batch that is an object", "/events", ev(), as(batched), 400, "array of events"},
		{"a batch that is null", "/events", `null`, as(batched), 400, "array of events"},
		{"a batch of no events", "/events", `[1]`, as(batched), 400, "event 1 of the batch: the event is not a JSON object"},
		{"a batch that is too large", "/events", many, as(batched), 413, "101 events"},
		{"a batch with one that is malformed", "/events", `[` + eventText("a", "text", "data", `"x"`) + `,` + ev("id", "") + `]`, as(batched), 400, "event 2"},
		{"a batch with one that does not fit", "/events", `[` + eventText("a", "text", "data", `"x"`) + `,` + ev("data", `7`) + `]`, as(batched), 400, "event 2"},
		{"a page of another origin", "/events", ev("data", `{}`), append(as(structured), "Sec-Fetch-Site", "cross-site"), 403, "cross-origin"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := &host{t, h.client, h.http, h.url}
			got := h.do("POST", tc.path, tc.body, tc.header...)
			if got.code != tc.code || !strings.Contains(strings.ToLower(got.message()), strings.ToLower(tc.says)) {
				t.Errorf("got %d %.300s, want %d with %q", got.code, got.body, tc.code, tc.says)
			}
		})
	}
	t.Cleanup(func() {
		if got := count(t, h.client, dts.Query{}); got != 0 {
			t.Errorf("%d instances, want none", got)
		}
	})
}

func TestHeaderThatIsThereTwiceIsRefused(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/events", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, kv := 0, binary("1", "order.placed", "Ce-Id", "2"); i < len(kv); i += 2 {
		req.Header.Add(kv[i], kv[i+1])
	}
	resp, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Errorf("got %d, want 400: proxies differ in which of the two counts", resp.StatusCode)
	}
}

func TestEventsOfABatchAreAllStarted(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	var list []string
	for i := range 100 {
		kind := "text"
		if i%10 == 0 {
			kind = "unknown"
		}
		list = append(list, eventText(fmt.Sprint(i), kind, "data", `"x"`))
	}
	body := "[" + strings.Join(list, ",") + "]"
	for range 2 {
		if got := h.do("POST", "/events", body, "Content-Type", batched+"; charset=utf-8"); got.code != 202 || got.body != "" {
			t.Errorf("got %d %s, want 202", got.code, got.body)
		}
		if got := count(t, h.client, dts.Query{IDPrefix: "ce:"}); got != 90 {
			t.Errorf("%d instances, want 90", got)
		}
	}
}

func TestEventsThatNobodyMeansAreTakenForDone(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	for _, tc := range [][2]string{{"[]", batched}, {eventText("1", "unknown"), structured}, {"[" + eventText("1", "unknown") + "]", batched}} {
		if got := h.do("POST", "/events", tc[0], "Content-Type", tc[1]); got.code != 204 || got.body != "" {
			t.Errorf("%s: %d %s, want 204", tc[0], got.code, got.body)
		}
	}
	if got := h.do("GET", "/events", ""); got.code != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q, want 405 and POST", got.code, got.header.Get("Allow"))
	}
	if got := h.do("OPTIONS", "/events", "", "Webhook-Request-Origin", "example.com"); got.code != 405 {
		t.Errorf("OPTIONS without origins: %d, want 405", got.code)
	}
}

func TestTraceOfTheSenderGoesOn(t *testing.T) {
	t.Parallel()
	s := dtstest.Start(t)
	wire := &spy{ClientConnInterface: s.Conn()}
	h := serve(t, s.Connect("default", dts.WithConn(wire)), ordersEvents())
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	h.started(h.do("POST", "/events", `"x"`, binary("1", "text", "Ce-Traceparent", parent, "Ce-Tracestate", "a=b")...))
	h.started(h.do("POST", "/events", `"x"`, binary("2", "text", "Ce-Traceparent", "nonsense")...))
	if want := []string{parent, ""}; !cmp.Equal(wire.traces, want) {
		t.Errorf("traces %q, want %q", wire.traces, want)
	}
}

// spy notes the trace context of starts.
type spy struct {
	grpc.ClientConnInterface
	traces []string
}

func (s *spy) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if strings.HasSuffix(method, "/StartInstance") {
		traced, _ := args.(interface{ String() string })
		_, after, _ := strings.Cut(traced.String(), "traceParent:\"")
		parent, _, _ := strings.Cut(after, `"`)
		s.traces = append(s.traces, parent)
	}
	return s.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// away is a scheduler that cannot be reached from some call on.
type away struct {
	grpc.ClientConnInterface

	mu   sync.Mutex
	left int // calls that still work
}

func (a *away) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	a.mu.Lock()
	a.left--
	gone := a.left < 0
	a.mu.Unlock()
	if gone {
		return status.Error(codes.Unavailable, "gone")
	}
	return a.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

// G8: what was answered with 2xx is durable, and what could not be stored is
// answered with 503, also when a part of a batch was.
func TestSchedulerThatIsAwayIs503AndTheResendCompletes(t *testing.T) {
	t.Parallel()
	s := dtstest.Start(t)
	wire := &away{ClientConnInterface: s.Conn()}
	h := serve(t, s.Connect("default", dts.WithConn(wire)), ordersEvents(), triggers.HTTP("POST /orders", orders))
	unreachable := func(got answer) {
		t.Helper()
		if got.code != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %s, want 503 with Retry-After", got.code, got.body)
		}
	}
	unreachable(h.do("POST", "/events", `"x"`, binary("1", "text")...))
	unreachable(h.do("POST", "/orders", `{}`, "Idempotency-Key", "k"))

	var list []string
	for i := range 40 {
		list = append(list, eventText(fmt.Sprint(i), "text", "data", `"x"`))
	}
	body := "[" + strings.Join(list, ",") + "]"
	wire.left = 20
	unreachable(h.do("POST", "/events", body, "Content-Type", batched))
	wire.left = 1000
	if got := h.do("POST", "/events", body, "Content-Type", batched); got.code != 202 {
		t.Errorf("the resend: %d %s, want 202", got.code, got.body)
	}
	s.Crash()
	if got := count(t, s.Client(), dts.Query{IDPrefix: "ce:"}); got != 40 {
		t.Errorf("%d instances after a power cut, want 40", got)
	}
}

// A client of the official SDK sends in all modes.
func TestOfficialSDKClientIsUnderstood(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(), ordersEvents())
	protocol, err := cehttp.New(cehttp.WithTarget(h.url+"/events"), cehttp.WithClient(*h.http))
	if err != nil {
		t.Fatal(err)
	}
	client, err := cloudevents.NewClient(protocol, cloudevents.WithTimeNow())
	if err != nil {
		t.Fatal(err)
	}
	send := func(ctx context.Context, id string) {
		t.Helper()
		e := cloudevents.NewEvent()
		e.SetID(id)
		e.SetSource("/shop")
		e.SetType("order.audited")
		e.SetSubject("subject of " + id)
		e.SetExtension("number", 7)
		if err := e.SetData(cloudevents.ApplicationJSON, order{ID: id, Cents: 1}); err != nil {
			t.Fatal(err)
		}
		result := client.Send(ctx, e)
		var answer *cehttp.Result
		if !cloudevents.ResultAs(result, &answer) || answer.StatusCode != 202 {
			t.Errorf("event %s: %v, want 202", id, result)
		}
	}
	for range 2 {
		send(cloudevents.WithEncodingBinary(t.Context()), "b")
		send(cloudevents.WithEncodingStructured(t.Context()), "s")
	}
	var events []cloudevents.Event
	for _, id := range []string{"s", "x", "y"} {
		e := cloudevents.NewEvent()
		e.SetID(id)
		e.SetSource("/shop")
		e.SetType("text")
		if err := e.SetData("text/plain", "hello"); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	req, err := cehttp.NewHTTPRequestFromEvents(t.Context(), h.url+"/events", events)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Errorf("batch: %d, want 202", resp.StatusCode)
	}
	for in, err := range h.client.Instances(t.Context(), dts.Query{Payloads: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if in.Name != "audit" {
			continue
		}
		var e durable.CloudEvent[order]
		if err := json.Unmarshal(in.Input, &e); err != nil {
			t.Fatal(err)
		}
		if e.Subject != "subject of "+e.ID || e.Data.ID != e.ID || e.Extensions["number"] != "7" || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
	}
	if got := count(t, h.client, dts.Query{}); got != 5 {
		t.Errorf("%d instances, want 2 for audit and 3 for text", got)
	}
}

func TestHandshakeLetsTheRightOriginsIn(t *testing.T) {
	t.Parallel()
	h := serve(t, dtstest.Start(t).Client(),
		triggers.CloudEvents("/some", triggers.Match(text), triggers.Origins("eventgrid.azure.net"), triggers.Origins("*.example.com")),
		triggers.CloudEvents("/any", triggers.Match(text), triggers.Origins("*")))
	for _, tc := range []struct {
		path, origin string
		allowed      bool
	}{
		{"/some", "eventgrid.azure.net", true},
		{"/some", "EventGrid.Azure.Net", true},
		{"/some", "a.example.com", true},
		{"/some", "a.b.example.com", true},
		{"/some", "example.com", false},
		{"/some", ".example.com", false},
		{"/some", "evilexample.com", false},
		{"/some", "eventgrid.azure.net.evil.com", false},
		{"/some", "eventgrid", false},
		{"/some", "*", false},
		{"/any", "whoever.org", true},
	} {
		got := h.do("OPTIONS", tc.path, "", "Webhook-Request-Origin", tc.origin, "Webhook-Request-Rate", "120", "Webhook-Request-Callback", h.url+"/callback")
		want := answer{code: 403}
		if tc.allowed {
			want = answer{code: 200}
			if got.header.Get("Webhook-Allowed-Origin") != tc.origin || got.header.Get("Webhook-Allowed-Rate") != "*" || got.header.Get("Allow") != "POST, OPTIONS" {
				t.Errorf("%s: headers %v", tc.origin, got.header)
			}
		} else if got.header.Get("Webhook-Allowed-Origin") != "" || got.header.Get("Webhook-Allowed-Rate") != "" {
			t.Errorf("%s: headers %v, want none that allow", tc.origin, got.header)
		}
		if got.code != want.code {
			t.Errorf("%s: %d, want %d", tc.origin, got.code, want.code)
		}
		post := h.do("POST", tc.path, `"x"`, binary(tc.origin, "text", "Webhook-Request-Origin", tc.origin)...)
		if (post.code == 202) != tc.allowed || !tc.allowed && post.code != 403 {
			t.Errorf("event of %s: %d %s", tc.origin, post.code, post.body)
		}
	}
	if got := h.do("OPTIONS", "/some", ""); got.code != 400 {
		t.Errorf("no origin: %d, want 400", got.code)
	}
	if got := h.do("OPTIONS", "/some", "", "Webhook-Request-Origin", "a.example.com"); got.code != 200 || got.header.Get("Webhook-Allowed-Rate") != "" {
		t.Errorf("no rate: %d, %v", got.code, got.header)
	}
	for _, path := range []string{"/some", "/any"} {
		if got := h.do("POST", path, `"x"`, binary("no origin", "text")...); got.code != 403 {
			t.Errorf("event of no origin to %s: %d, want 403", path, got.code)
		}
	}
}

func TestMistakesOfEventTriggersAreReturnedAtTheStart(t *testing.T) {
	t.Parallel()
	var nothing func(context.Context, durable.CloudEvent[string]) error
	away := durable.NewOrchestrator("away", func(*durable.Context, string) (string, error) { return "", nil })
	err := framework.New("test",
		framework.Set("listen", "127.0.0.1:0"), framework.Set("admin-listen", "none"), framework.Set("role", "api"),
		framework.WithClient(dtstest.Start(t).Client()),
	).On(
		triggers.CloudEvents("/none"),
		triggers.CloudEvents("/nil", nil),
		triggers.CloudEvents("/filter", triggers.Match(text, triggers.Type("text"), nil)),
		triggers.CloudEvents("/filter2", triggers.Match(text, triggers.Filter(nil))),
		triggers.CloudEvents("/away", triggers.Match(text), triggers.Match(away)),
		triggers.CloudEvents("/origin", triggers.Match(text), triggers.Origins("https://example.com")),
		triggers.CloudEvents("/star", triggers.Match(text), triggers.Origins("a.*.com")),
		triggers.EventFunc("/func", nothing),
		triggers.CloudEvents("/twice", triggers.Match(text)),
		triggers.HTTP("POST /twice", orders),
	).Run(t.Context())
	for _, want := range []string{
		`trigger "/none": it has no rule`, `trigger "/nil": one of its rules is nil`,
		`trigger "/filter": one of its filters is nil`, `trigger "/filter2": one of its filters is nil`, `orchestrator "away" is not registered`,
		`origin "https://example.com" is not the name of a host`, `origin "a.*.com" is not the name of a host`,
		`trigger "/func": the function is nil`, `"POST /twice" of trigger "/twice"`,
	} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error %v\nwant %s in it", err, want)
		}
	}
}
