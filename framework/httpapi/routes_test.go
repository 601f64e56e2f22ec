package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/httpapi"
)

const base = httpapi.BasePath

var jsonType = map[string]string{"Content-Type": "application/json"}

// Every route with every code it has, against instances in every state.
func TestRoutesAnswerWithTheirCodes(t *testing.T) {
	t.Parallel()
	states := []string{"pending", "waiting", "completed", "failed", "terminated", "suspended"}
	prepare := func(w *world) {
		w.start(unknownName, "pending", "")
		w.start("wait", "waiting", "")
		w.start("echo", "completed", `{"a":1}`)
		w.start("fail", "failed", "")
		w.start("wait", "terminated", "")
		w.start("wait", "suspended", "")
		for _, err := range []error{
			w.client.Terminate(w.t.Context(), "terminated", "enough"),
			w.client.Suspend(w.t.Context(), "suspended", "hold"),
		} {
			if err != nil {
				w.t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
	}
	type tc struct {
		request
		code int
	}
	var cases []tc
	add := func(codes []int, format, body string, header map[string]string) {
		for i, state := range states {
			method, path, _ := strings.Cut(fmt.Sprintf(format, state), " ")
			cases = append(cases, tc{request{method, base + path, body, header}, codes[i]})
		}
	}
	add([]int{202, 202, 200, 200, 200, 202}, "GET /instances/%s", "", nil)
	add([]int{202, 202, 200, 200, 200, 202}, "GET /Instances/%s/", "", nil)
	add([]int{202, 202, 200, 500, 200, 202}, "GET /instances/%s?returnInternalServerErrorOnFailure=true", "", nil)
	add([]int{202, 202, 200, 200, 200, 202}, "GET /instances/%s?showHistory=true&showHistoryOutput=TRUE", "", nil)
	add([]int{202, 202, 410, 410, 410, 202}, "POST /instances/%s/raiseEvent/unused", "{}", jsonType)
	add([]int{202, 202, 410, 410, 410, 202}, "POST /instances/%s/suspend?reason=x", "", nil)
	add([]int{202, 202, 410, 410, 410, 202}, "POST /instances/%s/RESUME", "", nil)
	add([]int{409, 409, 200, 200, 200, 409}, "DELETE /instances/%s", "", nil)
	add([]int{202, 202, 410, 410, 410, 202}, "POST /instances/%s/cancel?reason=enough", "", nil)
	add([]int{202, 202, 410, 410, 410, 202}, "POST /instances/%s/terminate?reason=enough", "", nil)
	add([]int{409, 409, 410, 202, 410, 409}, "POST /instances/%s/rewind?reason=again", "", nil)
	add([]int{202, 202, 202, 202, 202, 202}, "POST /instances/%s/restart", "", nil)
	add([]int{409, 409, 202, 202, 202, 409}, "POST /instances/%s/restart?restartWithNewInstanceId=false", "", nil)

	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339) // where bubbles begin
	for _, c := range []tc{
		{request{method: "GET", path: "/instances/unknown"}, 404},
		{request{method: "DELETE", path: "/instances/unknown"}, 404},
		{request{method: "POST", path: "/instances/unknown/terminate"}, 404},
		{request{method: "POST", path: "/instances/unknown/restart"}, 400},
		{request{method: "POST", path: "/instances/unknown/restart?timeout=1&pollingInterval=2"}, 400},
		{request{method: "POST", path: "/instances/unknown/suspend"}, 404},
		{request{method: "POST", path: "/instances/unknown/resume"}, 404},
		{request{method: "POST", path: "/instances/unknown/cancel"}, 404},
		{request{method: "POST", path: "/instances/unknown/rewind"}, 404},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", body: "1", header: jsonType}, 404},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", body: "{", header: jsonType}, 400},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", header: jsonType}, 400},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", body: "1"}, 400},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", body: "1", header: map[string]string{"Content-Type": "text/plain"}}, 400},
		{request{method: "POST", path: "/instances/unknown/raiseEvent/e", body: `"` + strings.Repeat("a", httpapi.MaxBody) + `"`, header: jsonType}, 413},
		{request{method: "GET", path: "/instances"}, 200},
		{request{method: "GET", path: "/instances?runtimeStatus=Failed,running&runtimeStatus=Pending&top=5&createdTimeFrom=1999-01-01"}, 200},
		{request{method: "GET", path: "/instances?runtimeStatus=Broken"}, 400},
		{request{method: "GET", path: "/instances?createdTimeFrom=yesterday"}, 400},
		{request{method: "GET", path: "/instances?createdTimeTo=1"}, 400},
		{request{method: "GET", path: "/instances?top=0"}, 400},
		{request{method: "GET", path: "/instances?top=many"}, 400},
		{request{method: "GET", path: "/instances?top=99999999999999999999"}, 200},
		{request{method: "GET", path: "/instances?showInput=2"}, 400},
		{request{method: "GET", path: "/instances?showInput="}, 200},
		{request{method: "GET", path: "/instances", header: map[string]string{"x-ms-continuation-token": "!"}}, 400},
		{request{method: "GET", path: "/instances/completed?showHistory=perhaps"}, 400},
		{request{method: "GET", path: "/instances/completed?taskHub=DEFAULT&connection=Storage&code=x"}, 200},
		{request{method: "GET", path: "/instances/completed?taskHub=other"}, 400},
		{request{method: "DELETE", path: "/instances"}, 400},
		{request{method: "DELETE", path: "/instances?createdTimeFrom=soon"}, 400},
		{request{method: "DELETE", path: "/instances?createdTimeFrom=2099-01-01"}, 404},
		{request{method: "DELETE", path: "/instances?createdTimeFrom=" + now + "&runtimeStatus=Canceled"}, 404},
		{request{method: "GET", path: "/instances/@entity@key"}, 400},
		{request{method: "GET", path: "/instances/a%2Fb"}, 400},
		{request{method: "GET", path: "/instances/a%5Cb"}, 400},
		{request{method: "GET", path: "/instances/a%00b"}, 400},
		{request{method: "GET", path: "/instances/a%FFb"}, 400},
		{request{method: "GET", path: "/instances/" + strings.Repeat("a", 101)}, 400},
		{request{method: "GET", path: "/instances/" + strings.Repeat("%C3%A9", 100)}, 404},
		{request{method: "DELETE", path: "/instances/a%23b"}, 400},
		{request{method: "POST", path: "/instances/a%3Fb/terminate"}, 400},
		{request{method: "POST", path: "/orchestrators/echo"}, 202},
		{request{method: "POST", path: "/Orchestrators/echo/", body: "[1]"}, 202},
		{request{method: "POST", path: "/orchestrators/wait/waiting"}, 409},
		{request{method: "POST", path: "/orchestrators/echo/completed", body: "1"}, 202},
		{request{method: "POST", path: "/orchestrators/echo/@x"}, 400},
		{request{method: "POST", path: "/orchestrators/echo", body: "{"}, 400},
		{request{method: "POST", path: "/orchestrators/echo", body: "1 2"}, 400},
		{request{method: "POST", path: "/orchestrators/echo", body: `"` + strings.Repeat("a", httpapi.MaxBody) + `"`}, 413},
		{request{method: "POST", path: "/orchestrators/echo?timeout=x"}, 400},
		{request{method: "POST", path: "/orchestrators/echo?timeout=-1"}, 400},
		{request{method: "POST", path: "/orchestrators/echo?timeout=NaN"}, 400},
		{request{method: "POST", path: "/orchestrators/echo?timeout=1&pollingInterval=2"}, 400},
		{request{method: "POST", path: "/orchestrators/echo?timeout=2.5", body: "7"}, 200},
		{request{method: "POST", path: "/orchestrators/echo?pollingInterval=0.5", body: "7"}, 200},
		{request{method: "POST", path: "/orchestrators/fail?timeout=5&pollingInterval=1"}, 200},
		{request{method: "POST", path: "/orchestrators/wait?timeout=5&pollingInterval=1"}, 202},
		{request{method: "POST", path: "/orchestrators/wait?timeout=100000"}, 202},
		{request{method: "PUT", path: "/instances/completed"}, 404},
		{request{method: "HEAD", path: "/instances/completed"}, 404},
		{request{method: "GET", path: "/instances/completed/terminate"}, 404},
		{request{method: "POST", path: "/instances/completed/explode"}, 404},
		{request{method: "POST", path: "/instances//terminate"}, 404},
		{request{method: "GET", path: "/instances//"}, 404},
		{request{method: "GET", path: "/orchestrators"}, 404},
		{request{method: "GET", path: ""}, 404},
		{request{method: "GET", path: "/"}, 404},
		{request{method: "POST", path: "/orchestrators/echo", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, 403},
		{request{method: "POST", path: "/orchestrators/echo", header: map[string]string{"Origin": "https://evil.example"}}, 403},
		{request{method: "GET", path: "/instances", header: map[string]string{"Host": "evil.example:7071"}}, 403},
		{request{method: "GET", path: "/instances", header: map[string]string{"Host": "127.0.0.1:7071"}}, 200},
		{request{method: "GET", path: "/instances", header: map[string]string{"Host": "[::1]:7071"}}, 200},
		{request{method: "GET", path: "/instances", header: map[string]string{"Host": "app.localhost"}}, 200},
	} {
		c.path = base + c.path
		cases = append(cases, c)
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path[:min(len(c.path), 120)], func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				if !strings.Contains(c.path, "unknown") {
					prepare(w)
				}
				if resp := w.do(c.request); resp.Code != c.code {
					t.Errorf("got %d %s, want %d", resp.Code, resp.Body, c.code)
				}
			})
		})
	}
}

