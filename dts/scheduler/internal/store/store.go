package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/funchost/funchost/dts/internal/disk"
	"github.com/funchost/funchost/dts/scheduler/internal/engine"
	"github.com/funchost/funchost/dts/scheduler/internal/meter"
)

// ErrClosed is what a commit ends with that the store can no longer make.
var ErrClosed = errors.New("store is closed")

// Options say where a store lives.
type Options struct {
	// Dir is the directory on Disk.
	Dir  string
	Disk *disk.FS
	// Log receives what an operator should know; required.
	Log *slog.Logger
	// Meter measures; nil measures nothing.
	Meter *meter.Meter
}

// Store is an open directory. Its methods are safe for concurrent use.
type Store struct {
	db    *pebble.DB
	dir   string
	epoch uint32
	log   *slog.Logger
	meter *meter.Meter

	mu      sync.Mutex // orders batches; guards what follows
	last    *Commit
	closed  bool
	dropped map[uint32]bool // hubs that were deleted since the store was opened

	pending chan *Commit  // applied, not known to be synced
	done    chan struct{} // closed when the syncer has ended

	failure  chan struct{} // closed at the first failed write
	failOnce sync.Once
	err      error // set before failure is closed

	generation atomic.Uint64
}

// Open takes hold of the directory. It fails where another process holds it, or
// where a newer version of funchost wrote it, and then has changed nothing.
func Open(o Options) (*Store, error) {
	if o.Meter == nil {
		o.Meter = meter.None()
	}
	fs := o.Disk.VFS()
	if err := makeDirectory(fs, o.Dir); err != nil {
		return nil, fmt.Errorf("open data directory %q: %w", o.Dir, err)
	}
	lock, err := lockDirectory(fs, o.Dir)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(fs, o.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory %q: %w", o.Dir, err), lock.Close())
	}
	s := &Store{
		dir:     o.Dir,
		log:     o.Log,
		meter:   o.Meter,
		pending: make(chan *Commit, 4096),
		done:    make(chan struct{}),
		failure: make(chan struct{}),
	}
	s.last = s.newCommit(nil, nil)
	close(s.last.done)
	s.last.onDisk = true
	opts := &pebble.Options{
		FS:   dirSync{fs, s.fail},
		Lock: lock,
		// The newest of the format versions that this release of the engine calls
		// stable, so that a later release opens the directory.
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             (*logger)(s),
		EventListener: &pebble.EventListener{
			// Whoever reads gets an error. The default would end the process.
			DataCorruption: func(i pebble.DataCorruptionInfo) { o.Log.Error("data directory is damaged", "detail", i.String()) },
			// The engine would try again at once, and for ever on a disk that is full.
			BackgroundError: s.fail,
		},
		MemTableSize: 32 << 20,
		// A directory of ours has few files; what counts is the write path.
		L0CompactionThreshold: 4,
	}
	for i := range opts.Levels { // a start asks for an id that is nowhere
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	if o.Disk.InMemory() {
		opts.MemTableSize = 4 << 20
		// An engine that fails to open frees what the look at a new table needs that
		// runs already, and the process panics. It is to end then, but not a test.
		opts.DisableTableStats = true
	}
	compactions := newCompactions()
	opts.Experimental.CompactionScheduler = compactions
	if err := s.start(o.Dir, opts, compactions); err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory %q: %w", o.Dir, err), lock.Close())
	}
	if err := lock.Close(); err != nil { // the engine has it too
		return nil, errors.Join(fmt.Errorf("open data directory %q: %w", o.Dir, err), s.db.Close())
	}
	go s.sync()
	return s, nil
}

// start starts the engine and the epoch. It does so in a goroutine of its own: a
// disk that fails meanwhile ends that, see logger, and the caller has to hear of it.
func (s *Store) start(dir string, opts *pebble.Options, compactions *compactions) error {
	started := make(chan error, 1)
	go func() {
		var err error
		if s.db, err = pebble.Open(dir, opts); err == nil {
			compactions.open()
			if err = s.begin(); err != nil {
				err = errors.Join(err, s.db.Close())
			}
		}
		started <- err
	}()
	select {
	case err := <-started:
		return err
	case <-s.failure:
		return s.err
	}
}

// begin starts a new epoch.
func (s *Store) begin() error {
	k := newKey(nil, 0, kindEpoch)
	epoch, err := s.number(k)
	if err != nil {
		return err
	}
	s.epoch = uint32(epoch) + 1
	// Generations of different epochs never meet.
	s.generation.Store(uint64(s.epoch) << 32)
	return s.db.Set(k, binary.BigEndian.AppendUint64(nil, uint64(s.epoch)), pebble.Sync)
}

