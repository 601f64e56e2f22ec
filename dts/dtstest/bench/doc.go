// Package bench measures the hot path end to end: a client starts orchestrations
// on a scheduler that keeps them on disk, a worker runs them, the client waits.
// docs/performance.md says how to read the figures.
package bench