func TestStatusHasTheFieldsOfAzure(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.start("echo", "done", `{"a":[1,2]}`)
		w.start("fail", "broken", `1`)
		w.start("wait", "open", `"in"`)
		for _, tc := range []struct{ path, want string }{
			{"/instances/done", `{"name":"echo","instanceId":"done","runtimeStatus":"Completed","input":{"a":[1,2]},"customStatus":null,"output":{"a":[1,2]},` +
				`"createdTime":"2000-01-01T00:00:00Z","lastUpdatedTime":"2000-01-01T00:00:00Z"}`},
			{"/instances/done?showInput=false", `{"name":"echo","instanceId":"done","runtimeStatus":"Completed","input":null,"customStatus":null,"output":{"a":[1,2]},` +
				`"createdTime":"2000-01-01T00:00:00Z","lastUpdatedTime":"2000-01-01T00:00:00Z"}`},
			{"/instances/open", `{"name":"wait","instanceId":"open","runtimeStatus":"Running","input":"in","customStatus":"waiting","output":null,` +
				`"createdTime":"2000-01-01T00:00:00Z","lastUpdatedTime":"2000-01-01T00:00:00Z"}`},
		} {
			if got := strings.TrimSpace(w.do(request{method: "GET", path: base + tc.path}).Body.String()); got != tc.want {
				t.Errorf("%s:\n got %s\nwant %s", tc.path, got, tc.want)
			}
		}
		broken := object(t, w.do(request{method: "GET", path: base + "/instances/broken"}))
		if text, _ := broken["output"].(string); !strings.Contains(text, "no luck") {
			t.Errorf("output of a failed instance = %v, want its failure", broken["output"])
		}
	})
}

