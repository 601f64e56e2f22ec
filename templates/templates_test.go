package templates

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestEveryFolderIsListedAndComplete(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, template := range List() {
		listed = append(listed, template.Name)
		for _, file := range []string{"main.go", "main_test.go", "README.md"} {
			if _, err := fs.Stat(files, path.Join(template.Name, file)); err != nil {
				t.Errorf("template %s: %v", template.Name, err)
			}
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && !slices.Contains(listed, entry.Name()) {
			t.Errorf("the folder %s is no template", entry.Name())
		}
	}
}

func TestRenderedFilesBelongToTheNewModule(t *testing.T) {
	t.Parallel()
	for _, template := range List() {
		rendered, err := Render(template.Name, "corp.example/shop/orders.v2")
		if err != nil {
			t.Fatal(err)
		}
		var own int // imports of the new module
		for _, file := range rendered {
			if strings.Contains(string(file.Text), "funchost/templates") {
				t.Errorf("%s: %s still names our module", template.Name, file.Name)
			}
			if path.Ext(file.Name) != ".go" {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file.Name, file.Text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, imported := range parsed.Imports {
				if strings.HasPrefix(imported.Path.Value, `"corp.example/shop/orders.v2/`) {
					own++
				}
			}
			if file.Name == "main.go" && !strings.HasPrefix(parsed.Doc.Text(), "Command orders.v2 ") {
				t.Errorf("%s: the package comment begins %.30q, want the new name", template.Name, parsed.Doc.Text())
			}
		}
		if own == 0 {
			t.Errorf("%s: no file imports another of the new module", template.Name)
		}
	}
}

func TestOnlyTemplatesThatExistAreRendered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "HTTP", "http/", "../templates/http", "http/signup"} {
		if _, err := Render(name, "example.com/app"); err == nil || !strings.Contains(err.Error(), "there is no template") {
			t.Errorf("template %q: got %v, want that there is none", name, err)
		}
	}
	if _, err := Render("http", "app"); err == nil {
		t.Error("rendered for a module path that cannot be")
	}
}

func TestModulePathsAreChecked(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"example.com/app", "github.com/Ana/my_app-2/v2", "a.b", "example.com/~ana/app"} {
		if err := CheckModule(good); err != nil {
			t.Error(err)
		}
	}
	for bad, want := range map[string]string{
		"":                               "empty element",
		"app":                            "no dot",
		"net/http":                       "no dot",
		"/example.com/app":               "empty element",
		"example.com/app/":               "empty element",
		"example.com//app":               "empty element",
		"example.com/../app":             "dot",
		"./app":                          "dot",
		"example.com/app.":               "dot",
		"-mod=mod.example":               "hyphen",
		"Example.com/app":                "lower case",
		"example.com/my app":             `' '`,
		"example.com/größe":              `'ö'`,
		"example.com/a\"":                `'"'`,
		"example.com/a\nreplace a => /b": `'\n'`,
		`example.com\app`:                `'\\'`,
		"https://example.com/app":        `':'`,
		"example.com/app@v1":             `'@'`,
	} {
		if err := CheckModule(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("module path %q: got %v, want an error with %s", bad, err, want)
		}
	}
}

// The starters compile here with the Go version of this module.
func TestGoVersionIsThatOfThisModule(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\ngo "+GoVersion+"\n") {
		t.Errorf("go.mod does not say go %s", GoVersion)
	}
}
