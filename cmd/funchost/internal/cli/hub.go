package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

// hub is what a command that works on a task hub has at hand.
type hub struct {
	*dts.Client
	console

	json bool // print for programs
}

// hubFlags are the flags that all commands on a hub share.
type hubFlags struct {
	connection, hub, output string
}

func (f *hubFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.connection, "connection", "",
		"`string` that says where the hub is; default "+connectionEnv[0]+", else "+localEndpoint)
	flags.StringVar(&f.hub, "hub", "", "`name` of the task hub; default TASKHUB_NAME, else default")
	flags.StringVar(&f.output, "output", "table", "`format`: table for people, json for programs")
}

// asJSON reports whether the output is for programs.
func (f *hubFlags) asJSON(cmd *cobra.Command) (bool, error) {
	if f.output != "table" && f.output != "json" {
		return false, wrongCall(cmd, fmt.Errorf("--output %q: want table or json", f.output))
	}
	return f.output == "json", nil
}

// onHub makes cmd a command that works on a task hub: it gets the shared flags,
// and act is called with a client of the hub that they choose.
func (s surroundings) onHub(cmd *cobra.Command, act func(ctx context.Context, h hub, args []string) error) *cobra.Command {
	var flags hubFlags
	flags.addTo(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		json, err := flags.asJSON(cmd)
		if err != nil {
			return err
		}
		t, err := s.choose(flags.connection, flags.hub)
		if err != nil {
			return err
		}
		client, err := s.dial(t.ConnectionString)
		if err != nil {
			return t.explain(cmd.Context(), err)
		}
		h := hub{client, newConsole(cmd, slog.LevelWarn), json}
		for _, key := range t.IgnoredKeys {
			h.problemf("%s: the key %q is not known and has no effect\n", t.origin, key)
		}
		return errors.Join(t.explain(cmd.Context(), act(cmd.Context(), h, args)), client.Close())
	}
	return cmd
}
