package worker

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
)

func TestVersionsCompareLikeThoseOfTheSDKs(t *testing.T) {
	t.Parallel()
	// Each is older than the next; those in one line are equal.
	order := [][]string{{""}, {"1", "1.0", "1.0.0.0", "01"}, {"1.2"}, {"1.10"}, {"2"}, {"10"}}
	for i, older := range order {
		for j, newer := range order {
			for _, a := range older {
				for _, b := range newer {
					got := compareVersions(a, b)
					if want := min(max(i-j, -1), 1); got != want {
						t.Errorf("compareVersions(%q, %q) = %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"1.0-beta", "1.0-BETA", 0}, {"next", "V2", -1}, {"1.2.3.4.5", "1.2.3.4.5", 0}, {"2", "1.0.0.0.0", 1}, {"-1", "1", -1}} {
		if got := compareVersions(tt.a, tt.b); got != tt.want {
			t.Errorf("compareVersions(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestFiltersAskForTheVersionsThatAreTaken(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	orchestrator := func(*Context, []byte) ([]byte, error) { return nil, nil }
	activity := func(context.Context, []byte) ([]byte, error) { return nil, nil }
	for name, versions := range map[string][]string{"plain": {""}, "some": {"1", "2", "3"}, "mixed": {"", "3"}, "funchost.own": {""}} {
		for _, v := range versions {
			if err := r.OrchestratorVersion(name, v, orchestrator); err != nil {
				t.Fatal(err)
			}
			if err := r.ActivityVersion(name, v, activity); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		v    Versioning
		want string
	}{
		{"any", Versioning{Version: "2"}, "funchost.own[] mixed[,3] plain[] some[1,2,3]"},
		{"strict", Versioning{Version: "2", Match: MatchStrict}, "funchost.own[] plain[2] some[2]"},
		{"strict, others fail", Versioning{Version: "2", Match: MatchStrict, Fail: true}, "funchost.own[] mixed[] plain[] some[]"},
		{"any, others fail", Versioning{Fail: true}, "funchost.own[] mixed[] plain[] some[]"},
		{"older ones too", Versioning{Version: "2", Match: MatchCurrentOrOlder}, "funchost.own[] mixed[] plain[] some[1,2]"},
		{"strict, without a version", Versioning{Match: MatchStrict}, "funchost.own[] mixed[] plain[]"},
	} {
		f := r.filters(tt.v)
		var orchestrations, activities []string
		for _, o := range f.GetOrchestrations() {
			orchestrations = append(orchestrations, o.GetName()+"["+strings.Join(o.GetVersions(), ",")+"]")
		}
		for _, a := range f.GetActivities() {
			activities = append(activities, a.GetName()+"["+strings.Join(a.GetVersions(), ",")+"]")
		}
		if got := strings.Join(orchestrations, " "); got != tt.want {
			t.Errorf("%s: orchestrations %s, want %s", tt.name, got, tt.want)
		}
		if diff := cmp.Diff(orchestrations, activities); diff != "" {
			t.Errorf("%s: activities differ (-orchestrations +activities):\n%s", tt.name, diff)
		}
	}
	if got := r.filters(Versioning{Match: MatchStrict}).GetOrchestrations()[1].GetVersions(); len(got) != 1 || got[0] != "" {
		t.Errorf("without a version mixed asks for %q, want the empty version and not all", got)
	}
}

// versioned starts a worker with an orchestrator and an activity that say who they are;
// that of a name that ends so has another function for version 3.
func versioned(t *testing.T, s *dtstest.Scheduler, who string, v Versioning) {
	t.Helper()
	r := NewRegistry()
	if err := r.Orchestrator("o", func(ctx *Context, _ []byte) ([]byte, error) {
		by, err := ctx.Activity("a", nil, ActivityOptions{}).Await()
		return []byte(who + "," + string(by)), err
	}); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(who, "a third") {
		third := func(*Context, []byte) ([]byte, error) { return []byte("third"), nil }
		if err := r.OrchestratorVersion("o", "3", third); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Activity("a", func(ctx context.Context, _ []byte) ([]byte, error) {
		info, _ := ActivityInfoFrom(ctx)
		return []byte(who + "/" + info.Version), nil
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- New(s.Client(), r, WithVersioning(v)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	time.Sleep(time.Second) // of the bubble: it is connected
}

func TestWorkerTakesTheVersionsThatMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		workers map[string]Versioning
		want    map[string]string // by version of the instance
	}{
		{
			"strict",
			map[string]Versioning{"one": {Version: "1", Match: MatchStrict}, "two": {Version: "2", Match: MatchStrict}},
			map[string]string{"1": "one,one/1", "2": "two,two/2", "3": "Pending", "": "Pending"},
		}, {
			"current or older",
			map[string]Versioning{"two": {Version: "2.0", Match: MatchCurrentOrOlder}},
			map[string]string{"": "two,two/", "1.9": "two,two/1.9", "2": "two,two/2", "2.1": "Pending"},
		}, {
			"current or older, others fail",
			map[string]Versioning{"two": {Version: "2.0", Match: MatchCurrentOrOlder, Fail: true}},
			map[string]string{"1": "two,two/1", "2.1": `VersionMismatch: version "2.1" of "o" is newer than version "2.0" of the worker`},
		}, {
			"strict, others fail",
			map[string]Versioning{"two": {Version: "2", Match: MatchStrict, Fail: true}},
			map[string]string{"2": "two,two/2", "": `VersionMismatch: version "" of "o" does not match version "2" of the worker`},
		}, {
			"any",
			map[string]Versioning{"two": {Version: "2"}},
			map[string]string{"": "two,two/", "7": "two,two/7"},
		}, {
			"any, with a function for one version",
			map[string]Versioning{"two, and a third": {Version: "2"}},
			map[string]string{"": "two, and a third,two, and a third/", "3": "third", "7": "Pending"},
		}, {
			"any, with a function for one version, others fail",
			map[string]Versioning{"two, and a third": {Version: "2", Fail: true}},
			map[string]string{"3": "third", "7": `OrchestratorTaskNotFound: version "7" of orchestrator "o" is not registered in this worker`},
		}, {
			"strict, with a function for one version, others fail",
			map[string]Versioning{"two, and a third": {Version: "2", Match: MatchStrict, Fail: true}},
			map[string]string{
				"2": `OrchestratorTaskNotFound: version "2" of orchestrator "o" is not registered in this worker`,
				"7": `VersionMismatch: version "7" of "o" does not match version "2" of the worker`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dtstest.Start(t)
				for who, v := range tt.workers {
					versioned(t, s, who, v)
				}
				ids := make(map[string]string)
				for version := range tt.want {
					id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "o", Version: version})
					if err != nil {
						t.Fatal(err)
					}
					ids[version] = id
				}
				time.Sleep(time.Minute)
				for version, want := range tt.want {
					i, err := s.Client().Instance(t.Context(), ids[version])
					if err != nil {
						t.Fatal(err)
					}
					got := string(i.Output)
					if i.Failure != nil {
						got = i.Failure.Error()
					} else if i.Status != dts.StatusCompleted {
						got = i.Status.String()
					}
					if got != want {
						t.Errorf("version %q: %s, want %s", version, got, want)
					}
				}
			})
		})
	}
}

func TestSubOrchestrationGetsTheDefaultVersionOfTheWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dtstest.Start(t)
		r := NewRegistry()
		none := ""
		if err := r.Orchestrator("child", func(ctx *Context, _ []byte) ([]byte, error) { return []byte(ctx.Version()), nil }); err != nil {
			t.Fatal(err)
		}
		if err := r.Orchestrator("o", func(ctx *Context, _ []byte) ([]byte, error) {
			a, err := ctx.Orchestration("child", nil, OrchestrationOptions{}).Await()
			if err != nil {
				return nil, err
			}
			b, err := ctx.Orchestration("child", nil, OrchestrationOptions{Version: &none}).Await()
			return []byte("default " + string(a) + ", asked for none " + string(b)), err
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- New(s.Client(), r, WithVersioning(Versioning{Default: "5"})).Run(ctx) }()
		defer func() {
			cancel()
			<-ended
		}()
		id, err := s.Client().Start(t.Context(), dts.StartRequest{Name: "o", Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		end, err := s.Client().Wait(t.Context(), id)
		if want := "default 5, asked for none "; err != nil || string(end.Output) != want {
			t.Errorf("versions of the children: %s, %v, want %s", end.Output, err, want)
		}
	})
}
