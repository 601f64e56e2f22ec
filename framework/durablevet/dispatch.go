package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

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
