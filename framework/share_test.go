package framework_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/triggers"
)

// member is one of several triggers that share a counter and bring the same
// function.
type member struct {
	name string
	seen chan<- int
}

type memberKey struct{}

var common = durable.NewActivity("common", func(ctx context.Context, _ durable.None) (string, error) {
	return framework.ClientFrom(ctx).Hub(), nil
})

func (m member) Describe() framework.TriggerInfo {
	return framework.TriggerInfo{Kind: "test", Name: m.name}
}
func (m member) Definitions() []durable.Definition { return []durable.Definition{common} }

func (m member) Bind(b *framework.Binder) error {
	count, _ := b.Share(memberKey{}, func() any { return new(int) }).(*int)
	*count++
	if b.App() == "test" {
		m.seen <- *count
	}
	return nil
}

var askHub = durable.NewOrchestrator("ask-hub", func(ctx *durable.Context, _ durable.None) (string, error) {
	return common.Call(ctx, durable.None{})
})

func TestTriggersShareValuesAndFunctions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dtstest.Start(t).Client()
		ready, seen := make(chan framework.Ready, 1), make(chan int, 2)
		app := newApp(c, ready, framework.Set("listen", "none"), framework.Set("admin-listen", "none")).
			Add(askHub).On(member{"a", seen}, member{"b", seen})
		at, stop := run(t, app, ready)
		if at.Listen != "" || at.Admin != "" {
			t.Errorf("listens at %q and %q, want nowhere", at.Listen, at.Admin)
		}
		if first, second := <-seen, <-seen; first != 1 || second != 2 {
			t.Errorf("counted %d and %d, want 1 and 2", first, second)
		}
		instance, err := askHub.StartNew(t.Context(), c, durable.None{})
		if err != nil {
			t.Fatal(err)
		}
		if hub, err := instance.Wait(t.Context()); err != nil || hub != "default" {
			t.Errorf("the activity saw the hub %q, %v, want default", hub, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestFunctionOfAnAppAndATriggerIsStillADuplicate(t *testing.T) {
	t.Parallel()
	twin := durable.NewActivity("common", func(context.Context, durable.None) (string, error) { return "", nil })
	app := newApp(dtstest.Start(t).Client(), nil).Add(twin).On(member{"a", make(chan int, 1)})
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `activity "common" is added twice`) {
		t.Errorf("error %v, want the duplicate", err)
	}
}

func TestAppThatServesNeedsAListener(t *testing.T) {
	t.Parallel()
	app := newApp(dtstest.Start(t).Client(), nil, framework.Set("listen", "none")).Add(shout, greet).On(triggers.HTTP("POST /api/greet", greet))
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "serves /api/greet") {
		t.Errorf("error %v, want one that names the route", err)
	}
}

func TestResultIsAnsweredWhenItComesInTime(t *testing.T) {
	t.Parallel()
	c := dtstest.Start(t).Client()
	ready, under := make(chan framework.Ready, 1), make(chan struct{})
	fails := durable.NewOrchestrator("fails", func(*durable.Context, durable.None) (string, error) { return "", context.Canceled })
	never := durable.OrchestratorNamed[durable.None, string]("never")
	serve := func(path string, start func(r *http.Request) (string, error), wait time.Duration) framework.Trigger {
		return triggers.HTTPFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			id, err := start(r)
			if err != nil {
				t.Error(err)
			}
			framework.Result(w, r, id, wait)
		})
	}
	app := newApp(c, ready).Add(shout, greet, fails).On(
		serve("/greet", func(r *http.Request) (string, error) {
			in, err := greet.StartNew(r.Context(), c, "ana")
			return in.ID, err
		}, time.Minute),
		serve("/fails", func(r *http.Request) (string, error) {
			in, err := fails.StartNew(r.Context(), c, durable.None{})
			return in.ID, err
		}, time.Minute),
		serve("/never", func(r *http.Request) (string, error) {
			in, err := never.StartNew(r.Context(), c, durable.None{})
			return in.ID, err
		}, time.Millisecond),
		serve("/stop", func(r *http.Request) (string, error) {
			in, err := never.StartNew(r.Context(), c, durable.None{})
			close(under)
			return in.ID, err
		}, time.Minute),
	)
	at, stop := run(t, app, ready)
	b := browser(t)
	for path, want := range map[string]struct {
		code int
		body string
	}{
		"/greet": {200, `"ANA"`},
		"/fails": {500, `"runtimeStatus":"Failed"`},
		"/never": {202, `{"id":"`},
	} {
		resp, body := call(t, b, "POST", "http://"+at.Listen+path, "")
		if resp.StatusCode != want.code || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %s, want %d with %s", path, resp.StatusCode, body, want.code, want.body)
		}
	}

	// A host that stops does not wait for results.
	answered := make(chan int, 1)
	go func() {
		resp, _ := call(t, b, "POST", "http://"+at.Listen+"/stop", "")
		answered <- resp.StatusCode
	}()
	<-under
	if err := stop(); err != nil {
		t.Error(err)
	}
	if code := <-answered; code != 202 {
		t.Errorf("while stopping: %d, want 202", code)
	}
}
