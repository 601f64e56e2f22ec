package durable_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/funchost/funchost/framework/durable"
)

// ExampleCallHTTP starts a job elsewhere and waits until it is done. The server is a
// replacement of the activity that makes the requests, as in a test.
func ExampleCallHTTP() {
	render := durable.NewOrchestrator("render", func(ctx *durable.Context, film string) (string, error) {
		answer, err := durable.CallHTTP(ctx, durable.HTTPRequest{
			Method: http.MethodPost,
			URL:    "https://render.example/jobs",
			Header: durable.HTTPHeader{"Content-Type": {"application/json"}, "Idempotency-Key": {ctx.NewID()}},
			Body:   durable.HTTPBody(fmt.Sprintf(`{"film":%q}`, film)),
		}, durable.Retry(durable.RetryPolicy{Attempts: 5}))
		if err != nil {
			return "", err
		}
		if !answer.OK() {
			return "", fmt.Errorf("the render farm answered %d", answer.Status)
		}
		var job struct{ Result string }
		err = answer.Decode(&job)
		return job.Result, err
	})

	farm := durable.HTTPActivity.With(func(_ context.Context, r durable.HTTPRequest) (durable.HTTPResponse, error) {
		fmt.Println(r.URL)
		if r.Method == http.MethodPost {
			return durable.HTTPResponse{Status: http.StatusAccepted, Header: durable.HTTPHeader{"Location": {"/jobs/7"}, "Retry-After": {"1"}}}, nil
		}
		return durable.HTTPResponse{Status: http.StatusOK, Body: durable.HTTPBody(`{"result":"film.mp4"}`)}, nil
	})
	result(render, "metropolis", farm)
	// Output:
	// https://render.example/jobs
	// https://render.example/jobs/7
	// film.mp4
}
