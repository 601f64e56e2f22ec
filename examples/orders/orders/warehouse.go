package orders

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework"
	"github.com/funchost/funchost/framework/durable"
)

// Functions that other systems start: the warehouse by an event when goods have
// come in, the office by an event when it has decided about an order, and the
// clock each night.
var (
	TakeDelivery = durable.OrchestratorNamed[Delivery, int]("take-delivery")
	PassDecision = durable.OrchestratorNamed[durable.CloudEvent[Decision], durable.None]("pass-decision")
	Stocktake    = durable.OrchestratorNamed[durable.Tick, Inventory]("stocktake")
	CountStock   = durable.ActivityNamed[durable.None, Inventory]("count-stock")
)

// Delivery is what has come in.
type Delivery struct {
	Item   string `json:"item"`
	Pieces int    `json:"pieces"`
}

// Decision is what somebody has decided about an order that waits for it.
type Decision struct {
	Instance string `json:"instance"` // of process-order
	Granted  bool   `json:"granted"`
}

// Inventory is how many pieces there are of each item.
type Inventory map[string]int

func takeDelivery(ctx *durable.Context, d Delivery) (int, error) {
	if d.Item == "" || d.Pieces <= 0 {
		return 0, fmt.Errorf("a delivery of %d pieces of %q", d.Pieces, d.Item)
	}
	return Deliver.Call(ctx, d.Item, d.Pieces)
}

// passDecision takes the whole event, since who decided is not in its data.
func passDecision(ctx *durable.Context, e durable.CloudEvent[Decision]) (durable.None, error) {
	return durable.None{}, Approved.Send(ctx, e.Data.Instance, Approval{By: e.Source, Granted: e.Data.Granted})
}

func stocktake(ctx *durable.Context, _ durable.Tick) (Inventory, error) {
	return CountStock.Call(ctx, durable.None{})
}

func countStock(ctx context.Context, _ durable.None) (Inventory, error) {
	inventory := Inventory{}
	q := dts.EntityQuery{Name: Stocks.Name(), State: true}
	for entity, err := range framework.ClientFrom(ctx).Entities(ctx, q) {
		if err != nil {
			return nil, err
		}
		var stock Stock
		if err := json.Unmarshal(entity.State, &stock); err != nil {
			return nil, fmt.Errorf("stock of %q: %w", entity.ID.Key, err)
		}
		inventory[entity.ID.Key] = stock.Pieces
	}
	return inventory, nil
}
