package durablevet

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports what orchestrators must not do.
var Analyzer = &analysis.Analyzer{
	Name:      "durablevet",
	Doc:       "report what an orchestrator of funchost must not do, because it is run again from its first line",
	Run:       run,
	FactTypes: []analysis.Fact{new(summary), new(shared)},
}

func run(pass *analysis.Pass) (any, error) {
	hasModule := pass.Module != nil && pass.Module.Path != ""
	if trusted(pass.Pkg.Path(), hasModule) {
		return nil, nil
	}
	examine(pass, !hasModule || pass.Module.Version == "")
	return nil, nil
}

// examine looks at a package, which is of the module that is worked on or of one that
// it requires.
func examine(pass *analysis.Pass, ours bool) {
	u := &unit{
		pass:     pass,
		ours:     ours,
		nodes:    make(map[ast.Node]*node),
		funcs:    make(map[*types.Func]*node),
		vars:     make(map[*types.Var]*node),
		writes:   make(map[*types.Var]token.Pos),
		handles:  make(map[*types.Var]*handle),
		mistakes: make(map[lineKind]bool),

		soleTypes: make(map[*types.Interface]types.Type),
		concrete:  make(map[*types.Package][]types.Type),
	}
	for _, file := range pass.Files {
		if !strings.HasSuffix(pass.Fset.File(file.FileStart).Name(), "_test.go") {
			u.files = append(u.files, file)
		}
	}
	u.readIgnores()
	u.declare()
	if u.ours {
		u.flow = u.readFlow()
	}
	for _, n := range u.order { // literals join meanwhile, and are walked where they stand
		u.walk(n)
	}
	u.settle()
	u.trace()
	u.exportFacts()
	if u.ours {
		u.report()
	}
}

// home is the module that this package belongs to.
const (
	home        = "github.com/funchost/funchost/"
	durablePath = home + "framework/durable"
)

// trusted reports whether the code of a package is not looked at: the standard
// library has a table, and the rooms of the framework keep the promises that
// orchestrators rely on.
func trusted(pkg string, hasModule bool) bool {
	return isFramework(pkg) || !hasModule && isStandard(pkg)
}

func isFramework(pkg string) bool {
	room, ok := strings.CutPrefix(pkg, home)
	if !ok || strings.Contains(room, "/testdata/") {
		return false
	}
	room, _, _ = strings.Cut(room, "/")
	return room == "dts" || room == "framework" || room == "triggers" || room == "scaler"
}

// unit is one package under the analyzer.
type unit struct {
	pass  *analysis.Pass
	files []*ast.File // without those of tests, which have orchestrators that misbehave on purpose
	ours  bool        // of the module that is worked on, not of one that it requires

	order []*node // as they stand in the source, literals after what they stand in
	nodes map[ast.Node]*node
	funcs map[*types.Func]*node
	vars  map[*types.Var]*node // initial values of package variables

	flow     *flow
	ignores  ignores
	bindings []binding
	handles  map[*types.Var]*handle
	writes   map[*types.Var]token.Pos // of package variables, after the program has begun

	mistakes map[lineKind]bool // reported

	soleTypes map[*types.Interface]types.Type
	concrete  map[*types.Package][]types.Type
}

// node is a piece of code that runs as one: a declared function, a function literal,
// the initial value of a package variable.
type node struct {
	name    string // in reports; empty for a literal
	obj     types.Object
	code    ast.Node
	outer   *node // what a literal stands in
	durable bool  // takes a *durable.Context, so only orchestrators run it
	once    bool  // a literal that sync.Once runs

	mistakes []mistake
	edges    []edge
	reads    []access // of package variables
	writes   []access
	touches  []access // method calls on a package variable or on the receiver
	calls    []access // of handles
	offers   []access // of handles, to an app
	loops    []loop
	joins    []join      // collections of what comes in the order of a map
	literals []literal   // that a function value may stand for
	actsAt   []token.Pos // where it does what must be done in the same order

	acts    bool // it, or what it leads to, has such a place
	mutates bool // changes its receiver

	traces []*trace
	count  int // of those that are mistakes
}

