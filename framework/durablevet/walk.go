package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// walk looks at the code of a node alone, without what it leads to.
func (u *unit) walk(n *node) {
	w := &walker{unit: u, node: n, recv: u.receiver(n)}
	ast.PreorderStack(n.code, nil, w.visit)
}

type walker struct {
	*unit
	node  *node
	recv  *types.Var        // of the method, or of that around a literal
	told  map[ast.Expr]bool // parts of something that has been told already
	later bool              // what comes is a function that others call, not a call
}

// receiver is the receiver of the method that a node is, or stands in.
func (u *unit) receiver(n *node) *types.Var {
	d, ok := n.outermost().code.(*ast.FuncDecl)
	if !ok || d.Recv == nil || len(d.Recv.List) == 0 || len(d.Recv.List[0].Names) == 0 {
		return nil
	}
	v, _ := u.pass.TypesInfo.Defs[d.Recv.List[0].Names[0]].(*types.Var)
	return v
}

// visit looks at one part of the code and reports whether to look into it.
func (w *walker) visit(x ast.Node, stack []ast.Node) bool {
	switch x := x.(type) {
	case *ast.FuncLit:
		if x != w.node.code {
			w.literal(x, stack)
			return false
		}
	case *ast.GoStmt:
		w.mistake(kindGoroutine, "go", x.Pos())
		return false // what it does is for whoever rewrites it
	case *ast.SelectStmt:
		w.mistake(kindSelect, "select", x.Pos())
	case *ast.CommClause:
		for _, s := range x.Body {
			ast.PreorderStack(s, append(slices.Clone(stack), x), w.visit)
		}
		return false // the select has been told, its channels need not
	case *ast.SendStmt:
		w.mistake(kindChannel, "sending to a channel", x.Pos())
	case *ast.UnaryExpr:
		if x.Op == token.ARROW {
			w.mistake(kindChannel, "receiving from a channel", x.Pos())
		}
	case *ast.RangeStmt:
		w.ranges(x)
	case *ast.AssignStmt:
		if x.Tok != token.DEFINE {
			for _, left := range x.Lhs {
				w.write(left)
			}
		}
	case *ast.IncDecStmt:
		w.write(x.X)
	case *ast.CallExpr:
		w.call(x, stack)
	case *ast.SelectorExpr:
		w.name(x, x.Sel, stack)
		// A package has no value, and the name has been seen to.
		return w.visitOperand(x, stack)
	case *ast.Ident:
		w.name(x, x, stack)
	}
	return true
}

func (w *walker) visitOperand(x *ast.SelectorExpr, stack []ast.Node) bool {
	ast.PreorderStack(x.X, append(slices.Clone(stack), x), w.visit)
	return false
}

func (w *walker) mistake(k kind, what string, pos token.Pos) {
	w.mistakeWith(mistake{kind: k, what: what, pos: pos})
}

func (w *walker) mistakeWith(m mistake) {
	m.later = m.later || w.later
	if w.ignored(m.pos) || !w.ours && !m.kind.deep() {
		return
	}
	w.node.mistakes = append(w.node.mistakes, m)
}

func (w *walker) edge(e edge) {
	e.later = w.later && !e.initial
	if !w.ignored(e.pos) {
		w.node.edges = append(w.node.edges, e)
	}
}

// literal makes a node of a function literal. It is taken to run, since somebody
// wrote it for that, unless it is bound to a handle.
func (w *walker) literal(lit *ast.FuncLit, stack []ast.Node) {
	sig, _ := w.pass.TypesInfo.TypeOf(lit).(*types.Signature)
	child := &node{code: lit, outer: w.node}
	if sig != nil {
		child.durable = takesContext(sig)
	}
	w.add(child)
	defer w.unit.walk(child)
	parent, isCall := enclosing(stack).(*ast.CallExpr)
	if isCall && slices.Contains(parent.Args, ast.Expr(lit)) {
		callee := w.callee(parent)
		if isBinder(callee) {
			return
		}
		child.once = isOnce(callee)
	}
	w.later = w.isInitial() && !(isCall && ast.Unparen(parent.Fun) == lit)
	w.edge(edge{pos: lit.Pos(), to: child})
	w.later = false
}