func TestPollerIsToldWhereAndWhen(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.start("wait", "open", "")
		path := base + "/instances/open?taskHub=default&showInput=false"
		resp := w.do(request{method: "GET", path: path})
		if got, want := resp.Header().Get("Location"), "http://localhost:7071"+path; got != want {
			t.Errorf("Location %q, want %q", got, want)
		}
		if got := resp.Header().Get("Retry-After"); got != "5" {
			t.Errorf("Retry-After %q, want 5", got)
		}
	})
}

func TestCheckStatusLinksLeadBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		resp := w.do(request{method: "POST", path: base + "/orchestrators/wait/an%20id"})
		if resp.Code != 202 || resp.Header().Get("Retry-After") != "10" {
			t.Fatalf("got %d, Retry-After %q", resp.Code, resp.Header().Get("Retry-After"))
		}
		links := object(t, resp)
		const instance = "http://localhost:7071" + base + "/instances/an%20id"
		const tail = "taskHub=default&connection=scheduler"
		want := map[string]any{
			"id":                    "an id",
			"statusQueryGetUri":     instance + "?" + tail,
			"sendEventPostUri":      instance + "/raiseEvent/{eventName}?" + tail,
			"terminatePostUri":      instance + "/terminate?reason={text}&" + tail,
			"purgeHistoryDeleteUri": instance + "?" + tail,
			"restartPostUri":        instance + "/restart?" + tail,
			"suspendPostUri":        instance + "/suspend?reason={text}&" + tail,
			"resumePostUri":         instance + "/resume?reason={text}&" + tail,
		}
		if diff := cmp.Diff(want, links); diff != "" {
			t.Error(diff)
		}
		if got := resp.Header().Get("Location"); got != want["statusQueryGetUri"] {
			t.Errorf("Location %q, want %q", got, want["statusQueryGetUri"])
		}
		time.Sleep(time.Second)
		follow := func(method, key, old, replacement, body string, code int) {
			t.Helper()
			path := strings.Replace(strings.TrimPrefix(links[key].(string), "http://localhost:7071"), old, replacement, 1)
			if got := w.do(request{method, path, body, jsonType}); got.Code != code {
				t.Errorf("%s: %d %s, want %d", key, got.Code, got.Body, code)
			}
			time.Sleep(time.Second)
		}
		follow("GET", "statusQueryGetUri", "", "", "", 202)
		follow("POST", "suspendPostUri", "{text}", "wait", "", 202)
		follow("POST", "resumePostUri", "{text}", "go+on", "", 202)
		follow("POST", "sendEventPostUri", "{eventName}", "go", `"result"`, 202)
		follow("GET", "statusQueryGetUri", "", "", "", 200)
		follow("POST", "terminatePostUri", "{text}", "late", "", 410)
		follow("DELETE", "purgeHistoryDeleteUri", "", "", "", 200)
		follow("GET", "statusQueryGetUri", "", "", "", 404)
	})
}

