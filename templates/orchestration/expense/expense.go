// Package expense has expenses approved by people and pays them.
package expense

import (
	"errors"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Expense is what somebody wants to have back.
type Expense struct {
	ID        string   `json:"id"`
	Cents     int      `json:"cents"`
	Approvers []string `json:"approvers"`
}

// Decision is what an approver says. One is enough.
type Decision struct {
	By      string `json:"by"`
	Granted bool   `json:"granted"`
}

// Outcome is how it ended.
type Outcome struct {
	Paid      bool   `json:"paid"`
	DecidedBy string `json:"decidedBy,omitempty"` // empty if nobody did in time
	Reminders int    `json:"reminders"`
}

// Note is what an approver is told.
type Note struct {
	To      string  `json:"to"`
	About   Expense `json:"about"`
	Reminds bool    `json:"reminds"`
}

// The functions of the app, and the event that approvers raise. A handle is used
// wherever the function is called; its name is what is kept in the history, so it
// must not change.
var (
	Approve = durable.OrchestratorNamed[Expense, Outcome]("approve-expense")
	Notify  = durable.ActivityNamed[Note, durable.None]("notify-approver")
	Pay     = durable.ActivityNamed[Expense, durable.None]("pay-expense")
	Decided = durable.NewEvent[Decision]("decided")
)

// Functions binds the handles to their code.
func Functions() []durable.Definition {
	return []durable.Definition{
		Approve.With(approve),
		Notify.With(notify),
		Pay.With(pay),
	}
}

const (
	patience  = 24 * time.Hour // until approvers are reminded
	reminders = 2              // before the expense is given up
)

// bankRetry is patient with a bank that is away for some minutes.
var bankRetry = durable.RetryPolicy{Attempts: 6, First: 10 * time.Second, Factor: 2}

// approve may take days, and many hosts. It is run again from its first line
// whenever something has happened, with the results of what has finished. So it
// reads no clock and makes no calls, but through ctx and the handles.
func approve(ctx *durable.Context, e Expense) (Outcome, error) {
	if e.Cents <= 0 || len(e.Approvers) == 0 {
		return Outcome{}, errors.New(`an expense needs "cents" above 0 and at least one of "approvers"`)
	}
	for round := 0; round <= reminders; round++ {
		if err := tellAll(ctx, e, round > 0); err != nil {
			return Outcome{}, err
		}
		ctx.SetStatus("waiting for a decision")
		decision, err := Decided.Wait(ctx, patience)
		if errors.Is(err, durable.ErrTimeout) {
			continue
		}
		if err != nil {
			return Outcome{}, err
		}
		outcome := Outcome{DecidedBy: decision.By, Reminders: round}
		if decision.Granted {
			ctx.SetStatus("paying")
			_, err = Pay.Call(ctx, e, durable.Retry(bankRetry))
			outcome.Paid = err == nil
		}
		return outcome, err
	}
	return Outcome{Reminders: reminders}, nil
}

// tellAll notifies all approvers at the same time.
func tellAll(ctx *durable.Context, e Expense, reminds bool) error {
	told := make([]durable.Future[durable.None], len(e.Approvers))
	for i, approver := range e.Approvers {
		told[i] = Notify.Start(ctx, Note{To: approver, About: e, Reminds: reminds})
	}
	_, err := durable.All(ctx, told...)
	return err
}
