package main

import (
	"net/http"
	"slices"
	"testing"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
	"github.com/funchost/funchost/templates/cloudevents/picture"
)

// event is what the store says about a picture.
func event(id, kind, subject string) durable.CloudEvent[picture.Upload] {
	return durable.CloudEvent[picture.Upload]{
		EventAttributes: durable.EventAttributes{ID: id, Source: "/store", Type: "com.example.picture." + kind, Subject: subject},
		Data:            picture.Upload{Name: "cat.png"},
	}
}

func TestUploadIsPreparedOnce(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		for range 3 { // a sender that got no answer sends again
			if got := durabletest.SendEvent(e, "/events", event("1", "uploaded", "")); got.Status != http.StatusAccepted {
				e.Fatalf("got %v, want 202", got)
			}
		}
		runs := durabletest.Instances(e, picture.Prepare)
		if len(runs) != 1 {
			e.Fatalf("started %d times, want once", len(runs))
		}
		want := []picture.Copy{{Name: "64/cat.png", Pixels: 64}, {Name: "256/cat.png", Pixels: 256}, {Name: "1024/cat.png", Pixels: 1024}}
		if got := runs[0].Result(); !slices.Equal(got, want) {
			e.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestDeletionIsToldByItsSubject(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		for id, subject := range map[string]string{"1": "cat.png", "2": ""} {
			if got := durabletest.SendEvent(e, "/events", event(id, "deleted", subject)); got.Status != http.StatusAccepted {
				e.Fatalf("got %v, want 202", got)
			}
		}
		failed := 0
		for _, run := range durabletest.Instances(e, picture.Forget) {
			if _, err := run.Wait(); err != nil {
				failed++
			}
		}
		if failed != 1 {
			e.Errorf("%d deletions failed, want that without a subject", failed)
		}
	})
}

func TestOtherEventsStartNothing(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		if got := durabletest.SendEvent(e, "/events", event("1", "viewed", "")); got.Status != http.StatusNoContent {
			e.Errorf("another type: got %v, want 204", got)
		}
		if got := durabletest.SendEvent(e, "/events", event("", "uploaded", "")); got.Status != http.StatusBadRequest {
			e.Errorf("no id: got %v, want 400", got)
		}
		if runs := durabletest.Instances(e, picture.Prepare); len(runs) > 0 {
			e.Errorf("%d were started, want none", len(runs))
		}
	})
}
