// Package templates holds the starters of `funchost new`. Each is a program that
// compiles and is tested where it stands, in a folder of this package; its copy
// differs in the module path only.
package templates

import (
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Folders are embedded by name, so what begins with a dot is left out: the state
// of a starter that somebody has run here.
//
//go:embed cloudevents cron http orchestration
var files embed.FS

// here is the import path of this package, which starters begin theirs with.
const here = "github.com/funchost/funchost/templates/"

// GoVersion is the version of Go that the starters need, for their go.mod.
const GoVersion = "1.26.0"

// Template is a starter.
type Template struct {
	Name    string
	Summary string // one line, lower case
}

var all = []Template{
	{"http", "an HTTP route starts an orchestration, another shows how far it is"},
	{"cron", "a schedule starts an orchestration"},
	{"cloudevents", "CloudEvents start orchestrations, each once however often it is delivered"},
	{"orchestration", "an orchestration that waits for people, reminds them and gives up"},
}

// List returns the starters, the one to begin with first.
func List() []Template { return slices.Clone(all) }

// File is a file of a new module. Name is its path in the module, with slashes.
type File struct {
	Name string
	Text []byte
}

// Render returns the files of a starter for the module with that path, without
// its go.mod. The errors are an unknown name and what [CheckModule] says.
func Render(name, module string) ([]File, error) {
	if !slices.ContainsFunc(all, func(t Template) bool { return t.Name == name }) {
		return nil, fmt.Errorf("there is no template %q", name)
	}
	if err := CheckModule(module); err != nil {
		return nil, err
	}
	rename := strings.NewReplacer(
		`"`+here+name+"/", `"`+module+"/",
		"// Command "+name+" ", "// Command "+path.Base(module)+" ",
	)
	rendered := []File{{Name: ".gitignore", Text: []byte("# What funchost run keeps.\n/.funchost/\n")}}
	err := fs.WalkDir(files, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(file)
		if err != nil {
			return err
		}
		if path.Ext(file) == ".go" {
			// Another module path sorts to another place among the imports.
			if text, err = format.Source([]byte(rename.Replace(string(text)))); err != nil {
				return err
			}
		}
		rendered = append(rendered, File{Name: strings.TrimPrefix(file, name+"/"), Text: text})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("render template %q: %w", name, err)
	}
	return rendered, nil
}

// CheckModule says what keeps a path from being that of a new module, or nil. It
// is stricter than the go command: a path without a dot in its first element
// could be that of a standard package.
func CheckModule(module string) error {
	if problem := modulePathProblem(module); problem != nil {
		return fmt.Errorf("module path %q: %w", module, problem)
	}
	return nil
}

func modulePathProblem(module string) error {
	elements := strings.Split(module, "/")
	for _, element := range elements {
		switch {
		case element == "":
			return errors.New("it has an empty element")
		case strings.HasPrefix(element, ".") || strings.HasSuffix(element, "."):
			return fmt.Errorf("its element %q begins or ends with a dot", element)
		case strings.HasPrefix(element, "-"):
			return fmt.Errorf("its element %q begins with a hyphen", element)
		}
		if i := strings.IndexFunc(element, notInModulePath); i >= 0 {
			return fmt.Errorf("it has the character %q; letters, digits and - . _ ~ are allowed", []rune(element[i:])[0])
		}
	}
	if !strings.Contains(elements[0], ".") {
		return fmt.Errorf("its first element %q has no dot, as in example.com/app", elements[0])
	}
	if strings.ToLower(elements[0]) != elements[0] {
		return fmt.Errorf("its first element %q is a host name, which is lower case", elements[0])
	}
	return nil
}

func notInModulePath(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r))
}
