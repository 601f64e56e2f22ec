package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/store"
)

func TestEachOpeningIsAnEpochOfItsOwn(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	seen := map[uint64]bool{}
	for epoch := uint32(1); epoch <= 3; epoch++ {
		s := open(t, fs, "data")
		if s.Epoch() != epoch {
			t.Errorf("epoch is %d, want %d", s.Epoch(), epoch)
		}
		for range 1000 {
			g := s.NewGeneration()
			if seen[g] {
				t.Fatalf("generation %d is given twice", g)
			}
			seen[g] = true
		}
		closeStore(t, s)
	}
}

// TestDirectoryOfALaterReleaseIsRefusedUntouched: opening it would be the end of
// what the later release knows about it.
func TestDirectoryOfALaterReleaseIsRefusedUntouched(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, vfs.Default, dir)
	save(t, s, 1, everything("a")...)
	closeStore(t, s)
	for value, text := range map[string]string{
		"2":   fmt.Sprintf("has format 2 and this release knows up to %d", store.Format),
		"x.y": `has format "x.y"`,
	} {
		marker, _, err := atomicfs.LocateMarker(vfs.Default, dir, "funchost")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(marker.Move(value), marker.Close()); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		_, err = tryOpen(vfs.Default, dir)
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), dir) {
			t.Errorf("format %s: got %v, want %q", value, err, text)
		}
		if diff := cmp.Diff(before, files(t, dir)); diff != "" {
			t.Errorf("the refused directory changed (-before +after):\n%s", diff)
		}
	}
}

// files returns the content of all files in a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(text)
	}
	return got
}

// openInChild is where the child process of TestDirectoryHasOneOwner looks.
const openInChild = "FUNCHOST_TEST_OPEN"

func TestDirectoryHasOneOwner(t *testing.T) {
	if dir := os.Getenv(openInChild); dir != "" {
		_, err := tryOpen(vfs.Default, dir)
		fmt.Println("child:", err)
		return
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, vfs.Default, dir)
	if _, err := tryOpen(vfs.Default, dir); err == nil || !strings.Contains(err.Error(), "one server at a time") {
		t.Errorf("second server in this process: got %v", err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDirectoryHasOneOwner$")
	child.Env = append(os.Environ(), openInChild+"="+dir)
	out, err := child.CombinedOutput()
	if want := fmt.Sprintf("child: data directory %q is in use by another process: stop it, or choose another directory", dir); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("second process: got %v %s, want %q", err, out, want)
	}
	closeStore(t, s)
	open(t, vfs.Default, dir)
}

// TestDamageIsNamedOrHarmless turns a bit in each of many places: what comes back
// is what was written, or an error.
func TestDamageIsNamedOrHarmless(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	for range 2 { // one opening moves what the one before has logged into tables
		s := open(t, fs, "data")
		save(t, s, 1, everything("a")...)
		save(t, s, 1, everything("b")...)
		closeStore(t, s)
	}
	s := open(t, fs, "data")
	want := mustRead(t, s, 1)
	closeStore(t, s)
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	flips, named := 0, 0
	for _, name := range names {
		size := len(content(t, fs, name))
		for i := range 12 {
			if size == 0 {
				continue
			}
			flips++
			at := size * i / 12
			if damaged, err := readFlipped(t, fs, name, at, want); err != nil {
				t.Errorf("bit %d of %s: %v", at, name, err)
			} else if damaged {
				named++
			}
		}
	}
	if flips < 50 || named == 0 {
		t.Errorf("%d bits turned, %d times damage was named", flips, named)
	}
}

// readFlipped reads all with one bit turned; the error says that it is wrong and
// nobody noticed.
func readFlipped(t *testing.T, fs *vfs.MemFS, name string, at int, want contents) (damaged bool, _ error) {
	t.Helper()
	copied := vfs.NewMem()
	if _, err := vfs.Clone(fs, copied, "data", "data"); err != nil {
		t.Fatal(err)
	}
	text := content(t, copied, name)
	text[at] ^= 0x10
	f, err := copied.Create(fs.PathJoin("data", name), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := tryOpen(copied, "data")
	if err != nil {
		return true, nil
	}
	defer func() { _ = s.Close() }()
	got, err := read(s, 1)
	if err != nil {
		if !errors.Is(err, store.ErrDamaged) {
			return false, fmt.Errorf("the error does not name the row: %w", err)
		}
		return true, nil
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		return false, fmt.Errorf("served (-written +read):\n%s", diff)
	}
	return false, nil
}

func content(t *testing.T, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(fs.PathJoin("data", name))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTurnWithoutEventsIsDamage(t *testing.T) {
	t.Parallel()
	s := open(t, vfs.NewMem(), "data")
	save(t, s, 1, append(putInstance("a", 1), engine.Write{Op: engine.PutTurn, ID: "a", Gen: 1})...)
	if _, err := s.Instance(1, "a"); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
}
