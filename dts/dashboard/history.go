package dashboard

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/funchost/funchost/dts"
)

// entriesOnPage is how many entries of a history one page shows.
const entriesOnPage = 300

// history is a stretch of the history of an instance.
type history struct {
	Rows     []entry
	First    string // address of the beginning, if this is not it
	Next     string // address of what follows
	Children []child
	Timeline timeline
	Missing  string // why there is none
}

// entry is one row of the table.
type entry struct {
	Place  int
	Time   time.Time
	Offset time.Duration // since the earliest entry
	Kind   string
	Name   string // of what was scheduled or raised; for an answer, of what it answers
	Other  string // id of the other instance or entity
	Due    time.Time
	Status string
	Reason string
	Failed bool

	Input, Result, Failure *payload
}

// child is an orchestration that this one has started.
type child struct{ ID, Name, Outcome string }

// history reads the entries from a place on. What comes before them is read too:
// it has the names of what they answer.
func (v *visit) history(ctx context.Context, in *dts.Instance, from int) (*history, error) {
	h := &history{}
	var origin time.Time // the earliest entry, which need not be the first
	steps := newSteps()
	place := 0
	for e, err := range v.client.History(ctx, in.ID) {
		switch {
		case errors.Is(err, dts.ErrUnimplemented):
			h.Missing = "This scheduler does not give histories."
			return h, nil
		case err != nil:
			return nil, err
		}
		if place == from+entriesOnPage {
			h.Next = v.hub.InstanceFrom(in.ID, place)
			break
		}
		if place == 0 || e.Timestamp.Before(origin) {
			origin = e.Timestamp
		}
		name := steps.add(place, e)
		if place >= from {
			h.Rows = append(h.Rows, v.row(in, place, e, name))
		}
		place++
	}
	if from > 0 {
		h.First = v.hub.Instance(in.ID)
	}
	for i := range h.Rows {
		h.Rows[i].Offset = h.Rows[i].Time.Sub(origin)
	}
	shown := steps.end(from, in, v.now)
	h.Timeline = draw(shown, origin)
	for _, s := range shown {
		if s.Kind == kindChild {
			h.Children = append(h.Children, child{s.Other, s.Name, s.Outcome})
		}
	}
	return h, nil
}

func (v *visit) row(in *dts.Instance, place int, e dts.HistoryEvent, name string) entry {
	whole := func(of string) string {
		return v.hub.at("payload", url.Values{
			"id": {in.ID}, "execution": {in.ExecutionID}, "entry": {strconv.Itoa(place)}, "of": {of},
		})
	}
	row := entry{
		Place: place, Time: e.Timestamp, Kind: e.Kind, Name: name,
		Due: e.FireAt, Reason: e.Reason, Failed: e.Failure != nil,
		Input:  show(e.Input, whole(ofInput), inARow),
		Result: show(e.Result, whole(ofResult), inARow),
	}
	if e.InstanceID != in.ID {
		row.Other = e.InstanceID
	}
	if e.Status != 0 {
		row.Status = e.Status.String()
	}
	if e.Failure != nil {
		row.Failure = show([]byte(e.Failure.Error()), whole(ofFailure), 2*inARow)
		row.Failure.Whole = whole(ofFailure) // with the stack
	}
	return row
}
