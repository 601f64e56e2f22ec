package interop

import (
	"context"
	"testing"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

// TestForeignWorkerKeepsToItsVersion shows both ways in which a worker of version
// 1.0 leaves other versions alone: by filters it is never asked, without them it
// hands the work back. Either way another worker gets it.
func TestForeignWorkerKeepsToItsVersion(t *testing.T) {
	t.Parallel()
	eachSDK(t, func(t *testing.T, s sdk, sched *dtstest.Scheduler) {
		for name, flags := range map[string][]string{"by-filters": {"strict", "filters"}, "by-rejection": {"strict"}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.scenario(t, versioning)
				c, ctx := sched.Connect(name), inTime(t)
				strict := s.start(t, sched, name, "worker", flags...)
				var others []string
				for _, version := range []string{"", "2.0"} {
					others = append(others, greet(ctx, t, c, s, version))
				}
				same, err := c.Wait(ctx, greet(ctx, t, c, s, "1.0"))
				if err != nil || same.Status != dts.StatusCompleted {
					t.Errorf("the instance of its version is %+v, error %v", same, err)
				}
				for _, id := range others {
					if in, err := c.Instance(ctx, id); err != nil || in.Status != dts.StatusPending {
						t.Errorf("the instance of another version is %+v, error %v", in, err)
					}
				}
				strict.kill()
				s.start(t, sched, name, "worker")
				for _, id := range others {
					if in, err := c.Wait(ctx, id); err != nil || in.Status != dts.StatusCompleted {
						t.Errorf("with a worker for all versions it is %+v, error %v", in, err)
					}
				}
			})
		}
	})
}

// greet starts an orchestration that calls an activity, which runs under the
// version of the orchestration.
func greet(ctx context.Context, t *testing.T, c *dts.Client, s sdk, version string) (id string) {
	t.Helper()
	id, err := c.Start(ctx, dts.StartRequest{Name: s.name + "-sequence", Input: []byte(`["Ana"]`), Version: version})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
