package dashboard

import (
	"net/url"
	"strconv"
)

// address is a hub as its pages are addressed. Ids travel in the query, where
// nothing takes a slash, dots or a percent sign in them for a path.
type address string

func (hub address) at(page string, values url.Values) string {
	text := "/hubs/" + url.PathEscape(string(hub)) + "/" + page
	if len(values) > 0 {
		text += "?" + values.Encode()
	}
	return text
}

// Instances is the list of orchestrations.
func (hub address) Instances() string { return hub.at("instances", nil) }

// Entities is the list of entities.
func (hub address) Entities() string { return hub.at("entities", nil) }

// Instance is the page of an orchestration.
func (hub address) Instance(id string) string { return hub.at("instance", url.Values{"id": {id}}) }

// InstanceFrom is that page with the history from an entry on.
func (hub address) InstanceFrom(id string, entry int) string {
	return hub.at("instance", url.Values{"id": {id}, "from": {strconv.Itoa(entry)}})
}

// Entity is the page of an entity; the id is written @name@key.
func (hub address) Entity(id string) string { return hub.at("entity", url.Values{"id": {id}}) }

// Other is the page of whatever has the id.
func (hub address) Other(id string) string {
	if isEntity(id) {
		return hub.Entity(id)
	}
	return hub.Instance(id)
}

// Act is where an action is asked for, and where its form goes. The id is not in
// the form: browsers send a line break in a field as two characters.
func (hub address) Act(action, id string) string {
	return hub.at("act/"+action, url.Values{"id": {id}})
}

// done is page with the news that an action was carried out.
func (hub address) done(action, id string) string {
	if id == "" {
		return hub.at("instances", url.Values{"done": {action}})
	}
	return hub.at("instance", url.Values{"id": {id}, "done": {action}})
}
