// Package funchost_test holds the rules of the house that a machine can hold: a
// style rule that nobody checks is a wish. The linter has the rules that concern
// one line; these look at packages and at the project as a whole.
package funchost_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryPackageHasOneComment(t *testing.T) {
	t.Parallel()
	for _, p := range ourPackages(t) {
		var comments []string
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				comments = append(comments, name)
				checkPackageComment(t, p, name, file.Doc.Text())
			}
		}
		if len(p.GoFiles) > 0 && len(comments) != 1 {
			t.Errorf("%s has package comments in %q, want exactly one", p.ImportPath, comments)
		}
	}
}

func checkPackageComment(t *testing.T, p goPackage, file, text string) {
	t.Helper()
	want := []string{"Package " + p.Name + " "}
	if p.Name == "main" {
		name := path.Base(p.ImportPath)
		want = []string{"Command " + name + " ", strings.ToUpper(name[:1]) + name[1:] + " "}
	}
	if !slices.ContainsFunc(want, func(begin string) bool { return strings.HasPrefix(text, begin) }) {
		t.Errorf("%s/%s: the package comment begins %.40q, want it to begin %q", p.ImportPath, file, text, want)
	}
}

// maxLines is where a file asks to be cut. Comfortable is half of it.
const maxLines = 800

func TestNoFileIsTooLong(t *testing.T) {
	t.Parallel()
	eachFile(t, ".go", func(name string, text []byte) {
		if isGenerated(text) {
			return
		}
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, the limit is %d: cut it by ideas", name, n, maxLines)
		}
	})
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func isGenerated(text []byte) bool { return generated.Match(text) }

func TestGoModHasNoReplace(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"go.mod", "tools/go.mod"} {
		var mod struct{ Replace []any }
		if err := json.Unmarshal(output(t, "go", "mod", "edit", "-json", file), &mod); err != nil {
			t.Fatal(err)
		}
		if len(mod.Replace) > 0 {
			t.Errorf("%s replaces %v: users of this module would not get the replacement", file, mod.Replace)
		}
	}
}

func TestEveryDirectDependencyHasItsLine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	described := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllSubmatch(text, -1) {
		described[string(m[1])] = true
	}
	for module, by := range directModules(t) {
		if !described[module] {
			t.Errorf("%s is imported by %s and has no line in docs/dependencies.md", module, by)
		}
	}
	var mod struct{ Require []struct{ Path string } }
	if err := json.Unmarshal(output(t, "go", "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		delete(described, r.Path)
	}
	for module := range described {
		t.Errorf("docs/dependencies.md describes %s, which go.mod does not require", module)
	}
}

// TestGeneratedCodeIsCurrent generates the protocol code anew, elsewhere, and
// compares. Headers name the version of protoc, which may differ from machine to
// machine, so those lines do not count.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("protoc"); err != nil {
		if os.Getenv("NEED_PROTOC") != "" {
			t.Fatal("NEED_PROTOC is set and protoc is missing")
		}
		t.Skip("protoc is missing (Debian: apt-get install protobuf-compiler): generated code is not compared")
	}
	elsewhere := t.TempDir()
	place := func(name string, text []byte) {
		to := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{".proto", "go.mod", "go.sum", "tools/generate/proto.sh"} {
		eachFile(t, pattern, place)
	}
	output(t, filepath.Join(elsewhere, "tools/generate/proto.sh"))

	compared := 0
	eachFile(t, ".pb.go", func(name string, committed []byte) {
		compared++
		fresh, err := os.ReadFile(filepath.Join(elsewhere, name))
		if err != nil {
			t.Errorf("%s is committed, and tools/generate/proto.sh does not make it", name)
			return
		}
		if diff := cmp.Diff(withoutVersion(committed), withoutVersion(fresh)); diff != "" {
			t.Errorf("%s is not current, run make generate (-committed +fresh):\n%.2000s", name, diff)
		}
	})
	if compared == 0 {
		t.Error("no generated file was found")
	}
}

func withoutVersion(text []byte) string {
	return regexp.MustCompile(`(?m)^// (- |\t)protoc\s+v.*\n`).ReplaceAllString(string(text), "")
}

// Link finds [text](target) in Markdown, code what only looks like one.
var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code = regexp.MustCompile("(?ms)^ *```.*?^ *```|`[^`\n]+`")
)

func TestDocsLinksAreAlive(t *testing.T) {
	t.Parallel()
	eachFile(t, ".md", func(name string, text []byte) {
		for _, problem := range deadLinks(name, string(text), os.ReadFile) {
			t.Error(problem)
		}
	})
}

func TestDeadLinksAreFound(t *testing.T) {
	t.Parallel()
	read := func(name string) ([]byte, error) {
		if name != "docs/a.md" {
			return nil, fs.ErrNotExist
		}
		return []byte("# One thing, `two`\n"), nil
	}
	text := "[ok](a.md) [ok](a.md#one-thing-two) [ok](https://example.com) [bad](b.md) [bad](a.md#three) [bad](#gone) `[ok](x)`\n```\n[ok](y)\n```\n"
	want := []string{
		"docs/c.md links to b.md, which is not there",
		"docs/c.md links to a.md#three, and there is no such heading",
		"docs/c.md links to #gone, and there is no such heading",
	}
	if diff := cmp.Diff(want, deadLinks("docs/c.md", text, read)); diff != "" {
		t.Errorf("dead links (-want +got):\n%s", diff)
	}
}

// deadLinks says which links of a page lead nowhere inside the project. Links to
// other sites are not followed.
func deadLinks(page, text string, read func(string) ([]byte, error)) []string {
	var dead []string
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, "code"), -1) {
		target, heading, _ := strings.Cut(m[1], "#")
		if strings.Contains(target, ":") {
			continue
		}
		content := text
		if target != "" {
			file := path.Join(path.Dir(page), target)
			found, err := read(file)
			if info, statErr := os.Stat(file); err != nil && (statErr != nil || !info.IsDir()) {
				dead = append(dead, fmt.Sprintf("%s links to %s, which is not there", page, target))
				continue
			}
			content = string(found)
		}
		if heading != "" && !hasHeading(content, heading) {
			dead = append(dead, fmt.Sprintf("%s links to %s, and there is no such heading", page, m[1]))
		}
	}
	return dead
}

// hasHeading reports whether a page has a heading that GitHub gives this anchor:
// lower case, hyphens for spaces, no punctuation.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !found || !strings.HasPrefix(line, "#") {
			continue
		}
		title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(title, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// eachFile calls f for every file of the project whose path ends in suffix. What
// git would not keep is not looked at.
func eachFile(t *testing.T, suffix string, f func(name string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci" || d.Name() == "node_modules" || d.Name() == "bin"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, suffix):
			return nil
		}
		text, err := os.ReadFile(name)
		if err == nil {
			f(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// output runs a command in the root of the project and gives what it prints.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}
