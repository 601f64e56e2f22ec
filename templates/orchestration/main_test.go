package main

import (
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durabletest"
	"github.com/funchost/funchost/templates/orchestration/expense"
)

var taxi = expense.Expense{ID: "7", Cents: 42_00, Approvers: []string{"ana", "ben"}}

// In a test time is virtual, and days pass in milliseconds.
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
			durabletest.Run(t, func(e *durabletest.Env) {
				e.ServeApp(newApp())
				run := durabletest.Start(e, expense.Approve, taxi)
				e.Sleep(tt.after)
				durabletest.Raise(e, expense.Decided, run.ID, tt.says)
				if got := run.Result(); got != tt.want {
					e.Errorf("got %+v, want %+v", got, tt.want)
				}
				if paid := durabletest.Calls(e, expense.Pay); (len(paid) == 1) != tt.want.Paid {
					e.Errorf("paid %v", paid)
				}
			})
		})
	}
}

func TestExpenseThatNobodyDecidesIsGivenUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		began := time.Now()
		if got, want := durabletest.Start(e, expense.Approve, taxi).Result(), (expense.Outcome{Reminders: 2}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		if took := time.Since(began).Round(time.Hour); took != 72*time.Hour {
			e.Errorf("took %v, want 72h", took)
		}
	})
}

func TestExpenseThatNobodyCanApproveIsRefused(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		_, err := durabletest.Start(e, expense.Approve, expense.Expense{ID: "8", Cents: 1}).Wait()
		if err == nil || !strings.Contains(err.Error(), "approvers") {
			e.Errorf("got %v, want a failure that names the approvers", err)
		}
	})
}
