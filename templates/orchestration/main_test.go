package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/templates/orchestration/expense"
)

// serve runs the app with a scheduler in memory until the test ends. In a
// synctest bubble its time is virtual: days pass in milliseconds.
func serve(t *testing.T) *dts.Client {
	t.Helper()
	client := dtstest.Start(t).Client()
	app := newApp(
		framework.WithClient(client),
		framework.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		framework.Set("listen", "none"),
		framework.Set("admin-listen", "none"),
	)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("app: %v", err)
		}
	})
	return client
}

var taxi = expense.Expense{ID: "7", Cents: 42_00, Approvers: []string{"ana", "ben"}}

func TestDecisionEndsTheWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after time.Duration
		says  expense.Decision
		want  expense.Outcome
	}{
		{"yes at once", 0, expense.Decision{By: "ana", Granted: true}, expense.Outcome{Paid: true, DecidedBy: "ana"}},
		{"no at once", 0, expense.Decision{By: "ben"}, expense.Outcome{DecidedBy: "ben"}},
		{"yes after a reminder", 30 * time.Hour, expense.Decision{By: "ben", Granted: true}, expense.Outcome{Paid: true, DecidedBy: "ben", Reminders: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := serve(t)
				run, err := expense.Approve.StartNew(t.Context(), client, taxi)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.after)
				if err := expense.Decided.Raise(t.Context(), client, run.ID, tt.says); err != nil {
					t.Fatal(err)
				}
				if got, err := run.Wait(t.Context()); err != nil || got != tt.want {
					t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
				}
			})
		})
	}
}

func TestExpenseThatNobodyDecidesIsGivenUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		run, err := expense.Approve.StartNew(t.Context(), serve(t), taxi)
		if err != nil {
			t.Fatal(err)
		}
		got, err := run.Wait(t.Context())
		if want := (expense.Outcome{Reminders: 2}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if took := time.Since(began).Round(time.Hour); took != 72*time.Hour {
			t.Errorf("took %v, want 72h", took)
		}
	})
}

func TestExpenseThatNobodyCanApproveIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run, err := expense.Approve.StartNew(t.Context(), serve(t), expense.Expense{ID: "8", Cents: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "approvers") {
			t.Errorf("got %v, want a failure that names the approvers", err)
		}
	})
}