func TestLinksNameTheHostThatTheCallerSees(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for _, tc := range []struct {
			name   string
			header map[string]string
			want   string
		}{
			{"proxy with TLS", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "orders.example"}, "https://orders.example/"},
			{"several proxies", map[string]string{"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "a.example:8443, b.internal"}, "https://a.example:8443/"},
			{"scheme that is none", map[string]string{"X-Forwarded-Proto": "javascript"}, "http://localhost:7071/"},
			{"host that is none", map[string]string{"X-Forwarded-Host": `evil"/?x=`}, "http://localhost:7071/"},
		} {
			resp := w.do(request{method: "POST", path: base + "/orchestrators/echo", header: tc.header})
			if got := resp.Header().Get("Location"); !strings.HasPrefix(got, tc.want) {
				t.Errorf("%s: Location %q, want it to begin with %q", tc.name, got, tc.want)
			}
		}
	})
}

func TestSteeringReachesTheInstance(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		status := func() (string, any) {
			time.Sleep(time.Second)
			got := object(t, w.do(request{method: "GET", path: base + "/instances/one"}))
			return got["runtimeStatus"].(string), got["output"]
		}
		w.start("wait", "one", "")
		w.do(request{method: "POST", path: base + "/instances/one/suspend?reason=hold"})
		if got, _ := status(); got != "Suspended" {
			t.Errorf("after suspend: %s", got)
		}
		w.do(request{method: "POST", path: base + "/instances/one/raiseEvent/go", body: `{"by":"ana"}`, header: jsonType})
		if got, _ := status(); got != "Suspended" {
			t.Errorf("after an event while suspended: %s", got)
		}
		w.do(request{method: "POST", path: base + "/instances/one/resume"})
		got, output := status()
		if got != "Completed" || !cmp.Equal(output, map[string]any{"by": "ana"}) {
			t.Errorf("after resume: %s %v, want Completed with the payload", got, output)
		}
		w.start("wait", "two", "")
		w.do(request{method: "POST", path: base + "/instances/two/terminate?reason=too+late"})
		time.Sleep(time.Second)
		two := object(t, w.do(request{method: "GET", path: base + "/instances/two"}))
		if two["runtimeStatus"] != "Terminated" || two["output"] != "too late" {
			t.Errorf("after terminate: %v, want the reason as output", two)
		}
	})
}

