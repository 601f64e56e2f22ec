package durablevet

import (
	"go/ast"
	"go/types"
	"slices"
)

// handle is a package variable that stands for an activity, an orchestrator, an
// entity or an operation.
type handle struct {
	key    string // of what an app must have: the variable itself, or the entity of an operation
	code   string // where a function is bound to it; empty if nowhere that is known
	parent *types.Var
}

// isHandle reports whether a variable of type t is a name with a type and no state.
func isHandle(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return isNamed(t, durablePath, "Activity", "Orchestrator", "Entity", "Operation", "Event")
}

// durableFunc is the name of a function or method of package durable, "" for others.
func durableFunc(f *types.Func) string {
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != durablePath {
		return ""
	}
	return funcName(f)
}

const newOperation = "NewOperation"

// isBinder reports whether f binds the function that is its last argument.
func isBinder(f *types.Func) bool {
	switch durableFunc(f) {
	case "NewActivity", "NewOrchestrator", newOperation, "Activity.With", "Activity.WithVersion",
		"Orchestrator.With", "Orchestrator.WithVersion", "Operation.With":
		return true
	default:
		return false
	}
}

// declaredHandle is the handle that a package variable is declared as, nil if it is
// something else.
func (u *unit) declaredHandle(v *types.Var, value ast.Expr) *handle {
	if !isHandle(v.Type()) {
		return nil
	}
	h := &handle{key: keyOf(v)}
	for {
		c, ok := ast.Unparen(value).(*ast.CallExpr)
		if !ok {
			return h
		}
		switch durableFunc(u.callee(c)) {
		case "NewActivity", "NewOrchestrator":
			h.code = u.at(v.Pos())
		case newOperation, "OperationNamed":
			if len(c.Args) > 0 {
				h.parent = u.root(c.Args[0])
			}
		case "Activity.With", "Activity.WithVersion", "Orchestrator.With", "Orchestrator.WithVersion", "Entity.With", "Operation.With":
			h.code = u.at(v.Pos())
			if sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok {
				value = sel.X
				continue
			}
		}
		return h
	}
}

// keyOf names a variable across packages.
func keyOf(v *types.Var) string { return v.Pkg().Path() + "." + v.Name() }

// bind notes which function was given to which handle.
func (w *walker) bind(c *ast.CallExpr, f *types.Func) {
	if len(c.Args) == 0 || w.flow == nil {
		return
	}
	var v *types.Var
	if sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok && f.Signature().Recv() != nil {
		v = w.root(sel.X)
	} else if own, ok := w.node.obj.(*types.Var); ok {
		v = own
	}
	if v != nil && !isPackageVar(v) {
		v = nil
	}
	if durableFunc(f) == newOperation {
		v = w.root(c.Args[0])
	}
	if h := w.handles[v]; h != nil && h.code == "" {
		h.code = w.at(c.Pos())
	}
	if !slices.Contains([]string{"NewOrchestrator", "Orchestrator.With", "Orchestrator.WithVersion"}, durableFunc(f)) {
		return
	}
	w.flow.values(c.Args[len(c.Args)-1], make(map[any]bool), func(fn value) {
		if fn.fn != nil || fn.lit != nil {
			w.bindings = append(w.bindings, binding{v, fn, w.node, c.Args[len(c.Args)-1].Pos()})
		}
	})
}

// handle looks at the name of a handle: it is called, or given to an app, or to
// something that calls it.
func (w *walker) handle(x ast.Expr, v *types.Var, stack []ast.Node) {
	if w.ignored(x.Pos()) || isNamed(v.Type(), durablePath, "Event") {
		return
	}
	called := func() { w.node.calls = append(w.node.calls, access{v: v, pos: x.Pos()}) }
	switch parent := enclosing(stack).(type) {
	case *ast.SelectorExpr:
		switch parent.Sel.Name {
		case "Call", "Start", "Signal", "Lock", "StartFrom", "StartDetached", "Compensate":
			called()
		case "With", "WithVersion":
			w.offer(x, v)
		}
	case *ast.CallExpr:
		f := w.callee(parent)
		switch i := slices.Index(parent.Args, x); {
		case i < 0 || durableFunc(f) == newOperation || durableFunc(f) == "OperationNamed":
		case f != nil && !takesDefinition(f.Signature(), i):
			called()
		default:
			w.offer(x, v)
		}
	default:
		w.offer(x, v)
	}
}

func (w *walker) offer(x ast.Expr, v *types.Var) {
	w.node.offers = append(w.node.offers, access{v: v, pos: x.Pos()})
	if n := w.vars[v]; n != nil && n != w.node {
		w.edge(edge{pos: x.Pos(), to: n, initial: true}) // it may be another handle with a function
	}
}

// takesDefinition reports whether argument i of a call is taken as a definition, so
// that it may be given to an app.
func takesDefinition(s *types.Signature, i int) bool {
	params := s.Params()
	if params.Len() == 0 {
		return false
	}
	t := params.At(min(i, params.Len()-1)).Type()
	if list, ok := t.(*types.Slice); ok && s.Variadic() && i >= params.Len()-1 {
		t = list.Elem()
	}
	return types.IsInterface(t)
}

// use is the trace of a call of a handle.
func (u *unit) use(a access) *trace {
	t := &trace{Kind: kindUses, What: a.v.Name(), Where: u.at(a.pos), key: lineKey(u.at(a.pos), a.v.Name())}
	if a.v.Pkg() != u.pass.Pkg {
		t.What = foreignName(a.v)
	}
	t.Handle, t.Code = u.handleOf(a.v)
	return t
}

// handleOf is what an app must have for a handle to be of use, and where its code is.
func (u *unit) handleOf(v *types.Var) (key, code string) {
	if h := u.handles[v]; h != nil {
		if h.parent != nil {
			return u.handleOf(h.parent)
		}
		return h.key, h.code
	}
	var s summary
	if v.Pkg() != u.pass.Pkg && u.pass.ImportObjectFact(v, &s) {
		return s.Handle, s.Code
	}
	return keyOf(v), ""
}
