package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// name looks at one name: x is the whole of it, id its last word.
func (w *walker) name(x ast.Expr, id *ast.Ident, stack []ast.Node) {
	switch obj := w.pass.TypesInfo.Uses[id].(type) {
	case *types.Func:
		w.function(x, id, obj, stack)
	case *types.Var:
		if isPackageVar(obj) {
			w.variable(x, obj, stack)
		}
	}
}

// function looks at the name of a function, called or handed on as a value.
func (w *walker) function(x ast.Expr, id *ast.Ident, f *types.Func, stack []ast.Node) {
	if f.Pkg() == nil || w.told[x] {
		return
	}
	c, isCall := enclosing(stack).(*ast.CallExpr)
	if isCall && slices.Contains(c.Args, x) {
		if isBinder(w.callee(c)) {
			return
		}
	}
	w.later = w.isInitial() && !(isCall && ast.Unparen(c.Fun) == x)
	defer func() { w.later = false }()
	origin := f.Origin()
	if r, ok := forbiddenName(origin); ok {
		w.forbidden(r, origin, x, stack)
		return
	}
	if isFramework(f.Pkg().Path()) {
		w.framework(origin, x)
		return
	}
	if types.IsInterface(receiverType(f)) {
		w.viaInterface(x, f)
		return
	}
	w.instance(id, x.Pos())
	w.leadTo(origin, x.Pos())
}

// leadTo adds the way to a function.
func (w *walker) leadTo(f *types.Func, pos token.Pos) {
	f = f.Origin()
	if f.Pkg() == w.pass.Pkg {
		if to := w.funcs[f]; to != nil {
			w.edge(edge{pos: pos, to: to})
		}
		return
	}
	if r, ok := forbiddenName(f); ok {
		w.mistakeWith(mistake{kind: r.kind, what: foreignName(f), wayOut: r.wayOut, pos: pos})
		return
	}
	if !isFramework(f.Pkg().Path()) {
		w.edge(edge{pos: pos, foreign: f})
	}
}

// receiverType is what f is a method of, or an empty struct.
func receiverType(f *types.Func) types.Type {
	if recv := f.Signature().Recv(); recv != nil {
		return recv.Type()
	}
	return types.NewStruct(nil, nil)
}

func (w *walker) forbidden(r rule, f *types.Func, x ast.Expr, stack []ast.Node) {
	c, _ := enclosing(stack).(*ast.CallExpr)
	if c != nil && c.Fun == x {
		for _, arg := range c.Args { // one mistake, not another for the context in it
			if inner, ok := arg.(*ast.CallExpr); ok && isContextRoot(w.callee(inner)) {
				w.tell(inner.Fun)
			}
		}
		if len(stack) > 1 && isContextRoot(f) && w.isLogging(stack[len(stack)-2]) {
			return // a logger, such as that of ctx, does not wait by its context
		}
	}
	w.mistakeWith(mistake{kind: r.kind, what: foreignName(f), wayOut: r.wayOut, pos: x.Pos()})
}

func (w *walker) isLogging(x ast.Node) bool {
	c, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	f := w.callee(c)
	return f != nil && f.Pkg() != nil && f.Pkg().Path() == "log/slog" && receiverName(f) == "Logger"
}

func (w *walker) tell(x ast.Expr) {
	if w.told == nil {
		w.told = make(map[ast.Expr]bool)
	}
	w.told[x] = true
}

func isContextRoot(f *types.Func) bool {
	return f != nil && f.Pkg() != nil && f.Pkg().Path() == "context" && (f.Name() == "Background" || f.Name() == "TODO")
}

// framework looks at the name of a function of this framework.
func (w *walker) framework(f *types.Func, x ast.Expr) {
	switch params := f.Signature().Params(); {
	case params.Len() > 0 && isNamed(params.At(0).Type(), "context", "Context"):
		w.mistake(kindIO, foreignName(f), x.Pos())
	case acts(f) && !w.ignored(x.Pos()):
		w.node.actsAt = append(w.node.actsAt, x.Pos())
	}
}

// acts reports whether a function of the framework does what must be done in the same
// order in each replay.
func acts(f *types.Func) bool {
	if f.Pkg().Path() != durablePath {
		return false
	}
	if recv := f.Signature().Recv(); recv != nil && isContext(recv.Type()) {
		switch f.Name() {
		case "Go", "After", "Sleep", "NewID", "Rand", "SetStatus":
			return true
		default:
			return false
		}
	}
	for p := range f.Signature().Params().Variables() {
		if isContext(p.Type()) || isNamed(p.Type(), durablePath, "Signaler") {
			return true
		}
	}
	return false
}

// variable looks at the name of a package variable.
func (w *walker) variable(x ast.Expr, v *types.Var, stack []ast.Node) {
	pos := x.Pos()
	if isHandle(v.Type()) {
		w.handle(x, v, stack)
		return
	}
	if r, ok := forbiddenName(v); ok {
		w.mistakeWith(mistake{kind: r.kind, what: foreignName(v), wayOut: r.wayOut, pos: pos})
		return
	}
	if v.Pkg() == nil || isFramework(v.Pkg().Path()) || w.ignored(pos) {
		return
	}
	w.node.reads = append(w.node.reads, access{v: v, pos: pos})
	if v.Pkg() == w.pass.Pkg {
		if to := w.vars[v]; to != nil {
			w.edge(edge{pos: pos, to: to, initial: true})
		}
		return
	}
	w.edge(edge{pos: pos, foreign: v, initial: true})
}

// write notes an assignment to a package variable, or to a part of it.
func (w *walker) write(left ast.Expr) {
	v := w.root(left)
	switch {
	case v == nil:
	case v == w.recv:
		if _, whole := ast.Unparen(left).(*ast.Ident); !whole && w.reaches(left) {
			w.node.mutates = true
		}
	case isPackageVar(v) && !isHandle(v.Type()):
		w.node.writes = append(w.node.writes, access{v: v, pos: left.Pos()})
	}
}

// reaches reports whether an assignment to a part of the receiver is seen by others.
func (w *walker) reaches(left ast.Expr) bool {
	if _, ok := w.recv.Type().Underlying().(*types.Pointer); ok {
		return true
	}
	_, ok := ast.Unparen(left).(*ast.IndexExpr)
	return ok
}

// root is the variable that an expression is a part of.
func (u *unit) root(x ast.Expr) *types.Var {
	for {
		switch e := ast.Unparen(x).(type) {
		case *ast.Ident:
			v, _ := u.pass.TypesInfo.ObjectOf(e).(*types.Var)
			return v
		case *ast.SelectorExpr:
			if v, ok := u.pass.TypesInfo.Uses[e.Sel].(*types.Var); ok && isPackageVar(v) {
				return v
			}
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		default:
			return nil
		}
	}
}

func isPackageVar(v *types.Var) bool {
	return v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}
