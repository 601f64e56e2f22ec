package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload"
)

// localEndpoint is where `funchost run` and `funchost scheduler` have their
// scheduler unless they are told otherwise.
const localEndpoint = "http://127.0.0.1:8080"

// Places that a connection and a hub come from, as messages name them.
const (
	fromConnection = "--connection"
	fromHub        = "--hub"
	fromHubEnv     = "TASKHUB_NAME"
)

// envPayloads says where hosts keep large payloads, to them and to the commands.
const envPayloads = "FUNCHOST_PAYLOAD_STORE"

// connectionEnv are the variables that may hold a connection string, the first
// one that is set counts.
var connectionEnv = []string{"DTS_CONNECTION_STRING", "DURABLE_TASK_SCHEDULER_CONNECTION_STRING"}

// surroundings are what a command takes from outside its command line.
type surroundings struct {
	getenv func(string) string
	dial   func(dts.ConnectionString) (*dts.Client, error)
}

func ofProcess() surroundings {
	return surroundings{
		getenv: os.Getenv,
		dial: func(cs dts.ConnectionString) (*dts.Client, error) {
			opts, err := credentialFiles(os.Getenv).Options(cs)
			if err != nil {
				return nil, callError{err}
			}
			if text := os.Getenv(envPayloads); text != "" {
				store, err := payload.Open(text)
				if err != nil {
					return nil, callError{fmt.Errorf("%s: %w", envPayloads, err)}
				}
				opts = append(opts, dts.WithPayloads(dts.Payloads{Store: store}))
			}
			return dts.Dial(cs, append(opts, dts.WithUserAgent("funchost/"+version()))...)
		},
	}
}

// credentialFiles are those that hosts take from the same variables.
func credentialFiles(getenv func(string) string) dts.CredentialFiles {
	return dts.CredentialFiles{
		CA:    getenv("FUNCHOST_SCHEDULER_CA_FILE"),
		Cert:  getenv("FUNCHOST_SCHEDULER_CERT_FILE"),
		Key:   getenv("FUNCHOST_SCHEDULER_KEY_FILE"),
		Token: getenv("FUNCHOST_SCHEDULER_TOKEN_FILE"),
	}
}

// target is the hub that a command works on.
type target struct {
	dts.ConnectionString

	origin string // of the connection; empty if nobody named one
}

// choose finds the hub: the flag, then the environment, then the scheduler that
// a developer has on this machine. The flag --hub wins over whatever the
// environment says; two places of the same rank that name different hubs are an
// error, since the command may be one that removes things.
func (s surroundings) choose(connection, hub string) (target, error) {
	t, err := s.connection(connection)
	if err != nil {
		return target{}, err
	}
	other, origin := s.getenv(fromHubEnv), fromHubEnv
	if hub != "" {
		other, origin = hub, fromHub
	}
	switch {
	case other == "" || other == t.TaskHub:
	case t.TaskHub == "" || origin == fromHub && t.origin != fromConnection:
		t.TaskHub = other
	default:
		return target{}, callError{fmt.Errorf("two task hubs are named: %q (%s) and %q (%s)\n  remove one of them",
			t.TaskHub, t.origin, other, origin)}
	}
	return t, nil
}

func (s surroundings) connection(flag string) (target, error) {
	text, origin := flag, fromConnection
	for _, name := range connectionEnv {
		if text == "" {
			text, origin = s.getenv(name), name
		}
	}
	if text == "" {
		return target{ConnectionString: dts.ConnectionString{Endpoint: localEndpoint, Authentication: dts.AuthNone}}, nil
	}
	cs, err := dts.ParseConnectionString(text)
	if err == nil && cs.Authentication != dts.AuthNone {
		err = fmt.Errorf("this command cannot obtain tokens for Authentication=%s yet\n  it can talk to schedulers with Authentication=None", cs.Authentication)
	}
	if err != nil {
		return target{}, callError{fmt.Errorf("%s: %w", origin, err)}
	}
	return target{cs, origin}, nil
}

// explain gives an error of a call what this command knows better: where the
// address came from, and that the caller was the one who gave up.
func (t target) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.Is(err, dts.ErrStoreUnavailable):
		return err
	case errors.Is(err, dts.ErrUnavailable) && t.origin == "":
		return fmt.Errorf("no scheduler answers at %s, where funchost run and funchost scheduler have theirs\n"+
			"  start one of them, or name another scheduler with --connection or %s", localEndpoint, connectionEnv[0])
	case errors.Is(err, dts.ErrInvalid):
		return callError{err}
	default:
		return err
	}
}
