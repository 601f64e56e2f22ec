package dashboard_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

const list = "/hubs/default/instances"

// ids are those that a list shows, in its order.
func ids(a answer) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<th scope="row"><a href="[^"]*">([^<]*)</a>`).FindAllStringSubmatch(a.body, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestListShowsWhatTheAddressSelects(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		began := time.Now()
		for _, r := range []dts.StartRequest{
			{Name: "echo", ID: "a-1"}, {Name: "wait", ID: "a-2"}, {Name: "fail", ID: "b-1", Input: []byte("no")}, {Name: "nobody", ID: "b-2"},
		} {
			w.start(r)
			time.Sleep(time.Hour)
		}
		at := func(hours int) string { return began.Add(time.Duration(hours) * time.Hour).UTC().Format(time.RFC3339) }
		for query, want := range map[string][]string{
			"":                                {"a-1", "a-2", "b-1", "b-2"},
			"?status=completed":               {"a-1"},
			"?status=FAILED&status=running":   {"a-2", "b-1"},
			"?prefix=b-":                      {"b-1", "b-2"},
			"?since=" + at(1):                 {"a-2", "b-1", "b-2"},
			"?since=" + at(1) + "&until=150m": {"a-2"},
			"?since=90m":                      {"b-2"},
			"?prefix=c":                       nil,
			"?since=&until=&prefix=&unknown=": {"a-1", "a-2", "b-1", "b-2"},
		} {
			a := w.get(list + query)
			a.want(t, http.StatusOK)
			if diff := cmp.Diff(want, ids(a)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		w.get(list+"?prefix=c").want(t, http.StatusOK, "No orchestration matches the filter.")
		w.get(list).want(t, http.StatusOK, "4 orchestrations", "echo ", "Completed", "Pending", began.UTC().Format("2006-01-02 15:04:05Z"))
	})
}

func TestFilterThatCannotBeReadIsShownWithItsMistake(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.begin("echo", "a-1", "1")
		for query, want := range map[string]string{
			"?status=happy":                        "want one of Pending, Running",
			"?since=yesterday":                     `"yesterday" is no time: write one as`,
			"?until=-5m":                           `"-5m" is no time`,
			"?since=1h&until=2h":                   "nothing was created in between",
			"?since=%3Cscript%3Ealert(1)":          `"<script>alert(1)" is no time`,
			"?since=2026-11-23T03:00:00%2B99%3A99": "is no time",
		} {
			a := w.get(list + query)
			a.want(t, http.StatusBadRequest, want)
			a.wantNo(t, "a-1")
		}
		a := w.get(list + "?page=nonsense")
		a.want(t, http.StatusBadRequest, "This page of the list is gone")
	})
}

func TestPagesOfTheListAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 230 {
			want = append(want, fmt.Sprintf("i-%03d", i))
			w.start(dts.StartRequest{Name: "nobody", ID: want[i]})
		}
		var got []string
		page := w.get(list + "?since=1h&status=pending")
		for {
			page.want(t, http.StatusOK)
			got = append(got, ids(page)...)
			if len(page.links("Next page")) == 0 {
				break
			}
			time.Sleep(time.Minute) // the time that is an hour ago moves on
			page = w.follow(page, "Next page")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("all pages (-want +got):\n%s", diff)
		}
		if first := w.follow(page, "First page"); len(ids(first)) == 0 || ids(first)[0] != "i-000" {
			t.Errorf("the first page begins with %q, want i-000", ids(first))
		}
	})
}

func TestListTellsHowMuchWaits(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		w.get(list).want(t, http.StatusOK, "No orchestration yet.", "Turns 0 waiting, 0 running", "Workers 1 connected")
		w.begin("nobody", "a-1", "1")
		w.begin("work", "a-2", "1")
		time.Sleep(2 * time.Second)
		w.get(list).want(t, http.StatusOK, "Turns 1 waiting for up to 2s , 0 running", "Activities 0 waiting, 1 running")
	})
}
