package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/funchost/funchost/dts"
)

// A start that waits for the result holds its connection. Load balancers cut
// idle ones after about four minutes, so a longer timeout ends before that.
const (
	defaultWait = 10 * time.Second
	maxWait     = 230 * time.Second
	defaultPoll = time.Second
)

// startOrchestrator starts by name. With timeout or pollingInterval it waits for
// the result; there is no polling behind it, so the interval is checked and
// otherwise of no effect.
func (a *API) startOrchestrator(c *call) error {
	wait, err := c.wait()
	if err != nil {
		return err
	}
	request := dts.StartRequest{Name: c.args[0]}
	if len(c.args) > 1 {
		request.ID = c.args[1]
	}
	if err := CheckID(request.ID); err != nil {
		return err
	}
	if a.config.Known != nil && !a.config.Known(request.Name) {
		return badRequest("orchestrator %q is not known to this host", request.Name)
	}
	body, err := readBody(c.w, c.r)
	if err == nil && body != nil {
		err = CheckJSON(body)
	}
	if err != nil {
		return err
	}
	request.Input = body

	ctx, cancel := c.context()
	defer cancel()
	id, err := Start(ctx, a.client, c.r, request)
	if err != nil {
		return err
	}
	a.answerStart(c, id, wait)
	return nil
}

// restart starts an instance again, under a new id unless it is told otherwise,
// and answers like a start.
func (a *API) restart(c *call) error {
	fresh := c.query.bool("restartWithNewInstanceId", true)
	wait, err := c.wait()
	if err != nil {
		return err
	}
	var opts []dts.RestartOption
	if fresh {
		opts = append(opts, dts.NewID())
	}
	ctx, cancel := c.context()
	defer cancel()
	id, err := a.client.Restart(ctx, c.args[0], opts...)
	switch {
	case errors.Is(err, dts.ErrNotFound): // Azure's code for it
		return badRequest("no instance with id %q", c.args[0])
	case err != nil:
		return err
	}
	a.answerStart(c, id, wait)
	return nil
}

// wait reads how long a start waits for its result; 0 is not at all.
func (c *call) wait() (time.Duration, error) {
	var (
		waits = c.query.text("timeout") != "" || c.query.text("pollingInterval") != ""
		wait  = c.query.seconds("timeout", defaultWait)
		poll  = c.query.seconds("pollingInterval", min(defaultPoll, wait))
	)
	switch {
	case c.query.err != nil:
		return 0, c.query.err
	case !waits:
		return 0, nil
	case poll > wait:
		return 0, badRequest("pollingInterval is larger than timeout")
	default:
		return wait, nil
	}
}

// answerStart answers with the result if it is there in time, else with where to
// ask for it.
func (a *API) answerStart(c *call, id string, wait time.Duration) {
	if wait > 0 && a.answerResult(c.w, c.r, id, wait, http.StatusOK) {
		return
	}
	a.CheckStatus(c.w, c.r, id)
}

// Result waits for the instance, 230 seconds at most, and reports whether it has
// answered: 200 with the output if the instance completed, 500 with its status if
// it ended otherwise. It has not if the wait is over first, or [API.Drain] ended
// it.
func (a *API) Result(w http.ResponseWriter, r *http.Request, id string, wait time.Duration) bool {
	return a.answerResult(w, r, id, wait, http.StatusInternalServerError)
}

// answerResult is Result with a code for what did not complete. What goes wrong
// while it waits is no failure of the start.
func (a *API) answerResult(w http.ResponseWriter, r *http.Request, id string, wait time.Duration, otherwise int) bool {
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, maxWait))
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-a.draining:
			cancel()
		case <-ctx.Done():
		}
	})
	in, err := a.client.Wait(ctx, id)
	ended := ctx.Err() != nil
	cancel()
	watch.Wait()
	switch {
	case err != nil:
		if !ended {
			a.config.Logger.Warn("a start could not wait for its result", "instance", id, "error", err)
		}
		return false
	case in.Status == dts.StatusCompleted:
		output := value(in.Output)
		if output == nil {
			output = []byte("null")
		}
		writeJSON(w, http.StatusOK, output)
	default:
		writeJSON(w, otherwise, statusOf(in, true))
	}
	return true
}
