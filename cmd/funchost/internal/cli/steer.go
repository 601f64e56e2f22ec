package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

func raiseCommand(s surroundings) *cobra.Command {
	var input string
	cmd := &cobra.Command{
		Use:     "raise ID EVENT",
		Short:   "Raises an event to an orchestration, which keeps it until it asks for it.",
		Example: `  funchost raise order-7 approved --input '{"by":"ana","granted":true}'`,
		Args:    usage(cobra.ExactArgs(2)),
	}
	s.onHub(cmd, func(ctx context.Context, h hub, args []string) error {
		id, event := args[0], args[1]
		payload, err := readInput(input, cmd.InOrStdin())
		if err != nil {
			return err
		}
		return h.steer(ctx, fmt.Sprintf("raise event %q to", event), id, fmt.Sprintf("has event %q", event),
			func() error { return h.Raise(ctx, id, event, payload) })
	})
	inputFlag(cmd, &input, "payload of the event")
	return cmd
}

func suspendCommand(s surroundings) *cobra.Command {
	var reason string
	cmd := s.onHub(&cobra.Command{
		Use:     "suspend ID",
		Short:   "Makes an orchestration hold still until it is resumed.",
		Example: "  funchost suspend order-7 --reason 'stocktaking'",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		return h.steer(ctx, "suspend", args[0], "holds still", func() error { return h.Suspend(ctx, args[0], reason) })
	})
	reasonFlag(cmd, &reason)
	return cmd
}

func resumeCommand(s surroundings) *cobra.Command {
	var reason string
	cmd := s.onHub(&cobra.Command{
		Use:     "resume ID",
		Short:   "Lets a suspended orchestration go on.",
		Example: "  funchost resume order-7",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		return h.steer(ctx, "resume", args[0], "goes on", func() error { return h.Resume(ctx, args[0], reason) })
	})
	reasonFlag(cmd, &reason)
	return cmd
}

func cancelCommand(s surroundings) *cobra.Command {
	var reason string
	cmd := s.onHub(&cobra.Command{
		Use:   "cancel ID",
		Short: "Asks an orchestration to end by itself, with time to clean up.",
		Long: `Asks an orchestration to end by itself, with time to clean up.

It sees the request where it looks for it. One that never looks goes on as if
nothing had been said; funchost terminate ID ends it all the same.`,
		Example: "  funchost cancel order-7 --reason 'the customer has left'",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		return h.steer(ctx, "cancel", args[0], "is asked to end", func() error { return h.Cancel(ctx, args[0], reason) })
	})
	reasonFlag(cmd, &reason)
	return cmd
}

func terminateCommand(s surroundings) *cobra.Command {
	var reason string
	var recursive bool
	cmd := s.onHub(&cobra.Command{
		Use:   "terminate ID",
		Short: "Ends an orchestration without asking it. Activities that run are not stopped.",
		Long: `Ends an orchestration without asking it. Activities that run are not stopped.

One that has begun ends with its next turn, and a worker has to be free for
that; the command says whether it has ended, funchost wait ID waits for it.`,
		Example: "  funchost terminate order-7 --reason 'sent by mistake' --recursive",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		var opts []dts.TerminateOption
		if recursive {
			opts = append(opts, dts.Recursive())
		}
		err := h.ask(ctx, "terminate", args[0], func() error { return h.Terminate(ctx, args[0], reason, opts...) })
		switch {
		case err != nil:
			return err
		case h.endsSoon(ctx, args[0]):
			return h.printDone(args[0], "is terminated")
		default:
			return h.printDone(args[0], "will be terminated: it ends with its next turn, and a worker has to be free for that")
		}
	})
	reasonFlag(cmd, &reason)
	cmd.Flags().BoolVar(&recursive, "recursive", false, "also those that it has started, and that these have started")
	return cmd
}

func rewindCommand(s surroundings) *cobra.Command {
	var reason string
	cmd := s.onHub(&cobra.Command{
		Use:   "rewind ID",
		Short: "Lets a failed orchestration go on from what failed.",
		Long: `Lets a failed orchestration go on from what failed.

Activities that failed run again, orchestrations that it has started and that
failed are rewound too. What succeeded is not repeated.`,
		Example: "  funchost rewind order-7 --reason 'the bank is back'",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		if err := h.Rewind(ctx, args[0], reason); err != nil {
			return err
		}
		return h.printDone(args[0], "goes on from what failed")
	})
	reasonFlag(cmd, &reason)
	return cmd
}

func restartCommand(s surroundings) *cobra.Command {
	var newID bool
	cmd := s.onHub(&cobra.Command{
		Use:   "restart ID",
		Short: "Starts an orchestration again with its input, and prints the id.",
		Long: `Starts an orchestration again with its input, and prints the id.

It must have ended, and its history is replaced, unless --new-id is given.`,
		Example: "  funchost restart order-7",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		var opts []dts.RestartOption
		if newID {
			opts = append(opts, dts.NewID())
		}
		id, err := h.Restart(ctx, args[0], opts...)
		if err != nil {
			return err
		}
		return h.printID(id)
	})
	cmd.Flags().BoolVar(&newID, "new-id", false, "leave the old one as it is, and start another")
	return cmd
}

func reasonFlag(cmd *cobra.Command, value *string) {
	cmd.Flags().StringVar(value, "reason", "", "`text` to keep in the history")
}

// steer asks for one thing and says that it is done.
func (h hub) steer(ctx context.Context, verb, id, done string, do func() error) error {
	if err := h.ask(ctx, verb, id, do); err != nil {
		return err
	}
	return h.printDone(id, done)
}

// ask does one thing to a live instance. Schedulers drop in silence what is
// asked of an instance that has ended, and a person would take that for done.
func (h hub) ask(ctx context.Context, verb, id string, do func() error) error {
	in, err := h.Instance(ctx, id)
	if err != nil {
		return err
	}
	if in.Status.Terminal() {
		return fmt.Errorf("%s instance %q: it is %s already", verb, id, in.Status)
	}
	return do()
}

// endsSoon waits a moment for the end of an instance that was told to end. Most do
// at once; one whose turn hangs, or has no worker, stays.
func (h hub) endsSoon(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	in, err := h.Wait(ctx, id)
	return err == nil && in.Status.Terminal()
}

// printDone says what became of an instance.
func (h hub) printDone(id, done string) error {
	if h.json {
		return h.printJSON(idView{id})
	}
	h.printf("%s %s\n", plain(id), done)
	return nil
}
