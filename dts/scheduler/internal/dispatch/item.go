package dispatch

import (
	"slices"
	"time"

	"github.com/funchost/funchost/dts/scheduler/internal/engine"
)

// Kind is a kind of work item.
type Kind uint8

// The kinds.
const (
	Orchestration Kind = iota
	Activity
	Entity
	kinds
)

// Item is work for one worker.
type Item struct {
	Kind Kind
	// Key names the work; TaskID is engine.TurnTask for the turn of an orchestration.
	Key     engine.TaskKey
	Name    string
	Version string
	// Task is the activity to run.
	Task engine.Task
	// Since is when the item became ready.
	Since time.Time
	// Losses is how often a worker was lost with the item.
	Losses uint32
	// Recovered tells that the item is from before a restart of the scheduler,
	// which may have been the item's doing.
	Recovered bool
	// Prefer is the stream that should have the item, if it takes it at once; nil if
	// that does not matter.
	Prefer *Stream
	// Abandons is how often in a row workers gave the item back.
	Abandons int

	state itemState
	lease *Lease // the last one, while its answer would be accepted
}

type itemState uint8

const (
	waiting itemState = iota
	leased
	setAside // given back by a worker; waits for Resume
	gone     // done or withdrawn; skipped where it still stands in a queue
)

type class struct {
	kind          Kind
	name, version string
}

func (it *Item) class() class { return class{it.Kind, it.Name, it.Version} }

// fifo is a queue of items that can be put back at the front.
type fifo struct {
	items []*Item
	head  int
	stale int // about how many items do not wait any more
}

func (f *fifo) push(it *Item) { f.items = append(f.items, it) }

func (f *fifo) pushFront(it *Item) {
	if f.head == 0 {
		f.items = append(make([]*Item, 8, 8+len(f.items)+1), f.items...)
		f.head = 8
	}
	f.head--
	f.items[f.head] = it
}

// peek returns the first item that still waits, nil if there is none.
func (f *fifo) peek() *Item {
	for f.head < len(f.items) {
		it := f.items[f.head]
		if it.state == waiting {
			return it
		}
		f.stale = max(0, f.stale-1)
		f.drop()
	}
	return nil
}

// skip notes that an item does not wait any more. It is passed over when its turn
// comes; where that could take for ever, the memory is let go before.
func (f *fifo) skip() {
	if f.stale++; f.stale >= 64 && f.stale*2 > len(f.items)-f.head {
		f.items = slices.DeleteFunc(slices.Clone(f.items[f.head:]), func(it *Item) bool { return it.state != waiting })
		f.head, f.stale = 0, 0
	}
}

// waiting is how many items wait, or a few more.
func (f *fifo) waiting() int { return len(f.items) - f.head - f.stale }

func (f *fifo) drop() {
	f.items[f.head] = nil
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
		return
	}
	if f.head >= 1024 && f.head*2 >= len(f.items) { // let the memory go
		f.items = append([]*Item(nil), f.items[f.head:]...)
		f.head = 0
	}
}
