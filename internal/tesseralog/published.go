package tesseralog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A published is the checkpoint that the world sees. The zero value stands for
// none yet.
type published struct {
	note []byte
	cp   checkpoint.Checkpoint
	// verified is zero while the note, read at start, was not yet held against
	// the quorum of today.
	verified checkpoint.Verified
}

func publishedDir(dir string) string  { return filepath.Join(dir, "published") }
func publishedPath(dir string) string { return filepath.Join(publishedDir(dir), "checkpoint") }

// readPublished is the last published note, or nil if there is none.
func readPublished(dir string) ([]byte, error) {
	f, err := os.Open(publishedPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read published checkpoint: %w", errors.Join(err, ErrStorage))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, checkpoint.MaxNote+1))
	if err != nil {
		return nil, fmt.Errorf("read published checkpoint: %w", errors.Join(err, ErrStorage))
	}
	return b, nil
}

// openPublished parses the note that was read at start. It is held against the
// log's own keys: a stranger's note here means that folders were mixed up. The
// quorum is not asked, since which one holds is only known once the entries
// were read.
func openPublished(note []byte, cfg Config) (checkpoint.Checkpoint, error) {
	refuse := func(err error) (checkpoint.Checkpoint, error) {
		return checkpoint.Checkpoint{}, fmt.Errorf("%s: restore it from the newest copy of the folder: %w: %w", publishedPath(cfg.Dir), err, ErrCorrupt)
	}
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return refuse(err)
	}
	cp, err := checkpoint.ParseCheckpoint(n.Text)
	if err != nil {
		return refuse(err)
	}
	if cp.Origin != cfg.Origin {
		return checkpoint.Checkpoint{}, fmt.Errorf("%s is of the log %q, not of %q: give the right folder or the right name: %w", publishedPath(cfg.Dir), cp.Origin, cfg.Origin, ErrCorrupt)
	}
	for _, s := range cfg.Signers {
		v, err := checkpoint.NewVerifier(s.VKey())
		if err != nil {
			return refuse(err)
		}
		for _, line := range n.Sigs {
			if v.Matches(line) {
				if _, err := v.Verify(cp, line.Sig); err != nil {
					return refuse(err)
				}
			}
		}
	}
	return cp, nil
}

// swapPublished replaces the published note on disk: old must still be what is
// there (L6). It returns after the new one is durable. What a crash leaves at
// each step is said beside it.
func swapPublished(dir string, dirs dirSyncer, old, new []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("publish checkpoint: %w", err)
		}
	}()
	if old == nil {
		if err := os.MkdirAll(publishedDir(dir), 0o755); err != nil {
			return errors.Join(err, ErrStorage)
		}
		if err := dirs.SyncDir(dir); err != nil {
			return errors.Join(err, ErrStorage)
		}
	}
	next := publishedPath(dir) + ".next"
	if err := writeSynced(next, new); err != nil {
		return errors.Join(err, ErrStorage)
	}
	// Crash here: the old one is published; the next attempt overwrites .next.
	have, err := readPublished(dir)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, old) {
		return fmt.Errorf("somebody else wrote %s; stop, and find out who: %w", publishedPath(dir), ErrRollback)
	}
	if err := os.Rename(next, publishedPath(dir)); err != nil {
		return errors.Join(err, ErrStorage)
	}
	// Crash of the machine here: either the old or the new one is there, both
	// true, and nobody was told of the new one yet.
	if err := dirs.SyncDir(publishedDir(dir)); err != nil {
		return errors.Join(err, ErrStorage)
	}
	return nil
}

func writeSynced(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
