package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEntityIsSignaledAndShown(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		s.refuses(1, `get entity "@stock@desk": not found`, "entity", "get", "stock", "desk")
		s.prints("@stock@desk has signal \"deliver\"\n", "entity", "signal", "Stock", "desk", "deliver", "--input", "[1, 2]")
		synctest.Wait()
		s.prints(`
entity              stock
key                 desk
modified            2000-01-01 00:00:00Z
operations waiting  0
state               [1, 2]
`, "entity", "get", "stock", "desk")
		s.prints(`{
  "id": "@stock@desk",
  "name": "stock",
  "key": "desk",
  "modified": "2000-01-01T00:00:00Z",
  "waiting": 0,
  "state": [
    1,
    2
  ]
}
`, "entity", "get", "STOCK", "desk", "--output", "json")

		s.prints("{\n  \"id\": \"@stock@\"\n}\n", "entity", "signal", "stock", "", "deliver", "--input", "7", "--at", "1h", "--output", "json")
		time.Sleep(59 * time.Minute)
		s.refuses(1, "not found", "entity", "get", "stock", "")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.done("entity", "get", "stock", ""); !strings.Contains(got, "state               7\n") {
			t.Errorf("get prints %s, want the state of the entity with the empty key", got)
		}
		s.done("entity", "signal", "stock", "", "deliver") // without an input there is no state
		synctest.Wait()
		s.refuses(1, "not found", "entity", "get", "stock", "")
	})
}

func TestEntitiesAreListed(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		for _, id := range [][2]string{{"stock", "a"}, {"stock", "b"}, {"stock", "\x1b[2J"}, {"other", "a"}} {
			s.done("entity", "signal", id[0], id[1], "deliver", "--input", "1")
			time.Sleep(time.Hour)
		}
		s.done("start", "lock", "--id", "inventory", "--input", `"b"`)
		s.done("start", "lock", "--id", "inspection", "--input", `"new"`)
		synctest.Wait()
		s.done("entity", "signal", "stock", "b", "deliver", "--input", "2")
		s.prints(`
ENTITY  KEY      MODIFIED              WAITING  LOCKED BY
other   a        2000-01-01 03:00:00Z  0
stock   \x1b[2J  2000-01-01 02:00:00Z  0
stock   a        2000-01-01 00:00:00Z  0
stock   b        2000-01-01 01:00:00Z  1        inventory
`, "entity", "list")
		if got := s.done("entity", "get", "stock", "b"); !strings.Contains(got, "locked by           inventory\n") {
			t.Errorf("get prints %s, want who holds the lock", got)
		}

		for name, tc := range map[string]struct {
			args []string
			want string
			more bool
		}{
			"by name":         {[]string{"Stock"}, "@stock@\x1b[2J @stock@a @stock@b", false},
			"by prefix":       {[]string{"stock", "--prefix", "b"}, "@stock@b", false},
			"by time":         {[]string{"--since", "2000-01-01T01:00:00Z", "--until", "2000-01-01T03:00:00Z"}, "@stock@\x1b[2J @stock@b", false},
			"by time ago":     {[]string{"--since", "90m"}, "@other@a", false},
			"limited":         {[]string{"--limit", "1"}, "@other@a", true},
			"without a limit": {[]string{"--limit", "0"}, "@other@a @stock@\x1b[2J @stock@a @stock@b", false},
			"the stateless":   {[]string{"stock", "--prefix", "n", "--stateless"}, "@stock@new", false},
			"none":            {[]string{"unknown"}, "", false},
		} {
			var got struct {
				Entities []struct{ ID string }
				More     bool
			}
			text := s.done(append([]string{"entity", "list", "--output", "json"}, tc.args...)...)
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.Entities == nil {
				t.Fatalf("%s: %v in %s", name, err, text)
			}
			var ids []string
			for _, e := range got.Entities {
				ids = append(ids, e.ID)
			}
			if strings.Join(ids, " ") != tc.want || got.More != tc.more {
				t.Errorf("%s: got %q, more %t; want %q, more %t", name, ids, got.More, tc.want, tc.more)
			}
		}
		if _, _, stderr := s.call("entity", "list", "--limit", "1"); !strings.Contains(stderr, "--limit 0 lists all") {
			t.Errorf("a list that was cut says %q, want how to see all", stderr)
		}
		for _, id := range []string{"inventory", "inspection"} { // let go of the locks
			s.done("raise", id, "go")
		}
	})
}

func TestWrongCallsOnEntitiesAreRefusedAndExplained(t *testing.T) {
	t.Parallel()
	inHub(t, func(t *testing.T, s session) {
		for args, says := range map[string]string{
			"entity get stock":                             "this command is written: funchost entity get NAME KEY\n  see funchost entity get --help",
			"entity get a@b c":                             `"a@b", contains @`,
			"entity signal stock desk":                     "this command is written: funchost entity signal NAME KEY OPERATION",
			"entity signal stock desk deliver --input {":   "--input is not JSON",
			"entity signal stock desk deliver --at soon":   `--at "soon"`,
			"entity list --prefix a":                       "funchost entity list NAME --prefix a",
			"entity list stock --limit -1":                 "--limit -1",
			"entity list stock --since 1h --until 2h":      "--until is not after --since",
			"entity list stock desk":                       "this command is written: funchost entity list [NAME]",
			"entity sing":                                  "unknown command",
			"entity get stock desk --output xml":           `--output "xml": want table or json`,
			"entity get stock " + strings.Repeat("x", 101): "characters",
		} {
			s.refuses(2, says, strings.Split(args, " ")...)
		}
		if got := s.done("entity"); !strings.Contains(got, "\n  signal      Asks an entity") || !strings.Contains(got, "Commands:") {
			t.Errorf("entity prints %s, want its commands", got)
		}
	})
}
