// Encryption keeps a secret in a hub that cannot read it: every payload is
// encrypted with a key that only the hosts have, in the variable SEAL_KEYS.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/examples/encryption/seal"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	_ "github.com/funchost/funchost/framework/embedded"
	"github.com/funchost/funchost/triggers"
)

func main() {
	keys, err := seal.Parse(os.Getenv("SEAL_KEYS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "encryption: variable SEAL_KEYS:", err)
		fmt.Fprintln(os.Stderr, `  SEAL_KEYS="2026=$(openssl rand -base64 32)" makes a key`)
		os.Exit(2)
	}
	framework.Main(newApp(keys))
}

func newApp(keys *seal.Converter) *framework.App {
	return framework.New("encryption", framework.WithConverter(keys)).
		Add(Keep.With(keep)).
		On(triggers.HTTP("POST /api/secrets", Keep), triggers.HTTPFunc("POST /api/secrets/{id}/tell", tell))
}

// Secret is what nobody but the hosts can read.
type Secret struct {
	Text string `json:"text"`
}

// Keep has a secret until it is asked for.
var (
	Keep = durable.OrchestratorNamed[Secret, Secret]("keep-secret")
	Told = durable.NewEvent[string]("told")
)

func keep(ctx *durable.Context, s Secret) (Secret, error) {
	ctx.SetStatus(fmt.Sprintf("keeps %d characters", len(s.Text)))
	who, err := Told.Wait(ctx, 30*24*time.Hour)
	if err != nil {
		return Secret{}, err
	}
	return Secret{fmt.Sprintf("%s: %s", who, s.Text)}, nil
}

// tell answers with the secret. The event goes through the client of the host, which
// encrypts it; one that somebody raises by other means is refused.
func tell(w http.ResponseWriter, r *http.Request) {
	client, id := framework.ClientFrom(r.Context()), r.PathValue("id")
	err := Told.Raise(r.Context(), client, id, r.FormValue("who"))
	var secret Secret
	if err == nil {
		secret, err = Keep.Instance(client, id).Wait(r.Context())
	}
	switch {
	case errors.Is(err, dts.ErrNotFound):
		http.Error(w, "no such secret", http.StatusNotFound)
	case err != nil:
		slog.ErrorContext(r.Context(), "tell a secret", "error", err)
		http.Error(w, "it cannot be told, see the log", http.StatusInternalServerError)
	default:
		fmt.Fprintln(w, secret.Text)
	}
}