// mistake is something that an orchestrator must not do.
type mistake struct {
	kind   kind
	what   string
	why    string // what is special about it, if anything
	wayOut string // empty for that of the kind
	pos    token.Pos
	later  bool // in an initial value, and done only by those who call what it is
}

// literal is a function literal that is called, or handed on, at a place.
type literal struct {
	lit *ast.FuncLit
	pos token.Pos
}

// edge leads from a node to what it calls or hands on as a value.
type edge struct {
	pos     token.Pos
	to      *node        // in this package
	foreign types.Object // elsewhere: a function or a variable
	initial bool         // to the initial value of a variable, which the program gets once
	later   bool         // from an initial value, to what is called only by those who read it
}

// access is a use of a variable.
type access struct {
	v      *types.Var
	pos    token.Pos
	method *types.Func // of a touch
}

// binding is a function that was given to an orchestrator.
type binding struct {
	handle *types.Var // nil if it is not a package variable
	value  value
	in     *node
	pos    token.Pos
}

// outermost is the declared function or variable that a literal stands in.
func (n *node) outermost() *node {
	for n.outer != nil {
		n = n.outer
	}
	return n
}

// declare makes the nodes of the package, except those of literals.
func (u *unit) declare() {
	for _, file := range u.files {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if f, ok := u.pass.TypesInfo.Defs[d.Name].(*types.Func); ok && d.Body != nil {
					n := &node{name: funcName(f), obj: f, code: d, durable: takesContext(f.Signature())}
					u.add(n)
					u.funcs[f] = n
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.ValueSpec); ok && d.Tok == token.VAR {
						u.declareVars(s)
					}
				}
			}
		}
	}
}

func (u *unit) declareVars(s *ast.ValueSpec) {
	for i, name := range s.Names {
		v, ok := u.pass.TypesInfo.Defs[name].(*types.Var)
		if !ok || len(s.Values) == 0 {
			continue
		}
		value := s.Values[0]
		if len(s.Values) == len(s.Names) {
			value = s.Values[i]
		}
		n := &node{name: v.Name(), obj: v, code: value}
		u.vars[v] = n
		if h := u.declaredHandle(v, value); h != nil {
			u.handles[v] = h
		}
		if len(s.Values) == len(s.Names) || i == 0 {
			u.add(n)
		} else {
			u.vars[v] = u.nodes[value] // several from one call
		}
	}
}

func (u *unit) add(n *node) {
	u.order = append(u.order, n)
	u.nodes[n.code] = n
}

// funcName is how a function is called in reports.
func funcName(f *types.Func) string {
	if recv := receiverName(f); recv != "" {
		return recv + "." + f.Name()
	}
	return f.Name()
}

// foreignName is how a name of another package is called in reports.
func foreignName(obj types.Object) string {
	name := obj.Name()
	if f, ok := obj.(*types.Func); ok {
		name = funcName(f)
	}
	if obj.Pkg() == nil {
		return name
	}
	return obj.Pkg().Name() + "." + name
}

// at is a place as reports show it: the file with its folder, which is enough to
// tell files of several packages apart.
func (u *unit) at(pos token.Pos) string {
	p := u.pass.Fset.Position(pos)
	dir, file := filepath.Split(filepath.ToSlash(p.Filename))
	return path.Join(path.Base(dir), file) + ":" + strconv.Itoa(p.Line)
}

// takesContext reports whether a function has a parameter *durable.Context.
func takesContext(s *types.Signature) bool {
	for p := range s.Params().Variables() {
		if isContext(p.Type()) {
			return true
		}
	}
	return false
}

func isContext(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(p.Elem(), durablePath, "Context")
}

// isNamed reports whether t is a type of the package, or an instance of it.
func isNamed(t types.Type, pkg string, names ...string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != pkg {
		return false
	}
	for _, name := range names {
		if n.Obj().Name() == name {
			return true
		}
	}
	return len(names) == 0
}
