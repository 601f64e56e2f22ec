// Package dispatch hands ready work to connected workers.
//
// Work waits in classes: one queue per kind, name and version, because those are
// what a worker's filters speak of. Each worker's [Stream] has a window per kind.
// A stream takes the oldest item of the classes it matches as long as it has a
// free slot; where several streams wait, the one that has waited longest is
// woken. A turn of an instance that a worker has warm waits for that worker's stream
// alone, for a moment: see [Item.Prefer].
//
// Taking an item makes a [Lease]. It lives as long as its stream: there is no
// time limit and no renewal. When the stream ends, all its leases are lost at
// once and their items go back to the front. The answer of a lost lease is still
// accepted until its item is handed out again. A worker that is to stop drains
// first: it gets no more, and keeps what it holds as long as its stream lives.
package dispatch
