package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/funchost/funchost/framework/durabletest"
	"github.com/funchost/funchost/templates/http/signup"
)

func TestPersonIsSignedUp(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		id := e.Post("/api/signups", signup.Person{Name: "Ana", Email: "ana@example.com"}).ID()

		want := signup.Account{ID: "account-ana@example.com", Email: "ana@example.com"}
		if got := durabletest.Instance(e, signup.SignUp, id).Result(); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		const shown = `{"status":"Completed","step":"done","result":{"id":"account-ana@example.com","email":"ana@example.com"}}`
		if got := e.Get("/api/signups/" + id); got.Status != http.StatusOK || got.Body != shown {
			e.Errorf("got %v, want 200 %s", got, shown)
		}
	})
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		if got := e.Post("/api/signups", `{"name": 7}`); got.Status != http.StatusBadRequest {
			e.Errorf("a number for a name: got %v, want 400", got)
		}
		if got := e.Get("/api/signups/nobody"); got.Status != http.StatusNotFound {
			e.Errorf("an unknown sign-up: got %v, want 404", got)
		}
		_, err := durabletest.Start(e, signup.SignUp, signup.Person{Name: "Ana", Email: "nowhere"}).Wait()
		if err == nil || !strings.Contains(err.Error(), "not an address") {
			e.Errorf("a person without an address: got %v, want a failure that says so", err)
		}
	})
}
