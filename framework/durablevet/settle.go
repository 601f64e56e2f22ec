package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
)

// settle does what needs all nodes of the package.
func (u *unit) settle() {
	u.findLiterals()
	u.findWrites()
	for _, n := range u.order {
		u.findGlobals(n)
	}
	u.findActs()
	for _, n := range u.order {
		u.findMapOrder(n)
	}
}

// mistakeOf adds a mistake that the walk could not see.
func (u *unit) mistakeOf(n *node, m mistake) {
	if u.ours && !u.ignored(m.pos) {
		n.mistakes = append(n.mistakes, m)
	}
}

// findLiterals leads to the literals that function values may stand for.
func (u *unit) findLiterals() {
	for _, n := range u.order {
		for _, l := range n.literals {
			if to := u.nodes[l.lit]; to != nil && to != n && !u.ignored(l.pos) {
				n.edges = append(n.edges, edge{pos: l.pos, to: to})
			}
		}
	}
}

// findWrites finds the package variables that are changed when the program has
// begun.
func (u *unit) findWrites() {
	if !u.ours {
		return
	}
	u.findMutators()
	starting := u.starting()
	for _, n := range u.order {
		if starting[n.outermost()] || u.runsOnce(n) {
			continue
		}
		for _, a := range n.writes {
			u.written(a)
		}
		for _, a := range n.touches {
			if isPackageVar(a.v) && !isHandle(a.v.Type()) && u.mutates(a.method) {
				u.written(a)
			}
		}
	}
}

func (u *unit) written(a access) {
	if _, ok := u.writes[a.v]; !ok && !u.ignored(a.pos) {
		u.writes[a.v] = a.pos
	}
}

func (u *unit) runsOnce(n *node) bool {
	for ; n != nil; n = n.outer {
		if n.once {
			return true
		}
	}
	return false
}

// findMutators finds the methods that change their receiver by way of others.
func (u *unit) findMutators() {
	for again := true; again; {
		again = false
		for _, n := range u.order {
			if n.outermost().mutates {
				continue
			}
			recv := u.receiver(n)
			for _, a := range n.touches {
				if a.v == recv && recv != nil && u.mutates(a.method) {
					n.outermost().mutates = true
					again = true
				}
			}
			if n.mutates && n.outer != nil {
				n.outermost().mutates = true
				again = true
			}
		}
	}
}

func (u *unit) mutates(f *types.Func) bool {
	if n := u.funcs[f]; n != nil {
		return n.mutates
	}
	var s summary
	return f.Pkg() != nil && f.Pkg() != u.pass.Pkg && u.pass.ImportObjectFact(f, &s) && s.Mutates
}

// starting finds the code that runs only while the program begins: initial values,
// functions init, and what nothing else calls.
func (u *unit) starting() map[*node]bool {
	starting := make(map[*node]bool)
	callers := make(map[*node][]*node)
	for _, n := range u.order {
		for _, e := range n.edges {
			if e.to != nil {
				callers[e.to.outermost()] = append(callers[e.to.outermost()], n.outermost())
			}
		}
	}
	for _, n := range u.order {
		f, isFunc := n.obj.(*types.Func)
		switch {
		case n.outer != nil:
		case !isFunc:
			starting[n] = true
		case f.Signature().Recv() == nil && f.Name() == "init":
			starting[n] = true
		default:
			starting[n] = !f.Exported() && f.Signature().Recv() == nil && len(callers[n]) > 0
		}
	}
	for again := true; again; {
		again = false
		for n, is := range starting {
			for _, caller := range callers[n] {
				if is && caller != n && !starting[caller] {
					is, again = false, true
					starting[n] = false
				}
			}
		}
	}
	return starting
}

// findGlobals finds reads of variables that are changed.
func (u *unit) findGlobals(n *node) {
	for _, a := range n.reads {
		at := ""
		if a.v.Pkg() == u.pass.Pkg {
			if pos, ok := u.writes[a.v]; ok {
				at = u.here(pos)
			}
		} else if s := u.foreignSummary(edge{foreign: a.v}); s != nil {
			at = s.Written
		}
		if at != "" {
			u.mistakeOf(n, mistake{kind: kindGlobal, what: "variable " + u.nameOf(a.v), why: "it is changed at " + at, pos: a.pos})
			continue
		}
		if _, ok := a.v.Type().Underlying().(*types.Pointer); ok && isRandom(a.v.Type()) || isRandom(types.NewPointer(a.v.Type())) {
			u.mistakeOf(n, mistake{kind: kindRandom, what: "variable " + u.nameOf(a.v), why: "its numbers go on from where others left them", pos: a.pos})
		}
	}
}

func isRandom(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && (isNamed(p.Elem(), "math/rand", "Rand") || isNamed(p.Elem(), "math/rand/v2", "Rand"))
}

func (u *unit) nameOf(obj types.Object) string {
	if obj.Pkg() != u.pass.Pkg {
		return foreignName(obj)
	}
	return obj.Name()
}

// findActs finds the nodes that lead to what must keep its order.
func (u *unit) findActs() {
	for again := true; again; {
		again = false
		for _, n := range u.order {
			if n.acts {
				continue
			}
			n.acts = len(n.actsAt) > 0
			for _, e := range n.edges {
				n.acts = n.acts || !e.initial && u.edgeActs(e)
			}
			again = again || n.acts
		}
	}
}

func (u *unit) edgeActs(e edge) bool {
	if e.to != nil {
		return e.to.acts
	}
	s := u.foreignSummary(e)
	return s != nil && s.Acts
}

// packageVar is a package variable of a name, nil if the name is something else.
func packageVar(p *types.Package, name string) *types.Var {
	v, _ := p.Scope().Lookup(name).(*types.Var)
	return v
}

// funcOf is the function that a value is, as a node of this package.
func (u *unit) funcOf(v value) *node {
	if v.lit != nil {
		return u.nodes[ast.Node(v.lit)]
	}
	if v.fn != nil {
		return u.funcs[v.fn.Origin()]
	}
	return nil
}

// here is a place of this package as its own reports show it.
func (u *unit) here(pos token.Pos) string {
	_, file := splitLast(u.at(pos))
	return file
}
