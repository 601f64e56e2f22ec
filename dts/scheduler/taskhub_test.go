package scheduler_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// TestDeletedHubStaysEmptyAfterAPowerCut: a hub that was deleted, and one of the
// same name that was used afterwards, are as they were acknowledged.
func TestDeletedHubStaysEmptyAfterAPowerCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		ctx := t.Context()
		for i := range 3 {
			other, err := dts.Dial(dts.ConnectionString{TaskHub: "other"}, dts.WithConn(s.Conn()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Start(ctx, dts.StartRequest{Name: "orc", ID: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
			s.Crash()
			if err := other.DeleteHub(ctx); err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				s.Crash()
			}
			if _, err := other.Instance(ctx, fmt.Sprint(i)); !errors.Is(err, dts.ErrNotFound) {
				t.Errorf("round %d: got %v, want ErrNotFound", i, err)
			}
			for in, err := range other.Instances(ctx, dts.Query{}) {
				t.Errorf("round %d: there is %v, %v", i, in, err)
			}
		}
	})
}
