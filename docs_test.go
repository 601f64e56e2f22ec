package funchost_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what pages say of the code anew")

// current compares a page with what it should be, or writes it.
func current(t *testing.T, page string, got, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not current, run go test . -update (-want +got):\n%.3000s", page, diff)
	}
}

// program is the first block of Go on a page: the example as it is.
var program = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func TestPatternPagesShowTheirPrograms(t *testing.T) {
	t.Parallel()
	for _, name := range patterns(t) {
		page := "docs/patterns/" + name + ".md"
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		at := program.FindSubmatchIndex(text)
		if at == nil {
			t.Errorf("%s shows no program", page)
			continue
		}
		current(t, page, text, slices.Concat(text[:at[2]], source(t, name), text[at[3]:]))
	}
}

func TestPatternPagesAndProgramsComeInPairs(t *testing.T) {
	t.Parallel()
	var pages []string
	index, err := os.ReadFile("docs/patterns/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("docs/patterns/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name == "README" {
			continue
		}
		pages = append(pages, name)
		if !bytes.Contains(index, fmt.Appendf(nil, "](%s.md)", name)) {
			t.Errorf("docs/patterns/README.md has no link to %s.md", name)
		}
	}
	if diff := cmp.Diff(patterns(t), pages); diff != "" {
		t.Errorf("pages (-programs +pages):\n%s", diff)
	}
}

// mostLines is what a pattern may take. Imports, comments and empty lines are not
// counted.
const mostLines = 60

var (
	imports  = regexp.MustCompile(`(?ms)^package .*?^import \(.*?^\)$`)
	codeLine = regexp.MustCompile(`(?m)^\s*[^\s/]|^\s*/[^/]`)
)

func TestPatternsAreShort(t *testing.T) {
	t.Parallel()
	for _, name := range patterns(t) {
		if n := codeLines(source(t, name)); n > mostLines {
			t.Errorf("pattern %s has %d lines of code, the limit is %d", name, n, mostLines)
		}
	}
}

func TestCodeLinesAreCounted(t *testing.T) {
	t.Parallel()
	text := "// Package x\npackage x\n\nimport (\n\t\"os\"\n)\n\n// F does\nfunc F() {\n\n\t// why\n\tos.Exit(1) // now\n}\n"
	if got := codeLines([]byte(text)); got != 3 {
		t.Errorf("got %d lines, want 3", got)
	}
}

func codeLines(text []byte) int {
	return len(codeLine.FindAllIndex(imports.ReplaceAll(text, nil), -1))
}

// patterns are the packages of examples/patterns.
func patterns(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("examples/patterns")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		t.Fatal("there are no patterns")
	}
	return names
}

// source is the one file of a pattern.
func source(t *testing.T, name string) []byte {
	t.Helper()
	files, err := filepath.Glob("examples/patterns/" + name + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	if len(files) != 1 {
		t.Fatalf("pattern %s has %d files of code, want one that the page can show", name, len(files))
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return text
}
