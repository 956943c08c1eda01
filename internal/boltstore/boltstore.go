// Package boltstore keeps a witness's memory in one bbolt file. It is the one
// importer of bbolt.
//
//  1. Acknowledged is durable: Swap returns nil only after the transaction
//     that holds it was synced to the disk.
//  2. Waiting writes share one transaction, each judged on its own: a swap
//     that loses takes no other with it.
//  3. The file belongs to one process at a time (flock).
package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/haltlog/haltlog/witness"
)

const (
	// lockWait is how long Open waits for another process to let go of the
	// file: long enough for one that is just ending, and no longer, so that a
	// second server says at once what is wrong.
	lockWait = time.Second

	// maxBatch bounds the writes of one transaction, so that the first of
	// them does not wait for a flood behind it.
	maxBatch = 256
)

var (
	// ErrInUse is a file that another process holds.
	ErrInUse = errors.New("in use by another process")
	// ErrDamaged is a file that is not a database, or not one of this package.
	ErrDamaged = errors.New("not a readable database")
)

var (
	bucket     = []byte("haltlog witness v1")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// A Store is an open database file. It implements [witness.Store].
type Store struct {
	db *bbolt.DB

	mu      sync.Mutex
	queue   []*swap
	leading bool // some caller is writing out the queue
}

type swap struct {
	key, old, new []byte
	err           error
	done          chan struct{}
}

// Open opens the database at path, and makes an empty one if there is none.
// Errors are [ErrInUse], [ErrDamaged], or of the file system.
func Open(path string) (*Store, error) {
	db, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if tx.Bucket(bucket) != nil {
			return nil
		}
		if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("holds %q: %w", name, ErrDamaged)
		}
		_, err := tx.CreateBucket(bucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, errors.Join(err, db.Close()))
	}
	return &Store{db: db}, nil
}

func open(path string) (*bbolt.DB, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > 0 {
		if err := check(path); err != nil {
			return nil, err
		}
	}
	// The list of free pages is rebuilt at opening rather than written with
	// each transaction: less to sync, and the file is small.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	return db, classify(err)
}

// check reads every page and value of an existing file, so that damage is told
// at the start and not by a witness that has forgotten. The library's own check
// panics in a goroutine of its own over a damaged page; this walk happens here,
// where that and a read beyond the end of a file cut short can be caught.
func check(path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var db *bbolt.DB
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v: %w", r, ErrDamaged)
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, ReadOnly: true})
	if err != nil {
		return classify(err)
	}
	// Not through View: a panic inside it would leave its lock held, and
	// closing would wait for ever. A damaged file's mapping is given up with
	// the process, which is about to end.
	tx, err := db.Begin(false)
	if err != nil {
		return classify(err)
	}
	err = tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			if _, err := unseal(v); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
			return nil
		})
	})
	return errors.Join(err, tx.Rollback(), db.Close())
}

// seal puts a checksum before a value. The library has none over its pages, and
// a flipped bit in a stored size would let the witness sign a second root.
func seal(v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(v)), crc32.Checksum(v, castagnoli)), v...)
}

// unseal checks and removes it. The result shares the argument's memory.
func unseal(v []byte) ([]byte, error) {
	if len(v) < 4 || binary.BigEndian.Uint32(v) != crc32.Checksum(v[4:], castagnoli) {
		return nil, fmt.Errorf("checksum: %w", ErrDamaged)
	}
	return v[4:], nil
}

func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return err
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return fmt.Errorf("%w: %w", err, ErrDamaged)
}

// Close waits for running transactions and lets go of the file. It may be
// called twice.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Load implements [witness.Store].
func (s *Store) Load(_ context.Context, key string) (v []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket(bucket).Get([]byte(key))
		if sealed == nil {
			return nil
		}
		b, err := unseal(sealed)
		// The page is only ours inside the transaction.
		v = bytes.Clone(b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if v == nil {
		return nil, witness.ErrNotFound
	}
	return v, nil
}

// Swap implements [witness.Store]. The context is not looked at: a write that
// was begun is finished.
func (s *Store) Swap(_ context.Context, key string, old, new []byte) error {
	w := &swap{key: []byte(key), old: old, new: bytes.Clone(new), done: make(chan struct{})}
	s.mu.Lock()
	s.queue = append(s.queue, w)
	lead := !s.leading
	s.leading = true
	s.mu.Unlock()
	if lead {
		s.lead()
	}
	<-w.done
	return w.err
}

// lead writes out the queue until it is empty. Whoever finds nobody writing
// does it, for all who come meanwhile; so there is no goroutine to stop, and
// the longer the disk takes, the more writes share a sync.
func (s *Store) lead() {
	for {
		s.mu.Lock()
		batch := s.queue[:min(len(s.queue), maxBatch)]
		s.queue = s.queue[len(batch):]
		if len(batch) == 0 {
			s.queue = nil
			s.leading = false
		}
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		s.write(batch)
	}
}

// write applies one batch in one transaction. A crash inside it leaves either
// all of it or nothing, and nobody was answered.
func (s *Store) write(batch []*swap) {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, w := range batch {
			have := b.Get(w.key)
			if have != nil {
				var err error
				if have, err = unseal(have); err != nil {
					w.err = fmt.Errorf("swap: %w", err)
					continue
				}
			}
			if (have != nil) != (w.old != nil) || !bytes.Equal(have, w.old) {
				w.err = witness.ErrChanged
				continue
			}
			if err := b.Put(w.key, seal(w.new)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, w := range batch {
		// After a failed transaction a lost comparison is no longer certain
		// either: it was against what others of the batch had put.
		if err != nil {
			w.err = fmt.Errorf("swap: %w", err)
		}
		close(w.done)
	}
}

// Keys are all keys that begin with prefix, in order.
func (s *Store) Keys(prefix string) (keys []string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
			keys = append(keys, string(k))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}
