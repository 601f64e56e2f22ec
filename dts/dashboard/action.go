package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/funchost/funchost/dts"
)

// action is something that a person can do to an orchestration.
type action struct {
	Name  string // in addresses
	Label string // on the button
	Asks  string // what it does, before it is done
	Done  string // what was done

	// The fields of its form.
	Event, Reason, Recursive, NewID bool

	Grave bool                  // it cannot be taken back
	fits  func(dts.Status) bool // whether it makes sense
	do    func(ctx context.Context, c *dts.Client, id string, form url.Values) (next string, err error)
}

// actions are all of them, in the order of their buttons.
var actions = []action{
	{
		Name: "raise", Label: "Raise event", Event: true, fits: live,
		Asks: "The orchestration gets an event. It is kept until the orchestration asks for one with its name.",
		Done: "The event was raised.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			var input []byte
			if text := form.Get("input"); strings.TrimSpace(text) != "" {
				input = []byte(text)
			}
			return id, c.Raise(ctx, id, form.Get("event"), input)
		},
	},
	{
		Name: "suspend", Label: "Suspend", Reason: true,
		fits: func(s dts.Status) bool { return live(s) && s != dts.StatusSuspended },
		Asks: "The orchestration holds still. Events and results are kept until it is resumed; activities that run are not stopped.",
		Done: "The orchestration was asked to hold still.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			return id, c.Suspend(ctx, id, form.Get("reason"))
		},
	},
	{
		Name: "resume", Label: "Resume", Reason: true,
		fits: func(s dts.Status) bool { return s == dts.StatusSuspended },
		Asks: "The orchestration goes on with what has come meanwhile.",
		Done: "The orchestration goes on.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			return id, c.Resume(ctx, id, form.Get("reason"))
		},
	},
	{
		Name: "cancel", Label: "Cancel", Reason: true, fits: live,
		Asks: "The orchestration is asked to end by itself and to clean up. One that does not look for such a request goes on.",
		Done: "The orchestration was asked to end by itself.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			return id, c.Cancel(ctx, id, form.Get("reason"))
		},
	},
	{
		Name: "terminate", Label: "Terminate", Reason: true, Recursive: true, Grave: true, fits: live,
		Asks: "The orchestration ends without being asked, with the reason as its output. Activities that run are not stopped.",
		Done: "The orchestration was asked to end.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			var opts []dts.TerminateOption
			if form.Has("recursive") {
				opts = append(opts, dts.Recursive())
			}
			return id, c.Terminate(ctx, id, form.Get("reason"), opts...)
		},
	},
	{
		Name: "rewind", Label: "Rewind", Reason: true,
		fits: func(s dts.Status) bool { return s == dts.StatusFailed },
		Asks: "The orchestration goes on from what failed: that is tried again, what succeeded is not repeated.",
		Done: "The orchestration goes on from what failed.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			return id, c.Rewind(ctx, id, form.Get("reason"))
		},
	},
	{
		Name: "restart", Label: "Restart", NewID: true, Grave: true, fits: dts.Status.Terminal,
		Asks: "The orchestration starts again with its input. Its result and its history are replaced, unless the new one gets an id of its own.",
		Done: "The orchestration was started again.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			var opts []dts.RestartOption
			if form.Has("new-id") {
				opts = append(opts, dts.NewID())
			}
			return c.Restart(ctx, id, opts...)
		},
	},
	{
		Name: "purge", Label: "Purge", Recursive: true, Grave: true, fits: dts.Status.Terminal,
		Asks: "The orchestration is removed, with its result and its history. Its id can be used again.",
		Done: "The orchestration was purged.",
		do: func(ctx context.Context, c *dts.Client, id string, form url.Values) (string, error) {
			var opts []dts.PurgeOption
			if form.Has("recursive") {
				opts = append(opts, dts.Recursive())
			}
			n, err := c.Purge(ctx, id, opts...)
			if err == nil && n == 0 {
				err = &refusal{http.StatusConflict, "Nothing was purged", "The orchestration is gone already, or it was started again."}
			}
			return "", err
		},
	},
}

func live(s dts.Status) bool { return !s.Terminal() }

// fitting gives the actions that make sense in a status.
func fitting(s dts.Status) []action {
	var fit []action
	for _, a := range actions {
		if a.fits(s) {
			fit = append(fit, a)
		}
	}
	return fit
}

// notice is the news that an action was carried out; none for another word.
func notice(name string) string {
	for _, a := range actions {
		if a.Name == name {
			return a.Done
		}
	}
	return ""
}

type actionPage struct {
	frame

	*dts.Instance

	Action  action
	Form    url.Values // as it was sent, after a mistake
	Mistake map[string]string
}

// confirm asks whether an action is meant.
func (v *visit) confirm(ctx context.Context) error {
	page, err := v.asked(ctx)
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "action", page)
	return nil
}

// maxForm is room for the largest payload, each byte of it written as three.
const maxForm = 4 << 20

// act carries out an action and leads to what became of it.
func (v *visit) act(ctx context.Context) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return &refusal{http.StatusBadRequest, "The form could not be read", err.Error()}
	}
	form := v.r.PostForm
	// Schedulers drop in silence what is asked of an instance that has ended, and a
	// person would take that for done.
	page, err := v.asked(ctx)
	if err != nil {
		return err
	}
	if page.Mistake = page.Action.mistakes(form); len(page.Mistake) > 0 {
		page.Form = form
		v.show(http.StatusBadRequest, "action", page)
		return nil
	}
	next, err := page.Action.do(ctx, v.client, page.ID, form)
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.r, v.hub.done(page.Action.Name, next), http.StatusSeeOther)
	return nil
}

// asked finds the action of a request and the instance that it is for.
func (v *visit) asked(ctx context.Context) (*actionPage, error) {
	name, id := v.r.PathValue("action"), v.r.URL.Query().Get("id")
	for _, a := range actions {
		if a.Name != name {
			continue
		}
		in, err := v.find(ctx, id)
		if err != nil {
			return nil, err
		}
		if !a.fits(in.Status) {
			return nil, &refusal{
				http.StatusConflict, "Not possible in this state",
				a.Label + " makes no sense for " + visible(id) + ": it is " + in.Status.String() + ".",
			}
		}
		page := &actionPage{frame: v.frame("instances"), Instance: in, Action: a}
		page.Title = a.Label + " " + in.ID
		return page, nil
	}
	return nil, &refusal{http.StatusNotFound, "There is no such action", visible(name) + " is nothing that can be done to an orchestration."}
}

// mistakes finds what is wrong with a form, by the name of the field.
func (a action) mistakes(form url.Values) map[string]string {
	found := make(map[string]string)
	if !a.Event {
		return found
	}
	if form.Get("event") == "" {
		found["event"] = "the event needs a name"
	}
	if text := form.Get("input"); strings.TrimSpace(text) != "" && !json.Valid([]byte(text)) {
		found["input"] = `this is not JSON: text is written in quotes, as in "yes"`
	}
	return found
}
