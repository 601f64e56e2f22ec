package azureblob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// apiVersion is the form of requests and answers: one that every cloud and the
// emulator know since years.
const apiVersion = "2021-12-02"

// Codes that are answers for us.
const (
	codeNoBlob      = "BlobNotFound"
	codeNoContainer = "ContainerNotFound"
	codeExists      = "ContainerAlreadyExists"
)

// A request that meets a passing problem is made again.
const (
	attempts    = 4
	firstPause  = 250 * time.Millisecond
	oneAttempt  = time.Minute
	headerError = "X-Ms-Error-Code"
)

func newClient() *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DisableCompression:    true, // the store wants to see what is there
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answerError is an answer that says no.
type answerError struct {
	status int
	code   string
}

func (e *answerError) Error() string {
	return fmt.Sprintf("answered %d %s", e.status, cmp.Or(e.code, http.StatusText(e.status)))
}

func is(err error, code string) bool {
	e, ok := errors.AsType[*answerError](err)
	return ok && e.code == code
}

func (e *answerError) passing() bool {
	return e.status >= 500 || e.status == http.StatusTooManyRequests || e.status == http.StatusRequestTimeout
}

func (a *account) put(ctx context.Context, container, name string, body []byte, encoding string) error {
	header := http.Header{"X-Ms-Blob-Type": {"BlockBlob"}, "Content-Type": {"application/octet-stream"}}
	if encoding != "" {
		header.Set("X-Ms-Blob-Content-Encoding", encoding)
	}
	_, err := a.do(ctx, http.MethodPut, a.url(container, name, nil), header, body, http.StatusCreated)
	return a.explain("store blob", container, name, err)
}

func (a *account) get(ctx context.Context, container, name string) ([]byte, error) {
	body, err := a.do(ctx, http.MethodGet, a.url(container, name, nil), nil, nil, http.StatusOK)
	return body, a.explain("fetch blob", container, name, err)
}

// create makes a container; one that is there is fine.
func (a *account) create(ctx context.Context, container string) error {
	_, err := a.do(ctx, http.MethodPut, a.url(container, "", url.Values{"restype": {"container"}}), nil, nil, http.StatusCreated)
	if is(err, codeExists) {
		return nil
	}
	return a.explain("make container", container, "", err)
}

// explain says what was tried, and never with which key or signature.
func (a *account) explain(what, container, name string, err error) error {
	if err == nil {
		return nil
	}
	if requestErr, ok := errors.AsType[*url.Error](err); ok { // its text has the whole URL
		err = requestErr.Err
	}
	at := container
	if name != "" {
		at += "/" + name
	}
	hint := ""
	if e, ok := errors.AsType[*answerError](err); ok && (e.status == http.StatusForbidden || e.status == http.StatusUnauthorized) {
		hint = "\n  check the key, the signature or the role of the identity (Storage Blob Data Contributor)"
	}
	return fmt.Errorf("%s %s at %s: %w%s", what, at, a, err, hint)
}

// do makes a request until it is answered for good.
func (a *account) do(ctx context.Context, method string, u *url.URL, header http.Header, body []byte, want int) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		answer, err := a.once(ctx, method, u, header, body, want)
		if err == nil || ctx.Err() != nil || attempt == attempts {
			return answer, err
		}
		if e, ok := errors.AsType[*answerError](err); ok && !e.passing() {
			return nil, err
		}
		select {
		case <-time.After(firstPause << (attempt - 1)):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (a *account) once(ctx context.Context, method string, u *url.URL, header http.Header, body []byte, want int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, oneAttempt)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header.Clone()
	}
	r.Header.Set("X-Ms-Version", apiVersion)
	r.Header.Set("X-Ms-Date", time.Now().UTC().Format(http.TimeFormat))
	if err := a.sign(ctx, r); err != nil {
		return nil, err
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := readAll(resp.Body)
	if resp.StatusCode != want {
		return nil, &answerError{resp.StatusCode, resp.Header.Get(headerError)}
	}
	return answer, err
}
