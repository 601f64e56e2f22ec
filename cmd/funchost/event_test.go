package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/rogpeppe/go-internal/testscript"
)

// event URL ID SOURCE TYPE DATA sends a CloudEvent with the HTTP client of the
// official SDK, which must take it for delivered; with "!" for not.
func event(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, len(args) == 5, "event URL ID SOURCE TYPE DATA")
	web := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	protocol, err := cehttp.New(cehttp.WithTarget(args[0]), cehttp.WithClient(web))
	ts.Check(err)
	client, err := cloudevents.NewClient(protocol)
	ts.Check(err)
	e := cloudevents.NewEvent()
	e.SetID(args[1])
	e.SetSource(args[2])
	e.SetType(args[3])
	ts.Check(e.SetData(cloudevents.ApplicationJSON, json.RawMessage(args[4])))
	if result := client.Send(context.Background(), e); cloudevents.IsACK(result) == neg {
		ts.Fatalf("event %s: %v", args[1], result)
	}
}

// matches N REGEXP counts how often the last answer matches.
func matches(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 2, "matches N REGEXP")
	got := len(regexp.MustCompile(args[1]).FindAllString(sessionOf(ts).body, -1))
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%d matches of %q, want %s, in\n%s", got, args[1], args[0], sessionOf(ts).body)
	}
}

// seconds N URL REGEXP asks until the times that the group of REGEXP finds have N
// seconds in a row among them. No time may be there twice.
func seconds(ts *testscript.TestScript, _ bool, args []string) {
	expect(ts, len(args) == 3, "seconds N URL REGEXP")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	re := regexp.MustCompile(args[2])
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(patience); ; <-look.C {
		_, text, err := ask(http.MethodGet, args[1], "", "")
		ts.Check(err)
		if inARow(ts, re.FindAllStringSubmatch(text, -1)) >= want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %d seconds in a row in\n%s", want, text)
		}
	}
}

func inARow(ts *testscript.TestScript, found [][]string) int {
	var all []time.Time
	for _, match := range found {
		at, err := time.Parse(time.RFC3339, match[1])
		ts.Check(err)
		all = append(all, at)
	}
	slices.SortFunc(all, time.Time.Compare)
	row, longest := 0, 0
	for i, at := range all {
		switch {
		case i > 0 && at.Equal(all[i-1]):
			ts.Fatalf("%v is there twice", at)
		case i > 0 && at.Sub(all[i-1]) == time.Second:
			row++
		default:
			row = 1
		}
		longest = max(longest, row)
	}
	return longest
}
