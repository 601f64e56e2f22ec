// Package chaining makes a statement of account in three steps, each of which
// takes the result of the one before.
package chaining

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Booking is one line of an account.
type Booking struct{ What, Cents string }

// Statement is all of them with their sum, in cents.
type Statement struct {
	Bookings []Booking
	Balance  int
}

// The chain and its links.
var (
	MakeStatement = durable.OrchestratorNamed[string, string]("make-statement")
	Read          = durable.ActivityNamed[string, []Booking]("read-bookings")
	AddUp         = durable.ActivityNamed[[]Booking, Statement]("add-up-bookings")
	Write         = durable.ActivityNamed[Statement, string]("write-statement")
)

// Functions binds the handles to the code below.
func Functions() []durable.Definition {
	return []durable.Definition{MakeStatement.With(makeStatement), Read.With(read), AddUp.With(addUp), Write.With(write)}
}

// makeStatement goes on where it was: a link that has finished is not run again.
func makeStatement(ctx *durable.Context, lines string) (string, error) {
	bookings, err := Read.Call(ctx, lines)
	if err != nil {
		return "", err
	}
	statement, err := AddUp.Call(ctx, bookings)
	if err != nil {
		return "", err
	}
	return Write.Call(ctx, statement, durable.Retry(durable.RetryPolicy{Attempts: 5, First: time.Second, Factor: 2}))
}

// read takes lines such as "rent -90000".
func read(_ context.Context, lines string) (bookings []Booking, err error) {
	for line := range strings.Lines(lines) {
		what, cents, _ := strings.Cut(strings.TrimSpace(line), " ")
		bookings = append(bookings, Booking{what, cents})
	}
	return bookings, nil
}

func addUp(_ context.Context, bookings []Booking) (Statement, error) {
	s := Statement{Bookings: bookings}
	for _, b := range bookings {
		cents, err := strconv.Atoi(b.Cents)
		if err != nil { // the same every time, so that it is not tried again
			return Statement{}, durable.Permanent(fmt.Errorf("booking %q: %q is no amount in cents", b.What, b.Cents))
		}
		s.Balance += cents
	}
	return s, nil
}

func write(_ context.Context, s Statement) (string, error) {
	return fmt.Sprintf("%d bookings, balance %.2f", len(s.Bookings), float64(s.Balance)/100), nil
}
