package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
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
	"github.com/funchost/funchost/framework/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is the app as it runs.
type shop struct {
	t      *testing.T
	client *dts.Client
	http   *http.Client
	url    string
}

// open runs a host of the app on the hub of a client.
func open(t *testing.T, client *dts.Client, stocktake string, mw ...durable.Middleware) *shop {
	t.Helper()
	ready := make(chan framework.Ready, 1)
	app := newApp(stocktake,
		framework.Set("listen", "127.0.0.1:0"),
		framework.Set("admin-listen", "none"),
		framework.WithClient(client),
		framework.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))),
		framework.OnReady(func(r framework.Ready) { ready <- r }),
	).Use(mw...)
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
	s := open(t, dtstest.Start(t).Client(), "0 3 * * *")
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

// Two hosts have the schedule, and each tick is run by one of them. The clock is the
// real one here, so the test looks until five have come, however long a busy machine
// takes.
func TestStockIsCountedOnceEachSecond(t *testing.T) {
	t.Parallel()
	var (
		mu     sync.Mutex
		counts = make(map[string]int) // by instance
	)
	countCounts := func(next durable.Handler) durable.Handler {
		return func(ctx context.Context, call *durable.Call) ([]byte, error) {
			if call.Kind == durable.KindActivity && call.Name == orders.CountStock.Name() {
				mu.Lock()
				counts[call.Instance]++
				mu.Unlock()
			}
			return next(ctx, call)
		}
	}
	client := dtstest.Start(t).Client()
	for range 2 {
		open(t, client, "* * * * * *", countCounts)
	}
	if err := orders.Deliver.Send(t.Context(), client, "pen", 2); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var finished []*dts.Instance
	for len(finished) < 5 {
		select {
		case <-t.Context().Done():
			t.Fatalf("%d counts when the time was up", len(finished))
		case <-look.C:
		}
		finished = nil
		q := dts.Query{IDPrefix: "cron:stocktake:", Status: []dts.Status{dts.StatusCompleted}, Payloads: true}
		for in, err := range client.Instances(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			finished = append(finished, in)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, in := range finished {
		due, err := time.Parse(time.RFC3339, strings.TrimPrefix(in.ID, "cron:stocktake:"))
		if late := in.Created.Sub(due); err != nil || late < 0 || counts[in.ID] != 1 {
			t.Errorf("%s began %v after it was due, %v, and counted %d times, want once", in.ID, late, err, counts[in.ID])
		}
	}
	if last := string(finished[len(finished)-1].Output); last != `{"pen":12}` {
		t.Errorf("the last count is %s, want 12 pens", last)
	}
}
