package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/funchost/funchost/framework/internal/outbound"
)

// HTTPPolicy says what [CallHTTP] may do in a host. The zero value reaches the
// internet only: not this machine, not private networks, not the metadata service of
// a cloud, by whatever name. What is checked is the address that is dialled.
type HTTPPolicy struct {
	// Hosts are reached wherever their names lead: "payments.internal", or
	// "*.internal" for all below it.
	Hosts []string
	// Networks are reached by whatever name.
	Networks []netip.Prefix
	// MaxResponse is the size of the largest body of an answer in bytes; a larger one
	// fails the call for good. Zero means 512 KiB. An answer is a payload: it must fit
	// into the hub or the payload store as it is written there, where a control character
	// has six bytes and what is not text a third more.
	MaxResponse int
	// Sign, if set, adds to each request what has no business in a history: tokens,
	// keys, signatures. It sees where the request goes, and must look: an answer 202 can
	// lead anywhere.
	Sign func(r *http.Request) error
}

// Bounds of a request.
const (
	defaultResponse  = 512 << 10
	maxRequestHeader = 64 << 10
	exchangeTimeout  = 100 * time.Second
)

// Activity is [HTTPActivity] with this policy, for app.Add. Without it hosts have the
// zero policy. The error says what in p makes no sense.
func (p HTTPPolicy) Activity() (Definition, error) {
	rules := outbound.Rules{Hosts: p.Hosts, Networks: p.Networks}
	err := rules.Check()
	if p.MaxResponse < 0 {
		err = errors.Join(err, fmt.Errorf("MaxResponse is %d, want zero or more", p.MaxResponse))
	}
	if err != nil {
		return nil, fmt.Errorf("HTTP policy: %w", err)
	}
	if p.MaxResponse == 0 {
		p.MaxResponse = defaultResponse
	}
	return p.bind(rules), nil
}

func (p HTTPPolicy) bind(rules outbound.Rules) Definition {
	client := outbound.NewClient(rules)
	return HTTPActivity.With(func(ctx context.Context, r HTTPRequest) (HTTPResponse, error) { return p.exchange(ctx, client, r) })
}

// internetOnly is the activity of hosts without a policy of their own.
func internetOnly() Definition {
	return HTTPPolicy{MaxResponse: defaultResponse}.bind(outbound.Rules{})
}

// exchange makes a request and reads the answer.
func (p HTTPPolicy) exchange(ctx context.Context, client *http.Client, r HTTPRequest) (HTTPResponse, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, exchangeTimeout)
		defer cancel()
	}
	request, err := r.build(ctx)
	if err != nil {
		return HTTPResponse{}, Permanent(err)
	}
	if p.Sign != nil {
		if err := p.Sign(request); err != nil {
			return HTTPResponse{}, fmt.Errorf("sign the request: %w", err)
		}
	}
	answer, err := client.Do(request)
	if err != nil {
		return HTTPResponse{}, unanswered(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(p.MaxResponse)+1))
	if len(body) > p.MaxResponse {
		return HTTPResponse{}, Permanent(fmt.Errorf("the answer has more than %d bytes, see HTTPPolicy.MaxResponse", p.MaxResponse))
	}
	if err != nil {
		return HTTPResponse{}, fmt.Errorf("read the answer: %w", err)
	}
	return HTTPResponse{Status: answer.StatusCode, Header: HTTPHeader(answer.Header), Body: body}, nil
}

// build makes the request. It was checked by its orchestrator, which may be another
// program's.
func (r HTTPRequest) build(ctx context.Context) (*http.Request, error) {
	if _, err := r.check(); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the method or the URL cannot be sent")
	}
	size := 0
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
			request.Header.Add(name, value)
		}
	}
	if size > maxRequestHeader {
		return nil, fmt.Errorf("the headers have %d bytes, the limit is %d", size, maxRequestHeader)
	}
	if host := request.Header.Get("Host"); host != "" {
		return nil, fmt.Errorf("the header Host is that of the URL and cannot be %q", host)
	}
	return request, nil
}

// unanswered is the error of a request without an answer. The URL is left out: its
// query may have keys in it.
func unanswered(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if refused, ok := errors.AsType[*outbound.RefusedError](err); ok {
		return Permanent(refused)
	}
	return err
}
