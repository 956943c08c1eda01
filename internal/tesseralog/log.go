package tesseralog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/transparency-dev/tessera"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A Log is an open log. Its methods are safe for concurrent use.
type Log struct {
	cfg  Config
	deps Deps

	lock  *os.File
	root  *os.Root
	store store
	inner *tessera.Appender

	in       chan *request
	stopping chan struct{} // closed by Close: no new entries, no new rounds
	drained  chan struct{} // closed when every accepted entry is settled
	stop     func()        // ends Tessera and the publisher
	quiet    chan struct{} // closed when the publisher has ended
	closing  sync.Once

	mu    sync.RWMutex // guards tail and grown
	tail  tail
	grown chan struct{} // closed and replaced when the tree grows

	size atomic.Uint64 // integrated size; tail.edge.size without the lock

	// Of the sequencer alone.
	doubt bool  // a batch failed, and the store was not looked at since
	fatal error // the store is not what was left; nothing is appended any more

	pub *publisher
}

// New opens a log, or makes one in an empty folder. It does not ask any
// witness, so it does not wait for them. What it refuses: [ErrInUse],
// [ErrRollback] and [ErrCorrupt] (with what to do), [ErrStorage].
func New(cfg Config, deps Deps) (*Log, error) {
	cfg, cerr := cfg.fill()
	deps, derr := deps.fill()
	if err := errors.Join(cerr, derr); err != nil {
		return nil, err
	}
	l := &Log{
		cfg:      cfg,
		deps:     deps,
		in:       make(chan *request, maxPending),
		stopping: make(chan struct{}),
		drained:  make(chan struct{}),
		quiet:    make(chan struct{}),
		grown:    make(chan struct{}),
	}
	if err := l.open(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	dir := filepath.Join(l.cfg.Dir, "tree")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make log folder: %w", errors.Join(err, ErrStorage))
	}
	if err := l.exclude(); err != nil {
		return err
	}
	var err error
	if l.root, err = os.OpenRoot(dir); err != nil {
		return fmt.Errorf("open log folder: %w", errors.Join(err, ErrStorage))
	}
	l.store = store{l.root}
	note, err := readPublished(l.cfg.Dir)
	if err != nil {
		return err
	}
	if err := l.inspect(note); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	d, err := newDriver(ctx, dir, l.deps.dirs)
	if err != nil {
		return err
	}
	if l.inner, err = openTessera(ctx, d); err != nil {
		return err
	}
	if l.pub, err = newPublisher(l, note); err != nil {
		return err
	}
	go l.sequence()
	go func() {
		defer close(l.quiet)
		l.pub.run(ctx)
	}()
	return nil
}

// exclude takes the lock that keeps a second process out. Tessera's own locks
// would let two processes write in turn.
func (l *Log) exclude() error {
	f, err := os.OpenFile(filepath.Join(l.cfg.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lock log folder: %w", errors.Join(err, ErrStorage))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%s: another process has it open; stop that one first: %w", l.cfg.Dir, ErrInUse)
		}
		return fmt.Errorf("lock log folder: %w", errors.Join(err, ErrStorage))
	}
	l.lock = f
	return nil
}

// inspect holds the store against itself and against what was published and
// persisted before anything is written to it (L2, L6).
func (l *Log) inspect(note []byte) error {
	size, root, ok, err := l.store.state()
	if err != nil {
		return fmt.Errorf("%s: restore the folder from its newest copy: %w", l.cfg.Dir, err)
	}
	if !ok {
		// Tessera would begin at 0 and overwrite what is there.
		if _, err := l.root.Stat("tile"); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s holds tiles and no record of their size: restore the folder from its newest copy: %w", l.cfg.Dir, ErrCorrupt)
		}
		size, root = 0, checkpoint.EmptyRoot()
	}
	expect := l.cfg.Expect
	if note != nil {
		cp, err := openPublished(note, l.cfg)
		if err != nil {
			return err
		}
		expect = append([]Head{{cp.Size, cp.Root}}, expect...)
	}
	t := newTree(l.store, size)
	for _, h := range expect {
		if h.Size > size {
			return fmt.Errorf("%s has %d entries, but %d of this log were vouched for before: restore the newest copy of the folder, or start a new log under another name: %w",
				l.cfg.Dir, size, h.Size, ErrRollback)
		}
		e, err := t.edge(h.Size)
		if err != nil {
			return fmt.Errorf("%s: restore the folder from its newest copy: %w", l.cfg.Dir, err)
		}
		if e.root() != h.Root {
			return fmt.Errorf("%s has another root at size %d than the one that was vouched for before: restore the true copy of the folder, or start a new log under another name: %w",
				l.cfg.Dir, h.Size, ErrRollback)
		}
	}
	if err := t.verify(context.Background()); err != nil {
		return fmt.Errorf("%s: restore the folder from its newest copy: %w", l.cfg.Dir, err)
	}
	e, err := t.edge(size)
	if err != nil {
		return fmt.Errorf("%s: restore the folder from its newest copy: %w", l.cfg.Dir, err)
	}
	if e.root() != root {
		return fmt.Errorf("%s: tiles do not hash to the recorded root at size %d: restore the folder from its newest copy: %w", l.cfg.Dir, size, ErrCorrupt)
	}
	tail, err := l.readTail(t, e)
	if err != nil {
		return fmt.Errorf("%s: restore the folder from its newest copy: %w", l.cfg.Dir, err)
	}
	l.tail = tail
	l.size.Store(size)
	return nil
}

// readTail reads the last, partial bundle and holds it against its tile.
func (l *Log) readTail(t *tree, e edge) (tail, error) {
	tl := tail{edge: e}
	index := e.size / tileWidth
	w := width(0, index, e.size)
	if w == 0 {
		return tl, nil
	}
	leaves, raw, err := l.store.bundle(index, w)
	if err != nil {
		return tail{}, err
	}
	if err := matchTile(t, index, leaves); err != nil {
		return tail{}, err
	}
	tl.leaves, tl.raw = leaves, bytes.Clone(raw)
	return tl, nil
}

// Close lets every accepted entry be settled, ends the publisher, and gives the
// folder free. It is idempotent; the context bounds how long entries are waited
// for.
func (l *Log) Close(ctx context.Context) error {
	l.closing.Do(func() { close(l.stopping) })
	select {
	case <-l.drained:
	case <-ctx.Done():
		return fmt.Errorf("close log: %w", ctx.Err())
	}
	l.stop()
	<-l.quiet
	l.release()
	return nil
}

func (l *Log) release() {
	if l.stop != nil {
		l.stop()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.root != nil {
		l.root.Close()
	}
	if l.lock != nil {
		// Closing gives the lock free.
		l.lock.Close()
		l.lock = nil
	}
}
