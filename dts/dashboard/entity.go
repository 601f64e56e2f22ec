package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/funchost/funchost/dts"
)

// isEntity reports whether an id is that of an entity.
func isEntity(id string) bool {
	_, err := dts.ParseEntityID(id)
	return strings.HasPrefix(id, "@") && err == nil
}

type entitiesPage struct {
	frame

	Name, Prefix string
	Stateless    bool
	Mistake      string

	Rows        []*dts.Entity
	First, Next string
}

// entities lists the entities that the address selects.
func (v *visit) entities(ctx context.Context) error {
	q := v.r.URL.Query()
	page := entitiesPage{frame: v.frame("entities"), Name: q.Get("name"), Prefix: q.Get("prefix"), Stateless: q.Get("stateless") != ""}
	page.Title = "Entities"
	token := q.Get("page")
	rows, next, err := v.client.EntityPage(ctx, dts.EntityQuery{Name: page.Name, KeyPrefix: page.Prefix, Stateless: page.Stateless}, token)
	switch {
	case errors.Is(err, dts.ErrInvalid) && token != "":
		return &refusal{http.StatusBadRequest, "This page of the list is gone", "Begin again with the first one. " + err.Error()}
	case errors.Is(err, dts.ErrInvalid):
		page.Mistake = err.Error()
		v.show(http.StatusBadRequest, "entities", page)
		return nil
	case err != nil:
		return err
	}
	page.Rows = rows
	values := make(url.Values)
	for key, text := range map[string]string{"name": page.Name, "prefix": page.Prefix, "stateless": q.Get("stateless")} {
		if text != "" {
			values.Set(key, text)
		}
	}
	if token != "" {
		page.First = v.hub.at("entities", values)
	}
	if next != "" {
		values.Set("page", next)
		page.Next = v.hub.at("entities", values)
	}
	page.Refresh = refreshEvery.Milliseconds()
	v.show(http.StatusOK, "entities", page)
	return nil
}

type entityPage struct {
	frame

	*dts.Entity

	StateText *payload
}

// entity shows one entity.
func (v *visit) entity(ctx context.Context) error {
	id, err := dts.ParseEntityID(v.r.URL.Query().Get("id"))
	if err != nil {
		return &refusal{http.StatusBadRequest, "That is no id of an entity", err.Error()}
	}
	found, err := v.client.Entity(ctx, id)
	if errors.Is(err, dts.ErrNotFound) {
		return &refusal{
			http.StatusNotFound, "There is no such entity",
			visible(id.String()) + " has no state: it was never there, was deleted, or has not done its first operation.",
		}
	}
	if err != nil {
		return err
	}
	page := entityPage{frame: v.frame("entities"), Entity: found}
	page.Title = id.String()
	page.StateText = show(found.State, v.hub.at("payload", url.Values{"entity": {id.String()}}), wholePage).indent()
	page.Refresh = refreshEvery.Milliseconds()
	v.show(http.StatusOK, "entity", page)
	return nil
}
