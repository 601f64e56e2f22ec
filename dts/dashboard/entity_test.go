package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
)

func TestEntitiesAreListedAndShown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		const entities = "/hubs/default/entities"
		w.get(entities).want(t, http.StatusOK, "No entity yet.")
		for _, id := range []dts.EntityID{{Name: "Cart", Key: "ana"}, {Name: "cart", Key: "a/b"}, {Name: "cart"}} {
			if err := w.Signal(t.Context(), id, "add", []byte(`{"n":1}`)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		w.begin("lock", "a-1", "1")
		all := w.get(entities)
		all.want(t, http.StatusOK, "3 entities", "ana cart", "a/b cart", "empty cart")
		w.follow(all, "a/b").want(t, http.StatusOK, "a/b entity cart", "Id @cart@a/b", `State { "n": 1 }`, "Operations that wait 0")
		w.get(entities+"?name=CART&prefix=a").want(t, http.StatusOK, "2 entities")
		w.get(entities+"?name=nothing").want(t, http.StatusOK, "No entity matches the filter.")
		w.get(entities+"?stateless=yes").want(t, http.StatusOK, "4 entities", "locked cart", "a-1")
		w.get(entities+"?prefix=a").want(t, http.StatusBadRequest, "KeyPrefix needs a Name")
		w.get(entities+"?page=nonsense").want(t, http.StatusBadRequest, "This page of the list is gone")
		want := []string{"/hubs/default/entity?id=%40cart%40a%2Fb"}
		if diff := cmp.Diff(want, all.links("a/b")); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
	})
}

func TestPagesOfEntitiesAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		const many = 130
		for i := range many {
			id := dts.EntityID{Name: "cart", Key: strings.Repeat("k", 1+i%60) + time.Duration(i).String()}
			if err := w.Signal(t.Context(), id, "add", []byte("1")); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		seen := make(map[string]bool)
		a := w.get("/hubs/default/entities?name=cart")
		for {
			a.want(t, http.StatusOK)
			for _, id := range ids(a) {
				seen[id] = true
			}
			if len(a.links("Next page")) == 0 {
				break
			}
			a = w.follow(a, "Next page")
		}
		if len(seen) != many {
			t.Errorf("all pages have %d entities, want %d", len(seen), many)
		}
		if first := w.follow(a, "First page"); len(ids(first)) == 0 {
			t.Error("the first page is empty")
		}
	})
}
