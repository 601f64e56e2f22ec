package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

func entityCommand(s surroundings) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "entity COMMAND",
		Short:   "Shows and signals entities.",
		Example: "  funchost entity get stock desk",
		Args:    usage(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	const group = "Commands"
	cmd.AddGroup(&cobra.Group{ID: group, Title: group})
	for _, sub := range []*cobra.Command{getEntityCommand(s), listEntitiesCommand(s), signalEntityCommand(s)} {
		sub.GroupID = group
		cmd.AddCommand(sub)
	}
	return cmd
}

func getEntityCommand(s surroundings) *cobra.Command {
	return s.onHub(&cobra.Command{
		Use:     "get NAME KEY",
		Short:   "Shows one entity with its state.",
		Example: "  funchost entity get stock desk",
		Args:    usage(cobra.ExactArgs(2)),
	}, func(ctx context.Context, h hub, args []string) error {
		e, err := h.Entity(ctx, dts.EntityID{Name: args[0], Key: args[1]})
		if err != nil {
			return err
		}
		return h.printEntity(e)
	})
}

func signalEntityCommand(s surroundings) *cobra.Command {
	var input, at string
	cmd := &cobra.Command{
		Use:   "signal NAME KEY OPERATION",
		Short: "Asks an entity for an operation and does not wait for it.",
		Long: `Asks an entity for an operation and does not wait for it.

One that does not exist begins to. The scheduler takes any name: the signal waits
until a program connects that has an entity with it. Every entity can "delete".`,
		Example: "  funchost entity signal stock desk deliver --input 5",
		Args:    usage(cobra.ExactArgs(3)),
	}
	s.onHub(cmd, func(ctx context.Context, h hub, args []string) error {
		id, op := dts.EntityID{Name: args[0], Key: args[1]}, args[2]
		payload, err := readInput(input, cmd.InOrStdin())
		if err != nil {
			return err
		}
		due, err := parseTime("--at", at, time.Now().Add)
		if err != nil {
			return err
		}
		if err := h.Signal(ctx, id, op, payload, dts.SignalAt(due)); err != nil {
			return err
		}
		if h.json {
			return h.printJSON(idView{id.String()})
		}
		h.printf("%s has signal %q\n", plain(id.String()), op)
		return nil
	})
	inputFlag(cmd, &input, "input of the operation")
	cmd.Flags().StringVar(&at, "at", "", "`time` before which it does not happen: 2026-11-23T03:00:00Z, or 10m from now")
	return cmd
}

// entityFlags choose entities.
type entityFlags struct {
	prefix, since, until string
	limit                int
	stateless            bool
}

func listEntitiesCommand(s surroundings) *cobra.Command {
	var flags entityFlags
	cmd := s.onHub(&cobra.Command{
		Use:     "list [NAME]",
		Short:   "Lists entities, by name and key.",
		Example: "  funchost entity list stock --since 24h",
		Args:    usage(cobra.MaximumNArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		query, err := flags.query(args, time.Now())
		if err != nil {
			return err
		}
		return h.listEntities(ctx, query, flags.limit)
	})
	f := cmd.Flags()
	f.StringVar(&flags.prefix, "prefix", "", "only whose key begins with this `text`; needs NAME")
	f.StringVar(&flags.since, "since", "", "only with an operation at or after this `time`: 2026-11-23T03:00:00Z, or 24h ago")
	f.StringVar(&flags.until, "until", "", "only whose last operation was before this `time`")
	f.BoolVar(&flags.stateless, "stateless", false, "also those that are locked and have no state")
	f.IntVar(&flags.limit, "limit", 100, "list this `number` at most; 0 lists all")
	return cmd
}

func (f entityFlags) query(args []string, now time.Time) (dts.EntityQuery, error) {
	q := dts.EntityQuery{KeyPrefix: f.prefix, Stateless: f.stateless}
	switch {
	case len(args) == 1:
		q.Name = args[0]
	case f.prefix != "":
		return q, callError{errors.New("--prefix needs the name of the entities\n  funchost entity list NAME --prefix " + quote(plain(f.prefix)))}
	}
	if f.limit < 0 {
		return q, callError{fmt.Errorf("--limit %d: it cannot be below zero", f.limit)}
	}
	var err error
	q.ModifiedFrom, q.ModifiedTo, err = parseSpan(f.since, f.until, now)
	return q, err
}

// entityView is an entity in JSON.
type entityView struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Key      string          `json:"key"`
	Modified time.Time       `json:"modified,omitzero"`
	Waiting  int             `json:"waiting"`
	LockedBy string          `json:"lockedBy,omitempty"`
	State    json.RawMessage `json:"state,omitempty"`
}

func viewEntity(e *dts.Entity) entityView {
	return entityView{e.ID.String(), e.ID.Name, e.ID.Key, e.Modified, e.Backlog, e.LockedBy, asJSON(e.State)}
}

// entitiesView is a list of entities in JSON. States are not in it.
type entitiesView struct {
	Entities []entityView `json:"entities"`
	More     bool         `json:"more"` // the limit left some out
}

func (h hub) printEntity(e *dts.Entity) error {
	if h.json {
		return h.printJSON(viewEntity(e))
	}
	t := newTable(h.out)
	t.row("entity", e.ID.Name)
	t.row("key", e.ID.Key)
	t.row("modified", moment(e.Modified))
	t.row("operations waiting", strconv.Itoa(e.Backlog))
	if e.LockedBy != "" {
		t.row("locked by", e.LockedBy)
	}
	t.row("state", cut(string(e.State), maxShown))
	return t.print()
}

func (h hub) listEntities(ctx context.Context, query dts.EntityQuery, limit int) error {
	view := entitiesView{Entities: []entityView{}}
	for e, err := range h.Entities(ctx, query) {
		if err != nil {
			return err
		}
		if view.More = limit > 0 && len(view.Entities) == limit; view.More {
			break
		}
		view.Entities = append(view.Entities, viewEntity(e))
	}
	if h.json {
		return h.printJSON(view)
	}
	if len(view.Entities) == 0 {
		h.hintf("no entity\n")
		return nil
	}
	t := newTable(h.out)
	t.row("ENTITY", "KEY", "MODIFIED", "WAITING", "LOCKED BY")
	for _, e := range view.Entities {
		t.row(e.Name, e.Key, moment(e.Modified), strconv.Itoa(e.Waiting), e.LockedBy)
	}
	if err := t.print(); err != nil {
		return err
	}
	h.hintMore(view.More, limit)
	return nil
}
