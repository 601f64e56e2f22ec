package cli

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/funchost/funchost/templates"
)

// A release is downloaded: here from a proxy in a folder, which has all packages
// that starters import, and nothing in them.
func TestProgramOfAReleaseRequiresItsVersion(t *testing.T) {
	t.Parallel()
	tool, err := findGo()
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range templates.List() {
		t.Run(template.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			files, err := templates.Render(template.Name, "example.com/app")
			if err != nil {
				t.Fatal(err)
			}
			release := source{version: "v0.7.1"}
			files, err = release.addTo(t.Context(), tool, files, "example.com/app")
			if err != nil {
				t.Fatal(err)
			}
			if err := write(dir, files); err != nil {
				t.Fatal(err)
			}
			environ := append(os.Environ(), "GOPROXY="+proxy(t, release.version), "GOSUMDB=off",
				"GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw")
			if err := release.tidy(t.Context(), tool, dir, environ, console{err: io.Discard}); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"go.mod": "module example.com/app\n\ngo " + templates.GoVersion + "\n\nrequire github.com/funchost/funchost v0.7.1\n",
				"go.sum": "github.com/funchost/funchost v0.7.1 h1:",
			}
			for name, begin := range want {
				if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(text), begin) {
					t.Errorf("%s is %q, %v; want it to begin %q", name, text, err, begin)
				}
			}
		})
	}
}

func TestProgramThatCannotBeCompletedIsExplained(t *testing.T) {
	t.Parallel()
	tool, err := findGo()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := write(dir, []templates.File{goMod("module example.com/app\n\nrequire " + self + " v0.7.1\n"), {Name: "main.go", Text: []byte("package main\n\nimport _ \"" + self + "/framework\"\n")}}); err != nil {
		t.Fatal(err)
	}
	environ := append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw")
	err = source{version: "v0.7.1"}.tidy(t.Context(), tool, dir, environ, console{err: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "go mod tidy") || !strings.Contains(err.Error(), "module lookup disabled by GOPROXY=off") {
		t.Errorf("got %v, want what the go command said", err)
	}
}

// proxy makes a module proxy that has one version of this module.
func proxy(t *testing.T, version string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, filepath.FromSlash(self), "@v")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mod := "module " + self + "\n\ngo " + templates.GoVersion + "\n"
	for ext, text := range map[string]string{".info": `{"Version":"` + version + `"}`, ".mod": mod} {
		if err := os.WriteFile(filepath.Join(dir, version+ext), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	add := func(name, text string) {
		file, err := w.Create(self + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(file, text); err != nil {
			t.Fatal(err)
		}
	}
	add("go.mod", mod)
	for _, name := range []string{"dts", "framework", "framework/durable", "framework/durabletest", "framework/embedded", "triggers"} {
		add(name+"/doc.go", "package "+filepath.Base(name)+"\n")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "file://" + filepath.ToSlash(root)
}

func TestPathsWithSpacesSurviveInGoMod(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/home/ana/funchost", "/home/ana maria/(new) funchost"} {
		file := filepath.Join(t.TempDir(), "go.mod")
		if err := os.WriteFile(file, []byte("module example.com/app\n\nreplace "+self+" => "+quotePath(path)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
		if err != nil || !strings.Contains(string(out), `"Path": "`+path+`"`) {
			t.Errorf("%v; go reads %s, want %s", err, out, path)
		}
	}
}
