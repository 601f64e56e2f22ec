// Package handler starts orchestrations from outside and watches them.
package handler

import (
	"net/http"
	"time"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

var process = durable.OrchestratorNamed[string, string]("process")

// Handle is a plain handler.
func Handle(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	run, err := process.StartNew(r.Context(), framework.ClientFrom(r.Context()), r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	done := make(chan error, 1)
	go func() {
		_, err := run.Wait(r.Context())
		done <- err
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
	w.Header().Set("Took", time.Since(began).String())
}
