package durabletest_test

import (
	"path/filepath"
	"testing"

	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestSavedHistoryIsReplayed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trip.json")
	app := framework.New("trips").Add(functions()...)
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(app)
		run := durabletest.Start(e, trip, "Rome", durable.ID("t-1"), durable.Tag("class", "2"))
		run.Save(file)
		durabletest.Raise(e, leave, run.ID, "now")
		run.Result()
		durabletest.ReplayInstance(e, app, e.Client(), run.ID)
	})
	durabletest.Replay(t, app, file)
}

// The history in testdata is of the functions of this test as they were when it was
// written. It is there to fail when a change of the library breaks instances that are
// under way.
func TestHistoryOfAnEarlierReleaseIsReplayed(t *testing.T) {
	t.Parallel()
	durabletest.Replay(t, framework.New("trips").Add(functions()...), "testdata/trip.json")
}
