package devloop

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func TestFindRefusesWhatIsNoProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("lib/go.mod", "module example.com/lib\n")
	write("lib/lib.go", "package lib\n")
	write("loose/main.go", "package main\n")
	write("empty/notes.txt", "no Go here\n")

	for _, test := range []struct{ name, dir, problem string }{
		{"a folder that is missing", "nowhere", "there is no such folder"},
		{"a file", "loose/main.go", "this is a file, not a folder"},
		{"a folder without Go files", "empty", "there are no Go files in this folder"},
		{"a package that is not main", "lib", "this is package lib, not package main"},
		{"a program outside any module", "loose", "this folder is in no Go module"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Find(t.Context(), filepath.Join(dir, test.dir))
			refusal, ok := errors.AsType[*NotProgramError](err)
			if !ok || refusal.Problem != test.problem || refusal.WayOut == "" {
				t.Errorf("Find says %v, want %q and a way out", err, test.problem)
			}
		})
	}
}

func TestBracketsInAPathAreItsName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "br[a]")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.mod": "module example.com/app\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := Find(t.Context(), dir); err != nil || p.Name() != "br[a]" {
		t.Errorf("Find gives %+v, %v, want the program", p, err)
	}
}

func TestCompilerLinesAreRelativeToTheReader(t *testing.T) {
	t.Parallel()
	output := `# example.com/app
./main.go:3:15: undefined: undefined
../lib/lib.go:7:2: missing return
	have ()
/home/ana/go/pkg/x.go:1:1: syntax error
go: updates to go.mod needed
`
	got := compilerLines(output, "/home/ana/src/app", "/home/ana/src")
	want := []string{
		"app/main.go:3:15: undefined: undefined",
		"lib/lib.go:7:2: missing return",
		"\thave ()",
		"../go/pkg/x.go:1:1: syntax error",
		"go: updates to go.mod needed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestOnlySourcesConcernTheProgram(t *testing.T) {
	t.Parallel()
	src := newSources("/m/app")
	src.modules["/m"] = true
	src.code["/m/lib"] = true
	src.embedded["/m/app/static"] = true
	for _, test := range []struct {
		path string
		want bool
	}{
		{"/m/app/main.go", true},
		{"/m/app/main_test.go", false},
		{"/m/app/.main.go.swp", false},
		{"/m/app/.#main.go", false},
		{"/m/app/main.go~", false},
		{"/m/app/README.md", false},
		{"/m/app/funchost.yaml", true},
		{"/m/lib/funchost.yaml", false},
		{"/m/app/static/page.html", true},
		{"/m/lib/asm_amd64.s", true},
		{"/m/lib", true},
		{"/m/go.mod", true},
		{"/m/other.go", false},
		{"/m/app/.funchost", false},
	} {
		if got := src.concern(test.path); got != test.want {
			t.Errorf("concern(%q) is %v, want %v", test.path, got, test.want)
		}
	}
}

func TestChildGetsOneConnectionOnly(t *testing.T) {
	t.Parallel()
	ours := []string{"HOME=/home/ana", "TASKHUB_NAME=mine", "DTS_CONNECTION_STRING=theirs", "FUNCHOST_LISTEN=0.0.0.0:80"}
	got := childEnv(ours, Config{
		Connection: dts.ConnectionString{Endpoint: "http://127.0.0.1:8080", TaskHub: "default", Authentication: dts.AuthNone},
		Listen:     "127.0.0.1:7071",
		Admin:      "127.0.0.1:7072",
		Grace:      10 * time.Second,
	})
	want := []string{
		"HOME=/home/ana",
		"DTS_CONNECTION_STRING=Endpoint=http://127.0.0.1:8080;TaskHub=default;Authentication=None",
		"FUNCHOST_TASK_HUB=default",
		"FUNCHOST_LISTEN=127.0.0.1:7071",
		"FUNCHOST_ADMIN_LISTEN=127.0.0.1:7072",
		"FUNCHOST_MANAGEMENT_API=true",
		"FUNCHOST_MAX_WARM=0",
		"FUNCHOST_SHUTDOWN_TIMEOUT=8s",
		"FUNCHOST_SHUTDOWN_GRACE=0s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}
