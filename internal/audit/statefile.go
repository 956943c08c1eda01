package audit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"

	"github.com/haltlog/haltlog/internal/durable"
)

// FileState is a State in two files: PATH, what was verified, and
// PATH.entries, the entries. Entries are written and synced first, and count
// only up to the length that PATH names, so that a crash between the two
// leaves the earlier state. One process holds it at a time.
type FileState struct {
	path    string
	entries *os.File
	w       *bufio.Writer
	length  int64 // of the entries that count
	written int64
	loaded  bool
}

// fileHeader is the document in PATH.
type fileHeader struct {
	Format string `json:"format"`
	Saved
	Bytes int64 `json:"bytes"` // of PATH.entries
}

const fileFormat = "haltlog-audit-state/v1"

// ErrBusy is a state that another audit holds.
var ErrBusy = errors.New("another audit uses this state")

// OpenState opens the state at a path, or begins one.
func OpenState(path string) (*FileState, error) {
	f, err := os.OpenFile(path+".entries", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("open state %s: %w", path, ErrBusy)
	}
	return &FileState{path: path, entries: f}, nil
}

// Close lets the state go. What was not saved is forgotten.
func (s *FileState) Close() error { return s.entries.Close() }

// Load is [State].
func (s *FileState) Load() (*Saved, error) {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.loaded = true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	h, err := parseHeader(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, s.path, err)
	}
	info, err := s.entries.Stat()
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if info.Size() < h.Bytes {
		return nil, fmt.Errorf("%w: %s.entries has %d bytes of %d", ErrDamaged, s.path, info.Size(), h.Bytes)
	}
	s.length, s.loaded = h.Bytes, true
	return &h.Saved, nil
}

// parseHeader accepts exactly what formatHeader prints.
func parseHeader(raw []byte) (*fileHeader, error) {
	if len(raw) > maxState {
		return nil, errors.New("too long")
	}
	var h fileHeader
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return nil, err
	}
	if h.Format != fileFormat || h.Bytes < 0 || h.Size == 0 {
		return nil, fmt.Errorf("not of format %s", fileFormat)
	}
	again, err := formatHeader(h)
	if err != nil || !bytes.Equal(again, raw) {
		return nil, errors.New("not as it was written")
	}
	return &h, nil
}

func formatHeader(h fileHeader) ([]byte, error) {
	b, err := json.MarshalIndent(h, "", "  ")
	return append(b, '\n'), err
}

// Entries is [State].
func (s *FileState) Entries() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(s.entries, 0, s.length), 1<<16)
		for {
			var n [2]byte
			_, err := io.ReadFull(r, n[:])
			if errors.Is(err, io.EOF) {
				return
			}
			leaf := make([]byte, binary.BigEndian.Uint16(n[:]))
			if err == nil {
				_, err = io.ReadFull(r, leaf)
			}
			if err != nil {
				yield(nil, fmt.Errorf("%w: %s.entries: %w", ErrDamaged, s.path, err))
				return
			}
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// Append is [State].
func (s *FileState) Append(leaf []byte) error {
	if !s.loaded {
		return errors.New("append to state: not loaded")
	}
	if s.w == nil {
		// What lies behind is of an audit that was not saved.
		if err := s.entries.Truncate(s.length); err != nil {
			return fmt.Errorf("append to state: %w", err)
		}
		if _, err := s.entries.Seek(s.length, io.SeekStart); err != nil {
			return fmt.Errorf("append to state: %w", err)
		}
		s.w = bufio.NewWriterSize(s.entries, 1<<16)
	}
	n := binary.BigEndian.AppendUint16(nil, uint16(len(leaf)))
	if _, err := s.w.Write(append(n, leaf...)); err != nil {
		return fmt.Errorf("append to state: %w", err)
	}
	s.written += int64(len(leaf)) + 2
	return nil
}

// Save is [State].
func (s *FileState) Save(v Saved) error {
	if s.w != nil {
		if err := s.w.Flush(); err != nil {
			return fmt.Errorf("save state: %w", err)
		}
	}
	if err := s.entries.Sync(); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	raw, err := formatHeader(fileHeader{Format: fileFormat, Saved: v, Bytes: s.length + s.written})
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	if err := durable.Replace(s.path, raw, 0o644); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	s.length, s.written, s.w = s.length+s.written, 0, nil
	return nil
}
