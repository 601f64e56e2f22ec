package devloop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestFoldersOfKilledSessionsAreRemoved(t *testing.T) {
	t.Parallel()
	gone := exec.Command("go", "version")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	stay := map[string]bool{ // name of a folder, and whether it must stay
		fmt.Sprintf("funchost-run-%d-123", gone.Process.Pid): false,
		fmt.Sprintf("funchost-run-%d-123", os.Getppid()):     true,
		fmt.Sprintf("other-%d-123", gone.Process.Pid):        true,
		"funchost-run-0-123":                                 true,
		"funchost-run-123x":                                  true,
	}
	for name := range stay {
		if err := os.MkdirAll(filepath.Join(parent, name, "1"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	left := filepath.Join(parent, fmt.Sprintf("funchost-run-%d-123", gone.Process.Pid))
	if err := noteChild(left, gone.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if got := orphans(parent); len(got) > 0 {
		t.Errorf("orphans %d, want none: the program is gone too", got)
	}
	if err := noteChild(left, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if got := orphans(parent); len(got) != 1 || got[0] != os.Getpid() {
		t.Errorf("orphans %d, want %d, which runs", got, os.Getpid())
	}
	folder, err := makeFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	stay[filepath.Base(folder)] = true
	for name, want := range stay {
		if _, err := os.Stat(filepath.Join(parent, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
	removeStale(parent)
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("a session removes its own folder: %v", err)
	}
}
