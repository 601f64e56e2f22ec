package durable_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	wantComment  = regexp.MustCompile(`// want (".*")$`)
	compileError = regexp.MustCompile(`refused\.go:(\d+):\d+: (.*)`)
)

func TestCompilerRefusesWrongTypes(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("testdata", "refused", "refused.go"))
	if err != nil {
		t.Fatal(err)
	}
	wants := make(map[int]string)
	for i, line := range strings.Split(string(source), "\n") {
		if m := wantComment.FindStringSubmatch(line); m != nil {
			if wants[i+1], err = strconv.Unquote(m[1]); err != nil {
				t.Fatalf("refused.go:%d: %v", i+1, err)
			}
		}
	}

	// -e: report all errors, not the first ten.
	out, err := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-e", "./testdata/refused").CombinedOutput()
	if err == nil {
		t.Fatal("testdata/refused builds, want errors")
	}
	got := make(map[int]string)
	for line := range bytes.SplitSeq(out, []byte("\n")) {
		if m := compileError.FindSubmatch(line); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			got[n] += string(m[2])
		}
	}
	if len(got) == 0 {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	for line, want := range wants {
		if !strings.Contains(got[line], want) {
			t.Errorf("refused.go:%d: got error %q, want %q in it", line, got[line], want)
		}
		delete(got, line)
	}
	for line, message := range got {
		t.Errorf("refused.go:%d: got error %q, want none", line, message)
	}
}