func (s *Store) number(k key) (uint64, error) {
	v, closer, err := s.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fmt.Errorf("row %x has %d bytes, want 8: the directory is damaged", []byte(k), len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// Epoch returns how often the directory has been opened. Completion tokens carry
// it, so that an answer from before a restart is told apart.
func (s *Store) Epoch() uint32 { return s.epoch }

// NewGeneration returns a number that no execution has had before.
func (s *Store) NewGeneration() uint64 { return s.generation.Add(1) }

// Size returns how many bytes of the disk the store takes, 0 once it has failed:
// the engine may hold locks of the write that failed.
func (s *Store) Size() int64 {
	if s.Err() != nil {
		return 0
	}
	return int64(s.db.Metrics().DiskSpaceUsage())
}

// Failed is closed when a write has failed. Nothing is acknowledged after that;
// the owner stops the process and opens the directory again.
func (s *Store) Failed() <-chan struct{} { return s.failure }

// Err returns why the store failed, nil before.
func (s *Store) Err() error {
	select {
	case <-s.failure:
		return s.err
	default:
		return nil
	}
}

// Close waits for the batches that were submitted and lets the directory go.
func (s *Store) Close() error {
	select {
	case <-s.failure:
		return nil // whoever met it may hold the lock for ever; Err has told
	default:
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.pending)
	s.mu.Unlock()
	select {
	case <-s.done:
		if s.Err() == nil {
			return s.db.Close()
		}
	case <-s.failure:
	}
	return nil // the storage engine may hold locks of the write that failed
}

func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.err = err
		close(s.failure)
		s.log.Error("storage failed, nothing more is acknowledged", "error", err)
	})
}

// Commit is one batch on its way to disk.
type Commit struct {
	store *Store
	batch *pebble.Batch
	after func()
	begun time.Time
	done  chan struct{}
	err   error // set before done is closed

	mu     sync.Mutex // guards what follows
	onDisk bool
	then   []func()
}

func (s *Store) newCommit(b *pebble.Batch, after func()) *Commit {
	return &Commit{store: s, batch: b, after: after, begun: time.Now(), done: make(chan struct{})}
}

// Wait returns when the batch, and so every batch before it, is on disk.
func (c *Commit) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	default:
	}
	select {
	case <-c.done:
		return c.err
	case <-c.store.failure: // a failed log write never comes back
		return c.store.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Then has f called once the batch, and so every batch before it, is on disk, and
// reports false, and does nothing, if it is already. F must not block.
func (c *Commit) Then(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.onDisk {
		c.then = append(c.then, f)
	}
	return !c.onDisk
}

// landed notes that the batch is on disk and returns who wants to know.
func (c *Commit) landed() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onDisk = true
	return c.then
}

// Last returns the newest batch that a reader could have seen.
func (s *Store) Last() *Commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Submit hands the writes of one decision over, in the order of calls, and calls
// after once they are on disk. The caller holds the locks of what it decided.
//
// Writes that cannot be encoded fail the store: what was decided is in memory
// already, and only what is on disk is right.
func (s *Store) Submit(hub uint32, writes []engine.Write, after func()) *Commit {
	b := s.db.NewBatch()
	err := encode(b, hub, writes)
	if err != nil {
		err = fmt.Errorf("BUG: decision cannot be encoded: %w", err)
		s.fail(err)
	}
	return s.submit(hub, b, err, after)
}

// submit applies a batch about a hub, 0 for the store itself.
func (s *Store) submit(hub uint32, b *pebble.Batch, err error, after func()) *Commit {
	c := s.newCommit(b, after)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.closed {
		err = ErrClosed
	}
	if err == nil && s.dropped[hub] {
		err = ErrHubGone
	}
	if err == nil {
		err = s.Err()
	}
	if err == nil {
		// The one place that blocks on the engine under locks: a full memtable
		// slows everyone down, which is what keeps memory bounded.
		err = s.db.ApplyNoSyncWait(b, pebble.Sync)
		if err != nil {
			s.fail(err)
		}
	}
	if err != nil {
		c.err = err
		close(c.done)
		return c
	}
	s.last = c
	select {
	case s.pending <- c:
	case <-s.failure:
	}
	return c
}

// sync tells of each batch, in order, that it is on disk, until the store is
// closed or fails.
func (s *Store) sync() {
	defer close(s.done)
	for {
		select {
		case c, more := <-s.pending:
			if !more || s.Err() != nil {
				return
			}
			s.settle(c)
		case <-s.failure:
			return
		}
	}
}

func (s *Store) settle(c *Commit) {
	if err := c.batch.SyncWait(); err != nil {
		s.fail(err)
		c.err = err
		close(c.done)
		return
	}
	s.meter.Commit(time.Since(c.begun))
	then := c.landed()
	if c.after != nil {
		c.after()
	}
	for _, f := range then {
		f()
	}
	close(c.done)
	if err := c.batch.Close(); err != nil {
		s.fail(err)
	}
}
