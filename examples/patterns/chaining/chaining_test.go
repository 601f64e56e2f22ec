package chaining_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/chaining"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const lines = "wages 250000\nrent -90000\ntea -350"

func TestEachLinkTakesTheResultOfTheOneBefore(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(chaining.Functions()...)
		if got, want := durabletest.Start(e, chaining.MakeStatement, lines).Result(), "3 bookings, balance 1596.50"; got != want {
			e.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLinkThatFailsIsTriedAgainAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		durabletest.Fail(e, chaining.Write, errors.New("disk is full"), 1, 2)
		e.Serve(chaining.Functions()...)
		began := time.Now()
		durabletest.Start(e, chaining.MakeStatement, lines).Result()
		if took := time.Since(began).Round(time.Second); took != 3*time.Second {
			e.Errorf("took %v, want waits of 1s and 2s", took)
		}
		read, written := len(durabletest.Calls(e, chaining.Read)), len(durabletest.Calls(e, chaining.Write))
		if read != 1 || written != 3 {
			e.Errorf("read %d times and wrote %d times, want 1 and 3", read, written)
		}
	})
}

func TestChainEndsAtALinkThatCannotWork(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(chaining.Functions()...)
		got, err := durabletest.Start(e, chaining.MakeStatement, "rent much").Wait()
		if err == nil || !strings.Contains(err.Error(), `activity "add-up-bookings": booking "rent": "much" is no amount`) {
			e.Errorf("got %q, %v, want a failure that names the link and the booking", got, err)
		}
		if written := durabletest.Calls(e, chaining.Write); len(written) != 0 {
			e.Errorf("wrote %v, want nothing", written)
		}
	})
}
