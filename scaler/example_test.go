package scaler_test

import (
	"context"
	"fmt"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

// A scaler for one scheduler: each ScaledObject chooses a task hub of it.
func Example() {
	connection := dts.ConnectionString{Endpoint: "http://127.0.0.1:8080", Authentication: dts.AuthNone}
	server := scaler.New(func(target scaler.Target) (scaler.Source, error) {
		if target.Endpoint != "" || target.Connection != "default" {
			return nil, fmt.Errorf("this scaler has one connection, %q: leave connection and endpoint out", "default")
		}
		hub := connection
		hub.TaskHub = target.TaskHub
		return dts.Dial(hub)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	fmt.Println(server.Run(ctx))
	// Output: <nil>
}

func ExampleCheck() {
	fmt.Println(scaler.Check(map[string]string{
		"scalerAddress": "funchost-scaler.funchost.svc:8083",
		"taskHubName":   "orders",
	}))
	// Output: trigger metadata: "taskHubName" is no key of this scaler, did you mean taskhubName?
}
