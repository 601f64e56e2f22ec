package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/examples/orders/orders"
	"github.com/funchost/funchost/framework/durabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is the app as it runs.
type shop struct {
	t      *testing.T
	client *dts.Client
	http   *http.Client
	url    string
}

// open serves the app in a test.
func open(e *durabletest.Env, stocktake string) *shop {
	e.Helper()
	e.ServeApp(newApp(stocktake))
	return &shop{e.T, e.Client(), e.HTTP(), "http://shop.example"}
}

// order posts an order and returns its instance.
func (s *shop) order(o orders.Order, key string) string {
	s.t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/api/orders", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted {
		s.t.Fatalf("order: %d, %v", resp.StatusCode, err)
	}
	return answer.ID
}

// send sends an event with a client of the official SDK.
func (s *shop) send(id, kind string, data any) {
	s.t.Helper()
	protocol, err := cehttp.New(cehttp.WithTarget(s.url+"/api/events"), cehttp.WithClient(*s.http))
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := cloudevents.NewClient(protocol)
	if err != nil {
		s.t.Fatal(err)
	}
	e := cloudevents.NewEvent()
	e.SetID(id)
	e.SetSource("/office/ana")
	e.SetType(kind)
	if err := e.SetData(cloudevents.ApplicationJSON, data); err != nil {
		s.t.Fatal(err)
	}
	if result := client.Send(s.t.Context(), e); !cloudevents.IsACK(result) {
		s.t.Fatalf("event %s: %v", id, result)
	}
}

// A large order over HTTP, the goods and the decision for it as events, everything
// sent twice: each has happened once.
func TestOrderIsSoldByWayOfAllTriggers(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		s := open(e, "0 3 * * *")
		var id string
		for range 2 {
			s.send("d-1", "com.example.warehouse.delivered", orders.Delivery{Item: "desk", Pieces: 5})
			id = s.order(orders.Order{ID: "8", Item: "desk", Cents: 500_00}, "key of order 8")
		}
		for range 2 {
			s.send("o-1", "com.example.office.decided", orders.Decision{Instance: id, Granted: true})
		}
		want := orders.Receipt{Order: "8", Outcome: orders.Sold, Payment: "pay-8", DecidedBy: "/office/ana"}
		if diff := cmp.Diff(want, durabletest.Instance(e, orders.Process, id).Result()); diff != "" {
			e.Errorf("receipt (-want +got):\n%s", diff)
		}
		instances := []int{
			len(durabletest.Instances(e, orders.Process)), len(durabletest.Instances(e, orders.TakeDelivery)), len(durabletest.Instances(e, orders.PassDecision)),
		}
		if diff := cmp.Diff([]int{1, 1, 1}, instances); diff != "" {
			e.Errorf("orders, deliveries and decisions (-want +got):\n%s", diff)
		}
		if stock, _ := durabletest.State(e, orders.Stocks, "desk"); stock.Pieces != 10+5-1 {
			e.Errorf("%d desks are left, want 14", stock.Pieces)
		}
	})
}

// Two hosts have the schedule, and each tick is run by one of them.
func TestStockIsCountedOnceEachNight(t *testing.T) {
	t.Parallel()
	durabletest.Run(t, func(e *durabletest.Env) {
		for range 2 {
			open(e, "0 3 * * *")
		}
		durabletest.Signal(e, orders.Deliver, "pen", 2)
		e.Sleep(5 * 24 * time.Hour)
		for i, tick := range durabletest.Calls(e, orders.Stocktake) {
			if want := time.Date(2000, 1, 1+i, 3, 0, 0, 0, time.UTC); !tick.Due.Equal(want) || tick.Late {
				e.Errorf("night %d: %+v, want it on time at %v", i, tick, want)
			}
		}
		if got := len(durabletest.Calls(e, orders.CountStock)); got != 5 {
			e.Errorf("counted %d times, want 5", got)
		}
		for _, run := range durabletest.Instances(e, orders.Stocktake) {
			if diff := cmp.Diff(orders.Inventory{"pen": 12}, run.Result()); diff != "" {
				e.Errorf("inventory (-want +got):\n%s", diff)
			}
		}
	})
}
