package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

// lasting marks an error as permanent and says nothing else.
type lasting struct{ error }

func (e lasting) Unwrap() error    { return e.error }
func (lasting) NonRetriable() bool { return true }

func TestWrappedErrorsAreInnerFailures(t *testing.T) {
	t.Parallel()
	path := &fs.PathError{Op: "open", Path: "a", Err: fs.ErrNotExist}
	for _, tt := range []struct {
		name string
		err  error
		want []string // the failure and its inner ones
	}{
		{"alone", declined{}, []string{"worker.declined: card declined"}},
		{
			"wrapped twice", fmt.Errorf("top: %w", fmt.Errorf("mid: %w", declined{})),
			[]string{"worker.declined: top: mid: card declined", "worker.declined: mid: card declined", "worker.declined: card declined"},
		},
		{
			"of the standard library", fmt.Errorf("read: %w", path),
			[]string{"fs.PathError: read: open a: file does not exist", "fs.PathError: open a: file does not exist", "errors.errorString: file does not exist"},
		},
		{
			"joined", errors.Join(declined{}, path),
			[]string{"errors.joinError: card declined\nopen a: file does not exist", "worker.declined: card declined"},
		},
		{"marked", lasting{errors.New("no")}, []string{"errors.errorString: no (for good)"}},
		{
			"marked in the middle", fmt.Errorf("pay: %w", lasting{fmt.Errorf("card: %w", declined{})}),
			[]string{"worker.declined: pay: card: card declined (for good)", "worker.declined: card: card declined (for good)", "worker.declined: card declined"},
		},
		{
			"around a failure", fmt.Errorf("top: %w", fmt.Errorf("mid: %w", &dts.Failure{Type: "T", Message: "m"})),
			[]string{"T: top: mid: T: m", "T: m"},
		},
		{
			"joined with a failure", errors.Join(declined{}, &dts.Failure{Type: "T", Message: "m"}),
			[]string{"errors.joinError: card declined\nT: m", "T: m"},
		},
	} {
		var got []string
		for f := failure(tt.err); f != nil; f = f.Inner {
			line := f.Type + ": " + f.Message
			if f.NonRetriable {
				line += " (for good)"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestInnerFailuresHaveAnEnd(t *testing.T) {
	t.Parallel()
	err := errors.New(strings.Repeat("x", maxMessage))
	for range 100 {
		err = fmt.Errorf("again: %w", err)
	}
	n, size := 0, 0
	for f := details(err); f != nil; f = f.InnerFailure {
		n, size = n+1, size+len(f.GetErrorMessage())
	}
	if n != 1+maxCauses || size > (n+1)*maxMessage {
		t.Errorf("%d failures with %d bytes, want %d", n, size, 1+maxCauses)
	}
}
