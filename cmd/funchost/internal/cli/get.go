package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

func getCommand(s surroundings) *cobra.Command {
	return s.onHub(&cobra.Command{
		Use:     "get ID",
		Short:   "Shows one orchestration.",
		Example: "  funchost get order-7",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		in, err := h.Instance(ctx, args[0])
		if err != nil {
			return err
		}
		return h.printInstance(in)
	})
}

func waitCommand(s surroundings) *cobra.Command {
	var timeout time.Duration
	cmd := s.onHub(&cobra.Command{
		Use:   "wait ID",
		Short: "Waits until an orchestration has ended, and shows it.",
		Long: `Waits until an orchestration has ended, and shows it.

The exit code is 0 if it completed, and 1 if it failed, was terminated, or has
not ended when the time is over.`,
		Example: "  funchost wait order-7 --timeout 1m",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		if timeout < 0 {
			return callError{fmt.Errorf("--timeout %s: it cannot be below zero", timeout)}
		}
		return h.wait(ctx, args[0], timeout)
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how `long` to wait at most, as in 90s or 5m; 0 is for ever")
	return cmd
}

func (h hub) wait(ctx context.Context, id string, timeout time.Duration) error {
	// Wait is patient with a scheduler that is away; a person who has mistyped
	// something should hear of it now.
	in, err := h.Instance(ctx, id)
	if err != nil {
		return err
	}
	if !in.Status.Terminal() {
		h.hintf("instance %q is %s, waiting ...\n", id, in.Status)
		if in, err = h.waitFor(ctx, id, timeout); err != nil {
			return err
		}
	}
	if err := h.printInstance(in); err != nil || in.Status == dts.StatusCompleted {
		return err
	}
	if in.Failure != nil {
		return fmt.Errorf("instance %q ended as %s: %s", id, in.Status, plain(in.Failure.Error()))
	}
	return fmt.Errorf("instance %q ended as %s", id, in.Status)
}

func (h hub) waitFor(ctx context.Context, id string, timeout time.Duration) (*dts.Instance, error) {
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	in, err := h.Wait(limited, id)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fmt.Errorf("instance %q has not ended after %s\n  it goes on; wait longer with --timeout", id, timeout)
	}
	return in, err
}
