// Package fanout counts the words of many documents, several at a time.
package fanout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/funchost/funchost/framework/durable"
)

// Document is a text with its name.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Report is the sum over all documents, but for those that could not be counted.
type Report struct {
	Words  int      `json:"words"`
	Failed []string `json:"failed"`
}

// The functions: one document, and all of them.
var (
	Count    = durable.ActivityNamed[Document, int]("count-words")
	CountAll = durable.OrchestratorNamed[[]Document, Report]("count-all-words")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{Count.With(count), CountAll.With(countAll)}
}

// AtOnce is how many documents are counted at the same time.
const AtOnce = 10

// countAll fans out and in. The functions it starts take turns and never run at
// the same time, so they share the report without a lock.
func countAll(ctx *durable.Context, documents []Document) (Report, error) {
	report := Report{Failed: []string{}}
	wg := durable.WaitGroup{Limit: AtOnce}
	for _, d := range documents {
		wg.Go(ctx, d.Name, func() error {
			words, err := Count.Call(ctx, d, durable.Retry(durable.RetryPolicy{Attempts: 3}))
			if err != nil {
				ctx.Logger().Warn("a document is left out", "document", d.Name, "error", err)
				report.Failed = append(report.Failed, d.Name) // return err to fail the whole instead
				return nil
			}
			report.Words += words
			return nil
		})
	}
	err := wg.Wait(ctx)
	slices.Sort(report.Failed) // they failed in some order
	return report, err
}

func count(_ context.Context, d Document) (int, error) {
	words := len(strings.Fields(d.Text))
	if words == 0 {
		return 0, durable.Permanent(fmt.Errorf("document %q has no words", d.Name))
	}
	return words, nil
}
