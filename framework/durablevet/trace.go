package durablevet

import (
	"go/types"
	"maps"
	"slices"
	"strings"
)

// mostTraces is how much a summary says. A function that makes more mistakes than
// this is not called by an orchestrator once these have been seen to.
const mostTraces = 8

// start is where a trace begins, or comes into this package.
type start struct {
	node  *node
	trace *trace
}

// trace finds, for each node, what it leads to: it follows each mistake and each use
// of a handle backwards, the nearest first. What is offered comes last, because an
// offer tells what the function of the handle uses.
func (u *unit) trace() {
	u.traceFrom(u.startsOf)
	u.traceFrom(u.offersOf)
}

func (u *unit) traceFrom(startsOf func(*node) []start) {
	starts := make(map[string][]start)
	for _, n := range u.order {
		for _, s := range startsOf(n) {
			starts[s.trace.key] = append(starts[s.trace.key], s)
		}
	}
	callers := make(map[*node][]edge)
	from := make(map[*node][]*node)
	for _, n := range u.order {
		for _, e := range n.edges {
			if e.to != nil {
				callers[e.to] = append(callers[e.to], e)
				from[e.to] = append(from[e.to], n)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(starts)) {
		u.leadBack(starts[key], callers, from)
	}
}

// leadBack gives a trace to all nodes that lead to it.
func (u *unit) leadBack(starts []start, callers map[*node][]edge, from map[*node][]*node) {
	seen := make(map[*node]bool)
	type step struct {
		node  *node
		trace *trace
	}
	var queue []step
	add := func(n *node, t *trace) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.durable && u.ours && t.Kind < kindUses {
			return // reported where it stands
		}
		if t.Kind < kindUses {
			if n.count == mostTraces {
				return // who calls it learns enough
			}
			n.count++
		}
		n.traces = append(n.traces, t)
		queue = append(queue, step{n, t})
	}
	for _, s := range starts {
		add(s.node, s.trace.behind(s.node.name))
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for i, e := range callers[at.node] {
			if e.initial && !at.trace.comesThrough() {
				continue
			}
			caller := from[at.node][i]
			t := at.trace.behind(caller.name)
			if t.Later != e.later {
				other := *t
				other.Later, t = e.later, &other
			}
			add(caller, t)
		}
	}
}

// startsOf are the traces that begin in a node or come into the package there.
func (u *unit) startsOf(n *node) []start {
	var starts []start
	for _, m := range n.mistakes {
		t := &trace{Kind: m.kind, What: m.what, Why: m.why, WayOut: m.wayOut, Where: u.at(m.pos), Deep: !u.ours, Later: m.later}
		t.key = u.keyOf(t)
		starts = append(starts, start{n, t})
	}
	if u.ours {
		for _, a := range n.calls {
			starts = append(starts, start{n, u.use(a)})
		}
	}
	for _, e := range n.edges {
		s := u.foreignSummary(e)
		if s == nil {
			continue
		}
		for _, foreign := range s.Traces {
			if foreign.Kind != kindOffers && (!e.initial || foreign.comesThrough()) {
				starts = append(starts, start{n, u.comeIn(e, foreign)})
			}
		}
	}
	return starts
}

// comeIn is a trace of another package as it goes on in this one.
func (u *unit) comeIn(e edge, foreign *trace) *trace {
	t := *foreign
	t.Chain = slices.Clone(t.Chain)
	if len(t.Chain) > 0 {
		t.Chain[0] = e.foreign.Pkg().Name() + "." + t.Chain[0]
	}
	t.Later = e.later
	t.key = u.keyOf(&t)
	return &t
}

// comesThrough reports whether who reads the initial value of a variable gets what is
// wrong with it: either it lasts, or it is a function that does it each time.
func (t *trace) comesThrough() bool { return t.Later || t.Kind.lasts() && !t.Deep }

// offersOf are the handles that a node gives to an app, or to those who call it.
func (u *unit) offersOf(n *node) []start {
	var starts []start
	for _, a := range n.offers {
		t := &trace{Kind: kindOffers, Where: u.at(a.pos), Uses: u.usesOf(a.v)}
		t.Handle, _ = u.handleOf(a.v)
		t.key = u.keyOf(t)
		starts = append(starts, start{n, t})
	}
	for _, e := range n.edges {
		s := u.foreignSummary(e)
		if s == nil {
			continue
		}
		for _, foreign := range s.Traces {
			if foreign.Kind == kindOffers {
				starts = append(starts, start{n, u.comeIn(e, foreign)})
			}
		}
	}
	return starts
}

// usesOf are the handles that the function of an orchestrator calls.
func (u *unit) usesOf(v *types.Var) []*trace {
	var traces []*trace
	for _, b := range u.bindings {
		if b.handle != v {
			continue
		}
		if n := u.funcOf(b.value); n != nil {
			traces = append(traces, n.traces...)
		} else if s := u.foreignSummary(edge{foreign: b.value.fn}); b.value.fn != nil && s != nil {
			traces = append(traces, s.Traces...)
		}
	}
	if s := u.foreignSummary(edge{foreign: v}); s != nil && v.Pkg() != u.pass.Pkg {
		traces = append(traces, s.Traces...)
	}
	return slices.DeleteFunc(traces, func(t *trace) bool { return t.Kind != kindUses })
}

// keyOf tells which traces are one. Of a module that others have written, one
// mistake of each kind says enough.
func (u *unit) keyOf(t *trace) string {
	switch {
	case t.Kind >= kindUses:
		return lineKey(t.Where, t.Handle)
	case !u.ours:
		return told[t.Kind].wrong
	default:
		return lineKey(t.Where, t.What)
	}
}

func lineKey(where, what string) string { return where + " " + what }

// behind is a trace with a name in front of its chain, if there is one.
func (t *trace) behind(name string) *trace {
	if name == "" {
		return t
	}
	longer := *t
	longer.Chain = slices.Concat([]string{name}, t.Chain)
	return &longer
}

// text is a trace as it is reported, with the chain that leads to it.
func (t *trace) text(chain []string) string {
	w := told[t.Kind]
	wayOut := t.WayOut
	if wayOut == "" {
		wayOut = w.wayOut
	}
	why := w.wrong
	if t.Why != "" {
		why += " (" + t.Why + ")"
	}
	return strings.Join(slices.Concat(chain, t.Chain), " -> ") + ": " + t.What + " at " + t.Where + " " + why + "; " + wayOut
}

// export hands a fact on, unless it says nothing.
func (u *unit) export(obj types.Object, s *summary) {
	if s.empty() {
		return
	}
	u.pass.ExportObjectFact(obj, s)
}

func splitLast(path string) (dir, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:i+1], path[i+1:]
}
