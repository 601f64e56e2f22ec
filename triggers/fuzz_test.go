package triggers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/funchost/funchost/framework/httpapi"
)

// FuzzInput reads any body as inputs of several types: it fits or it is refused
// with a code of the caller's, and never crashes.
func FuzzInput(f *testing.F) {
	f.Add("application/json", `{"ID":"7","Cents":1}`)
	f.Add("", `1e400`)
	f.Add("application/json", `["\ud800"]`)
	f.Add("text/json", "\xff\xfe")
	f.Add("application/json", `{"Next":{"Next":{"Next":null}}}`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		type node struct {
			ID    string
			Cents int8
			Next  *node
		}
		refused := func(err error) {
			refusal, ok := errors.AsType[*httpapi.Error](err)
			if err != nil && (!ok || refusal.Status < 400 || refusal.Status > 499 || refusal.Message == "") {
				t.Errorf("error %v, want one with a code of the caller's", err)
			}
		}
		request := func() (http.ResponseWriter, *http.Request) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header["Content-Type"] = []string{kind}
			return httptest.NewRecorder(), r
		}
		_, err := readInput[node](request())
		refused(err)
		_, err = readInput[[]string](request())
		refused(err)
		_, err = readInput[any](request())
		refused(err)
		_, err = readInput[float32](request())
		refused(err)
	})
}
