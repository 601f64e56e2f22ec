package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

// startFlags is how `funchost start` was called.
type startFlags struct {
	id, version, input, at string
	tags                   []string
}

func startCommand(s surroundings) *cobra.Command {
	var flags startFlags
	cmd := &cobra.Command{
		Use:   "start NAME",
		Short: "Starts an orchestration and prints its id.",
		Long: `Starts an orchestration and prints its id.

It does not wait for the end, see funchost wait. The scheduler takes any name:
the orchestration waits until a program connects that has an orchestrator with it.`,
		Example: `  funchost start hello-cities --id hello-1 --input '["Tokyo","London"]'`,
		Args:    usage(cobra.ExactArgs(1)),
	}
	s.onHub(cmd, func(ctx context.Context, h hub, args []string) error {
		request, err := flags.request(args[0], time.Now(), cmd.InOrStdin())
		if err != nil {
			return err
		}
		id, err := h.Start(ctx, request)
		if err != nil {
			return err
		}
		return h.printID(id)
	})
	f := cmd.Flags()
	f.StringVar(&flags.id, "id", "", "`id` of the instance, free or of one that has ended; default a fresh one")
	inputFlag(cmd, &flags.input, "input of the orchestrator")
	f.StringVar(&flags.at, "at", "", "`time` before which it does not begin: 2026-11-23T03:00:00Z, or 10m from now")
	f.StringVar(&flags.version, "version", "", "`version` that the orchestrator is told")
	f.StringArrayVar(&flags.tags, "tag", nil, "`key=value` to keep with the instance; may be repeated")
	return cmd
}

// request reads the flags; every mistake in them is the caller's.
func (f startFlags) request(name string, now time.Time, stdin io.Reader) (dts.StartRequest, error) {
	r := dts.StartRequest{Name: name, ID: f.id, Version: f.version}
	if f.id == "." || f.id == ".." {
		return r, callError{fmt.Errorf("--id %s: HTTP clients take it out of every address, so the management API could not find it\n  choose another id", f.id)}
	}
	var err error
	if r.Input, err = readInput(f.input, stdin); err != nil {
		return r, err
	}
	if r.StartAt, err = parseTime("--at", f.at, now.Add); err != nil {
		return r, err
	}
	r.Tags, err = parseTags(f.tags)
	return r, err
}

func parseTags(pairs []string) (map[string]string, error) {
	tags := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return nil, callError{fmt.Errorf("--tag %q: want key=value", pair)}
		}
		if _, twice := tags[key]; twice {
			return nil, callError{fmt.Errorf("--tag %q: %q has a value already", pair, key)}
		}
		tags[key] = value
	}
	return tags, nil
}

// inputFlag adds the flag --input, whose value readInput reads.
func inputFlag(cmd *cobra.Command, value *string, what string) {
	cmd.Flags().StringVar(value, "input", "", what+": `JSON`, @FILE to read it from a file, or @- from standard input")
}

// readInput reads a payload. Nothing is no payload.
func readInput(value string, stdin io.Reader) ([]byte, error) {
	text, origin := []byte(value), "--input"
	if file, found := strings.CutPrefix(value, "@"); found {
		origin = "--input " + value
		var err error
		if file == "-" {
			text, err = io.ReadAll(stdin)
		} else {
			text, err = os.ReadFile(file)
		}
		if err != nil {
			return nil, callError{fmt.Errorf("%s: %w\n  name a file that can be read, or @- for standard input", origin, err)}
		}
	} else if value == "" {
		return nil, nil
	}
	text = bytes.TrimSpace(text)
	var v json.RawMessage
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, callError{fmt.Errorf("%s is not JSON: %w\n  a string needs its quotes: --input '\"text\"'", origin, err)}
	}
	return text, nil
}

// parseTime reads a moment, or a duration, for which relative gives the moment.
// Nothing is the zero time.
func parseTime(flag, text string, relative func(time.Duration) time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return relative(d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, callError{fmt.Errorf("%s %q: want a time as in 2026-11-23T03:00:00Z, or a duration as in 90m", flag, text)}
	}
	return t, nil
}

// idView says in JSON which instance a command has dealt with.
type idView struct {
	ID string `json:"id"`
}

// printID prints the id alone, so that id=$(funchost start ...) works.
func (h hub) printID(id string) error {
	if h.json {
		return h.printJSON(idView{id})
	}
	h.printf("%s\n", plain(id))
	h.hintf("wait for it: funchost wait %s\n", quote(plain(id)))
	return nil
}
