package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts"
)

// maxDetail is how much of a payload stands in a line of a history.
const maxDetail = 60

func historyCommand(s surroundings) *cobra.Command {
	return s.onHub(&cobra.Command{
		Use:     "history ID",
		Short:   "Shows what an orchestration has done, step by step.",
		Example: "  funchost history order-7",
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, h hub, args []string) error {
		events := []dts.HistoryEvent{}
		for e, err := range h.History(ctx, args[0]) {
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if h.json {
			return h.printJSON(dts.History{ID: args[0], Events: events})
		}
		return h.printHistory(events)
	})
}

func (h hub) printHistory(events []dts.HistoryEvent) error {
	t := newTable(h.out)
	t.row("TIME", "EVENT", "OF", "DETAIL")
	names := make(map[int]string) // what was scheduled under a number
	for _, e := range events {
		name := e.Name
		switch {
		case e.AnswersTask():
			name = names[e.TaskID]
		case e.EventID >= 0:
			names[e.EventID] = e.Name
		}
		t.row(e.Timestamp.UTC().Format("2006-01-02 15:04:05.000Z"), e.Kind, name, detail(e))
	}
	return t.print()
}

// detail is what matters most of an entry.
func detail(e dts.HistoryEvent) string {
	switch {
	case e.Failure != nil:
		return cut(e.Failure.Error(), 2*maxDetail)
	case e.Kind == "ExecutionCompleted" && e.Result == nil:
		return e.Status.String()
	case e.Kind == "ExecutionCompleted":
		return e.Status.String() + " " + cut(string(e.Result), maxDetail)
	case e.Result != nil:
		return cut(string(e.Result), maxDetail)
	case e.Input != nil:
		return cut(string(e.Input), maxDetail)
	case e.Kind == "TimerCreated":
		return "due " + moment(e.FireAt)
	default:
		return cut(e.Reason, 2*maxDetail)
	}
}
