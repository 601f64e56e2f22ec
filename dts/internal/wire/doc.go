// Package wire holds what clients, workers and the scheduler agree on beyond
// the messages: header names, limits, and how payloads and failures are written.
package wire
