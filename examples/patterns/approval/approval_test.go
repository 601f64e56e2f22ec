package approval_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/examples/patterns/approval"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var chair = approval.Purchase{What: "chair"}

func newApp() *framework.App {
	return framework.New("purchases").Add(approval.Functions()...).On(approval.Routes()...)
}

func TestFirstDecisionCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		after time.Duration
		says  approval.Decision
		asked []string
	}{
		{"of the team, which says yes", time.Hour, approval.Decision{By: "ana", Granted: true}, []string{"team"}},
		{"of the team, which says no", time.Hour, approval.Decision{By: "ana"}, []string{"team"}},
		{"that comes at once", 0, approval.Decision{By: "ana", Granted: true}, []string{"team"}},
		{"of the boss after a day", 25 * time.Hour, approval.Decision{By: "eve", Granted: true}, []string{"team", "boss"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			durabletest.Run(t, func(e *durabletest.Env) {
				e.ServeApp(newApp())
				id := e.Post("/api/purchases", chair).ID()
				e.Sleep(tt.after)
				for _, says := range []approval.Decision{tt.says, {By: "late"}} {
					if r := e.Post("/api/purchases/"+id+"/decision", says); r.Status != http.StatusAccepted {
						e.Errorf("answer to a decision is %s, want 202", r)
					}
				}
				if got := durabletest.Instance(e, approval.Approve, id).Result(); got != tt.says {
					e.Errorf("got %+v, want %+v", got, tt.says)
				}
				var asked []string
				for _, p := range durabletest.Calls(e, approval.Ask) {
					asked = append(asked, p.Ask)
				}
				if diff := cmp.Diff(tt.asked, asked); diff != "" {
					e.Errorf("asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestPurchaseThatNobodyDecidesEndsAfterTwoDays(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.Serve(approval.Functions()...)
		began := time.Now()
		if got, want := durabletest.Start(e, approval.Approve, chair).Result(), (approval.Decision{By: "nobody"}); got != want {
			e.Errorf("got %+v, want %+v", got, want)
		}
		if took := time.Since(began).Round(time.Hour); took != 48*time.Hour {
			e.Errorf("took %v, want 48h", took)
		}
	})
}

func TestDecisionThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		e.ServeApp(newApp())
		for path, want := range map[string]int{
			"/api/purchases/nobody/decision":                                       http.StatusNotFound,
			"/api/purchases/" + e.Post("/api/purchases", chair).ID() + "/decision": http.StatusBadRequest,
		} {
			body := `{"by":"ana"}`
			if want == http.StatusBadRequest {
				body = `yes`
			}
			if r := e.Post(path, body); r.Status != want {
				e.Errorf("answer to %s is %s, want %d", body, r, want)
			}
		}
	})
}
