// Package signup makes accounts for new people.
package signup

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

// Person is who wants an account.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Account is what a person gets.
type Account struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// The functions of the app. A handle is used wherever the function is called; its
// name is what is kept in the history, so it must not change.
var (
	SignUp        = durable.OrchestratorNamed[Person, Account]("sign-up")
	CreateAccount = durable.ActivityNamed[Person, Account]("create-account")
	SendWelcome   = durable.ActivityNamed[Account, durable.None]("send-welcome")
)

// Functions binds the handles to their code.
func Functions() []durable.Definition {
	return []durable.Definition{
		SignUp.With(signUp),
		CreateAccount.With(createAccount),
		SendWelcome.With(sendWelcome),
	}
}

// mailRetry is patient with a mail server that is being restarted.
var mailRetry = durable.RetryPolicy{Attempts: 5, First: time.Second, Factor: 2}

// signUp is run again from its first line after a crash, with the results of the
// activities that have finished. So it does nothing but call them.
func signUp(ctx *durable.Context, p Person) (Account, error) {
	if !strings.Contains(p.Email, "@") {
		return Account{}, errors.New(`"email" is not an address`)
	}
	ctx.SetStatus("creating the account")
	account, err := CreateAccount.Call(ctx, p)
	if err != nil {
		return Account{}, err
	}
	ctx.SetStatus("sending a welcome")
	if _, err := SendWelcome.Call(ctx, account, durable.Retry(mailRetry)); err != nil {
		return Account{}, err
	}
	ctx.SetStatus("done")
	return account, nil
}

// createAccount is where your database comes in. An activity may do anything. It
// may run twice, when its host is killed at the wrong moment: give the other side
// something to recognise the second call by, here the address.
func createAccount(ctx context.Context, p Person) (Account, error) {
	slog.InfoContext(ctx, "account created", "email", p.Email)
	return Account{ID: "account-" + p.Email, Email: p.Email}, nil
}

// sendWelcome is where your mail server comes in.
func sendWelcome(ctx context.Context, a Account) (durable.None, error) {
	slog.InfoContext(ctx, "welcome sent", "account", a.ID)
	return durable.None{}, nil
}
