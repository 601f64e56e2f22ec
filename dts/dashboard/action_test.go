package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
)

// act confirms an action on its page and sends the form.
func (w *world) act(action, id string, more url.Values) answer {
	w.t.Helper()
	confirm := w.get("/hubs/default/act/" + action + "?id=" + url.QueryEscape(id))
	confirm.want(w.t, http.StatusOK, "Cancel")
	form := make(url.Values)
	for key, values := range more {
		if !strings.Contains(confirm.body, `name="`+key+`"`) {
			w.t.Errorf("the form of %s has no field %s", action, key)
		}
		form[key] = values
	}
	sent := w.post(formOf(w.t, confirm), form)
	sent.want(w.t, http.StatusSeeOther)
	synctest.Wait()
	return w.get(sent.header.Get("Location"))
}

func TestActionsDoWhatTheySay(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		w.act("suspend", "a-1", url.Values{"reason": {"stocktaking"}}).want(t, http.StatusOK, "was asked to hold still")
		if got := w.status("a-1"); got != dts.StatusSuspended {
			t.Errorf("after suspend it is %s", got)
		}
		w.get(page+"a-1").want(t, http.StatusOK, "stocktaking")
		w.act("resume", "a-1", nil).want(t, http.StatusOK, "goes on")
		if got := w.status("a-1"); got != dts.StatusRunning {
			t.Errorf("after resume it is %s", got)
		}
		w.act("raise", "a-1", url.Values{"event": {"go"}, "input": {`{"by":"ana"}`}}).want(t, http.StatusOK, "The event was raised.")
		if in, err := w.Wait(t.Context(), "a-1"); err != nil || string(in.Output) != `{"by":"ana"}` {
			t.Errorf("after the event it ended with %+v, %v", in, err)
		}
		w.act("restart", "a-1", nil).want(t, http.StatusOK, "was started again", "a-1 Running")
		w.act("terminate", "a-1", url.Values{"reason": {"enough"}}).want(t, http.StatusOK, "was asked to end", "Terminated", `"enough"`)
		other := w.act("restart", "a-1", url.Values{"new-id": {"yes"}})
		other.want(t, http.StatusOK, "was started again", "Running wait")
		other.wantNo(t, "a-1")
		w.act("purge", "a-1", nil).want(t, http.StatusOK, "The orchestration was purged.", "1 orchestration,")
		w.get(page+"a-1").want(t, http.StatusNotFound, "There is no such orchestration", "the id a-1")
	})
}

func TestRewindAndCancelAreRequests(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("fail", "a-1", "no")
		w.act("rewind", "a-1", url.Values{"reason": {"the bank is back"}}).want(t, http.StatusOK, "goes on from what failed")
		time.Sleep(time.Second)
		w.get(page+"a-1").want(t, http.StatusOK, "the bank is back", "Failed")
		w.begin("wait", "a-2", "1")
		w.act("cancel", "a-2", url.Values{"reason": {"the customer has left"}}).want(t, http.StatusOK, "was asked to end by itself", "a-2 Running")
		time.Sleep(time.Second)
		w.get(page+"a-2").want(t, http.StatusOK, "the customer has left", "Running") // it does not look
	})
}

func TestEventWithoutPayloadHasNone(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		w.act("raise", "a-1", url.Values{"event": {"go"}, "input": {" \r\n"}})
		if in, err := w.Wait(t.Context(), "a-1"); err != nil || in.Output != nil {
			t.Errorf("the event without payload gave %q, %v; want none", in.Output, err)
		}
	})
}

func TestRecursiveActionsTakeTheChildrenAlong(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("parent", "a-1", "1")
		w.act("purge", "a-1", url.Values{"recursive": {"yes"}})
		w.get(page+"child").want(t, http.StatusNotFound)
	})
}

func TestActionsThatMakeNoSenseAreRefusedAndNotOffered(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "running", "1")
		w.begin("wait", "suspended", "1")
		w.begin("echo", "completed", "1")
		w.begin("fail", "failed", "no")
		w.start(dts.StartRequest{Name: "nobody", ID: "pending"})
		if err := w.Suspend(t.Context(), "suspended", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		for id, fits := range map[string]string{
			"pending": "raise suspend cancel terminate", "running": "raise suspend cancel terminate",
			"suspended": "raise resume cancel terminate", "completed": "restart purge", "failed": "rewind restart purge",
		} {
			shown := w.get(page + id)
			for _, action := range actionNames {
				fit := strings.Contains(fits, action)
				if offered := strings.Contains(shown.body, "/act/"+action+"?"); offered != fit {
					t.Errorf("%s of a %s orchestration is offered: %t, want %t", action, id, offered, fit)
				}
				if fit {
					continue
				}
				w.get("/hubs/default/act/"+action+"?id="+id).want(t, http.StatusConflict, "makes no sense for "+id+": it is ")
				w.post("/hubs/default/act/"+action+"?id="+id, url.Values{"event": {"e"}}).want(t, http.StatusConflict)
			}
		}
	})
}

func TestFormWithMistakesComesBackAsItWasFilledIn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		a := w.post("/hubs/default/act/raise?id=a-1", url.Values{"event": {"go"}, "input": {"\nyes & no"}})
		a.want(t, http.StatusBadRequest, "this is not JSON")
		if !strings.Contains(a.body, `name="event" value="go"`) || !strings.Contains(a.body, ">\n\nyes &amp; no</textarea>") {
			t.Errorf("the form has lost what was filled in:\n%s", a.body)
		}
		if got := w.status("a-1"); got != dts.StatusRunning {
			t.Errorf("the event was raised all the same: it is %s", got)
		}
		for _, query := range []string{"", "?id=", "?id=" + strings.Repeat("x", 101)} {
			w.post("/hubs/default/act/terminate"+query, url.Values{"id": {"a-1"}}).want(t, http.StatusBadRequest)
			if got := w.status("a-1"); got != dts.StatusRunning {
				t.Errorf("%q: it is %s", query, got)
			}
		}
		w.post("/hubs/default/act/terminate?id=gone", nil).want(t, http.StatusNotFound)
		w.post("/hubs/default/act/delete?id=a-1", nil).want(t, http.StatusNotFound, "There is no such action")
		w.post("/hubs/default/act/raise?id=a-1", url.Values{"event": {"e"}, "input": {`"` + strings.Repeat("x", 5<<20) + `"`}}).
			want(t, http.StatusBadRequest, "could not be read")
		w.post("/hubs/default/act/raise?id=a-1", url.Values{"event": {"e"}, "input": {`"` + strings.Repeat("x", 2<<20) + `"`}}).
			want(t, http.StatusBadRequest, "the limit is")
	})
}
