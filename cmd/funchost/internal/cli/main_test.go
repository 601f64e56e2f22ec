package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// session is a terminal in front of a hub, where a worker knows the
// orchestrators "echo", which ends with its input, "wait", which ends with the
// payload of its event "go", "greet", which calls an activity, "fail", "hang", whose
// turns take five seconds each, and "lock", which holds the entity "stock" of its input
// until its event "go". The state of the entities "stock" and "other" is the input of
// their last operation.
type session struct {
	surroundings
	t *testing.T
}

func inHub(t *testing.T, test func(t *testing.T, s session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		scheduler := dtstest.Start(t)
		r := worker.NewRegistry()
		err := errors.Join(
			r.Orchestrator("echo", func(_ *worker.Context, in []byte) ([]byte, error) { return in, nil }),
			r.Orchestrator("wait", func(ctx *worker.Context, _ []byte) ([]byte, error) { return ctx.Event("go").Await() }),
			r.Orchestrator("fail", func(*worker.Context, []byte) ([]byte, error) {
				return nil, &dts.Failure{Type: "Refused", Message: "card\x1b[31m declined", Inner: &dts.Failure{Message: "no money"}}
			}),
			r.Orchestrator("hang", func(ctx *worker.Context, _ []byte) ([]byte, error) {
				time.Sleep(5 * time.Second)
				return ctx.Event("go").Await()
			}),
			r.Orchestrator("greet", func(ctx *worker.Context, in []byte) ([]byte, error) {
				ctx.SetStatus([]byte(`"greeting"`))
				return ctx.Activity("hello", in, worker.ActivityOptions{}).Await()
			}),
			r.Activity("hello", func(_ context.Context, in []byte) ([]byte, error) {
				return append([]byte(`"Hello `), in[1:]...), nil
			}),
		)
		if err := errors.Join(err, addEntities(r)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		w, ended := worker.New(scheduler.Client(), r), make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("worker: %v", err)
			}
		}()
		<-w.Ready()
		test(t, session{surroundings{
			getenv: func(string) string { return "" },
			dial: func(cs dts.ConnectionString) (*dts.Client, error) {
				return dts.Dial(cs, dts.WithConn(scheduler.Conn()))
			},
		}, t})
	})
}

func addEntities(r *worker.Registry) error {
	keep := func(ctx *worker.EntityContext, _ string, input []byte) ([]byte, error) {
		ctx.SetState(input)
		return nil, nil
	}
	return errors.Join(
		r.Entity("stock", keep),
		r.Entity("other", keep),
		r.Orchestrator("lock", func(ctx *worker.Context, in []byte) ([]byte, error) {
			locked, release := ctx.Lock(dts.EntityID{Name: "stock", Key: strings.Trim(string(in), `"`)})
			defer release()
			if _, err := locked.Await(); err != nil {
				return nil, err
			}
			return ctx.Event("go").Await()
		}),
	)
}

// call runs one command line.
func (s session) call(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, err bytes.Buffer
	code = run(s.t.Context(), s.surroundings, args, &out, &err)
	return code, out.String(), err.String()
}

// done runs a command line that must do what it says, and returns its answer.
func (s session) done(args ...string) string {
	s.t.Helper()
	code, stdout, stderr := s.call(args...)
	if code != 0 || stderr != "" {
		s.t.Fatalf("funchost %q ended with %d and says %q", args, code, stderr)
	}
	return stdout
}

// prints compares the answer of a command line.
func (s session) prints(want string, args ...string) {
	s.t.Helper()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), s.done(args...)); diff != "" {
		s.t.Errorf("funchost %q (-want +got):\n%s", args, diff)
	}
}

// refuses runs a command line that must end with code and say something.
func (s session) refuses(code int, says string, args ...string) {
	s.t.Helper()
	got, _, stderr := s.call(args...)
	if got != code || !strings.Contains(stderr, says) {
		s.t.Errorf("funchost %q ended with %d and says %q, want %d and %q", args, got, stderr, code, says)
	}
}
