package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/haltlog/haltlog/internal/durable"
)

// The files of the leases that were granted: one envelope a line, newest last. When the first is full it becomes the
// second, and what was the second goes.
const (
	keptFile = "leases"
	keptPast = "leases.old"
)

// kept writes down every lease that an engine signed for this guard, whether or not it counted: held against the log
// later, each convicts an engine that granted what it must not (G3). Nothing is decided by it, so that a disk that is
// full or dead costs evidence, and never the run.
type kept struct {
	dir string
	mu  sync.Mutex
}

// add appends one lease durably.
func (k *kept) add(lease []byte) (err error) {
	if len(lease) == 0 || len(lease) > maxKeptLease || bytes.IndexByte(lease, '\n') >= 0 {
		return fmt.Errorf("keep lease: %d bytes", len(lease))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	path := filepath.Join(k.dir, keptFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("keep lease: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = fmt.Errorf("keep lease: %w", err)
		}
	}()
	size, err := whole(f)
	if err != nil {
		return err
	}
	if size+int64(len(lease))+1 > maxKept {
		if err := os.Rename(path, filepath.Join(k.dir, keptPast)); err != nil {
			return err
		}
		_ = f.Close()
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600); err != nil {
			return err
		}
		if err := durable.SyncDir(k.dir); err != nil {
			return err
		}
		size = 0
	}
	if _, err := f.WriteAt(append(bytes.Clone(lease), '\n'), size); err != nil {
		return err
	}
	return f.Sync()
}

// whole cuts off a line whose writer died, and says how long the rest is: an auditor reads whole envelopes only.
func whole(f *os.File) (int64, error) {
	b, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	if err != nil {
		return 0, err
	}
	if end := bytes.LastIndexByte(b, '\n') + 1; end < len(b) {
		return int64(end), f.Truncate(int64(end))
	}
	return int64(len(b)), nil
}
