package orders

import "github.com/funchost/funchost/framework/durable"

// Stock is what the warehouse has of one item, the key. Two orders for the last
// piece cannot both get it: an entity does one operation at a time.
type Stock struct {
	Pieces int `json:"pieces"`
}

// firstDelivery is how many pieces there are of an item that nobody has asked for
// before, so that the example has something to sell.
const firstDelivery = 10

// reserve takes a piece out, if there is one.
func (s *Stock) reserve(ctx *durable.EntityContext, _ durable.None) (bool, error) {
	s.open(ctx)
	if s.Pieces == 0 {
		return false, nil
	}
	s.Pieces--
	return true, nil
}

// deliver puts pieces in. That is what becomes of a reserved one, too, when it is
// not sold.
func (s *Stock) deliver(ctx *durable.EntityContext, pieces int) (int, error) {
	s.open(ctx)
	s.Pieces += pieces
	return s.Pieces, nil
}

func (s *Stock) open(ctx *durable.EntityContext) {
	if !ctx.Exists() {
		s.Pieces = firstDelivery
	}
}
