package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode"

	"github.com/funchost/funchost/dts"
)

// emptyKey stands for the empty key, which no path segment can be.
const emptyKey = "$"

// deleteOperation ends an entity; every entity has it.
const deleteOperation = "delete"

// entity is an entity as the API shows it. Field names and order are Azure's.
type entity struct {
	ID struct {
		Name string `json:"name"`
		Key  string `json:"key"`
	} `json:"entityId"`
	Modified string          `json:"lastOperationTime"`
	State    json.RawMessage `json:"state"` // null unless asked for
}

func entityOf(e *dts.Entity) entity {
	var out entity
	out.ID.Name, out.ID.Key = e.ID.Name, e.ID.Key
	out.Modified = e.Modified.UTC().Format(timeLayout)
	out.State = value(e.State)
	return out
}

// entityID reads the entity that the open segments name.
func entityID(c *call) (dts.EntityID, error) {
	id := dts.EntityID{Name: c.args[0], Key: c.args[1]}
	if id.Key == emptyKey {
		id.Key = ""
	}
	if strings.ContainsAny(id.Key, `/\#?`) || strings.ContainsFunc(id.Key, unicode.IsControl) {
		return id, badRequest("entity key %q: / \\ # ? and control characters are not allowed", id.Key)
	}
	if err := id.Check(); err != nil {
		return id, badRequest("%v", err)
	}
	return id, nil
}

func (a *API) listEntities(c *call) error {
	q := dts.EntityQuery{
		ModifiedFrom: c.query.time("lastOperationTimeFrom"),
		ModifiedTo:   c.query.time("lastOperationTimeTo"),
		State:        c.query.bool("fetchState", false),
		PageSize:     min(c.query.positive("top", defaultPage), maxPage),
	}
	if c.query.err != nil {
		return c.query.err
	}
	if len(c.args) > 0 {
		q.Name = c.args[0]
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	ctx, cancel := c.context()
	defer cancel()
	page, next, err := a.client.EntityPage(ctx, q, token)
	if err != nil {
		return err
	}
	list := make([]entity, len(page))
	for i, e := range page {
		list[i] = entityOf(e)
	}
	c.setToken(next)
	writeJSON(c.w, http.StatusOK, list)
	return nil
}

func (a *API) entityState(c *call) error {
	id, err := entityID(c)
	if err != nil {
		return err
	}
	ctx, cancel := c.context()
	defer cancel()
	e, err := a.client.Entity(ctx, id)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, value(e.State))
	return nil
}

// signalEntity signals the operation that the query names. A body that is not
// JSON by its media type is text.
func (a *API) signalEntity(c *call) error {
	body, err := readBody(c.w, c.r)
	switch {
	case err != nil:
		return err
	case body == nil:
	case IsJSON(c.r.Header.Get("Content-Type")):
		if err := CheckJSON(body); err != nil {
			return err
		}
	default:
		if err := checkUTF8(body); err != nil {
			return err
		}
		body = text(string(body))
	}
	return a.signal(c, c.query.text("op"), body)
}

func (a *API) deleteEntity(c *call) error { return a.signal(c, deleteOperation, nil) }

// signal answers 202 when the scheduler has the signal. Nobody asks whether the
// entity exists: its first operation makes it.
func (a *API) signal(c *call, op string, payload []byte) error {
	id, err := entityID(c)
	if err != nil {
		return err
	}
	ctx, cancel := c.context()
	defer cancel()
	if err := a.client.Signal(ctx, id, op, payload); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
