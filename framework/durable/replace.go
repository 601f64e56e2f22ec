package durable

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Replace returns defs with those of others in the place of the ones that have the
// same kind and name: of all versions, unless it is for one. One that takes nobody's
// place comes at the end. Of an entity the operations are replaced one by one, and
// those that others do not name stay.
func Replace(defs, others []Definition) ([]Definition, error) {
	defs = slices.Clone(defs)
	var problems []error
	for _, other := range others {
		if other == nil {
			problems = append(problems, errors.New("a replacement is nil"))
			continue
		}
		fits := func(d Definition) bool {
			return d != nil && d.Kind() == other.Kind() && d.Name() == other.Name() && (other.Version() == "" || d.Version() == other.Version())
		}
		i := slices.IndexFunc(defs, fits)
		if i < 0 {
			defs = append(defs, other)
			continue
		}
		if whole, ok := defs[i].(interface {
			replace(part Definition) (Definition, error)
		}); ok {
			var err error
			if other, err = whole.replace(other); err != nil {
				problems = append(problems, err)
				continue
			}
		}
		defs[i] = other
		defs = append(defs[:i+1], slices.DeleteFunc(defs[i+1:], fits)...)
	}
	return defs, errors.Join(problems...)
}

// replace puts the operations of part in the place of those with the same names.
func (e *Entity[S]) replace(part Definition) (Definition, error) {
	other, ok := part.(*Entity[S])
	if !ok {
		return nil, fmt.Errorf("entity %q has a state of %T, its replacement (%s) is %T", e.name, *new(S), part.Source(), part)
	}
	kept := slices.DeleteFunc(slices.Clone(e.operations), func(o OperationOf[S]) bool {
		return slices.ContainsFunc(other.operations, func(p OperationOf[S]) bool { return strings.EqualFold(o.Name(), p.Name()) })
	})
	return &Entity[S]{e.handle, slices.Concat(kept, other.operations)}, nil
}

// Definition is the entity of op with this operation alone: what [Replace] takes.
func (op Operation[S, I, O]) Definition() Definition {
	return &Entity[S]{op.entity.handle, []OperationOf[S]{op}}
}
