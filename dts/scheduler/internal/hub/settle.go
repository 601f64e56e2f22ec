package hub

import (
	"context"

	"github.com/funchost/funchost/dts/scheduler/internal/planted"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

// decided waits until a decision is on disk. Its caller would otherwise be told
// of something that a power cut can undo (TestPowerCutsBreakNoPromise).
func decided(ctx context.Context, c *store.Commit) error {
	if planted.Active(planted.AnswerBeforeSync) {
		return nil
	}
	return c.Wait(ctx)
}

// readable waits until all that a reader could have seen is on disk: a batch can
// be read before (TestPowerCutsBreakNoPromise).
func readable(ctx context.Context, c *store.Commit) error {
	if planted.Active(planted.ReadBeforeSync) {
		return nil
	}
	return c.Wait(ctx)
}
