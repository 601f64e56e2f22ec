package durable

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/internal/outbound"
)

// httpCall is a request with the requests that follow from it. It belongs to the
// orchestrator.
type httpCall struct {
	ctx     *Context
	request HTTPRequest
	target  *url.URL
	options callOptions

	deadline time.Time    // of the polling, once there is some
	pause    *worker.Task // the timer that is waited for
	givenUp  bool
}

// cancel ends the waits. What has been sent is answered, and the answer dropped.
func (c *httpCall) cancel() {
	c.givenUp = true
	if c.pause != nil {
		c.pause.Cancel()
	}
}

// sleep waits for d, or until the call is given up.
func (c *httpCall) sleep(d time.Duration) error {
	if d > 0 && !c.givenUp {
		c.pause = c.ctx.w.Timer(c.ctx.Now().Add(d))
		_, _ = c.pause.Await() // that it was canceled is known
		c.pause = nil
	}
	if c.givenUp {
		return ErrCanceled
	}
	return nil
}

// send asks for the request that is next.
func (c *httpCall) send() Future[HTTPResponse] {
	return HTTPActivity.Start(c.ctx, c.request, onceWith(c.options))
}

// onceWith are the options of one request: retries are made here.
type onceWith callOptions

func (once onceWith) call(o *callOptions) { o.timeout, o.tags = once.timeout, once.tags }

// follow waits for the answer of a request that was sent and goes where it leads.
func (c *httpCall) follow(sent Future[HTTPResponse]) (HTTPResponse, error) {
	for {
		answer, err := c.answer(sent)
		if err != nil || answer.Status != http.StatusAccepted || c.request.NoPolling {
			return answer, err
		}
		next, err := c.next(answer)
		if err != nil {
			return HTTPResponse{}, fmt.Errorf("%s: the Location of an answer 202: %w", c.request.what(c.target), err)
		}
		if next == nil {
			return answer, nil
		}
		wait, told := retryAfter(answer, c.ctx.Now())
		if !told {
			wait = cmp.Or(c.request.PollEvery, defaultPoll)
		}
		if err := c.poll(wait); err != nil {
			return HTTPResponse{}, err
		}
		c.request, c.target = *next.request, next.target
		sent = c.send()
	}
}

// poll waits until the status is to be asked for, which is for the last time when the
// time for all polls is over.
func (c *httpCall) poll(wait time.Duration) error {
	now, limit := c.ctx.Now(), cmp.Or(c.request.PollFor, defaultPolling)
	if c.deadline.IsZero() {
		c.deadline = now.Add(limit)
	}
	left := c.deadline.Sub(now)
	if left <= 0 {
		late := &dts.Failure{Type: worker.FailureTimeout, Message: fmt.Sprintf("the answer is still 202 after %v of polling, see HTTPRequest.PollFor", limit)}
		return explain(c.request.what(c.target), late)
	}
	return c.sleep(min(wait, left))
}

// answer waits for an answer, and makes the request again as the policy says.
func (c *httpCall) answer(sent Future[HTTPResponse]) (HTTPResponse, error) {
	policy, began := c.options.retry, c.ctx.Now()
	for failures := 1; ; failures++ {
		answer, err := sent.Get(c.ctx)
		problem := err
		if err != nil {
			err = fmt.Errorf("%s: %w", c.request.what(c.target), err)
			problem = err
		} else if passing(answer.Status) {
			problem = fmt.Errorf("%s: the server answered %d", c.request.what(c.target), answer.Status)
		}
		if problem == nil || policy == nil {
			return answer, err
		}
		wait := policy.wait(failures)
		if told, ok := retryAfter(answer, c.ctx.Now()); ok {
			wait = max(wait, told)
		}
		if !policy.retries(problem, failures) || policy.late(c.ctx.Now().Add(wait).Sub(began)) {
			return answer, err
		}
		if err := c.sleep(wait); err != nil {
			return HTTPResponse{}, err
		}
		sent = c.send()
	}
}

// passing reports whether the same request can be answered otherwise later.
func passing(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

type nextRequest struct {
	request *HTTPRequest
	target  *url.URL
}

// next is the request for the status, nil if the answer names no address.
func (c *httpCall) next(answer HTTPResponse) (*nextRequest, error) {
	location := answer.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	relative, err := url.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%.100q is no address", location)
	}
	target := c.target.ResolveReference(relative)
	target.Fragment = ""
	r := &HTTPRequest{URL: target.String(), NoPolling: c.request.NoPolling, PollEvery: c.request.PollEvery, PollFor: c.request.PollFor}
	if outbound.SameOrigin(target, c.target) {
		r.Header = withoutBody(c.request.Header)
	}
	_, err = r.check()
	return &nextRequest{r, target}, err
}

// withoutBody leaves out what says something about a body that is not sent.
func withoutBody(h HTTPHeader) HTTPHeader {
	kept := make(HTTPHeader, len(h))
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Expect", "Transfer-Encoding", "Idempotency-Key":
		default:
			kept[name] = values
		}
	}
	return kept
}

// Waits between two requests, and for all of them.
const (
	defaultPoll    = 30 * time.Second
	shortestPoll   = time.Second
	longestPoll    = 24 * time.Hour
	defaultPolling = 24 * time.Hour
)

// retryAfter is how long an answer asks to wait, if it does, in seconds or by a time.
func retryAfter(answer HTTPResponse, now time.Time) (wait time.Duration, told bool) {
	text := answer.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	} else {
		return 0, false
	}
	return min(max(wait, shortestPoll), longestPoll), true
}
