package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

func purgeCommand(s surroundings) *cobra.Command {
	var flags queryFlags
	var recursive bool
	cmd := &cobra.Command{
		Use:   "purge [ID]",
		Short: "Removes an orchestration that has ended, or all that the flags select.",
		Long: `Removes an orchestration that has ended, or all that the flags select.

Its history, input and output go with it. Orchestrations that have not ended
stay, whatever is selected.`,
		Example: "  funchost purge order-7\n  funchost purge --status completed --until 720h",
		Args:    usage(cobra.MaximumNArgs(1)),
	}
	s.onHub(cmd, func(ctx context.Context, h hub, args []string) error {
		filtered := slices.ContainsFunc(queryNames, cmd.Flags().Changed)
		switch {
		case len(args) == 1 && filtered:
			return wrongCall(cmd, errors.New("an id and a selection: use one of them"))
		case len(args) == 1:
			return h.purgeOne(ctx, args[0], recursive)
		case !filtered:
			return wrongCall(cmd, errors.New("name an id, or select with --"+strings.Join(queryNames, ", --")))
		case recursive:
			return wrongCall(cmd, errors.New("--recursive needs an id"))
		}
		query, err := flags.query(time.Now())
		if err != nil {
			return err
		}
		return h.purgeAll(ctx, query)
	})
	flags.addTo(cmd)
	cmd.Flags().BoolVar(&recursive, "recursive", false, "also those that it has started, and that these have started")
	return cmd
}

func (h hub) purgeOne(ctx context.Context, id string, recursive bool) error {
	var opts []dts.PurgeOption
	if recursive {
		opts = append(opts, dts.Recursive())
	}
	n, err := h.Purge(ctx, id, opts...)
	if err != nil {
		return err
	}
	if n == 0 { // find out why
		in, err := h.Instance(ctx, id)
		if err != nil {
			return err
		}
		return fmt.Errorf("purge instance %q: it is %s, only what has ended can be purged\n  end it with: funchost terminate %s",
			id, in.Status, quote(plain(id)))
	}
	return h.printPurged(n)
}

func (h hub) purgeAll(ctx context.Context, query dts.Query) error {
	for _, status := range query.Status {
		if !status.Terminal() {
			return callError{fmt.Errorf("--status %s: only what has ended can be purged\n  list it with: funchost list --status %s", status, status)}
		}
	}
	n, err := h.PurgeAll(ctx, query)
	if err != nil {
		if n > 0 {
			h.problemf("%d orchestrations were purged before the error\n", n)
		}
		return err
	}
	return h.printPurged(n)
}

func (h hub) printPurged(n int) error {
	switch {
	case h.json:
		return h.printJSON(struct {
			Purged int `json:"purged"`
		}{n})
	case n == 1:
		h.printf("1 orchestration purged\n")
	default:
		h.printf("%d orchestrations purged\n", n)
	}
	return nil
}
