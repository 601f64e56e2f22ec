// Package conformance holds a scheduler against the rules of the Durable Task
// Scheduler's protocol: one scenario per rule, by name, over gRPC and nothing but
// the generated stubs, so that each sees what is on the wire. It has tests only.
//
// The scenarios run against the embedded scheduler, or against the one that an
// environment variable names:
//
//	DTS_CONFORMANCE='Endpoint=http://127.0.0.1:8080;TaskHub=default;Authentication=None' \
//		go test ./dts/dtstest/conformance
//
// Each has ids and names of its own, asks only for work of those names and removes
// what it has made, so that they run side by side in a hub that others use too. One
// that needs a hub for itself asks for it, and is skipped where that is refused.
//
// docs/protocol.md lists the scenarios with their rules; a test holds that table
// and the scenarios against each other.
package conformance
