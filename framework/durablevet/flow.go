package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// flow knows what is put into the variables of a package, parameters, results and
// fields among them, by whomever and whenever. A container is taken together with
// what is in it. So it can tell which functions a value of a function type or of an
// interface may stand for, as far as this package decides that.
type flow struct {
	info *types.Info
	into map[*types.Var][]ast.Expr
}

// value is what an expression may stand for: a function, or something of a type.
type value struct {
	fn  *types.Func
	lit *ast.FuncLit
	typ types.Type
	pos token.Pos // where fn is named
}

func (u *unit) readFlow() *flow {
	f := &flow{u.pass.TypesInfo, make(map[*types.Var][]ast.Expr)}
	for _, file := range u.files {
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok == token.ASSIGN || n.Tok == token.DEFINE {
					f.assign(n.Lhs, n.Rhs)
				}
			case *ast.ValueSpec:
				names := make([]ast.Expr, len(n.Names))
				for i, name := range n.Names {
					names[i] = name
				}
				f.assign(names, n.Values)
			case *ast.RangeStmt:
				if n.Value != nil {
					f.put(f.target(n.Value), n.X)
				}
			case *ast.CompositeLit:
				f.composite(n)
			case *ast.CallExpr:
				if callee := u.callee(n); callee != nil {
					f.arguments(callee.Origin().Signature(), n.Args)
				}
			case *ast.ReturnStmt:
				f.results(n, stack)
			}
			return true
		})
	}
	return f
}

func (f *flow) put(to *types.Var, x ast.Expr) {
	if to == nil {
		return
	}
	to = to.Origin()
	if _, basic := to.Type().Underlying().(*types.Basic); !basic {
		f.into[to] = append(f.into[to], x)
	}
}

func (f *flow) assign(left, right []ast.Expr) {
	for i, l := range left {
		switch {
		case len(left) == len(right):
			f.put(f.target(l), right[i])
		case len(right) == 1 && i == 0:
			f.put(f.target(l), right[0]) // results of a call: what matters comes first
		}
	}
}

// target is the variable that an assignment puts something into.
func (f *flow) target(x ast.Expr) *types.Var {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		v, _ := f.info.ObjectOf(x).(*types.Var)
		return v
	case *ast.SelectorExpr:
		v, _ := f.info.Uses[x.Sel].(*types.Var)
		return v
	case *ast.IndexExpr:
		return f.target(x.X)
	case *ast.StarExpr:
		return f.target(x.X)
	default:
		return nil
	}
}

func (f *flow) composite(c *ast.CompositeLit) {
	s, ok := typeUnder(f.info.TypeOf(c)).(*types.Struct)
	if !ok {
		return
	}
	for i, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			f.put(f.target(kv.Key), kv.Value)
		} else if i < s.NumFields() {
			f.put(s.Field(i), e)
		}
	}
}

func (f *flow) arguments(sig *types.Signature, args []ast.Expr) {
	params := sig.Params()
	for i, arg := range args {
		if i >= params.Len() && !sig.Variadic() {
			return
		}
		f.put(params.At(min(i, params.Len()-1)), arg)
	}
}

func (f *flow) results(s *ast.ReturnStmt, stack []ast.Node) {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncLit:
			return
		case *ast.FuncDecl:
			if fn, ok := f.info.Defs[n.Name].(*types.Func); ok {
				for i, x := range s.Results {
					if results := fn.Signature().Results(); i < results.Len() {
						f.put(results.At(i), x)
					}
				}
			}
			return
		}
	}
}

// values calls f for all that x may stand for.
func (f *flow) values(x ast.Expr, seen map[any]bool, found func(value)) {
	t := f.info.TypeOf(x)
	if t == nil {
		return
	}
	_, isFunc := t.Underlying().(*types.Signature)
	if !isFunc && !types.IsInterface(t) {
		found(value{typ: t})
	}
	switch x := ast.Unparen(x).(type) {
	case *ast.FuncLit:
		found(value{lit: x})
	case *ast.Ident:
		f.named(f.info.ObjectOf(x), x.Pos(), seen, found)
	case *ast.SelectorExpr:
		f.named(f.info.Uses[x.Sel], x.Pos(), seen, found)
	case *ast.CallExpr:
		f.called(x, seen, found)
	case *ast.CompositeLit:
		for _, e := range x.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				e = kv.Value
			}
			f.values(e, seen, found)
		}
	case *ast.TypeAssertExpr:
		f.values(x.X, seen, found)
	case *ast.IndexExpr:
		f.values(x.X, seen, found)
	case *ast.IndexListExpr:
		f.values(x.X, seen, found)
	case *ast.SliceExpr:
		f.values(x.X, seen, found)
	case *ast.StarExpr:
		f.values(x.X, seen, found)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			f.values(x.X, seen, found)
		}
	}
}

func (f *flow) named(obj types.Object, pos token.Pos, seen map[any]bool, found func(value)) {
	switch obj := obj.(type) {
	case *types.Func:
		found(value{fn: obj, pos: pos})
	case *types.Var:
		obj = obj.Origin()
		if seen[obj] {
			return
		}
		seen[obj] = true
		for _, x := range f.into[obj] {
			f.values(x, seen, found)
		}
	}
}

func (f *flow) called(c *ast.CallExpr, seen map[any]bool, found func(value)) {
	if seen[c] {
		return
	}
	seen[c] = true
	fun := ast.Unparen(c.Fun)
	tv := f.info.Types[fun]
	if tv.IsType() || tv.IsBuiltin() { // a conversion, append
		for _, arg := range c.Args {
			f.values(arg, seen, found)
		}
		return
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return
	}
	if fn, ok := f.info.Uses[id].(*types.Func); ok {
		if results := fn.Origin().Signature().Results(); results.Len() > 0 {
			f.named(results.At(0), c.Pos(), seen, found)
		}
	}
}

// typeUnder is the underlying type, nil of nil.
func typeUnder(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}
