package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/funchost/funchost/dts"
)

type instancePage struct {
	frame

	*dts.Instance

	Took                        time.Duration // from its creation to its end
	TagPairs                    []pair
	InputText, OutputText, Note *payload
	Failures                    []failure
	Actions                     []action
	History                     *history
}

type pair struct{ Key, Text string }

// failure is one in a chain of them.
type failure struct {
	Head         string
	Stack        *payload
	NonRetriable bool
	Properties   []pair
}

// instance shows one orchestration.
func (v *visit) instance(ctx context.Context) error {
	q := v.r.URL.Query()
	from, err := strconv.Atoi(cmp.Or(q.Get("from"), "0"))
	if err != nil || from < 0 {
		return &refusal{http.StatusBadRequest, "That is no entry of a history", fmt.Sprintf("%.20q is no number of an entry.", q.Get("from"))}
	}
	in, err := v.find(ctx, q.Get("id"))
	if err != nil {
		return err
	}
	page := instancePage{frame: v.frame("instances"), Instance: in, Actions: fitting(in.Status)}
	page.Title = in.ID
	page.Notice = notice(q.Get("done"))
	if page.History, err = v.history(ctx, in, from); err != nil {
		return err
	}
	if !in.Completed.IsZero() {
		page.Took = in.Completed.Sub(in.Created)
	}
	for _, key := range slices.Sorted(maps.Keys(in.Tags)) {
		page.TagPairs = append(page.TagPairs, pair{key, in.Tags[key]})
	}
	whole := func(of string) string { return v.hub.at("payload", url.Values{"id": {in.ID}, "of": {of}}) }
	page.InputText = show(in.Input, whole(ofInput), wholePage).indent()
	page.OutputText = show(in.Output, whole(ofOutput), wholePage).indent()
	page.Note = show(in.CustomStatus, whole(ofCustom), wholePage).indent()
	for f := in.Failure; f != nil; f = f.Inner {
		page.Failures = append(page.Failures, viewFailure(f, whole(ofFailure)))
	}
	if !in.Status.Terminal() {
		page.Refresh = refreshEvery.Milliseconds()
	}
	v.show(http.StatusOK, "instance", page)
	return nil
}

// find reads an instance; what there is to say when it is not there is said here.
func (v *visit) find(ctx context.Context, id string) (*dts.Instance, error) {
	in, err := v.client.Instance(ctx, id)
	if errors.Is(err, dts.ErrNotFound) {
		return nil, &refusal{
			http.StatusNotFound, "There is no such orchestration",
			fmt.Sprintf("No orchestration of this hub has the id %s. It may have been purged.", visible(id)),
		}
	}
	return in, err
}

func viewFailure(f *dts.Failure, whole string) failure {
	view := failure{Head: readable(f.Error()), NonRetriable: f.NonRetriable}
	if f.Stack != "" {
		view.Stack = show([]byte(f.Stack), whole, wholePage)
	}
	for _, key := range slices.Sorted(maps.Keys(f.Properties)) {
		view.Properties = append(view.Properties, pair{key, fmt.Sprint(f.Properties[key])})
	}
	return view
}
