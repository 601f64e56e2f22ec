package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/examples/orders/orders"
	"github.com/funchost/funchost/framework"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is the app as it runs, with a scheduler in memory.
type shop struct {
	t      *testing.T
	client *dts.Client
	http   *http.Client
	url    string
}

func open(t *testing.T, stocktake string) *shop {
	t.Helper()
	client, ready := dtstest.Start(t).Client(), make(chan framework.Ready, 1)
	app := newApp(stocktake,
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "none"),
		framework.WithClient(client),
		framework.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
	)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case r := <-ready:
		return &shop{t, client, &http.Client{Transport: transport}, "http://" + r.Listen}
	case err := <-ended:
		ended <- nil
		t.Fatalf("the app ended: %v", err)
		return nil
	}
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

// names counts the instances of each orchestrator of the example.
func (s *shop) names() map[string]int {
	s.t.Helper()
	count := make(map[string]int)
	for in, err := range s.client.Instances(s.t.Context(), dts.Query{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		switch in.Name {
		case orders.Process.Name(), orders.TakeDelivery.Name(), orders.PassDecision.Name():
			count[in.Name]++
		}
	}
	return count
}

// A large order over HTTP, the goods and the decision for it as events, everything
// sent twice: each has happened once.
func TestOrderIsSoldByWayOfAllTriggers(t *testing.T) {
	t.Parallel()
	s := open(t, "0 3 * * *")
	var id string
	for range 2 {
		s.send("d-1", "com.example.warehouse.delivered", orders.Delivery{Item: "desk", Pieces: 5})
		id = s.order(orders.Order{ID: "8", Item: "desk", Cents: 500_00}, "key of order 8")
	}
	for range 2 {
		s.send("o-1", "com.example.office.decided", orders.Decision{Instance: id, Granted: true})
	}
	receipt, err := orders.Process.Instance(s.client, id).Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := orders.Receipt{Order: "8", Outcome: orders.Sold, Payment: "pay-8", DecidedBy: "/office/ana"}
	if diff := cmp.Diff(want, receipt); diff != "" {
		t.Errorf("receipt (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"process-order": 1, "take-delivery": 1, "pass-decision": 1}, s.names()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	for in, err := range s.client.Instances(t.Context(), dts.Query{IDPrefix: "ce:"}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client.Wait(t.Context(), in.ID); err != nil {
			t.Fatal(err)
		}
	}
	stock, _, err := orders.Stocks.State(t.Context(), s.client, "desk")
	if err != nil || stock.Pieces != 10+5-1 {
		t.Errorf("%d desks are left, %v, want 14", stock.Pieces, err)
	}
}

// The clock is the real one here, so the test looks until five have come, however
// long a busy machine takes.
func TestStockIsCountedEachSecond(t *testing.T) {
	t.Parallel()
	s := open(t, "* * * * * *")
	if err := orders.Deliver.Send(t.Context(), s.client, "pen", 2); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var counts []string
	for len(counts) < 5 {
		select {
		case <-t.Context().Done():
			t.Fatalf("%d counts when the time was up", len(counts))
		case <-look.C:
		}
		counts = nil
		q := dts.Query{IDPrefix: "cron:stocktake:", Status: []dts.Status{dts.StatusCompleted}, Payloads: true}
		for in, err := range s.client.Instances(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, string(in.Output))
		}
	}
	if last := counts[len(counts)-1]; last != `{"pen":12}` {
		t.Errorf("the last count is %s, want 12 pens", last)
	}
}
