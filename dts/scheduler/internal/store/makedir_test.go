package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestFoldersAboveTheDataSurviveAPowerCut: the engine syncs the names only of those
// that it makes itself.
func TestFoldersAboveTheDataSurviveAPowerCut(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	if err := makeDirectory(fs, "a/b/c"); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.CrashClone(vfs.CrashCloneCfg{}).Stat("a/b/c"); err != nil {
		t.Errorf("after a power cut: %v", err)
	}
}

func TestACopyIsNotMadeInTheDataItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, link := filepath.Join(dir, "data"), filepath.Join(dir, "link")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for to, inside := range map[string]bool{
		filepath.Join(data, "sub"): true, filepath.Join(data, "no", "such"): true, filepath.Join(link, "sub"): true, filepath.Join(data, "..", "data", "sub"): true,
		data: false, filepath.Join(dir, "data2"): false, filepath.Join(data, "..", "other"): false, filepath.Join(dir, "..", "x"): false,
	} {
		if err := apart(data, to); (err != nil) != inside {
			t.Errorf("to %s: %v, want a refusal: %t", to, err, inside)
		}
	}
}
