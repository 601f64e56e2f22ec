package orders

import "errors"

// Order is what a customer asks for.
type Order struct {
	ID    string `json:"id"`
	Item  string `json:"item"`
	Cents int    `json:"cents"`
}

// Approval is what a person decides about a large order.
type Approval struct {
	By      string `json:"by"`
	Granted bool   `json:"granted"`
}

// Payment is the answer of the payment provider.
type Payment struct {
	ID string `json:"id"`
}

// Outcome says how an order ended.
type Outcome string

// The outcomes.
const (
	Sold     Outcome = "sold"
	SoldOut  Outcome = "sold out"
	Declined Outcome = "declined" // a person said no
	Expired  Outcome = "expired"  // nobody decided in time
)

// Receipt is what the customer gets.
type Receipt struct {
	Order     string  `json:"order"`
	Outcome   Outcome `json:"outcome"`
	Payment   string  `json:"payment,omitempty"`
	DecidedBy string  `json:"decidedBy,omitempty"`
}

func (o Order) check() error {
	switch {
	case o.ID == "":
		return errors.New(`the order has no "id"`)
	case o.Item == "":
		return errors.New(`the order has no "item"`)
	case o.Cents <= 0:
		return errors.New(`the order has no price: "cents" must be more than 0`)
	default:
		return nil
	}
}
