// Package picture makes small versions of pictures, and removes them again.
package picture

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Upload is the data of an event about a new picture.
type Upload struct {
	Name string `json:"name"`
}

// Copy is a small version of a picture.
type Copy struct {
	Name   string `json:"name"`
	Pixels int    `json:"pixels"` // of the longer side
}

// The functions of the app. A handle is used wherever the function is called; its
// name is what is kept in the history, so it must not change. Prepare takes the
// data of an event, Forget the event itself.
var (
	Prepare = durable.OrchestratorNamed[Upload, []Copy]("prepare-picture")
	Forget  = durable.OrchestratorNamed[durable.CloudEvent[durable.None], durable.None]("forget-picture")
	Shrink  = durable.ActivityNamed[Copy, Copy]("shrink-picture")
	Remove  = durable.ActivityNamed[string, durable.None]("remove-copies")
)

// Functions binds the handles to their code.
func Functions() []durable.Definition {
	return []durable.Definition{
		Prepare.With(prepare),
		Forget.With(forget),
		Shrink.With(shrink),
		Remove.With(remove),
	}
}

var sizes = []int{64, 256, 1024}

// storeRetry is patient with a store that is being restarted.
var storeRetry = durable.RetryPolicy{Attempts: 5, First: time.Second, Factor: 2}

// prepare makes all sizes at the same time. It is run again from its first line
// after a crash, with the results of the activities that have finished. So it
// does nothing but call them.
func prepare(ctx *durable.Context, u Upload) ([]Copy, error) {
	if u.Name == "" {
		return nil, errors.New(`the picture has no "name"`)
	}
	copies := make([]durable.Future[Copy], len(sizes))
	for i, pixels := range sizes {
		copies[i] = Shrink.Start(ctx, Copy{Name: u.Name, Pixels: pixels}, durable.Retry(storeRetry))
	}
	return durable.All(ctx, copies...)
}

// forget is told by the subject of the event which picture is gone.
func forget(ctx *durable.Context, e durable.CloudEvent[durable.None]) (durable.None, error) {
	if e.Subject == "" {
		return durable.None{}, fmt.Errorf("event %q of %q has no subject", e.ID, e.Source)
	}
	return Remove.Call(ctx, e.Subject, durable.Retry(storeRetry))
}

// shrink is where your image library and your store come in. An activity may do
// anything. It may run twice, when its host is killed at the wrong moment: the
// same copy under the same name does no harm.
func shrink(ctx context.Context, c Copy) (Copy, error) {
	c.Name = fmt.Sprintf("%d/%s", c.Pixels, c.Name)
	slog.InfoContext(ctx, "picture shrunk", "copy", c.Name)
	return c, nil
}

func remove(ctx context.Context, name string) (durable.None, error) {
	slog.InfoContext(ctx, "copies removed", "picture", name)
	return durable.None{}, nil
}