func TestListIsPaged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 7 {
			w.start("echo", fmt.Sprintf("a-%d", i), "1")
			time.Sleep(time.Minute)
		}
		w.start("wait", "b-0", "")
		var (
			ids   []string
			token string
		)
		for page := 1; ; page++ {
			resp := w.do(request{
				method: "GET", path: base + "/instances?instanceIdPrefix=a-&top=3&showInput=false",
				header: map[string]string{"x-ms-continuation-token": token},
			})
			var list []map[string]any
			if err := json.Unmarshal(resp.Body.Bytes(), &list); err != nil {
				t.Fatal(err)
			}
			for _, in := range list {
				ids = append(ids, in["instanceId"].(string))
				if in["input"] != nil || in["output"] == nil {
					t.Errorf("%v: want the output and not the input", in)
				}
			}
			values, ok := resp.Header()["X-Ms-Continuation-Token"]
			if !ok || page > 5 {
				t.Fatalf("page %d: header %v", page, values)
			}
			if token = values[0]; token == "" {
				break
			}
		}
		if want := []string{"a-0", "a-1", "a-2", "a-3", "a-4", "a-5", "a-6"}; !cmp.Equal(want, ids) {
			t.Errorf("got %v, want %v", ids, want)
		}
		if got := w.do(request{method: "GET", path: base + "/instances?runtimeStatus=Canceled"}).Body.String(); got != "[]\n" {
			t.Errorf("empty list = %q, want []", got)
		}
	})
}

func TestPurgeByFilterCountsWhatWent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.start("echo", "old", "")
		time.Sleep(time.Hour)
		w.start("echo", "new", "")
		w.start("fail", "broken", "")
		w.start("wait", "open", "")
		resp := w.do(request{method: "DELETE", path: base + "/instances?createdTimeFrom=2000-01-01T00:30:00&runtimeStatus=Completed,Failed"})
		if got := strings.TrimSpace(resp.Body.String()); got != `{"instancesDeleted":2}` {
			t.Errorf("got %d %s, want two deleted", resp.Code, got)
		}
		for id, want := range map[string]int{"old": 200, "new": 404, "broken": 404, "open": 202} {
			if got := w.do(request{method: "GET", path: base + "/instances/" + id}).Code; got != want {
				t.Errorf("%s: %d, want %d", id, got, want)
			}
		}
	})
}

func TestHistoryIsToldInAzuresWords(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.start("greet", "one", `"Ana"`)
		time.Sleep(2 * time.Hour)
		rows := func(query string) (kinds []string, byKind map[string]map[string]any) {
			byKind = make(map[string]map[string]any)
			body := object(t, w.do(request{method: "GET", path: base + "/instances/one?showHistory=true" + query}))
			for _, row := range body["historyEvents"].([]any) {
				row := row.(map[string]any)
				kind := row["EventType"].(string)
				kinds = append(kinds, kind)
				byKind[kind] = row
			}
			return kinds, byKind
		}
		kinds, byKind := rows("&showHistoryOutput=true")
		if diff := cmp.Diff([]string{"ExecutionStarted", "TaskCompleted", "TimerFired", "ExecutionCompleted"}, kinds); diff != "" {
			t.Error(diff)
		}
		if got := byKind["ExecutionStarted"]["FunctionName"]; got != "greet" {
			t.Errorf("FunctionName of the start = %v", got)
		}
		task := byKind["TaskCompleted"]
		if task["FunctionName"] != "say" || task["Result"] != "Ana" || task["ScheduledTime"] == nil {
			t.Errorf("TaskCompleted = %v, want what was scheduled in it", task)
		}
		if got, _ := byKind["TimerFired"]["FireAt"].(string); !strings.HasPrefix(got, "2000-01-01T01:00:00") {
			t.Errorf("FireAt = %v, want an hour after the start", got)
		}
		if got := byKind["ExecutionCompleted"]["OrchestrationStatus"]; got != "Completed" {
			t.Errorf("OrchestrationStatus = %v", got)
		}
		_, byKind = rows("")
		if got, ok := byKind["TaskCompleted"]["Result"]; ok {
			t.Errorf("Result = %v without showHistoryOutput", got)
		}
	})
}

