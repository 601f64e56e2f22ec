package main

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/templates/cloudevents/picture"
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

// send posts an event and returns the status code of the answer.
func send(t *testing.T, address, event string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/events", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// started are the ids of all instances of an orchestrator.
func started(t *testing.T, client *dts.Client, name string) []string {
	t.Helper()
	var ids []string
	for in, err := range client.Instances(t.Context(), dts.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if in.Name == name {
			ids = append(ids, in.ID)
		}
	}
	return ids
}

func TestUploadIsPreparedOnce(t *testing.T) {
	t.Parallel()
	client, address := serve(t)
	const event = `{"specversion": "1.0", "id": "1", "source": "/store", "type": "com.example.picture.uploaded", "data": {"name": "cat.png"}}`
	for range 3 { // a sender that got no answer sends again
		if code := send(t, address, event); code != http.StatusAccepted {
			t.Fatalf("got %d, want 202", code)
		}
	}
	ids := started(t, client, picture.Prepare.Name())
	if len(ids) != 1 {
		t.Fatalf("started %q, want one", ids)
	}
	got, err := picture.Prepare.Instance(client, ids[0]).Wait(t.Context())
	want := []picture.Copy{{Name: "64/cat.png", Pixels: 64}, {Name: "256/cat.png", Pixels: 256}, {Name: "1024/cat.png", Pixels: 1024}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestDeletionIsToldByItsSubject(t *testing.T) {
	t.Parallel()
	client, address := serve(t)
	for _, event := range []string{
		`{"specversion": "1.0", "id": "1", "source": "/store", "type": "com.example.picture.deleted", "subject": "cat.png"}`,
		`{"specversion": "1.0", "id": "2", "source": "/store", "type": "com.example.picture.deleted"}`,
	} {
		if code := send(t, address, event); code != http.StatusAccepted {
			t.Fatalf("got %d, want 202", code)
		}
	}
	var ended []dts.Status
	for _, id := range started(t, client, picture.Forget.Name()) {
		in, err := client.Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		ended = append(ended, in.Status)
	}
	slices.Sort(ended)
	if want := []dts.Status{dts.StatusCompleted, dts.StatusFailed}; !slices.Equal(ended, want) {
		t.Errorf("ended as %v, want %v", ended, want)
	}
}

func TestOtherEventsStartNothing(t *testing.T) {
	t.Parallel()
	client, address := serve(t)
	for event, want := range map[string]int{
		`{"specversion": "1.0", "id": "1", "source": "/store", "type": "com.example.picture.viewed"}`: http.StatusNoContent,
		`{"specversion": "1.0", "id": "2"}`: http.StatusBadRequest,
	} {
		if code := send(t, address, event); code != want {
			t.Errorf("%s: got %d, want %d", event, code, want)
		}
	}
	for in, err := range client.Instances(t.Context(), dts.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		t.Errorf("instance %s of %s was started", in.ID, in.Name)
	}
}
