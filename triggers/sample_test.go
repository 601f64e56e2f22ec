package triggers

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

func TestSampleHasSomethingInEveryField(t *testing.T) {
	t.Parallel()
	type item struct {
		Name  string    `json:"name"`
		Price float64   `json:"price"`
		Since time.Time `json:"since"`
		_     int
	}
	type order struct {
		Items  []item         `json:"items"`
		Buyer  *string        `json:"buyer"`
		Counts map[string]int `json:"counts"`
		Gift   bool           `json:"gift"`
	}
	type list struct {
		Next *list `json:"next,omitempty"`
	}
	for _, test := range []struct {
		name string
		of   reflect.Type
		want string
	}{
		{"a list", reflect.TypeFor[[]string](), `["text"]`},
		{"a number", reflect.TypeFor[int](), `1`},
		{"nested values", reflect.TypeFor[order](), `{"items":[{"name":"text","price":1,"since":"0001-01-01T00:00:00Z"}],"buyer":"text","counts":{"text":1},"gift":true}`},
		{"a type that contains itself", reflect.TypeFor[list](), `{"next":{"next":{}}}`},
		{"JSON as it is", reflect.TypeFor[json.RawMessage](), ``},
		{"no input", reflect.TypeFor[durable.None](), ``},
		{"anything", reflect.TypeFor[any](), ``},
		{"what has no JSON", reflect.TypeFor[func()](), ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(sample(test.of)); got != test.want {
				t.Errorf("sample of %v is %s, want %s", test.of, got, test.want)
			}
		})
	}
}
