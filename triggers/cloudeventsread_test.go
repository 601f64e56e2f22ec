package triggers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/httpapi"
)

// FuzzEvents reads any request as events and any event as inputs of several types:
// it is valid or it is refused with a code of the sender's, and nothing crashes.
func FuzzEvents(f *testing.F) {
	const valid = `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":[1]}}`
	f.Add("application/cloudevents+json", "", "", valid)
	f.Add("application/cloudevents-batch+json", "", "", "["+valid+"]")
	f.Add("application/cloudevents+json; charset=utf-8", "", "", `{"data_base64":5,"specversion":"1.0","id":"1","source":"/s","type":"t"}`)
	f.Add("application/cloudevents+json", "", "", `{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"0000-00-00","":null,"x":1e999}`)
	f.Add("application/cloudevents+json", "", "", `{"specversion":"1\u002e0","id":"\ud800","source":"//[::1","type":"t","dataschema":"%","datacontenttype":";;","data":"x"}`)
	f.Add("application/json", "Ce-Subject", `"%e2%82%ac\"`, `{}`)
	f.Add("text/plain", "Ce-", "%", "x")
	f.Add("", "Ce-Time", "%00", "")
	f.Add("a/b+xml;charset", "Ce-Dataschema", "%zz", "\xff")
	f.Fuzz(func(t *testing.T, kind, name, value, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {kind}}
		if name != "" {
			for required, value := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "/s", "Ce-Type": "t"} {
				r.Header.Set(required, value)
			}
			r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		}
		refused := func(err error) bool {
			refusal, ok := errors.AsType[*httpapi.Error](err)
			if err != nil && (!ok || refusal.Status < 400 || refusal.Status > 499 || refusal.Message == "") {
				t.Errorf("error %v, want one with a code of the sender's", err)
			}
			return err != nil
		}
		events, _, err := readEvents(httptest.NewRecorder(), r)
		if refused(err) {
			return
		}
		for _, e := range events {
			if e.ID == "" || e.Source == "" || e.Type == "" || httpapi.CheckID(e.instanceID("o")) != nil {
				t.Errorf("event %+v with the id %q", e, e.instanceID("o"))
			}
			var (
				text  string
				bytes []byte
				whole durable.CloudEvent[map[string]int]
				node  struct{ A []int8 }
			)
			for _, target := range []any{&text, &bytes, &whole, &node} {
				refused(e.decode(target))
			}
		}
	})
}
