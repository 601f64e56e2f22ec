package httpapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/funchost/funchost/dts"
)

// Pages of the lists of instances and entities.
const (
	defaultPage = 100
	maxPage     = 1000
)

const tokenHeader = "X-Ms-Continuation-Token"

// maxID is what the scheduler allows for an instance id, in characters.
const maxID = 100

// CheckID refuses, with an [*Error] of code 400, what the API cannot have as an
// instance id. An empty id, which asks for a made-up one, is fine.
func CheckID(id string) error {
	switch {
	case !utf8.ValidString(id):
		return badRequest("instance id: not UTF-8")
	case utf8.RuneCountInString(id) > maxID:
		return badRequest("instance id: longer than %d characters", maxID)
	case id == ".", id == "..":
		return badRequest("instance id %q: clients take it out of every address", id)
	case strings.HasPrefix(id, "@"):
		return badRequest("instance id %q: begins with @", id)
	case strings.ContainsAny(id, `/\#?`), strings.ContainsFunc(id, unicode.IsControl):
		return badRequest("instance id %q: / \\ # ? and control characters are not allowed", id)
	default:
		return nil
	}
}

// instance reads the instance that the first open segment names.
func (a *API) instance(c *call) (*dts.Instance, error) {
	id := c.args[0]
	if err := CheckID(id); err != nil {
		return nil, err
	}
	ctx, cancel := c.context()
	defer cancel()
	return a.client.Instance(ctx, id)
}

func (a *API) instanceStatus(c *call) error {
	var (
		input       = c.query.bool("showInput", true)
		withHistory = c.query.bool("showHistory", false)
		results     = c.query.bool("showHistoryOutput", false)
		failureCode = c.query.bool("returnInternalServerErrorOnFailure", false)
	)
	if c.query.err != nil {
		return c.query.err
	}
	in, err := a.instance(c)
	if err != nil {
		return err
	}
	s := statusOf(in, input)
	if withHistory {
		ctx, cancel := c.context()
		defer cancel()
		if s.History, err = history(a.client.History(ctx, in.ID), results); err != nil {
			return err
		}
	}
	a.writeStatus(c, in, s, failureCode)
	return nil
}

// writeStatus answers with the code that tells a poller whether to ask again.
func (a *API) writeStatus(c *call, in *dts.Instance, s status, failureCode bool) {
	switch {
	case !in.Status.Terminal():
		// The same address again, with the parameters of this request.
		location := origin(c.r) + c.r.URL.EscapedPath()
		if c.r.Method != http.MethodGet {
			location = a.links(c.r, in.ID).Status
		} else if c.r.URL.RawQuery != "" {
			location += "?" + c.r.URL.RawQuery
		}
		c.w.Header().Set("Location", location)
		c.w.Header().Set("Retry-After", "5")
		writeJSON(c.w, http.StatusAccepted, s)
	case in.Status == dts.StatusFailed && failureCode:
		writeJSON(c.w, http.StatusInternalServerError, s)
	default:
		writeJSON(c.w, http.StatusOK, s)
	}
}

func (a *API) listInstances(c *call) error {
	q := dts.Query{
		Status:      c.query.statuses("runtimeStatus"),
		CreatedFrom: c.query.time("createdTimeFrom"),
		CreatedTo:   c.query.time("createdTimeTo"),
		IDPrefix:    c.query.text("instanceIdPrefix"),
		PageSize:    min(c.query.positive("top", defaultPage), maxPage),
		Payloads:    true,
	}
	input := c.query.bool("showInput", true)
	if c.query.err != nil {
		return c.query.err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	ctx, cancel := c.context()
	defer cancel()
	page, next, err := a.client.Page(ctx, q, token)
	if err != nil {
		return err
	}
	list := make([]status, len(page))
	for i, in := range page {
		list[i] = statusOf(in, input)
	}
	c.setToken(next)
	writeJSON(c.w, http.StatusOK, list)
	return nil
}

// token is where the page that is asked for begins. The scheduler's token may be
// any text; a header takes less.
func (c *call) token() (string, error) {
	token, err := base64.RawURLEncoding.DecodeString(c.r.Header.Get(tokenHeader))
	if err != nil || !utf8.Valid(token) {
		return "", badRequest("%s: not a token of this API", strings.ToLower(tokenHeader))
	}
	return string(token), nil
}

func (c *call) setToken(next string) {
	c.w.Header().Set(tokenHeader, base64.RawURLEncoding.EncodeToString([]byte(next)))
}

type purged struct {
	Deleted int `json:"instancesDeleted"`
}

func (a *API) purgeInstance(c *call) error {
	id := c.args[0]
	if err := CheckID(id); err != nil {
		return err
	}
	ctx, cancel := c.context()
	defer cancel()
	n, err := a.client.Purge(ctx, id)
	if err != nil {
		return err
	}
	if n == 0 {
		// Unknown, or live: a live instance keeps its history.
		in, err := a.client.Instance(ctx, id)
		if err != nil {
			return err
		}
		return &Error{http.StatusConflict, fmt.Sprintf("instance %q is %s: terminate it first", id, in.Status)}
	}
	writeJSON(c.w, http.StatusOK, purged{n})
	return nil
}

func (a *API) purgeInstances(c *call) error {
	q := dts.Query{
		Status:      c.query.statuses("runtimeStatus"),
		CreatedFrom: c.query.time("createdTimeFrom"),
		CreatedTo:   c.query.time("createdTimeTo"),
	}
	if c.query.err != nil {
		return c.query.err
	}
	if q.CreatedFrom.IsZero() {
		return badRequest("createdTimeFrom is missing")
	}
	ctx, cancel := c.context()
	defer cancel()
	n, err := a.client.PurgeAll(ctx, q)
	if err != nil {
		return err
	}
	if n == 0 {
		return &Error{http.StatusNotFound, "no finished instance matches"}
	}
	writeJSON(c.w, http.StatusOK, purged{n})
	return nil
}
