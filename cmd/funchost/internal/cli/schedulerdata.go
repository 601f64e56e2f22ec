package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts/scheduler"
)

// What is said of the flags that name folders.
const (
	dataUsage   = "`folder` that keeps the state"
	defaultData = "./.funchost"
)

func backupCommand() *cobra.Command {
	var data, to string
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copies the state, also while a scheduler serves it.",
		Long: `Copies the state, also while a scheduler serves it.

The copy has all that was acknowledged before. It is a data folder itself: check
it, serve it, or restore it.`,
		Example: "  funchost scheduler backup --data ./.funchost --to ./backup-monday",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := named(cmd, "to", to)
			if err != nil {
				return err
			}
			if err := backUp(cmd.Context(), data, to); err != nil {
				return err
			}
			newConsole(cmd, slog.LevelInfo).printf("backed up %s to %s\n", data, to)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", defaultData, dataUsage)
	cmd.Flags().StringVar(&to, "to", "", "`folder` to make; it must not be there")
	return cmd
}

// named is a folder that a command cannot do without, as an absolute path: the
// process that makes it may be in another directory.
func named(cmd *cobra.Command, flag, value string) (string, error) {
	if value == "" {
		return "", wrongCall(cmd, fmt.Errorf("--%s names no folder", flag))
	}
	return filepath.Abs(value)
}

// backUp copies the folder, or asks the process that holds it.
func backUp(ctx context.Context, data, to string) error {
	err := scheduler.Copy(data, to)
	if errors.Is(err, scheduler.ErrInUse) {
		return askForBackup(ctx, data, to)
	}
	return err
}

func restoreCommand() *cobra.Command {
	var data, from string
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Makes a data folder out of a backup.",
		Long: `Makes a data folder out of a backup.

The backup is checked first and stays as it is. A folder that is there is not
replaced: move it away.`,
		Example: "  funchost scheduler restore --from ./backup-monday --data ./.funchost",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := named(cmd, "from", from)
			if err != nil {
				return err
			}
			con := newConsole(cmd, slog.LevelInfo)
			if err := checkState(cmd.Context(), con, from); err != nil {
				return err
			}
			if err := scheduler.Copy(from, data); err != nil {
				return err
			}
			con.printf("restored %s from %s\n", data, from)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", defaultData, "`folder` to make; it must not be there")
	cmd.Flags().StringVar(&from, "from", "", "`folder` of the backup")
	return cmd
}

func checkCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Reads all of the state and says what is wrong with it.",
		Long: `Reads all of the state and says what is wrong with it.

It changes nothing. No scheduler may serve the folder meanwhile; of one that is
served, check a backup.`,
		Example: "  funchost scheduler check --data ./.funchost",
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return checkState(cmd.Context(), newConsole(cmd, slog.LevelInfo), data)
		},
	}
	cmd.Flags().StringVar(&data, "data", defaultData, dataUsage)
	return cmd
}

// checkState prints what is there, and every problem on a line of its own.
func checkState(ctx context.Context, con console, data string) error {
	report, err := scheduler.Check(ctx, scheduler.Config{Dir: data})
	if errors.Is(err, scheduler.ErrInUse) {
		return fmt.Errorf("%s is served by a process, and what changes cannot be checked\n"+
			"  check a backup: funchost scheduler backup --data %s --to FOLDER", data, data)
	}
	if err != nil {
		return err
	}
	con.printf("%s has %d task hubs, %d orchestrations, %d entities, %d rows\n",
		data, report.Hubs, report.Instances, report.Entities, report.Rows)
	for _, problem := range report.Problems {
		con.printf("%s\n", plain(problem))
	}
	if report.More > 0 {
		con.printf("and %d more\n", report.More)
	}
	if n := len(report.Problems) + report.More; n > 0 {
		return fmt.Errorf("%s has %d problems\n  restore it from a backup that has none", data, n)
	}
	con.printf("it is in order\n")
	return nil
}
