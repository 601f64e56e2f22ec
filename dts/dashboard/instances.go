package dashboard

import (
	"context"
	"errors"
	"net/http"

	"github.com/funchost/funchost/dts"
)

type instancesPage struct {
	frame

	Filter   filter
	Statuses []dts.Status
	Mistakes map[string]string
	Windows  []window

	Rows    []*dts.Instance
	First   string // address of the first page, if this is another
	Next    string // address of the page after
	Backlog *dts.Backlog
}

// window is a stretch of time that is one click away.
type window struct {
	Label, Address string
	Current        bool
}

// instances lists the orchestrations that the address selects.
func (v *visit) instances(ctx context.Context) error {
	f := readFilter(v.r.URL.Query())
	page := instancesPage{frame: v.frame("instances"), Filter: f, Statuses: statuses, Windows: v.windows(f)}
	page.Title = "Orchestrations"
	page.Notice = notice(v.r.URL.Query().Get("done"))
	query, mistakes := f.query(v.now)
	if page.Mistakes = mistakes; len(mistakes) > 0 {
		v.show(http.StatusBadRequest, "instances", page)
		return nil
	}
	rows, next, err := v.client.Page(ctx, query, f.Page)
	if err != nil {
		if f.Page != "" && errors.Is(err, dts.ErrInvalid) {
			return &refusal{http.StatusBadRequest, "This page of the list is gone", "Begin again with the first one. " + err.Error()}
		}
		return err
	}
	page.Rows = rows
	if next != "" {
		page.Next = v.hub.at("instances", f.next(query, next).values())
	}
	if f.Page != "" {
		first := f
		first.Page = ""
		page.First = v.hub.at("instances", first.values())
	}
	// Not every scheduler counts; the list is worth showing without.
	if backlog, err := v.client.Backlog(ctx); err == nil {
		page.Backlog = &backlog
	}
	page.Refresh = refreshEvery.Milliseconds()
	v.show(http.StatusOK, "instances", page)
	return nil
}

func (v *visit) windows(f filter) []window {
	made := make([]window, 0, 4)
	for _, w := range []struct{ label, since string }{
		{"last 15 minutes", "15m"}, {"last hour", "1h"}, {"last day", "24h"}, {"any time", ""},
	} {
		to := f
		to.Since, to.Until, to.Page = w.since, "", ""
		made = append(made, window{w.label, v.hub.at("instances", to.values()), f.Since == w.since && f.Until == ""})
	}
	return made
}

// card is the work of one kind, with its name.
type card struct {
	Label string
	dts.Work
}

func work(label string, w dts.Work) card { return card{label, w} }
