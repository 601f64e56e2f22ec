package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// maxShown is how much of a payload a person is shown.
const maxShown = 2000

// instanceView is an instance in JSON.
type instanceView struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Version      string            `json:"version,omitempty"`
	Status       string            `json:"status"`
	ExecutionID  string            `json:"executionId,omitempty"`
	ParentID     string            `json:"parentId,omitempty"`
	Created      time.Time         `json:"created,omitzero"`
	StartAt      time.Time         `json:"startAt,omitzero"`
	Updated      time.Time         `json:"updated,omitzero"`
	Completed    time.Time         `json:"completed,omitzero"`
	Input        json.RawMessage   `json:"input,omitempty"`
	Output       json.RawMessage   `json:"output,omitempty"`
	CustomStatus json.RawMessage   `json:"customStatus,omitempty"`
	Failure      *dts.Failure      `json:"failure,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
}

func viewInstance(in *dts.Instance) instanceView {
	return instanceView{
		ID: in.ID, Name: in.Name, Version: in.Version, Status: in.Status.String(),
		ExecutionID: in.ExecutionID, ParentID: in.ParentID,
		Created: in.Created, StartAt: in.StartAt, Updated: in.Updated, Completed: in.Completed,
		Input: asJSON(in.Input), Output: asJSON(in.Output), CustomStatus: asJSON(in.CustomStatus),
		Failure: in.Failure, Tags: in.Tags,
	}
}

// printInstance prints all that is known of an instance.
func (h hub) printInstance(in *dts.Instance) error {
	if h.json {
		return h.printJSON(viewInstance(in))
	}
	t := newTable(h.out)
	row := func(name, value string) {
		if value != "" {
			t.row(name, cut(value, maxShown))
		}
	}
	row("id", in.ID)
	row("orchestrator", in.Name)
	row("version", in.Version)
	row("status", in.Status.String())
	row("custom status", string(in.CustomStatus))
	row("created", moment(in.Created))
	row("starts", moment(in.StartAt))
	row("updated", moment(in.Updated))
	if !in.Completed.IsZero() {
		row("completed", moment(in.Completed)+", after "+brief(in.Completed.Sub(in.Created)))
	}
	row("parent", in.ParentID)
	row("tags", tags(in.Tags))
	row("input", string(in.Input))
	row("output", string(in.Output))
	for f, name := in.Failure, "failure"; f != nil; f, name = f.Inner, "caused by" {
		row(name, f.Error())
	}
	return t.print()
}

func tags(m map[string]string) string {
	pairs := make([]string, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, key+"="+m[key])
	}
	return strings.Join(pairs, " ")
}
