package durablevet

import (
	"cmp"
	"go/token"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// lineKind is what is reported once: who reads "time.Now and time.Since in one line"
// twice has learnt nothing from the second time.
type lineKind struct {
	file string
	line int
	kind kind
	what string // of mistakes elsewhere
}

// report follows the code of the orchestrators and reports what it meets.
func (u *unit) report() {
	r := &reporter{unit: u, seen: make(map[state]bool)}
	for _, n := range u.roots() {
		r.follow(n)
	}
	r.boundElsewhere()
	r.reportShared()
	r.reportHandles()
	slices.SortFunc(r.found, func(a, b analysis.Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Message, b.Message))
	})
	for _, d := range r.found {
		u.pass.Report(d)
	}
}

type reporter struct {
	*unit
	seen  map[state]bool
	found []analysis.Diagnostic
	reads []placedRead
}

// state is a node on the way, and whether the way is by an initial value, which is
// the same all the time that the program runs.
type state struct {
	node    *node
	initial bool
}

// roots are the pieces of code that an orchestrator begins with: what is bound to
// one, then other code that takes the context, callers first.
func (u *unit) roots() []*node {
	var roots []*node
	for _, b := range u.bindings {
		if n := u.funcOf(b.value); n != nil {
			if n.name == "" && b.handle != nil {
				n.name = b.handle.Name()
			}
			roots = append(roots, n)
		}
	}
	slices.SortStableFunc(roots, func(a, b *node) int { return cmp.Compare(a.code.Pos(), b.code.Pos()) })
	called := make(map[*node]bool)
	for _, n := range u.order {
		for _, e := range n.edges {
			if e.to != nil && e.to != n && n.durable {
				called[e.to] = true
			}
		}
	}
	for _, wanted := range []bool{false, true} {
		for _, n := range u.order {
			if n.durable && called[n] == wanted {
				roots = append(roots, n)
			}
		}
	}
	return roots
}

// follow walks from a root, the nearest first, and reports what it has not met
// before.
func (r *reporter) follow(root *node) {
	type step struct {
		state

		chain []string
	}
	var queue []step
	add := func(s state, chain []string) {
		if r.seen[s] || s.initial && r.seen[state{s.node, false}] {
			return
		}
		r.seen[s] = true
		if s.node.name != "" {
			chain = slices.Concat(chain, []string{s.node.name})
		}
		queue = append(queue, step{s, chain})
	}
	name := root.name
	if name == "" {
		name = "function at " + r.here(root.code.Pos())
	}
	if r.seen[state{root, false}] {
		return
	}
	r.seen[state{root, false}] = true
	queue = append(queue, step{state{root, false}, []string{name}})
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		r.reportNode(at.state, at.chain)
		for _, e := range at.node.edges {
			if e.to != nil {
				add(state{e.to, (at.initial || e.initial) && !e.later}, at.chain)
			}
		}
	}
}

// reportNode reports what stands in a node, and what it leads to in other packages.
func (r *reporter) reportNode(s state, chain []string) {
	for _, m := range s.node.mistakes {
		if s.initial && !m.later && !m.kind.lasts() {
			continue
		}
		t := &trace{Kind: m.kind, What: m.what, Why: m.why, WayOut: m.wayOut, Where: r.here(m.pos)}
		r.add(m.pos, t, chain)
	}
	for _, e := range s.node.edges {
		summary := r.foreignSummary(e)
		if summary == nil {
			continue
		}
		for _, foreign := range summary.Traces {
			if foreign.Kind >= kindUses || (s.initial && !e.later || e.initial) && !foreign.comesThrough() {
				continue
			}
			r.add(e.pos, r.comeIn(e, foreign), chain)
		}
	}
	r.noteReads(s.node, chain)
}

func (r *reporter) add(pos token.Pos, t *trace, chain []string) {
	p := r.pass.Fset.Position(pos)
	key := lineKind{p.Filename, p.Line, t.Kind, ""}
	if len(t.Chain) > 0 {
		key.what = t.Where
	}
	if r.mistakes[key] || r.ignored(pos) {
		return
	}
	r.mistakes[key] = true
	r.found = append(r.found, analysis.Diagnostic{Pos: pos, Message: t.text(chain)})
}

// boundElsewhere reports orchestrators whose function is in another module.
func (r *reporter) boundElsewhere() {
	for _, b := range r.bindings {
		if b.value.fn == nil || b.value.fn.Pkg() == r.pass.Pkg {
			continue
		}
		e := edge{pos: b.pos, foreign: b.value.fn.Origin()}
		if s := r.foreignSummary(e); s != nil {
			for _, foreign := range s.Traces {
				if foreign.Kind < kindUses {
					r.add(b.pos, r.comeIn(e, foreign), nil)
				}
			}
		}
	}
}

// reportHandles reports, for a program, what its orchestrators call and its app was
// never given, though the code for it is there.
func (r *reporter) reportHandles() {
	if r.pass.Pkg.Name() != "main" {
		return
	}
	given := make(map[string]bool)
	for _, n := range r.order {
		for _, t := range n.traces {
			if t.Kind == kindOffers {
				given[t.Handle] = true
			}
		}
	}
	if len(given) == 0 {
		return
	}
	missing := func(pos token.Pos, t *trace, caller string) {
		if t.Code == "" || given[t.Handle] || r.ignored(pos) {
			return
		}
		given[t.Handle] = true // said once
		r.found = append(r.found, analysis.Diagnostic{Pos: pos, Message: caller + "uses " + t.What + " at " + t.Where +
			", whose function (" + t.Code + ") is never given to app.Add; add it, or say who runs it: " + ignoreWord + " REASON"})
	}
	for _, n := range r.order {
		for _, s := range r.offersOf(n) {
			for _, t := range s.trace.Uses {
				missing(r.offeredAt(n, s.trace), t, strings.Join(t.Chain, " -> ")+" ")
			}
		}
		for _, a := range n.calls {
			missing(a.pos, r.use(a), "")
		}
	}
}

// offeredAt is where a node offers a handle, itself or by what it calls.
func (r *reporter) offeredAt(n *node, t *trace) token.Pos {
	for _, a := range n.offers {
		if key, _ := r.handleOf(a.v); key == t.Handle {
			return a.pos
		}
	}
	for _, e := range n.edges {
		if s := r.foreignSummary(e); s != nil {
			for _, foreign := range s.Traces {
				if foreign.Kind == kindOffers && foreign.Handle == t.Handle {
					return e.pos
				}
			}
		}
	}
	return n.code.Pos()
}
