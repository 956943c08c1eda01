package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/log"
)

// Record is what an engine must not forget (L6): how far it had folded, and the
// exact bytes of a decision, with the halts that follow from it, that it may have
// acted on before the log had them.
type Record struct {
	Size     uint64   `json:"size"`
	Root     log.Hash `json:"root"`
	Decision []byte   `json:"decision"`
	Halts    [][]byte `json:"halts"` // in the order of the decision's verdicts
}

// Journal keeps an engine's records outside the log's own store, so that a log
// restored from an older copy cannot make the engine forget a halt.
//
// Save returns after the record is durable, parent folder included; it replaces
// the last one. Load returns the last one saved, or ErrNoRecord. KeepHalt is called
// with each halt of a record that was saved, before the next one is: until then
// the record is what binds. Halts returns all that were ever kept, by run.
type Journal interface {
	Save(ctx context.Context, r Record) error
	Load(ctx context.Context) (Record, error)
	KeepHalt(ctx context.Context, run string, leaf []byte) error
	Halts(ctx context.Context) (map[string][]byte, error)
}

// ErrNoRecord is a journal that was never written.
var ErrNoRecord = errors.New("no record")

// maxRecord bounds a journal file before it is read: a decision in parts has at
// most 4 MiB, and as many halts as runs.
const maxRecord = 64 << 20

// Dir is a journal in a folder: `record.json`, and `halts/RUN` for each halt. All
// files are replaced whole and durably (durable.Replace). One process has it open.
type Dir struct{ path string }

var _ Journal = (*Dir)(nil)

// OpenDir makes the folder if it is not there.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(filepath.Join(path, "halts"), 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := errors.Join(durable.SyncDir(path), durable.SyncDir(filepath.Dir(filepath.Clean(path)))); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Dir{path}, nil
}

// Save is Journal's.
func (d *Dir) Save(_ context.Context, r Record) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save record: %w", err)
	}
	if err := durable.Replace(filepath.Join(d.path, "record.json"), raw, 0o600); err != nil {
		return fmt.Errorf("save record: %w", err)
	}
	return nil
}

// Load is Journal's. A damaged record is an error, never no record: what it said
// may bind the engine.
func (d *Dir) Load(context.Context) (Record, error) {
	var r Record
	raw, err := read(filepath.Join(d.path, "record.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, ErrNoRecord
	}
	if err != nil {
		return r, fmt.Errorf("load record: %w", err)
	}
	if err := r.parse(raw); err != nil {
		return Record{}, damaged(filepath.Join(d.path, "record.json"), err)
	}
	return r, nil
}

// parse takes what Save wrote and nothing else: statements are read, too, so that
// a damage is found before anything is done, not when they are submitted.
func (r *Record) parse(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(r); err != nil {
		return err
	}
	if dec.InputOffset() != int64(len(raw)) {
		return errors.New("more than one record")
	}
	s, err := log.ParseWhole(r.Decision)
	if err != nil {
		return err
	}
	if s.Kind() != log.KindDecision {
		return fmt.Errorf("a %s in a decision's place", s.Kind())
	}
	for _, leaf := range r.Halts {
		if _, err := parseHalt(leaf); err != nil {
			return err
		}
	}
	return nil
}

func parseHalt(leaf []byte) (*log.Halt, error) {
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, err
	}
	h, ok := s.Statement.(*log.Halt)
	if !ok {
		return nil, fmt.Errorf("a %s in a halt's place", s.Kind())
	}
	return h, nil
}

func damaged(path string, err error) error {
	return fmt.Errorf("%s is damaged: restore it, with its folder, from the newest copy (it may hold a halt): %w", path, err)
}

// KeepHalt is Journal's.
func (d *Dir) KeepHalt(_ context.Context, run string, leaf []byte) error {
	if strings.ContainsAny(run, "/\x00") || strings.HasPrefix(run, ".") {
		return fmt.Errorf("keep halt: run %q is no name", run)
	}
	if err := durable.Replace(filepath.Join(d.path, "halts", run), leaf, 0o600); err != nil {
		return fmt.Errorf("keep halt: %w", err)
	}
	return nil
}

// Halts is Journal's.
func (d *Dir) Halts(context.Context) (map[string][]byte, error) {
	files, err := os.ReadDir(filepath.Join(d.path, "halts"))
	if err != nil {
		return nil, fmt.Errorf("load halts: %w", err)
	}
	halts := make(map[string][]byte, len(files))
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			continue // what a crash left beside
		}
		raw, err := read(filepath.Join(d.path, "halts", f.Name()))
		if err != nil {
			return nil, fmt.Errorf("load halts: %w", err)
		}
		path := filepath.Join(d.path, "halts", f.Name())
		h, err := parseHalt(raw)
		if err != nil {
			return nil, damaged(path, err)
		}
		if h.Run != f.Name() {
			return nil, damaged(path, fmt.Errorf("holds the halt of run %s", h.Run))
		}
		halts[f.Name()] = raw
	}
	return halts, nil
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRecord {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxRecord)
	}
	return os.ReadFile(path)
}
