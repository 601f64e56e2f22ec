package payload_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(t *testing.T, s dts.PayloadStore, text string) string {
	t.Helper()
	token, err := s.Put(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestPayloadComesBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	for _, text := range []string{"", `"hello"`, strings.Repeat("é", 1<<20)} {
		token := put(t, payload.Folder(dir), text)
		if !payload.Folder("").Owns(token) {
			t.Errorf("Owns(%q) = false, want true", token)
		}
		got, err := payload.Folder(dir).Get(t.Context(), token)
		if err != nil || string(got) != text {
			t.Errorf("Get = %.20q, %v, want %.20q", got, err, text)
		}
	}
}

func TestSamePayloadIsOneFileThatGetsYounger(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := put(t, payload.Folder(dir), "a")
	file := onlyFile(t, dir)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if again, err := payload.Folder(dir).Put(t.Context(), []byte("a")); err != nil || again != token {
				t.Errorf("Put = %q, %v, want %q", again, err, token)
			}
		})
	}
	all.Wait()
	info, err := os.Stat(onlyFile(t, dir))
	if err != nil || time.Since(info.ModTime()) > time.Minute {
		t.Errorf("the file is of %v (%v), want now", info.ModTime(), err)
	}
}

// onlyFile returns the one file below dir and checks that only the owner reads it.
func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if hidden, _ := filepath.Glob(filepath.Join(dir, "*", ".*")); err != nil || len(files) != 1 || len(hidden) > 0 {
		t.Fatalf("files are %q and %q (%v), want one", files, hidden, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v (%v), want 0600", info.Mode(), err)
	}
	return files[0]
}

func TestDamagedFileIsWrittenAnewAndNotHandedOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := put(t, payload.Folder(dir), "whole")
	if err := os.WriteFile(onlyFile(t, dir), []byte("who"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := payload.Folder(dir).Get(t.Context(), token); !errors.Is(err, dts.ErrPayloadGone) {
		t.Errorf("Get of a damaged file = %q, %v, want ErrPayloadGone", got, err)
	}
	put(t, payload.Folder(dir), "whole")
	if got, err := payload.Folder(dir).Get(t.Context(), token); err != nil || string(got) != "whole" {
		t.Errorf("Get = %q, %v, want the payload", got, err)
	}
}

func TestHostileTokenStaysInTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := payload.Folder(filepath.Join(dir, "payloads"))
	put(t, store, "a")
	for _, name := range []string{
		"", "..", "../secret", "aa/../../secret", secret, strings.Repeat("../", 20) + secret, strings.Repeat("A", 64), strings.Repeat("0", 64), "x:" + secret,
	} {
		if got, err := store.Get(t.Context(), "file:v1:"+name); !errors.Is(err, dts.ErrPayloadGone) {
			t.Errorf("Get(%q) = %q, %v, want ErrPayloadGone", name, got, err)
		}
	}
}

func TestMissingVolumeIsNotALoss(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := put(t, payload.Folder(dir), "a")
	_, err := payload.Folder(filepath.Join(dir, "unmounted")).Get(t.Context(), token)
	if err == nil || errors.Is(err, dts.ErrPayloadGone) || !strings.Contains(err.Error(), "mounted") {
		t.Errorf("Get = %v, want an error about the volume that may pass", err)
	}
}

func TestFolderThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := payload.Folder(file).Put(t.Context(), []byte("a")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("Put = %v, want an error that names the folder", err)
	}
}
