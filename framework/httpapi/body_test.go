package httpapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/funchost/funchost/framework/httpapi"
)

func TestReadJSONRefusesWhatIsNotOneValue(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	for _, tc := range []struct {
		name, body, kind string
		status           int // zero is accepted
		says             string
	}{
		{"object", `{"a":1}`, "application/json", 0, ""},
		{"media type with parameters", `1`, "Application/JSON; charset=UTF-8", 0, ""},
		{"media type of a format on JSON", `1`, "application/vnd.x+json", 0, ""},
		{"no media type", `1`, "", 0, ""},
		{"64 levels", deep, "", 0, ""},
		{"brackets in a string", `"` + strings.Repeat("[", 100) + `\"["`, "", 0, ""},
		{"65 levels", "[" + deep + "]", "", 400, "line 1, column 65"},
		{"text", `1`, "text/plain", 415, `"text/plain"`},
		{"form", `a=1`, "application/x-www-form-urlencoded", 415, "application/json"},
		{"other character set", `1`, "application/json; charset=latin1", 415, "latin1"},
		{"media type that is none", `1`, "json", 415, `"json"`},
		{"wrong character", "{\n  \"a\": x}", "", 400, "line 2, column 8"},
		{"half an object", `{"a":`, "", 400, "line 1, column 5"},
		{"two values", `{} {}`, "", 400, "line 1, column 4"},
		{"a byte that is no text", "{\n  \"a\": \"\xff\"}", "", 400, "not UTF-8: line 2, column 9"},
		{"the character for what is no text", "\"\uFFFD\"", "", 0, ""},
		{"too large", `"` + strings.Repeat("a", httpapi.MaxBody-1) + `"`, "", 413, "1048576"},
		{"as large as can be", `"` + strings.Repeat("a", httpapi.MaxBody-2) + `"`, "", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
			if tc.kind != "" {
				r.Header.Set("Content-Type", tc.kind)
			}
			body, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
			if tc.status == 0 {
				if err != nil || string(body) != tc.body {
					t.Errorf("got %.50q, %v", body, err)
				}
				return
			}
			refusal, ok := errors.AsType[*httpapi.Error](err)
			if !ok || refusal.Status != tc.status || !strings.Contains(refusal.Message, tc.says) {
				t.Errorf("got %v, want %d with %q", err, tc.status, tc.says)
			}
		})
	}
}

func TestReadJSONTakesNothingForNil(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \r\n\t"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
		r.Header.Set("Content-Type", "text/plain") // there is nothing that could be of another type
		if body, err := httpapi.ReadJSON(httptest.NewRecorder(), r); body != nil || err != nil {
			t.Errorf("%q: %q, %v, want nil", text, body, err)
		}
	}
}

func TestBodyThatBreaksOffIsTheCallersFault(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("[1,"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	_, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
	if refusal, ok := errors.AsType[*httpapi.Error](err); !ok || refusal.Status != 400 {
		t.Errorf("got %v, want 400", err)
	}
}

func TestDecodeJSONNamesThePlace(t *testing.T) {
	t.Parallel()
	type order struct {
		ID    string
		Items []struct{ Count uint8 }
	}
	for body, want := range map[string]string{
		`[]`:                               "want an object",
		`{"ID": 1}`:                        `field "ID": got a JSON number, want a string`,
		"{\n \"Items\": [{\"Count\":-1}]}": `line 2`,
		`{"Items": [{"Count":256}]}`:       "a whole number that fits uint8",
		`{"Items": {}}`:                    "want an array",
	} {
		err := httpapi.DecodeJSON([]byte(body), new(order))
		refusal, ok := errors.AsType[*httpapi.Error](err)
		if !ok || refusal.Status != 400 || !strings.Contains(refusal.Message, want) {
			t.Errorf("%s: got %v, want 400 with %q", body, err, want)
		}
	}
	var o order
	if err := httpapi.DecodeJSON([]byte(`{"ID":"7","extra":true}`), &o); err != nil || o.ID != "7" {
		t.Errorf("got %+v, %v, want fields that are not known passed over", o, err)
	}
}

func TestHalfACharacterIsRefusedWhereTextIsRead(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`"\ud83d\ude00 \n \" \\ud800 \u00e4"`: "",
		`"\ufffd"`:                            "",
		`{"a": "\ud800"}`:                     `line 1, column 8: \ud800 stands alone`,
		`["\udfff"]`:                          `\udfff stands alone`,
		`"\ude00\ud83d"`:                      `\ude00 stands alone`,
		`"\uD83D\ud83d\ude00"`:                `column 2: \uD83D stands alone`,
		`{"\ud83d\n": 1}`:                     `\ud83d stands alone`,
		`"\\\ud83d"`:                          `column 4`,
	} {
		var v any
		err := httpapi.DecodeJSON([]byte(body), &v)
		refusal, ok := errors.AsType[*httpapi.Error](err)
		if says == "" && err != nil || says != "" && (!ok || refusal.Status != 400 || !strings.Contains(refusal.Message, says)) {
			t.Errorf("%s: %v, want %q", body, err, says)
		}
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add("application/json", `{"a":[1,"\"]"]}`)
	f.Add("", "\xff")
	f.Add("application/json;", "[[[[")
	f.Add("a/b;c=\"", `"\`)
	f.Add("application/x+json; charset=utf-8", "null\n\n1")
	f.Fuzz(func(t *testing.T, kind, text string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
		r.Header["Content-Type"] = []string{kind}
		body, err := httpapi.ReadJSON(httptest.NewRecorder(), r)
		if err != nil {
			if refusal, ok := errors.AsType[*httpapi.Error](err); !ok || refusal.Status < 400 || refusal.Status > 499 || refusal.Message == "" {
				t.Errorf("error %v, want one with a code of the caller's", err)
			}
			return
		}
		if body != nil && !json.Valid(body) {
			t.Errorf("accepted %q", body)
		}
		var v struct {
			A []int
			B map[string]bool
		}
		if body != nil {
			if err := httpapi.DecodeJSON(body, &v); err != nil {
				if _, ok := errors.AsType[*httpapi.Error](err); !ok {
					t.Errorf("error %v, want an *Error", err)
				}
			}
		}
	})
}

// FuzzRoutes sends any verb, path and query through the router to a scheduler
// that is away: whatever comes must be refused with a code, and never be a crash.
func FuzzRoutes(f *testing.F) {
	f.Add("GET", "/instances/a", "showInput=true&top=1")
	f.Add("POST", "/instances/a%2Fb/raiseEvent/%7Bx%7D", "taskHub=default")
	f.Add("DELETE", "/instances", "createdTimeFrom=2000-01-01T00:00:00%2B01:00&runtimeStatus=,")
	f.Add("GET", "/instances", "top=-9999999999999999999999&createdTimeTo=0001-01-01")
	f.Add("POST", "/orchestrators/%00/@", "timeout=1e308&pollingInterval=-0")
	f.Add("POST", "//", ";;&=%zz")
	api := httpapi.New(unreachable(f), httpapi.Config{})
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r, err := http.NewRequest(method, "http://localhost"+httpapi.BasePath+path+"?"+query, nil)
		if err != nil {
			t.Skip()
		}
		r.Body = http.NoBody
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code < 400 || w.Code == http.StatusInternalServerError {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
