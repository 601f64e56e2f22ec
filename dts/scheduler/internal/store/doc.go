// Package store keeps what the engine decides in one directory, so that it
// survives a power cut: one decision is one batch, and nobody hears of a
// decision before its batch is on disk.
//
// [Store.Submit] hands a batch over while the caller holds the locks of the
// instances it is about, so batches reach the log in the order of decisions.
// It does not wait. The batch can be read back at once, but a power cut may still
// lose it: whoever answers a client from what he read waits for [Store.Last]
// first. When the batch is on disk, the function given with it is called; calls
// are in the order of the batches, from one goroutine.
//
// The rows of a hub are described in keys.go.
package store
