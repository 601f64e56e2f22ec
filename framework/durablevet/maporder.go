package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// loop is a loop over a map, whose rounds come in another order each time. That
// matters if the loop does something in that order or leaves something behind that
// shows it. Sums, counts, the largest value, other maps and what is sorted after the
// loop do not show it.
type loop struct{ *ast.RangeStmt }

// join collects what comes in the order of a map, as slices.Collect(maps.Keys(m)).
type join struct {
	call   *ast.CallExpr
	around ast.Node
}

func isMap(t types.Type) bool {
	_, ok := typeUnder(t).(*types.Map)
	return ok
}

// isMapSequence reports whether x is a call of maps.Keys, maps.Values or maps.All.
func (u *unit) isMapSequence(x ast.Expr) bool {
	c, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok {
		return false
	}
	f := u.callee(c)
	return f != nil && f.Pkg() != nil && f.Pkg().Path() == "maps" && slices.Contains([]string{"Keys", "Values", "All"}, f.Name())
}

func (u *unit) isJoin(c *ast.CallExpr, f *types.Func) bool {
	if f.Pkg() == nil || len(c.Args) == 0 {
		return false
	}
	switch f.Pkg().Path() {
	case "slices":
		return (f.Name() == "Collect" || f.Name() == "AppendSeq") && u.isMapSequence(c.Args[len(c.Args)-1])
	case "golang.org/x/exp/maps":
		return f.Name() == "Keys" || f.Name() == "Values"
	default:
		return false
	}
}

// findMapOrder adds the mistakes of loops and joins. It comes when it is known what
// acts.
func (u *unit) findMapOrder(n *node) {
	for _, l := range n.loops {
		if does := u.shows(n, l); does != "" {
			u.mistakeOf(n, mistake{kind: kindMapOrder, what: "a loop over a map that " + does, pos: l.Pos()})
		}
	}
	for _, j := range n.joins {
		if !u.joinIsSorted(n, j) {
			u.mistakeOf(n, mistake{kind: kindMapOrder, what: "a slice in the order of a map", wayOut: "use slices.Sorted", pos: j.call.Pos()})
		}
	}
}

func (u *unit) joinIsSorted(n *node, j join) bool {
	switch around := j.around.(type) {
	case *ast.CallExpr:
		switch name := u.callName(around); {
		case isSorting(name):
			return true
		default:
			return slices.Contains([]string{"len", "Contains", "ContainsFunc", "Max", "Min"}, name)
		}
	case *ast.AssignStmt:
		for i, right := range around.Rhs {
			if ast.Unparen(right) == j.call && i < len(around.Lhs) {
				v := u.root(around.Lhs[i])
				return v != nil && u.sortedAfter(n, v, j.call.End())
			}
		}
	}
	return false
}

// callName is the last word of what is called.
func (u *unit) callName(c *ast.CallExpr) string {
	switch x := ast.Unparen(c.Fun).(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		if f := u.callee(c); f != nil && f.Pkg() != nil && f.Pkg().Path() == "sort" {
			return "sort." + f.Name()
		}
		return x.Sel.Name
	case *ast.IndexExpr:
		return u.callName(&ast.CallExpr{Fun: x.X})
	default:
		return ""
	}
}

func isSorting(name string) bool { return strings.Contains(strings.ToLower(name), "sort") }

// sortedAfter reports whether something sorts v, or what is in it, behind a place.
func (u *unit) sortedAfter(n *node, v *types.Var, after token.Pos) bool {
	sorted := false
	ast.Inspect(n.outermost().code, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.CallExpr:
			if x.Pos() > after && isSorting(u.callName(x)) && u.mentions(x, func(m *types.Var) bool { return m == v }) {
				sorted = true
			}
		case *ast.RangeStmt:
			if x.Pos() > after && u.root(x.X) == v {
				ast.Inspect(x.Body, func(y ast.Node) bool {
					c, ok := y.(*ast.CallExpr)
					sorted = sorted || ok && isSorting(u.callName(c))
					return true
				})
			}
		}
		return !sorted
	})
	return sorted
}

// mentions reports whether x has a variable for which is holds.
func (u *unit) mentions(x ast.Node, is func(*types.Var) bool) bool {
	found := false
	ast.Inspect(x, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			v, ok := u.pass.TypesInfo.ObjectOf(id).(*types.Var)
			found = found || ok && is(v)
		}
		return !found
	})
	return found
}

