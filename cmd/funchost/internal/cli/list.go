package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

// queryFlags choose instances, for list and purge.
type queryFlags struct {
	status               []string
	prefix, since, until string
}

// queryNames are the flags that addTo adds.
var queryNames = []string{"status", "prefix", "since", "until"}

func (f *queryFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.status, "status", nil, "only of these `statuses`, as in running,suspended")
	flags.StringVar(&f.prefix, "prefix", "", "only whose id begins with this `text`")
	flags.StringVar(&f.since, "since", "", "only created at or after this `time`: 2026-11-23T03:00:00Z, or 24h ago")
	flags.StringVar(&f.until, "until", "", "only created before this `time`")
}

func (f *queryFlags) query(now time.Time) (dts.Query, error) {
	q := dts.Query{IDPrefix: f.prefix}
	for _, name := range f.status {
		status, err := dts.ParseStatus(name)
		if err != nil {
			return q, fmt.Errorf("--status: %w", err)
		}
		q.Status = append(q.Status, status)
	}
	var err error
	q.CreatedFrom, q.CreatedTo, err = parseSpan(f.since, f.until, now)
	return q, err
}

// parseSpan reads --since and --until. Nothing is the zero time.
func parseSpan(since, until string, now time.Time) (from, to time.Time, err error) {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	if from, err = parseTime("--since", since, ago); err != nil {
		return from, to, err
	}
	if to, err = parseTime("--until", until, ago); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, callError{errors.New("--until is not after --since: there is nothing in between")}
	}
	return from, to, nil
}

func listCommand(s surroundings) *cobra.Command {
	var flags queryFlags
	var limit int
	cmd := s.onHub(&cobra.Command{
		Use:     "list",
		Short:   "Lists orchestrations, the oldest first.",
		Example: "  funchost list --status running,suspended --since 24h",
		Args:    usage(cobra.NoArgs),
	}, func(ctx context.Context, h hub, _ []string) error {
		query, err := flags.query(time.Now())
		if err != nil {
			return err
		}
		if limit < 0 {
			return callError{fmt.Errorf("--limit %d: it cannot be below zero", limit)}
		}
		return h.list(ctx, query, limit)
	})
	flags.addTo(cmd)
	cmd.Flags().IntVar(&limit, "limit", 100, "list this `number` at most; 0 lists all")
	return cmd
}

// listView is a list in JSON. Inputs and outputs are not in it.
type listView struct {
	Instances []instanceView `json:"instances"`
	More      bool           `json:"more"` // the limit left some out
}

func (h hub) list(ctx context.Context, query dts.Query, limit int) error {
	view := listView{Instances: []instanceView{}}
	for in, err := range h.Instances(ctx, query) {
		if err != nil {
			return err
		}
		if view.More = limit > 0 && len(view.Instances) == limit; view.More {
			break
		}
		view.Instances = append(view.Instances, viewInstance(in))
	}
	if h.json {
		return h.printJSON(view)
	}
	if len(view.Instances) == 0 {
		h.hintf("nothing to list in the task hub %q\n", h.Hub())
		return nil
	}
	t := newTable(h.out)
	t.row("ID", "ORCHESTRATOR", "STATUS", "CREATED", "UPDATED")
	for _, in := range view.Instances {
		t.row(in.ID, in.Name, in.Status, moment(in.Created), moment(in.Updated))
	}
	if err := t.print(); err != nil {
		return err
	}
	h.hintMore(view.More, limit)
	return nil
}

// hintMore says that a table has left something out.
func (h hub) hintMore(more bool, limit int) {
	if more {
		h.problemf("these are the first %d, there are more; --limit 0 lists all\n", limit)
	}
}