// isInitial reports whether the node is the initial value of a variable.
func (w *walker) isInitial() bool {
	_, ok := w.node.obj.(*types.Var)
	return ok
}

// enclosing is the innermost of the nodes around one, parentheses aside.
func enclosing(stack []ast.Node) ast.Node {
	for _, n := range slices.Backward(stack) {
		if _, ok := n.(*ast.ParenExpr); !ok {
			return n
		}
	}
	return nil
}

func isOnce(f *types.Func) bool {
	if f == nil || f.Pkg() == nil || f.Pkg().Path() != "sync" {
		return false
	}
	switch funcName(f) {
	case "Once.Do", "OnceFunc", "OnceValue", "OnceValues":
		return true
	default:
		return false
	}
}

// ranges looks at what a loop ranges over.
func (w *walker) ranges(s *ast.RangeStmt) {
	if s.Tok == token.ASSIGN {
		for _, left := range []ast.Expr{s.Key, s.Value} {
			if left != nil {
				w.write(left)
			}
		}
	}
	t := w.pass.TypesInfo.TypeOf(s.X)
	if t == nil {
		return
	}
	if _, ok := t.Underlying().(*types.Chan); ok {
		w.mistake(kindChannel, "ranging over a channel", s.Pos())
		return
	}
	if w.ours && (isMap(t) || w.isMapSequence(s.X)) {
		w.node.loops = append(w.node.loops, loop{s})
	}
}

// call looks at what is special about a call; the names in it are seen to by name.
func (w *walker) call(c *ast.CallExpr, stack []ast.Node) {
	if id, ok := ast.Unparen(c.Fun).(*ast.Ident); ok {
		if b, ok := w.pass.TypesInfo.Uses[id].(*types.Builtin); ok {
			w.builtin(b.Name(), c)
			return
		}
	}
	for _, arg := range c.Args { // whoever is handed the address may write to it
		if u, ok := ast.Unparen(arg).(*ast.UnaryExpr); ok && u.Op == token.AND {
			w.write(u.X)
		}
	}
	for _, arg := range c.Args {
		if _, ok := typeUnder(w.pass.TypesInfo.TypeOf(arg)).(*types.Signature); ok {
			w.dynamic(arg)
		}
	}
	callee := w.callee(c)
	if callee == nil {
		w.dynamic(c.Fun)
		return
	}
	if sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr); ok && callee.Signature().Recv() != nil {
		if v := w.root(sel.X); v != nil && (v == w.recv || isPackageVar(v)) {
			w.node.touches = append(w.node.touches, access{v, c.Pos(), callee.Origin()})
		}
	}
	if isBinder(callee) {
		w.bind(c, callee)
		return
	}
	if w.ours && w.isJoin(c, callee) {
		w.node.joins = append(w.node.joins, join{c, enclosing(stack)})
	}
	w.handOver(c, callee)
}

func (w *walker) builtin(name string, c *ast.CallExpr) {
	switch name {
	case "print", "println":
		w.mistake(kindLog, name, c.Pos())
	case "close":
		w.mistake(kindChannel, "closing a channel", c.Pos())
	case "delete", "clear", "copy":
		if len(c.Args) > 0 {
			w.write(c.Args[0])
		}
	}
}

// callee is the function that a call names, nil for a function value.
func (u *unit) callee(c *ast.CallExpr) *types.Func {
	fun := ast.Unparen(c.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = ast.Unparen(x.X)
	case *ast.IndexListExpr:
		fun = ast.Unparen(x.X)
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil
	}
	f, _ := u.pass.TypesInfo.Uses[id].(*types.Func)
	return f
}

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
