package durable_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
	"github.com/funchost/funchost/framework/durable"
)

func here() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}

func client(t *testing.T) *dts.Client {
	t.Helper()
	c, err := dts.Dial(dts.ConnectionString{Endpoint: "http://127.0.0.1:1", TaskHub: "default", Authentication: dts.AuthNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRegisterReportsAllMistakesWithTheirPlace(t *testing.T) {
	t.Parallel()
	activity := func(context.Context, int) (int, error) { return 0, nil }
	orchestrator := func(*durable.Context, int) (int, error) { return 0, nil }

	unbound, unboundAt := durable.OrchestratorNamed[int, int]("elsewhere"), here()
	nameless, namelessAt := durable.NewActivity("", activity), here()
	first, firstAt := durable.NewActivity("same", activity), here()
	second, secondAt := durable.ActivityNamed[string, string]("same").With(func(context.Context, string) (string, error) { return "", nil }), here()
	other := durable.NewOrchestrator("same", orchestrator) // names are per kind
	var zero durable.Activity[int, int]

	err := durable.Register(worker.NewRegistry(), client(t), []durable.Definition{unbound, nameless, first, second, other, nil, zero})
	if err == nil {
		t.Fatal("Register succeeded, want errors")
	}
	problems := err.(interface{ Unwrap() []error }).Unwrap()
	wants := [][]string{
		{unboundAt, `orchestrator "elsewhere" has no function`, "With"},
		{namelessAt, "activity without a name"},
		{secondAt, firstAt, `activity "same" is added twice`},
		{"definition 6 of 7 is nil"},
		{"no constructor", "activity without a name"},
	}
	if len(problems) != len(wants) {
		t.Fatalf("%d problems, want %d:\n%v", len(problems), len(wants), err)
	}
	for i, parts := range wants {
		for _, want := range parts {
			if !strings.Contains(problems[i].Error(), want) {
				t.Errorf("problem %d is %q, want %q in it", i+1, problems[i], want)
			}
		}
	}
}

func TestRegisterRefusesWhatNoHubCanCarry(t *testing.T) {
	t.Parallel()
	none := func(context.Context, durable.None) (durable.None, error) { return durable.None{}, nil }
	entity := durable.NewEntity[int]("cart")
	for _, tt := range []struct {
		def  durable.Definition
		want string // empty: it is taken
	}{
		{durable.NewActivity("a\xff", none), `activity "a\xff": the name is not valid UTF-8`},
		{durable.ActivityNamed[durable.None, durable.None]("a").WithVersion("\xff", none), `activity "a": version "\xff" is not valid UTF-8`},
		{durable.NewOrchestrator("@x", func(*durable.Context, int) (int, error) { return 0, nil }), `orchestrator "@x": names that begin with @ are those of entities`},
		{durable.NewActivity("a", func(context.Context, chan int) (int, error) { return 0, nil }), `activity "a" takes a chan int, which cannot be sent: `},
		{durable.NewOrchestrator("o", func(*durable.Context, int) (func(), error) { return nil, nil }), `orchestrator "o" returns a func(), which cannot be sent: `},
		{durable.NewEntity[complex128]("e").With(durable.NewOperation(durable.NewEntity[complex128]("e"), "o", func(*complex128, *durable.EntityContext, int) (int, error) { return 0, nil })), `entity "e" has for its state a complex128`},
		{entity.With(durable.OperationNamed[chan int, int](entity, "add").With(func(*int, *durable.EntityContext, chan int) (int, error) { return 0, nil })), `entity "cart" has the operation "add", which takes a chan int`},
		{entity.With(durable.OperationNamed[int, int](entity, "\xff").With(func(*int, *durable.EntityContext, int) (int, error) { return 0, nil })), `entity "cart" has the operation "\xff", whose name is not valid UTF-8`},
		{durable.NewActivity("a", func(context.Context, encodable) (encodable, error) { return nil, nil }), ""},
	} {
		err := durable.Register(worker.NewRegistry(), client(t), []durable.Definition{tt.def})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %q: %v, want none", tt.def.Kind(), tt.def.Name(), err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "definition_test.go:")):
			t.Errorf("%s %q: %v, want %q with the place", tt.def.Kind(), tt.def.Name(), err, tt.want)
		}
	}
}

// encodable is a function that knows how it is written.
type encodable func()

func (encodable) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestDefinitionsDescribeThemselves(t *testing.T) {
	t.Parallel()
	named, at := durable.OrchestratorNamed[int, int]("count"), here()
	bound := named.With(func(*durable.Context, int) (int, error) { return 0, nil })
	for _, tt := range []struct {
		name  string
		def   durable.Definition
		kind  string
		bound bool
	}{
		{"declared", named, "orchestrator", false},
		{"bound", bound, "orchestrator", true},
		{"an activity", durable.ActivityNamed[int, int]("count"), "activity", false},
	} {
		if got := tt.def.Name(); got != "count" {
			t.Errorf("%s: Name() = %q, want count", tt.name, got)
		}
		if got := tt.def.Kind().String(); got != tt.kind {
			t.Errorf("%s: Kind() = %q, want %q", tt.name, got, tt.kind)
		}
		if got := tt.def.Bound(); got != tt.bound {
			t.Errorf("%s: Bound() = %v, want %v", tt.name, got, tt.bound)
		}
	}
	if got := bound.Source(); !strings.HasSuffix(got, at) {
		t.Errorf("Source() = %q, want it to end in %q", got, at)
	}
}

// anonymous is declared by an initializer, which has a frame of its own.
var anonymous, anonymousAt = durable.ActivityNamed[int, int]("anonymous"), here()

func TestSourceOfAPackageVariableIsItsDeclaration(t *testing.T) {
	t.Parallel()
	if got := anonymous.Source(); !strings.HasSuffix(got, anonymousAt) {
		t.Errorf("Source() = %q, want it to end in %q", got, anonymousAt)
	}
}
