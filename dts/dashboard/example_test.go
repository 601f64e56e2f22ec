package dashboard_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dashboard"
)

// A dashboard of a hub, wherever its scheduler is.
func ExampleNew() {
	cs, err := dts.ParseConnectionString("Endpoint=http://127.0.0.1:8080;TaskHub=default;Authentication=None")
	if err != nil {
		log.Fatal(err)
	}
	client, err := dts.Dial(cs)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	handler := dashboard.New(client) // for http.ListenAndServe("127.0.0.1:8082", handler)

	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8082/", nil))
	fmt.Println(answer.Code, answer.Header().Get("Location"))
	// Output: 302 /hubs/default/instances
}
