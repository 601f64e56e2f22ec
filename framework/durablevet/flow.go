package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
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

// dynamic leads to the functions that a function value may stand for. Names of
// functions and of package variables are seen to where they stand.
func (w *walker) dynamic(x ast.Expr) {
	if w.flow == nil {
		return
	}
	x = ast.Unparen(x)
	switch x := x.(type) {
	case *ast.FuncLit:
		return
	case *ast.Ident:
		if !isLocalVar(w.pass.TypesInfo.Uses[x]) {
			return
		}
	case *ast.SelectorExpr:
		if !isLocalVar(w.pass.TypesInfo.Uses[x.Sel]) {
			return
		}
	}
	around := w.node.outermost().code
	w.flow.values(x, make(map[any]bool), func(v value) {
		switch {
		case v.lit != nil:
			w.node.literals = append(w.node.literals, literal{v.lit, x.Pos()})
		case v.fn == nil || v.fn.Pkg() == nil || types.IsInterface(receiverType(v.fn)):
		case v.fn.Pkg() == w.pass.Pkg || v.pos < around.Pos() || around.End() <= v.pos:
			w.leadTo(v.fn, x.Pos())
		}
	})
}

// isLocalVar reports whether obj is a variable, parameter or field.
func isLocalVar(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && !isPackageVar(v)
}

// viaInterface leads to the methods that a method of an interface may stand for.
func (w *walker) viaInterface(x ast.Expr, f *types.Func) {
	sel, ok := x.(*ast.SelectorExpr)
	if !ok || w.flow == nil {
		return
	}
	told := false
	found := func(v value) {
		if v.typ != nil && w.leadToMethod(v.typ, f, x.Pos()) {
			told = true
		}
	}
	if field := w.embedded(sel); field != nil {
		w.flow.named(field, sel.Pos(), make(map[any]bool), found)
	} else {
		w.flow.values(sel.X, make(map[any]bool), found)
	}
	if !told && w.isOurs(f.Pkg()) {
		if t := w.soleType(f); t != nil {
			w.leadToMethod(t, f, x.Pos())
		}
	}
}

// leadToMethod leads to the method of t that stands for f of an interface.
func (w *walker) leadToMethod(t types.Type, f *types.Func, pos token.Pos) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, true, f.Pkg(), f.Name())
	m, ok := obj.(*types.Func)
	if !ok || m.Pkg() == nil || types.IsInterface(receiverType(m)) {
		return false
	}
	w.leadTo(m, pos)
	return true
}

// embedded is the field by which a method of an embedded interface is selected.
func (w *walker) embedded(sel *ast.SelectorExpr) *types.Var {
	s := w.pass.TypesInfo.Selections[sel]
	if s == nil || len(s.Index()) < 2 {
		return nil
	}
	var field *types.Var
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok || i >= st.NumFields() {
			return nil
		}
		field = st.Field(i)
		t = field.Type()
	}
	return field.Origin()
}

// isOurs reports whether a package is of the module that is worked on.
func (u *unit) isOurs(p *types.Package) bool {
	return p == u.pass.Pkg || u.pass.Module != nil && p != nil && (p.Path()+"/" == u.pass.Module.Path+"/" || strings.HasPrefix(p.Path(), u.pass.Module.Path+"/"))
}

// soleType is the one type that has the methods of the interface of f, here or where
// the interface is declared; nil if there are none or several.
func (u *unit) soleType(f *types.Func) types.Type {
	iface, ok := receiverType(f).Underlying().(*types.Interface)
	if !ok || iface.NumMethods() == 0 {
		return nil
	}
	sole, known := u.soleTypes[iface]
	if known {
		return sole
	}
	count := 0
	for _, p := range slices.Compact([]*types.Package{u.pass.Pkg, f.Pkg()}) {
		for _, t := range u.concreteTypes(p) {
			if types.Implements(t, iface) {
				sole = t
				count++
			}
		}
	}
	if count != 1 {
		sole = nil
	}
	u.soleTypes[iface] = sole
	return sole
}

// concreteTypes are pointers to the types of a package that can have methods.
func (u *unit) concreteTypes(p *types.Package) []types.Type {
	if found, ok := u.concrete[p]; ok {
		return found
	}
	var found []types.Type
	for _, name := range p.Scope().Names() {
		tn, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok || tn.IsAlias() || strings.HasSuffix(u.pass.Fset.Position(tn.Pos()).Filename, "_test.go") {
			continue
		}
		if n, ok := tn.Type().(*types.Named); ok && n.TypeParams().Len() == 0 && !types.IsInterface(n) {
			found = append(found, types.NewPointer(n))
		}
	}
	u.concrete[p] = found
	return found
}

// handOver leads to the methods of what is handed to code of another package, which
// knows it by an interface and has no other use for it.
func (w *walker) handOver(c *ast.CallExpr, callee *types.Func) {
	if !w.ours || callee.Pkg() == nil || callee.Pkg() == w.pass.Pkg || isFramework(callee.Pkg().Path()) {
		return
	}
	sig, params := callee.Signature(), callee.Signature().Params()
	for i, arg := range c.Args {
		if params.Len() == 0 || i >= params.Len() && !sig.Variadic() {
			return
		}
		t := params.At(min(i, params.Len()-1)).Type()
		if s, ok := t.(*types.Slice); ok && sig.Variadic() && i >= params.Len()-1 {
			t = s.Elem()
		}
		if !w.isForbiddenVar(arg) { // that is told already
			w.standsFor(w.pass.TypesInfo.TypeOf(arg), t, arg.Pos())
		}
	}
}

func (w *walker) isForbiddenVar(x ast.Expr) bool {
	sel, ok := ast.Unparen(x).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	v, ok := w.pass.TypesInfo.Uses[sel.Sel].(*types.Var)
	if !ok || v.IsField() {
		return false
	}
	_, forbidden := forbiddenName(v)
	return forbidden
}

// standsFor leads to the methods of t that an interface makes use of.
func (w *walker) standsFor(t, as types.Type, pos token.Pos) {
	iface, ok := typeUnder(as).(*types.Interface)
	if !ok || t == nil || types.IsInterface(t) {
		return
	}
	for m := range iface.Methods() {
		w.leadToMethod(t, m, pos)
	}
}

// instance leads to the methods of the types that a generic function is used with.
func (w *walker) instance(id *ast.Ident, pos token.Pos) {
	inst, ok := w.pass.TypesInfo.Instances[id]
	if !ok || !w.ours {
		return
	}
	sig, ok := w.pass.TypesInfo.Uses[id].Type().(*types.Signature)
	if f, isFunc := w.pass.TypesInfo.Uses[id].(*types.Func); isFunc {
		sig, ok = f.Origin().Signature(), true
	}
	if !ok {
		return
	}
	for i := range min(sig.TypeParams().Len(), inst.TypeArgs.Len()) {
		w.standsFor(inst.TypeArgs.At(i), sig.TypeParams().At(i).Constraint(), pos)
	}
}
