package framework

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

var (
	reserve = durable.ActivityNamed[string, durable.None]("reserve")
	book    = durable.ActivityNamed[string, durable.None]("book")
	sold    = durable.NewEvent[string]("sold")
	sell    = durable.OrchestratorNamed[string, string]("sell")
	wait    = durable.OrchestratorNamed[durable.None, string]("wait")
)

// selling is the orchestrator sell with the activity step.
func selling(step durable.Activity[string, durable.None]) durable.Definition {
	return sell.With(func(ctx *durable.Context, item string) (string, error) {
		if _, err := step.Call(ctx, item); err != nil {
			return "", err
		}
		return sold.Wait(ctx, 0)
	})
}

func waiting(ctx *durable.Context, _ durable.None) (string, error) { return sold.Wait(ctx, 0) }

func nothingDone(context.Context, string) (durable.None, error) { return durable.None{}, nil }

// runApp runs an app until the test ends.
func runApp(t *testing.T, a *App) {
	t.Helper()
	ready, ended := make(chan Ready, 1), make(chan error, 1)
	OnReady(func(r Ready) { ready <- r })(a)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- a.run(ctx, nil, nil, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
}

func offline(name string, opts ...Option) *App {
	return New(name, append([]Option{WithLogger(quiet), Set("listen", listenNone), Set("admin-listen", listenNone)}, opts...)...)
}

// hubOfTheShop has an instance of sell and one of wait, both of which wait for
// their event.
func hubOfTheShop(t *testing.T) *dtstest.Scheduler {
	t.Helper()
	s := dtstest.Start(t, dtstest.Listen())
	runApp(t, offline("shop", WithClient(s.Client())).Add(selling(reserve), reserve.With(nothingDone), wait.With(waiting)))
	for _, start := range []func() error{
		func() error {
			_, err := sell.StartNew(t.Context(), s.Client(), "desk", durable.ID("s-1"))
			return err
		},
		func() error {
			_, err := wait.StartNew(t.Context(), s.Client(), durable.None{}, durable.ID("w-1"))
			return err
		},
	} {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"s-1", "w-1"} {
		if _, err := s.Client().WaitStarted(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func history(t *testing.T, c *dts.Client, id string) []dts.HistoryEvent {
	t.Helper()
	events, err := collect(t.Context(), c, id)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestVerifyFindsTheInstancesThatNewCodeWouldLeadAnotherWay(t *testing.T) {
	t.Parallel()
	s := hubOfTheShop(t)
	hub := s.ConnectionString().String()
	for name, tt := range map[string]struct {
		app  *App
		want *verdict
	}{
		"the same code": {
			New("shop").Add(selling(reserve), wait.With(waiting)), &verdict{Checked: 2},
		},
		"another activity": {
			New("shop").Add(selling(book), wait.With(waiting)),
			&verdict{Checked: 2, Differences: []difference{{
				Instance: "s-1", Orchestrator: "sell", Event: 3, Kind: "TaskScheduled", History: `activity "reserve"`, Code: `activity "book"`,
			}}},
		},
		"replaced": {
			New("shop").Add(selling(book), wait.With(waiting)).Replace(selling(reserve)), &verdict{Checked: 2},
		},
		"other versions": {
			New("shop").Add(selling(reserve), wait.WithVersion("2", waiting)), &verdict{Checked: 1, Unknown: map[string]int{`wait of version ""`: 1}},
		},
		"fewer orchestrators": {
			New("shop").Add(wait.With(waiting)), &verdict{Checked: 1, Unknown: map[string]int{"sell": 1}},
		},
	} {
		got, err := tt.app.verify(t.Context(), hub)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got.Differences {
			if !strings.Contains(d.At, "verify_test.go:") {
				t.Errorf("%s: the line is %q", name, d.At)
			}
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(difference{}, "At")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestVerifyingProgramRunsNothing(t *testing.T) {
	t.Parallel()
	environ := []string{envVerify + "=" + dtstest.Start(t, dtstest.Listen()).ConnectionString().String()}
	app := offline("shop").Add(nothing)
	if err := app.run(t.Context(), nil, environ, nil); err == nil || !strings.Contains(err.Error(), "framework.Main") {
		t.Errorf("Run: %v, want a refusal that names Main", err)
	}
	var stdout, stderr strings.Builder
	if code := app.main(t.Context(), nil, environ, &stdout, &stderr); code != exitDone || stdout.Len() > 0 || stderr.Len() > 0 {
		t.Errorf("Main: code %d, %q, %q", code, stdout.String(), stderr.String())
	}
}

func TestAppReplaysAHistory(t *testing.T) {
	t.Parallel()
	s := hubOfTheShop(t)
	events := history(t, s.Client(), "w-1")
	got, err := New("shop").Add(wait.With(waiting)).Replay(events)
	if err != nil || got.Difference != nil || len(got.Waits) != 1 {
		t.Errorf("got %+v, %v, want a wait", got, err)
	}
	if _, err := New("shop").Add(nothing).Replay(events); err == nil || !strings.Contains(err.Error(), worker.ErrNotRegistered.Error()) {
		t.Errorf("got %v, want ErrNotRegistered", err)
	}
}

func TestAppServesOnAGivenListener(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	runApp(t, offline("shop", WithClient(dtstest.Start(t).Client()), WithListener(l), Set("management-api", "true"), Set("listen", "127.0.0.1:1")).Add(nothing))
	transport := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/runtime/webhooks/durabletask/instances/none", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, want 404", resp.StatusCode)
	}
}

func TestManagementOnAGivenListenerThatOthersReachIsRefused(t *testing.T) {
	t.Parallel()
	public := publicListener{}
	app := offline("shop", WithClient(dtstest.Start(t).Client()), WithListener(public), Set("management-api", "true"), Set("listen", "127.0.0.1:1")).Add(nothing)
	if err := app.run(t.Context(), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "192.0.2.1:80") {
		t.Errorf("got %v, want a refusal that names the address", err)
	}
}

type publicListener struct{ net.Listener }

func (publicListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
