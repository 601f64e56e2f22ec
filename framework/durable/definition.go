package durable

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/worker"
)

// None is the input or output of a function that has none. It travels as an
// absent payload, not as an empty object.
type None = struct{}

// Kind says what a definition defines.
type Kind int

// The kinds of definitions.
const (
	KindActivity     Kind = iota + 1 // of an [Activity]
	KindOrchestrator                 // of an [Orchestrator]
	KindEntity                       // of an [Entity]
)

// String gives the kind as it is written in messages: "activity".
func (k Kind) String() string {
	switch k {
	case KindActivity:
		return "activity"
	case KindOrchestrator:
		return "orchestrator"
	case KindEntity:
		return "entity"
	default:
		return fmt.Sprintf("kind %d", int(k))
	}
}

// Definition is a named function as an app takes it: an [Activity], an
// [Orchestrator] or an [Entity] with its operations. The interface is sealed: only
// this package has kinds.
type Definition interface {
	// Name is the name the function is registered and called by.
	Name() string
	// Kind says what is defined.
	Kind() Kind
	// Bound reports whether a Go function stands behind the name. A handle that
	// is not bound names a function that runs elsewhere; it can be called but
	// not registered.
	Bound() bool
	// Version is the version that the function is for, empty for all that have no
	// function of their own.
	Version() string
	// Source is the file and line of the declaration, "orders.go:12".
	Source() string

	check(c codec) error
	register(h *host) error
}

// Register puts the functions of defs into r, each inside the chain of mw; the
// first of mw is the outermost. Payloads are encoded by the converter of c.
//
// It is called once for a worker, with all definitions: an orchestrator refuses
// to call a bound handle that was not among them. Mistakes are returned all
// together, each with the file and line of the declaration.
func Register(r *worker.Registry, c *dts.Client, defs []Definition, mw ...Middleware) error {
	h := &host{
		registry: r,
		codec:    codec{c.Converter()},
		handler:  chain(mw),
		sources:  make(map[key]string, len(defs)),
		names:    make(map[key]bool, len(defs)),
	}
	var problems []error
	for i, d := range defs {
		if d == nil {
			problems = append(problems, fmt.Errorf("definition %d of %d is nil", i+1, len(defs)))
			continue
		}
		if err := h.add(d); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", d.Source(), err))
		}
	}
	for _, d := range ours(c) {
		if d.Name() == HTTPActivity.Name() && h.names[key{kind: d.Kind(), name: d.Name()}] {
			continue // the host has a policy of its own, or a test a replacement
		}
		if err := h.add(d); err != nil {
			problems = append(problems, fmt.Errorf("names that begin with funchost. are taken: %w", err))
		}
	}
	return errors.Join(problems...)
}

// ours are the functions with which this package keeps what its handles promise.
// Every worker has them.
func ours(c *dts.Client) []Definition {
	return []Definition{startDetached.With(starter(c)), askEntity.With(ask), internetOnly()}
}

// host is what the registered functions of one worker share. It does not change
// after Register.
type host struct {
	registry *worker.Registry
	codec    codec
	handler  Handler
	sources  map[key]string
	names    map[key]bool // without versions
}

type key struct {
	kind    Kind
	name    string
	version string
}

func (h *host) add(d Definition) error {
	k := key{d.Kind(), d.Name(), d.Version()}
	if k.name == "" {
		return fmt.Errorf("%s without a name", k.kind)
	}
	if !d.Bound() {
		lacks, bind := "function", "one with its method With"
		if k.kind == KindEntity {
			lacks, bind = "operation with a function", "some with its method With or by durable.NewOperation"
		}
		return fmt.Errorf("%s %q has no %s\n  bind %s, or do not add it if it runs in another app", k.kind, k.name, lacks, bind)
	}
	if first, taken := h.sources[k]; taken {
		what := fmt.Sprintf("%s %q", k.kind, k.name)
		if k.version != "" {
			what = fmt.Sprintf("version %q of %s", k.version, what)
		}
		return fmt.Errorf("%s is added twice, first declared at %s", what, first)
	}
	if err := d.check(h.codec); err != nil {
		return fmt.Errorf("%s %q %w", k.kind, k.name, err)
	}
	h.sources[k] = d.Source()
	h.names[key{kind: k.kind, name: k.name}] = true
	return d.register(h)
}

// refuse gives the error for a call of d from this worker, if there is one. A
// bound handle is meant to run here; unless it was added nobody would ever take
// the work and the caller would wait for good.
func (h *host) refuse(d Definition) error {
	k := key{kind: d.Kind(), name: d.Name()}
	if h.names[k] || !d.Bound() {
		return nil
	}
	return fmt.Errorf("%s %q (%s) is not in this app\n"+
		"  add it with app.Add, or use its Named form if it runs in another app", k.kind, k.name, d.Source())
}

// handle is the part that the typed handles have in common.
type handle struct{ name, source, version string }

// declare makes the handle of the constructor that calls it and keeps where that
// was called. Constructors are not inlined: in the initialisation of a package
// variable the compiler forgets the line of a call that it inlines.
func declare(name string) handle {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return handle{name: name, source: "unknown file"}
	}
	return handle{name: name, source: fmt.Sprintf("%s:%d", file, line)}
}

// Name is the name the function is registered and called by.
func (h handle) Name() string { return h.name }

// Version is the version that the function is for, empty for all that have no function
// of their own.
func (h handle) Version() string { return h.version }

// asks is the version that calls ask for: that of the option, or that of the handle.
func (h handle) asks(option *string) *string {
	if option == nil && h.version != "" {
		return &h.version
	}
	return option
}

// Source is the file and line of the declaration.
func (h handle) Source() string { return cmp.Or(h.source, "a handle that no constructor made") }
