package funchost_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// api are the packages that users import, by their paths in the module: what is not
// internal, no program and not for our own tests.
func api(t *testing.T) (packages []goPackage) {
	t.Helper()
	for _, p := range ourPackages(t) {
		dir, ours := strings.CutPrefix(p.ImportPath, module+"/")
		room, _, _ := strings.Cut(dir, "/")
		switch {
		case !ours, p.Name == "main", !slices.Contains([]string{"dts", "framework", "scaler", "triggers"}, room):
		case slices.Contains(strings.Split(dir, "/"), "internal"), strings.HasPrefix(dir, "dts/dtstest"):
		default:
			packages = append(packages, p)
		}
	}
	return packages
}

const apiHead = `# The public surface

Every exported name of the packages that programs import, with the first sentence of its documentation; ` + "`go doc PACKAGE.NAME`" + ` has the
rest. Packages under ` + "`internal`" + `, ` + "`dts/dtstest`" + ` and ` + "`cmd`" + ` promise nothing. Made by ` + "`go test . -run API -update`" + ` from the code.
`

func TestAPIPageListsEveryExportedName(t *testing.T) {
	t.Parallel()
	page := bytes.NewBufferString(apiHead)
	for _, p := range api(t) {
		files := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		d, err := doc.NewFromFiles(files, parsed, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(page, "\n## %s\n\n%s\n\n", strings.TrimPrefix(p.ImportPath, module+"/"), d.Synopsis(d.Doc))
		for _, e := range exported(d) {
			if e.says == "" || !strings.HasSuffix(strings.TrimRight(e.says, ")"), ".") {
				t.Errorf("%s.%s says %q, want a doc comment that begins with a sentence", p.ImportPath, e.name, e.says)
			}
			fmt.Fprintf(page, "- %s\n", e)
		}
	}
	const name = "docs/api.md"
	got, err := os.ReadFile(name)
	if err != nil && !*update {
		t.Fatal(err)
	}
	current(t, name, got, page.Bytes())
}

// entry is an exported name with the first sentence of its comment. The name of a
// method has that of its type in front.
type entry struct{ name, says string }

// String begins with the name, in the place of that in the sentence.
func (e entry) String() string {
	rest, found := strings.CutPrefix(e.says, e.name[strings.LastIndex(e.name, ".")+1:])
	switch {
	case found && strings.HasPrefix(rest, " "), found && strings.HasPrefix(rest, ":"):
		return fmt.Sprintf("`%s`%s", e.name, rest)
	default:
		return fmt.Sprintf("`%s`: %s", e.name, e.says)
	}
}

// exported lists the names of a package: types with their constructors and methods
// behind the others.
func exported(p *doc.Package) (entries []entry) {
	values := func(groups []*doc.Value) {
		for _, g := range groups {
			for _, s := range g.Decl.Specs {
				spec, ok := s.(*ast.ValueSpec)
				if !ok {
					continue
				}
				text := g.Doc
				if own := spec.Doc.Text(); own != "" {
					text = own
				} else if own := spec.Comment.Text(); own != "" && g.Decl.Lparen.IsValid() {
					text = own
				}
				for _, name := range spec.Names {
					if name.IsExported() {
						entries = append(entries, entry{name.Name, sentence(p, text)})
					}
				}
			}
		}
	}
	funcs := func(of string, fs []*doc.Func) {
		for _, f := range fs {
			entries = append(entries, entry{of + f.Name, sentence(p, f.Doc)})
		}
	}
	values(slices.Concat(p.Consts, p.Vars))
	funcs("", p.Funcs)
	for _, t := range p.Types {
		entries = append(entries, entry{t.Name, sentence(p, t.Doc)})
		values(slices.Concat(t.Consts, t.Vars))
		funcs("", t.Funcs)
		funcs(t.Name+".", t.Methods)
	}
	return entries
}

// sentence is the first one of a comment. Comments at the end of a line have no full
// stop, and what introduces an example has a colon.
func sentence(p *doc.Package, text string) string {
	// Synopsis takes a comment that begins with "Author" for the name of its author,
	// even that of Authorize.
	const guard = "It "
	says := strings.TrimPrefix(p.Synopsis(guard+text), guard)
	if colon, ok := strings.CutSuffix(says, ":"); ok || says != "" && !strings.Contains(text, ".") {
		return colon + "."
	}
	return says
}
