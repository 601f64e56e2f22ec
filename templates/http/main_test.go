package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/templates/http/signup"
)

// serve runs the app with a scheduler in memory until the test ends, and returns
// the address of its routes.
func serve(t *testing.T) (client *dts.Client, address string) {
	t.Helper()
	client = dtstest.Start(t).Client()
	ready, ended := make(chan framework.Ready, 1), make(chan error, 1)
	app := newApp(
		framework.WithClient(client),
		framework.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "none"),
	)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("app: %v", err)
		}
	})
	select {
	case r := <-ready:
		return client, "http://" + r.Listen
	case err := <-ended:
		ended <- nil
		t.Fatalf("the app does not start: %v", err)
		return nil, ""
	}
}

// ask makes a request and returns the status code and the body of the answer.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestPersonIsSignedUp(t *testing.T) {
	t.Parallel()
	client, address := serve(t)
	code, body := ask(t, http.MethodPost, address+"/api/signups", `{"name": "Ana", "email": "ana@example.com"}`)
	var started struct{ ID string }
	if err := json.Unmarshal([]byte(body), &started); code != http.StatusAccepted || err != nil {
		t.Fatalf("got %d %s, %v; want 202 with an id", code, body, err)
	}

	got, err := signup.SignUp.Instance(client, started.ID).Wait(t.Context())
	if want := (signup.Account{ID: "account-ana@example.com", Email: "ana@example.com"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}

	code, body = ask(t, http.MethodGet, address+"/api/signups/"+started.ID, "")
	const want = `{"status":"Completed","step":"done","result":{"id":"account-ana@example.com","email":"ana@example.com"}}`
	if code != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("got %d %s, want 200 %s", code, body, want)
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	client, address := serve(t)
	if code, body := ask(t, http.MethodPost, address+"/api/signups", `{"name": 7}`); code != http.StatusBadRequest {
		t.Errorf("a number for a name: got %d %s, want 400", code, body)
	}
	if code, body := ask(t, http.MethodGet, address+"/api/signups/nobody", ""); code != http.StatusNotFound {
		t.Errorf("an unknown sign-up: got %d %s, want 404", code, body)
	}
	run, err := signup.SignUp.StartNew(t.Context(), client, signup.Person{Name: "Ana", Email: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("a person without an address: got %v, want a failure that says so", err)
	}
}