// shows says by what a loop shows the order of its rounds, "" if by nothing.
func (u *unit) shows(n *node, l loop) string {
	c := &loopCheck{unit: u, node: n, loop: l}
	for _, x := range []ast.Expr{l.Key, l.Value} {
		if id, ok := x.(*ast.Ident); ok && id.Name != "_" {
			c.named = true
			if v, ok := u.pass.TypesInfo.ObjectOf(id).(*types.Var); ok && x == l.Key && isMap(u.pass.TypesInfo.TypeOf(l.X)) {
				c.key = v
			}
		}
	}
	if !c.named {
		return "" // all rounds are the same
	}
	if c.acts() {
		return "acts in each round"
	}
	ast.PreorderStack(l.Body, nil, c.visit)
	return c.does
}

type loopCheck struct {
	*unit
	node  *node
	loop  loop
	key   *types.Var // is different in each round
	named bool
	does  string
}

// inner reports whether a variable belongs to one round.
func (c *loopCheck) inner(v *types.Var) bool {
	return !isPackageVar(v) && !v.IsField() && c.loop.Pos() <= v.Pos() && v.Pos() < c.loop.End()
}

// differs reports whether x can come out differently from round to round.
func (c *loopCheck) differs(x ast.Node) bool { return c.mentions(x, c.inner) }

func (c *loopCheck) inBody(pos token.Pos) bool {
	return c.loop.Body.Pos() <= pos && pos < c.loop.Body.End()
}

// acts reports whether a round does something that the history keeps in order.
func (c *loopCheck) acts() bool {
	for _, n := range c.order {
		if n != c.node && !(n.outer != nil && c.inBody(n.code.Pos())) {
			continue
		}
		if slices.ContainsFunc(n.actsAt, c.inBody) {
			return true
		}
		for _, e := range n.edges {
			if c.inBody(e.pos) && !e.initial && c.edgeActs(e) {
				return true
			}
		}
	}
	return c.handsContextOn()
}

// handsContextOn reports whether a round calls what nobody knows with the context.
func (c *loopCheck) handsContextOn() bool {
	found := false
	ast.Inspect(c.loop.Body, func(x ast.Node) bool {
		call, ok := x.(*ast.CallExpr)
		if !ok || c.callee(call) != nil {
			return !found
		}
		for _, arg := range call.Args {
			t := c.pass.TypesInfo.TypeOf(arg)
			found = found || t != nil && isContext(t)
		}
		return !found
	})
	return found
}

func (c *loopCheck) visit(x ast.Node, stack []ast.Node) bool {
	switch x := x.(type) {
	case *ast.ReturnStmt:
		inLiteral := slices.ContainsFunc(stack, func(n ast.Node) bool { _, ok := n.(*ast.FuncLit); return ok })
		if !inLiteral && slices.ContainsFunc(x.Results, func(r ast.Expr) bool { return c.differs(r) }) {
			c.does = "returns what a round has found"
		}
	case *ast.AssignStmt:
		c.assign(x, stack)
	case *ast.CallExpr:
		c.call(x)
	}
	return c.does == ""
}

func (c *loopCheck) assign(s *ast.AssignStmt, stack []ast.Node) {
	for i, left := range s.Lhs {
		right := s.Rhs[min(i, len(s.Rhs)-1)]
		v := c.root(left)
		if v == nil || c.inner(v) || s.Tok == token.DEFINE || !c.differs(right) {
			continue
		}
		basic, ok := typeUnder(c.pass.TypesInfo.TypeOf(left)).(*types.Basic)
		isText := ok && basic.Info()&types.IsString != 0
		switch {
		case s.Tok != token.ASSIGN && !isText:
		case s.Tok != token.ASSIGN:
			c.does = "adds text to " + types.ExprString(left)
		case c.byKey(left):
		case c.isAppend(right):
			if !c.sortedAfter(c.node, v, c.loop.End()) {
				c.does = "appends to " + types.ExprString(left)
			}
		case c.byRound(left):
		case c.accumulates(left, right, isText) || c.compared(left, right, stack):
		case c.filled(left, v):
		default:
			c.does = "sets " + types.ExprString(left)
		}
	}
}

