package framework

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework/durable"
)

func TestAppSaysWhatDurableHTTPReaches(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	fetch := durable.NewOrchestrator("fetch", func(ctx *durable.Context, url string) (int, error) {
		answer, err := durable.CallHTTP(ctx, durable.HTTPRequest{URL: url})
		return answer.Status, err
	})
	teapot := durable.HTTPActivity.With(func(context.Context, durable.HTTPRequest) (durable.HTTPResponse, error) {
		return durable.HTTPResponse{Status: http.StatusTeapot}, nil
	})
	here := WithHTTP(durable.HTTPPolicy{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for name, tt := range map[string]struct {
		app  *App
		want int // 0 is a refusal
	}{
		"by default":  {New("app"), 0},
		"allowed":     {New("app", here), http.StatusOK},
		"by its name": {New("app", WithHTTP(durable.HTTPPolicy{Hosts: []string{"127.0.0.1"}})), http.StatusOK},
		"replaced":    {New("app", here).Replace(teapot), http.StatusTeapot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dtstest.Start(t)
			runApp(t, tt.app.With(WithClient(s.Client()), Set(keyRole, string(RoleWorker)), Set(keyAdminListen, listenNone), WithLogger(slog.New(slog.DiscardHandler))).Add(fetch))
			run, err := fetch.StartNew(t.Context(), s.Client(), server.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := run.Wait(t.Context())
			if got != tt.want || (err != nil) != (tt.want == 0) {
				t.Errorf("status = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
	err := New("app", WithHTTP(durable.HTTPPolicy{MaxResponse: -1}), Set(keyScheduler, "Endpoint=http://127.0.0.1:1;Authentication=None")).Add(fetch).run(t.Context(), nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "HTTP policy") {
		t.Errorf("run with a policy that makes no sense = %v", err)
	}
}
