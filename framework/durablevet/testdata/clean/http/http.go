// Package http calls servers in the way that replay repeats.
package http

import (
	"fmt"
	"net/http"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

func run(ctx *durable.Context, url string) (string, error) {
	slow := durable.StartHTTP(ctx, durable.HTTPRequest{URL: url, PollEvery: time.Minute})
	answer, err := durable.CallHTTP(ctx, durable.HTTPRequest{
		Method: http.MethodPost, URL: url, Body: durable.HTTPBody("{}"),
		Header: durable.HTTPHeader{"Idempotency-Key": {ctx.NewID()}},
	}, durable.Retry(durable.RetryPolicy{Attempts: 5}), durable.Timeout(time.Second))
	if err != nil || !answer.OK() {
		return "", fmt.Errorf("answered %d: %w", answer.Status, err)
	}
	if _, err := durable.First(ctx, slow, ctx.After(time.Hour)); err != nil {
		return "", err
	}
	var v struct{ Name string }
	err = answer.Decode(&v)
	return v.Name + answer.Header.Get("ETag"), err
}

var Main = durable.NewOrchestrator("main", run)

func Functions() []durable.Definition { return []durable.Definition{Main} }