// byKey reports whether each round has an element of its own to assign to.
func (c *loopCheck) byKey(left ast.Expr) bool {
	return c.key != nil && c.index(left, func(x ast.Expr) bool { return c.mentions(x, func(v *types.Var) bool { return v == c.key }) })
}

// byRound reports whether a round chooses the element that it assigns to. Two rounds
// may choose the same; that they seldom do is taken for granted.
func (c *loopCheck) byRound(left ast.Expr) bool {
	return c.index(left, func(x ast.Expr) bool { return c.differs(x) })
}

// filled reports whether a slice is filled by a counter and sorted in the end.
func (c *loopCheck) filled(left ast.Expr, v *types.Var) bool {
	return c.index(left, func(ast.Expr) bool { return true }) && c.sortedAfter(c.node, v, c.loop.End())
}

func (c *loopCheck) index(left ast.Expr, is func(ast.Expr) bool) bool {
	for {
		switch x := ast.Unparen(left).(type) {
		case *ast.IndexExpr:
			if is(x.Index) {
				return true
			}
			left = x.X
		case *ast.SelectorExpr:
			left = x.X
		case *ast.StarExpr:
			left = x.X
		default:
			return false
		}
	}
}

func (c *loopCheck) isAppend(x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	return ok && c.callName(call) == "append"
}

// accumulates reports whether left takes in right by an operation for which the order
// does not count.
func (c *loopCheck) accumulates(left, right ast.Expr, isText bool) bool {
	self := types.ExprString(left)
	switch x := ast.Unparen(right).(type) {
	case *ast.BinaryExpr:
		if x.Op == token.ADD && isText {
			return false
		}
		switch x.Op {
		case token.ADD, token.MUL, token.AND, token.OR, token.XOR, token.LAND, token.LOR:
			return types.ExprString(x.X) == self || types.ExprString(x.Y) == self || c.accumulates(left, x.X, isText)
		case token.SUB:
			return types.ExprString(x.X) == self || c.accumulates(left, x.X, isText)
		}
	case *ast.CallExpr:
		name := strings.ToLower(c.callName(x))
		return (name == "min" || name == "max") &&
			slices.ContainsFunc(x.Args, func(arg ast.Expr) bool { return types.ExprString(arg) == self })
	}
	return false
}

// compared reports whether an assignment stands in an if that compares both sides, as
// in the search for the largest.
func (c *loopCheck) compared(left, right ast.Expr, stack []ast.Node) bool {
	for i, n := range stack {
		s, ok := n.(*ast.IfStmt)
		if !ok || i+1 < len(stack) && stack[i+1] == s.Else {
			continue
		}
		has := func(want string) bool {
			found := false
			ast.Inspect(s.Cond, func(x ast.Node) bool {
				e, ok := x.(ast.Expr)
				found = found || ok && types.ExprString(e) == want
				return !found
			})
			return found
		}
		if has(types.ExprString(left)) && has(types.ExprString(right)) {
			return true
		}
	}
	return false
}

// writers are what text is written with, one piece behind the other.
var writers = map[string][]string{
	"strings":       {"Builder.WriteString", "Builder.WriteByte", "Builder.WriteRune", "Builder.Write"},
	"bytes":         {"Buffer.WriteString", "Buffer.WriteByte", "Buffer.WriteRune", "Buffer.Write"},
	"bufio":         {"Writer.WriteString", "Writer.WriteByte", "Writer.WriteRune", "Writer.Write"},
	"io":            {"Writer.Write", "StringWriter.WriteString", "WriteString"},
	"fmt":           {"Fprint", "Fprintf", "Fprintln"},
	"encoding/json": {"Encoder.Encode"},
	"encoding/csv":  {"Writer.Write"},
}

func (c *loopCheck) call(x *ast.CallExpr) {
	f := c.callee(x)
	if f == nil || f.Pkg() == nil || !slices.Contains(writers[f.Pkg().Path()], funcName(f)) {
		return
	}
	to := x.Fun
	if f.Signature().Recv() == nil {
		to = x.Args[0]
	} else if sel, ok := ast.Unparen(to).(*ast.SelectorExpr); ok {
		to = sel.X
	}
	if !c.differs(to) && slices.ContainsFunc(x.Args, func(arg ast.Expr) bool { return c.differs(arg) }) {
		c.does = "writes in each round"
	}
}
