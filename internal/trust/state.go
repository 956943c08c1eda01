package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/log"
)

// Errors of a state file.
var (
	ErrState = errors.New("state file is damaged")
	ErrInUse = errors.New("state file is in use by another process")
)

// stateFormat is the first thing that a state file says.
const stateFormat = "haltlog/state/v1"

// State is what is remembered of one log between two uses.
type State struct {
	Format     string            `json:"format"`
	Origin     string            `json:"origin"`
	Genesis    log.Hash          `json:"genesis"`
	Checkpoint []byte            `json:"checkpoint"` // newest one that was verified, a signed note
	Sequences  map[string]uint64 `json:"sequences"`  // last sequence number used, by what it counts
}

// A Store keeps a State. Save returns once it is durable; after an error of Save
// the stored state is the old or the new one, never a mixture.
type Store interface {
	Load() (s State, found bool, err error)
	Save(State) error
}

// Volatile is a store without a file: everything is forgotten at the end.
type Volatile struct{ state *State }

// Load returns what was saved in this process.
func (v *Volatile) Load() (State, bool, error) {
	if v.state == nil {
		return State{}, false, nil
	}
	return *v.state, true, nil
}

// Save keeps it.
func (v *Volatile) Save(s State) error {
	v.state = &s
	return nil
}

// File is a store in a file. It holds the file's lock until Close, so that no two
// processes use one sequence number for two statements.
type File struct {
	path string
	lock *os.File
}

// OpenFile locks a state file, which need not exist yet. Errors: ErrInUse, and
// the file system's.
func OpenFile(path string) (*File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state file: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, ErrInUse)
		}
		return nil, fmt.Errorf("lock state file: %w", err)
	}
	return &File{path: path, lock: lock}, nil
}

// Close gives the lock back.
func (f *File) Close() error { return f.lock.Close() }

// Load reads the file. A file that is there and cannot be read whole is
// [ErrState]: to begin anew would be to forget what was seen.
func (f *File) Load() (State, bool, error) {
	h, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, fmt.Errorf("state file: %w", err)
	}
	defer h.Close()
	raw, err := io.ReadAll(io.LimitReader(h, maxState+1))
	if err != nil {
		return State{}, false, fmt.Errorf("state file: %w", err)
	}
	s, err := parseState(raw)
	if err != nil {
		return State{}, false, fmt.Errorf("%s: %w", f.path, err)
	}
	return s, true, nil
}

func parseState(raw []byte) (State, error) {
	if len(raw) > maxState {
		return State{}, fmt.Errorf("%w: longer than %d bytes", ErrState, maxState)
	}
	var s State
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	again, err := s.format()
	if err != nil || !bytes.Equal(again, raw) {
		return State{}, fmt.Errorf("%w: not as it was written", ErrState)
	}
	if s.Format != stateFormat || !log.ValidOrigin(s.Origin) {
		return State{}, fmt.Errorf("%w: not a %s", ErrState, stateFormat)
	}
	return s, nil
}

func (s State) format() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// Save writes beside, syncs, renames, syncs the folder: a crash leaves the old
// state or the new one (TR2).
func (f *File) Save(s State) error {
	s.Format = stateFormat
	if s.Sequences == nil {
		s.Sequences = map[string]uint64{}
	}
	b, err := s.format()
	if err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	if err := durable.Replace(f.path, b, 0o600); err != nil {
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}
