package dashboard

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// filter is what the address of a list of orchestrations selects, as it was
// written.
type filter struct {
	Status               []string
	Prefix, Since, Until string
	Page                 string // token of the scheduler
}

// statuses are those that an instance can be in, in the order of its life.
var statuses = []dts.Status{
	dts.StatusPending, dts.StatusRunning, dts.StatusSuspended,
	dts.StatusCompleted, dts.StatusFailed, dts.StatusTerminated, dts.StatusCanceled,
}

func readFilter(q url.Values) filter {
	return filter{
		Status: q["status"], Prefix: q.Get("prefix"),
		Since: strings.TrimSpace(q.Get("since")), Until: strings.TrimSpace(q.Get("until")), Page: q.Get("page"),
	}
}

func (f filter) values() url.Values {
	values := make(url.Values)
	for _, status := range f.Status {
		values.Add("status", status)
	}
	for key, text := range map[string]string{"prefix": f.Prefix, "since": f.Since, "until": f.Until, "page": f.Page} {
		if text != "" {
			values.Set(key, text)
		}
	}
	return values
}

// Any reports whether the filter leaves anything out.
func (f filter) Any() bool {
	return len(f.Status) > 0 || f.Prefix != "" || f.Since != "" || f.Until != ""
}

// Has reports whether a status is chosen.
func (f filter) Has(status dts.Status) bool {
	return slices.ContainsFunc(f.Status, func(name string) bool { return strings.EqualFold(name, status.String()) })
}

// query is what to ask for. The mistakes are told by the name of the field.
func (f filter) query(now time.Time) (q dts.Query, mistakes map[string]string) {
	mistakes = make(map[string]string)
	q.IDPrefix = f.Prefix
	for _, name := range f.Status {
		status, err := dts.ParseStatus(name)
		if err != nil {
			mistakes["status"] = err.Error()
			continue
		}
		q.Status = append(q.Status, status)
	}
	var err error
	if q.CreatedFrom, err = readTime(f.Since, now); err != nil {
		mistakes["since"] = err.Error()
	}
	if q.CreatedTo, err = readTime(f.Until, now); err != nil {
		mistakes["until"] = err.Error()
	}
	if len(mistakes) == 0 && !q.CreatedFrom.IsZero() && !q.CreatedTo.IsZero() && !q.CreatedFrom.Before(q.CreatedTo) {
		mistakes["until"] = "this is not after the time before it: nothing was created in between"
	}
	return q, mistakes
}

// next is the filter of the page that follows. Times that were counted from now
// are written out: a token belongs to one query, and now moves.
func (f filter) next(q dts.Query, token string) filter {
	f.Page = token
	if !q.CreatedFrom.IsZero() {
		f.Since = stamp(q.CreatedFrom)
	}
	if !q.CreatedTo.IsZero() {
		f.Until = stamp(q.CreatedTo)
	}
	return f
}

// readTime reads a time as pages and commands write it, or how long ago it was.
func readTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time: write one as 2026-11-23T03:00:00Z, or 90m for 90 minutes ago", text)
}
