package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/witness"
)

// A floor is what the witness is known to have cosigned, kept beside its key
// and apart from its database: below it the database is not to be believed.
type floor struct {
	Logs map[string]floorLog `json:"logs"` // by origin
}

type floorLog struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

// floorPath is where the floor of a key is.
func floorPath(key string) string { return key + ".floor" }

func createFloor(path string) error { return writeNew(path, floor{}.bytes()) }

func (f floor) bytes() []byte {
	if f.Logs == nil {
		f.Logs = map[string]floorLog{}
	}
	// Maps are printed with sorted keys; nothing in it can fail to print.
	b, _ := json.MarshalIndent(f, "", "  ")
	return append(b, '\n')
}

// errNoFloor is a floor file that is not there.
var errNoFloor = fs.ErrNotExist

func readFloor(path string) (floor, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return floor{}, fmt.Errorf("read floor: %w", err)
	}
	var f floor
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || !bytes.Equal(f.bytes(), b) {
		return floor{}, look("floor file %s is damaged; see haltwitness restore --help", path)
	}
	return f, nil
}

// write replaces the file. A crash leaves the old or the new one.
func (f floor) write(path string) error { return durable.Replace(path, f.bytes(), 0o600) }

// writeAll replaces the floor of each key.
func (f floor) writeAll(keys []string) error {
	var errs []error
	for _, k := range keys {
		errs = append(errs, f.write(floorPath(k)))
	}
	return errors.Join(errs...)
}

// currentFloor is the floor that the database stands on now.
func currentFloor(e *env, w *witness.Witness) (floor, error) {
	f := floor{Logs: map[string]floorLog{}}
	for _, o := range w.Origins() {
		c, err := w.Last(e.ctx, o)
		if errors.Is(err, witness.ErrNeverCosigned) {
			continue
		}
		if err != nil {
			return floor{}, fmt.Errorf("log %s: %w", o, err)
		}
		f.Logs[o] = floorLog{Size: c.Size, Root: c.Root[:]}
	}
	return f, nil
}

// holds refuses a database that is behind the floor, or beside it.
func (f floor) holds(now floor) error {
	for o, was := range f.Logs {
		is, ok := now.Logs[o]
		switch {
		case !ok:
			return look("log %s was cosigned at size %d, and the database does not know it: the database was lost or is an older copy; see haltwitness restore --help", o, was.Size)
		case is.Size < was.Size:
			return look("log %s was cosigned at size %d, and the database is at %d: it is an older copy, and signing on it could sign a second root; see haltwitness restore --help", o, was.Size, is.Size)
		case is.Size == was.Size && !bytes.Equal(is.Root, was.Root):
			return look("log %s was cosigned at size %d with root %s, and the database has %s: two witnesses run with one key; retire it", o, was.Size, rootText(was.Root), rootText(is.Root))
		}
	}
	return nil
}

func rootText(b []byte) string {
	if len(b) != 32 {
		return fmt.Sprintf("%x", b)
	}
	return checkpoint.FormatHash(checkpoint.Hash(b))
}
