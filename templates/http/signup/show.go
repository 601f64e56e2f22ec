package signup

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
)

// progress is what Show answers.
type progress struct {
	Status string          `json:"status"`
	Step   json.RawMessage `json:"step,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Show answers how far a sign-up is: a plain handler with the client of the hub
// at hand.
func Show(w http.ResponseWriter, r *http.Request) {
	in, err := framework.ClientFrom(r.Context()).Instance(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, dts.ErrNotFound) || err == nil && in.Name != SignUp.Name():
		http.Error(w, "no such sign-up", http.StatusNotFound)
		return
	case err != nil:
		slog.ErrorContext(r.Context(), "show a sign-up", "error", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(progress{in.Status.String(), in.CustomStatus, in.Output}); err != nil {
		slog.InfoContext(r.Context(), "the caller is gone", "error", err)
	}
}
