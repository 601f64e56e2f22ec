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
