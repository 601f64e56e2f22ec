// Package hub runs one task hub: it holds the instances in memory that
// something happens to, lets the engine decide, the store commit and dispatch
// know, in this order.
//
// # Locks
//
// Each instance has a lock. A decision that touches several takes their locks in
// the order of their ids. Under them it loads what is not in memory, decides, and
// hands the batch to the store, so that the log has decisions in their order; it
// never waits for the disk there. What follows from a decision runs from the
// store's callback when the batch is on disk, in the order of batches, and takes
// no instance lock: a writer who waits for room in the store holds one.
//
// The order of locks is: instances by id, shard, store, queue, timers. A shard's
// lock guards its map and the counts of references only.
//
// # What a worker may see
//
// A turn can hold a message whose batch is not on disk yet, if the instance was
// queued for an older one. That is safe: what the turn causes is committed in a
// later batch, which is on disk only when the message is, and nothing leaves the
// scheduler before that.
package hub
