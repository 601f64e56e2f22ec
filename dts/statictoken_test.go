package dts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokenFileIsReadAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokenCache(TokenFile(name))
		want := func(value, problem string) {
			t.Helper()
			got, err := tokens.token(t.Context())
			if got != value || problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
				t.Errorf("token = %q, %v, want %q, %q", got, err, value, problem)
			}
		}
		want("", "no such file")
		write("  first\n")
		want("first", "")
		write("second")
		want("first", "")
		time.Sleep(rereadTokens + time.Second)
		want("second", "")
		write("")
		time.Sleep(rereadTokens + time.Second)
		want("second", "") // still good
		time.Sleep(refreshBefore)
		want("", "want one line")
		write("two\nlines")
		want("", "want one line")
	})
}

func TestStaticTokenDoesNotExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := newTokenCache(StaticToken("abc"))
		for range 3 {
			if got, err := tokens.token(t.Context()); got != "abc" || err != nil {
				t.Errorf("token = %q, %v", got, err)
			}
			time.Sleep(24 * time.Hour)
		}
	})
}
