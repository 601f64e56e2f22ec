package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
)

const page = "/hubs/default/instance?id="

func TestInstancePageTellsWhatIsKnown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.start(dts.StartRequest{
			Name: "wait", ID: "a-1", Version: "1.2", Input: []byte(`{"b":1,"a":[2]}`), Tags: map[string]string{"team": "checkout", "env": "dev"},
		})
		a := w.get(page + "a-1")
		a.want(t, http.StatusOK, "a-1 Running wait version 1.2", "Tag env dev", "Tag team checkout", "Custom status", "Input { \"b\": 1, \"a\": [ 2 ] }",
			"+0s ExecutionStarted wait", "Raise event", "Suspend", "Terminate")
		a.wantNo(t, "Output", "Restart", "Purge", "Resume", "Ended")
		if !strings.Contains(a.body, "data-refresh") {
			t.Error("the page of a live orchestration does not refresh")
		}
		time.Sleep(90 * time.Minute)
		if err := w.Raise(t.Context(), "a-1", "go", []byte(`"on"`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		a = w.get(page + "a-1")
		a.want(t, http.StatusOK, "Completed", "after 1h30m", `Output "on"`, "go event +1h30m received", "EventRaised go", "Restart", "Purge")
		a.wantNo(t, "Terminate", "Suspend", "Raise event")
		if strings.Contains(a.body, "data-refresh") {
			t.Error("the page of an orchestration that has ended refreshes")
		}
	})
}

func TestFailureIsShownWithItsStack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("break", "a-1", "null")
		in, err := w.Instance(t.Context(), "a-1")
		if err != nil || in.Failure == nil || in.Failure.Stack == "" {
			t.Fatalf("the panic became %+v, %v; want a failure with a stack", in, err)
		}
		firstLine, _, _ := strings.Cut(strings.TrimSpace(in.Failure.Stack), "\n")
		w.get(page+"a-1").want(t, http.StatusOK, "Failed", "Failure", in.Failure.Message, "Stack", firstLine)
		w.get("/hubs/default/payload?id=a-1&of=failure").want(t, http.StatusOK, in.Failure.Error(), in.Failure.Stack)
	})
}

func TestFamilyIsLinkedBothWays(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("parent", "a-1", `"x"`)
		parent := w.get(page + "a-1")
		parent.want(t, http.StatusOK, "Orchestrations that it has started", "child echo completed", "echo orchestration", "add entity call")
		child := w.follow(parent, "child")
		child.want(t, http.StatusOK, "child Completed echo", "Started by a-1")
		w.follow(child, "a-1").want(t, http.StatusOK, "a-1 Completed parent")
		w.follow(parent, "@cart@ana").want(t, http.StatusOK, "ana entity cart", `State "x"`)
	})
}

func TestTimelineHasEachStepFromItsBeginningToItsEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("work", "a-1", "1")
		time.Sleep(2 * time.Second)
		w.get(page+"a-1").want(t, http.StatusOK, "timer +0s 1s fired", "slow activity +1s 1s running")
		time.Sleep(time.Minute)
		a := w.get(page + "a-1")
		a.want(t, http.StatusOK, "+0s +1s +2s +3s +4s", "timer +0s 1s fired", "slow activity +1s 3s completed")
		if want := `<rect class="bar" x="25.00%" width="75.00%"`; !strings.Contains(a.body, want) {
			t.Errorf("the page has no bar %s:\n%s", want, a.body)
		}
	})
}

func TestStepsThatNothingEndedSayHowTheyStand(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("work", "a-1", "1")
		time.Sleep(2 * time.Second)
		if err := w.Terminate(t.Context(), "a-1", "enough"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		w.get(page+"a-1").want(t, http.StatusOK, "Terminated", "slow activity +1s 1s open at the end")
		w.begin("wait", "a-2", "1")
		if err := w.Suspend(t.Context(), "a-2", "stocktaking"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		w.get(page+"a-2").want(t, http.StatusOK, "suspended +0s 2h holding", "ExecutionSuspended", "stocktaking")
	})
}

func TestLongHistoryIsShownInPages(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("wait", "a-1", "1")
		for i := range 400 {
			if err := w.Raise(t.Context(), "a-1", fmt.Sprintf("e-%03d", i), nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		first := w.get(page + "a-1")
		first.want(t, http.StatusOK, "e-000", "more steps are in the history below")
		first.wantNo(t, "e-399")
		second := w.follow(first, "Next entries")
		second.want(t, http.StatusOK, "300 ")
		second.wantNo(t, "e-000")
		for len(second.links("Next entries")) > 0 {
			second = w.follow(second, "Next entries")
		}
		second.want(t, http.StatusOK, "e-399")
		w.follow(second, "From the beginning").want(t, http.StatusOK, "e-000")
		w.get(page+"a-1&from=999999").want(t, http.StatusOK, "The history has no entry here.")
		w.get(page+"a-1&from=-1").want(t, http.StatusBadRequest, "is no number of an entry")
	})
}

func TestLargePayloadIsCutAndLinkedWhole(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		big := `"` + strings.Repeat("ä", 300_000) + `"`
		w.begin("echo", "a-1", big)
		a := w.get(page + "a-1")
		a.want(t, http.StatusOK, "Show all 585.9 KiB", "ä…")
		if len(a.body) > 64<<10 {
			t.Errorf("the page has %d bytes", len(a.body))
		}
		for _, link := range append(a.links("Show all 585.9 KiB"), a.links("all")...) {
			whole := w.get(link)
			whole.want(t, http.StatusOK)
			if whole.body != big {
				t.Errorf("%s: %d bytes, want the payload of %d", link, len(whole.body), len(big))
			}
			if got := whole.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("%s: content type is %q", link, got)
			}
			if got := whole.header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") {
				t.Errorf("%s: content policy is %q, want a sandbox", link, got)
			}
		}
		if n := len(a.links("all")); n != 2 {
			t.Errorf("the history links %d payloads, want input and result", n)
		}
	})
}

func TestPayloadOfAReplacedHistoryIsNotAnothersPayload(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("echo", "a-1", `"`+strings.Repeat("x", 1000)+`"`)
		link := w.get(page + "a-1").links("all")[0]
		w.get(link).want(t, http.StatusOK, "xxx")
		if _, err := w.Restart(t.Context(), "a-1"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.get(link).want(t, http.StatusNotFound, "was replaced")
		for query, status := range map[string]int{
			"id=a-1&of=nonsense":               http.StatusNotFound,
			"id=a-1&of=custom-status":          http.StatusNotFound,
			"id=a-1&entry=one&of=input":        http.StatusBadRequest,
			"id=gone&of=input":                 http.StatusNotFound,
			"":                                 http.StatusBadRequest,
			"entity=cart":                      http.StatusBadRequest,
			"entity=" + url.QueryEscape("@c@"): http.StatusNotFound,
		} {
			w.get("/hubs/default/payload?"+query).want(t, status)
		}
	})
}
