package durabletest_test

import (
	"context"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestDurableHTTPPollsInVirtualTime(t *testing.T) {
	t.Parallel()
	report := durable.NewOrchestrator("report", func(ctx *durable.Context, url string) (int, error) {
		answer, err := durable.CallHTTP(ctx, durable.HTTPRequest{URL: url})
		return answer.Status, err
	})
	durabletest.Run(t, func(e *durabletest.Env) {
		began := time.Now()
		durabletest.Replace(e, durable.HTTPActivity, func(context.Context, durable.HTTPRequest) (durable.HTTPResponse, error) {
			if time.Since(began) < time.Hour {
				return durable.HTTPResponse{Status: 202, Header: durable.HTTPHeader{"Location": {"/status"}, "Retry-After": {"600"}}}, nil
			}
			return durable.HTTPResponse{Status: 200}, nil
		})
		e.Serve(report)
		if got := durabletest.Start(e, report, "https://example.com/report").Result(); got != 200 {
			e.Errorf("status = %d, want 200", got)
		}
		calls := durabletest.Calls(e, durable.HTTPActivity)
		if last := calls[len(calls)-1].URL; len(calls) != 7 || last != "https://example.com/status" {
			e.Errorf("%d requests, the last for %s, want 7 and the status", len(calls), last)
		}
	})
}