func TestDrainEndsTheWaitForAResult(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		time.AfterFunc(3*time.Second, func() {
			w.api.Drain()
			w.api.Drain()
		})
		began := time.Now()
		resp := w.do(request{method: "POST", path: base + "/orchestrators/wait?timeout=200"})
		if took := time.Since(began); resp.Code != 202 || resp.Header().Get("Location") == "" || took != 3*time.Second {
			t.Errorf("got %d, Location %q after %v, want 202 after 3s", resp.Code, resp.Header().Get("Location"), took)
		}
		if resp := w.do(request{method: "POST", path: base + "/orchestrators/wait?timeout=200"}); resp.Code != 202 || time.Since(began) != 3*time.Second {
			t.Errorf("got %d after %v, want 202 at once", resp.Code, time.Since(began))
		}
	})
}

func TestUnknownOrchestratorIsRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		api := httpapi.New(w.client, httpapi.Config{Known: func(name string) bool { return name == "echo" }})
		if got := do(w.t, api, request{method: "POST", path: base + "/orchestrators/echo"}).Code; got != 202 {
			t.Errorf("known: %d, want 202", got)
		}
		if got := do(w.t, api, request{method: "POST", path: base + "/orchestrators/other"}).Code; got != 400 {
			t.Errorf("unknown: %d, want 400", got)
		}
	})
}

// refusing is a connection to a scheduler that answers every call with an error.
type refusing struct{ err error }

func (r refusing) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return r.err }

func (r refusing) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, r.err
}

func TestTroubleOfTheSchedulerIsNeverTheCallersFault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err   error
		code  int
		retry bool
	}{
		{status.Error(codes.Unavailable, "canary 10.0.0.7 is down"), 503, true},
		{status.Error(codes.DeadlineExceeded, "canary"), 503, true},
		{status.Error(codes.Canceled, "canary"), 503, true},
		{status.Error(codes.ResourceExhausted, "canary"), 503, true},
		{status.Error(codes.Internal, "canary"), 500, false},
		{status.Error(codes.PermissionDenied, "canary"), 500, false},
		{status.Error(codes.Unimplemented, "not this one"), 501, false},
	} {
		api := httpapi.New(dial(t, refusing{tc.err}), httpapi.Config{})
		for _, r := range []request{
			{method: "GET", path: "/instances"},
			{method: "GET", path: "/instances/x"},
			{method: "DELETE", path: "/instances/x"},
			{method: "DELETE", path: "/instances?createdTimeFrom=2000-01-01"},
			{method: "POST", path: "/instances/x/terminate"},
			{method: "POST", path: "/instances/x/suspend"},
			{method: "POST", path: "/instances/x/resume"},
			{method: "POST", path: "/instances/x/raiseEvent/e", body: "1", header: jsonType},
			{method: "POST", path: "/orchestrators/x"},
		} {
			r.path = base + r.path
			resp := do(t, api, r)
			if resp.Code != tc.code || (resp.Header().Get("Retry-After") != "") != tc.retry {
				t.Errorf("%v: %s %s: %d, Retry-After %q, want %d", tc.err, r.method, r.path, resp.Code, resp.Header().Get("Retry-After"), tc.code)
			}
			if strings.Contains(resp.Body.String(), "canary") {
				t.Errorf("%s %s: body %s tells what is inside", r.method, r.path, resp.Body)
			}
		}
	}
}

// dial returns a client over a connection.
func dial(t testing.TB, conn grpc.ClientConnInterface) *dts.Client {
	t.Helper()
	c, err := dts.Dial(dts.ConnectionString{Authentication: dts.AuthNone}, dts.WithConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func unreachable(t testing.TB) *dts.Client {
	return dial(t, refusing{status.Error(codes.Unavailable, "away")})
}

func TestOwnsMatchesWholeSegmentsInAnyCase(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		base:                              true,
		base + "/":                        true,
		strings.ToUpper(base) + "/x":      true,
		base + "x":                        false,
		"/runtime/webhooks":               false,
		"/api" + base:                     false,
		"/":                               false,
		http.MethodGet:                    false,
		"/runtime/webhooks/durabletask//": true,
	} {
		if got := httpapi.Owns(path); got != want {
			t.Errorf("Owns(%q) = %v, want %v", path, got, want)
		}
	}
}
