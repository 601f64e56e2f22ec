package httpapi

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// query reads parameters, whose names match in any case and whose blank values
// count as missing. What does not parse is an error that names the parameter;
// the first one is kept until the route asks for it.
type query struct {
	values url.Values
	err    error
}

func (q *query) all(name string) []string {
	var out []string
	for key, values := range q.values {
		if !strings.EqualFold(key, name) {
			continue
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

func (q *query) text(name string) string {
	if all := q.all(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (q *query) fail(name, text, want string) {
	if q.err == nil {
		q.err = badRequest("%s: %q is not %s", name, text, want)
	}
}

func (q *query) bool(name string, otherwise bool) bool {
	text := q.text(name)
	if text == "" {
		return otherwise
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		q.fail(name, text, "true or false")
	}
	return b
}

func (q *query) positive(name string, otherwise int) int {
	text := q.text(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(text, "-") {
		n, err = 1<<31-1, nil
	}
	if err != nil || n <= 0 {
		q.fail(name, text, "a whole number above zero")
	}
	return n
}

// seconds reads a duration in seconds, decimals allowed.
func (q *query) seconds(name string, otherwise time.Duration) time.Duration {
	text := q.text(name)
	if text == "" {
		return otherwise
	}
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s <= 1e6) { // written so that NaN fails
		q.fail(name, text, "a number of seconds, 1000000 at most")
		return otherwise
	}
	return time.Duration(s * float64(time.Second))
}

// timeLayouts are what clients of Azure send; without a zone UTC is meant.
var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}

func (q *query) time(name string) time.Time {
	text := q.text(name)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range timeLayouts {
		// A + that nobody escaped has become a space.
		if t, err := time.Parse(layout, strings.ReplaceAll(text, " ", "+")); err == nil {
			return t.UTC()
		}
	}
	q.fail(name, text, "a time such as 2026-01-31T12:00:00Z")
	return time.Time{}
}

// statuses reads a list with commas, a repeated parameter, or both.
func (q *query) statuses(name string) []dts.Status {
	var out []dts.Status
	for _, list := range q.all(name) {
		for text := range strings.SplitSeq(list, ",") {
			s, err := dts.ParseStatus(strings.TrimSpace(text))
			if err != nil {
				q.fail(name, text, "a runtime status such as Running")
				continue
			}
			out = append(out, s)
		}
	}
	return out
}
