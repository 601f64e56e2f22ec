// Package eternal sends a digest of messages once a day, for ever: one
// orchestration, which begins a new round each day.
package eternal

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Round is one day of the digest.
type Round struct{ Number int }

// Digest is what is sent at the end of a round.
type Digest struct {
	Number   int
	Messages []string
}

// The functions, and the event that brings a message.
var (
	Collect = durable.OrchestratorNamed[Round, durable.None]("collect-digest")
	Send    = durable.ActivityNamed[Digest, durable.None]("send-digest")
	Message = durable.NewEvent[string]("message")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{Collect.With(collect), Send.With(send)}
}

const (
	length = 24 * time.Hour // of a round
	most   = 100            // messages in a digest; more make a round end early
)

func collect(ctx *durable.Context, round Round) (durable.None, error) {
	digest := Digest{Number: round.Number}
	evening := ctx.After(length)
	for open := true; open && len(digest.Messages) < most; {
		ctx.SetStatus(len(digest.Messages))
		err := durable.Select(ctx,
			durable.On(Message, func(m string) error { digest.Messages = append(digest.Messages, m); return nil }),
			durable.On(evening, func(durable.None) error { open = false; return nil }),
			durable.On(ctx.Canceled(), func(string) error { open = false; return nil }),
		)
		if err != nil {
			return durable.None{}, err
		}
	}
	evening.Cancel()
	if len(digest.Messages) > 0 {
		_, err := Send.Call(ctx, digest, durable.Retry(durable.RetryPolicy{Attempts: -1, Factor: 2}))
		if err != nil {
			return durable.None{}, err
		}
	}
	if err := ctx.Err(); err != nil { // somebody has asked it to end
		return durable.None{}, err
	}
	return durable.None{}, durable.ContinueAsNew(ctx, Round{round.Number + 1})
}

func send(ctx context.Context, d Digest) (durable.None, error) {
	slog.InfoContext(ctx, "digest sent", "number", d.Number, "text", strings.Join(d.Messages, "; "))
	return durable.None{}, nil
}
