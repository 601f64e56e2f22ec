package httpapi_test

import (
	"log"
	"net/http"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/httpapi"
)

// The API stands on a client alone, so a program that is no app can serve it for
// a scheduler elsewhere.
func ExampleNew() { //nolint:testableexamples // a host runs until it is stopped
	cs, err := dts.ParseConnectionString("Endpoint=http://localhost:8080;TaskHub=default;Authentication=None")
	if err != nil {
		log.Fatal(err)
	}
	client, err := dts.Dial(cs)
	if err != nil {
		log.Fatal(err)
	}
	api := httpapi.New(client, httpapi.Config{Loopback: true})
	log.Fatal(http.ListenAndServe("127.0.0.1:7071", api))
}
