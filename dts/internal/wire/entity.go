package wire

import (
	"fmt"
	"strings"
)

// EntityID returns the id of an entity as it is kept: @name@key with the name in
// lower case. Names are not empty and contain no @; keys are any text.
func EntityID(id string) (string, error) {
	if len(id) > 4*MaxID { // too long in any case, and to be shown
		return "", CheckID(id)
	}
	rest, ok := strings.CutPrefix(id, "@")
	name, key, ok2 := strings.Cut(rest, "@")
	if !ok || !ok2 || name == "" {
		return "", fmt.Errorf("entity id %q is not of the form @name@key", id)
	}
	id = "@" + strings.ToLower(name) + "@" + key
	if err := CheckID(id); err != nil {
		return "", fmt.Errorf("entity id %q: %w", id, err)
	}
	return id, nil
}

// EntityName returns the name in an entity id that [EntityID] returned.
func EntityName(id string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(id, "@"), "@")
	return name
}

// IsEntity reports whether an id is of an entity. Ids of orchestrations never
// begin with @.
func IsEntity(id string) bool { return strings.HasPrefix(id, "@") }
