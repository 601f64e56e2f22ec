package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/funchost/funchost/deploy/keda/e2e/ledger"
)

func TestEntriesOfAllWritersAreRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "ledger")
	if none, err := ledger.Read(name, time.Time{}); err != nil || len(none) > 0 {
		t.Errorf("a ledger that nobody has begun: %v, %v, want nothing", none, err)
	}
	want := []ledger.Entry{
		{Event: ledger.Begin, Worker: "a", Activity: "1"},
		{Event: ledger.Begin, Worker: "b", Activity: "2"},
		{Event: ledger.Stop, Worker: "a"},
		{Event: ledger.End, Worker: "a", Activity: "1"},
	}
	writers := map[string]*ledger.Ledger{}
	for _, e := range want {
		if writers[e.Worker] == nil {
			l, err := ledger.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			writers[e.Worker] = l
		}
		if err := writers[e.Worker].Note(e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ledger.Read(name, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ledger.Entry{}, "At")); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if late, err := ledger.Read(name, got[2].At); err != nil || len(late) != 2 {
		t.Errorf("entries from the third on: %v, %v, want two", late, err)
	}
}

func TestDamagedLedgerIsNoEmptyOne(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(name, []byte("{\"event\":\"beg"), 0o600); err != nil {
		t.Fatal(err)
	}
	if entries, err := ledger.Read(name, time.Time{}); err == nil {
		t.Errorf("half a line is read as %v, want an error", entries)
	}
}
