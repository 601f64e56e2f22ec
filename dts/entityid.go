package dts

import (
	"errors"
	"fmt"
	"strings"

	"github.com/funchost/funchost/dts/internal/wire"
)

// EntityID names an entity of a hub. Names compare without case, keys with it. A
// key may be empty.
type EntityID struct{ Name, Key string }

// ParseEntityID reads the form that [EntityID.String] writes. The name comes out
// in lower case.
func ParseEntityID(s string) (EntityID, error) {
	s, err := wire.EntityID(s)
	if err != nil {
		return EntityID{}, err
	}
	name := wire.EntityName(s)
	return EntityID{Name: name, Key: s[len(name)+2:]}, nil
}

// String is the id as it is kept and sent: @name@key, the name in lower case.
func (id EntityID) String() string { return "@" + strings.ToLower(id.Name) + "@" + id.Key }

// Check says what is wrong with the id, or nil: the name is empty or contains an
// @, or the whole is longer than 100 characters.
func (id EntityID) Check() error {
	switch {
	case id.Name == "":
		return errors.New("the entity has no name")
	case strings.Contains(id.Name, "@"):
		return fmt.Errorf("the name of the entity, %q, contains @", id.Name)
	}
	if err := wire.CheckID("@" + id.Name + "@" + id.Key); err != nil {
		return fmt.Errorf("entity %s: %w", id, err)
	}
	return nil
}
