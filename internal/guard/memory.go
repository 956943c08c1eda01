package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/haltlog/haltlog/internal/durable"
)

// ErrState is the family of reasons to refuse a state directory.
var ErrState = errors.New("guard state")

// ErrStateBusy means that another guard holds the run's state.
var ErrStateBusy = fmt.Errorf("%w: held by another guard", ErrState)

const (
	memoryFile = "memory.json"
	cgroupFile = "cgroup" // path of the run's cgroup, for the next guard to clear if this one and its reaper cannot
	lockFile   = "lock"
	haltSuffix = ".halt"
)

// store is the guard's state directory: lease memory by compare-and-swap and the halts it learned. The lock is the
// safety against a second guard, the mutex only orders this one's goroutines.
type store struct {
	dir  string
	lock *os.File

	mu      sync.Mutex
	current Memory
	raw     []byte // the exact bytes on disk; nil before the first save
}

// openStore takes the directory for this process. It fails when another guard has it, or when it belongs to another run.
func openStore(dir, origin, run string) (*store, error) {
	for _, d := range []string{dir, recordDir(dir), spoolDir(dir)} {
		if err := makeDir(d); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
		// Whoever may write here may take a learned halt away, or put a link in a file's place.
		if info, err := os.Lstat(d); err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
			return nil, fmt.Errorf("%w: %s may be written to by others, or is no directory", ErrState, d)
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	s := &store{dir: dir, lock: lock, current: Memory{Origin: origin, Run: run}}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrStateBusy
		}
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if err := s.load(origin, run); err != nil {
		return nil, errors.Join(err, s.close())
	}
	// The records' folder is left alone: a reaper of an earlier guard may be writing there right now.
	return s, errors.Join(durable.Sweep(dir), durable.Sweep(spoolDir(dir)), clearCgroup(dir))
}

func (s *store) load(origin, run string) error {
	raw, err := readBounded(filepath.Join(s.dir, memoryFile), maxMemory)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	m, err := parseMemory(raw)
	if err != nil {
		return err
	}
	if m.Origin != origin || m.Run != run {
		return fmt.Errorf("%w: %s belongs to run %q of %q", ErrState, s.dir, m.Run, m.Origin)
	}
	s.current, s.raw = m, raw
	return nil
}

// parseMemory refuses what save would not write: a damaged memory must not become a younger one.
func parseMemory(raw []byte) (Memory, error) {
	var m Memory
	if err := json.Unmarshal(raw, &m); err != nil {
		return Memory{}, fmt.Errorf("%w: %s: %w", ErrState, memoryFile, err)
	}
	if again, err := m.encode(); err != nil || !bytes.Equal(again, raw) {
		return Memory{}, fmt.Errorf("%w: %s is damaged", ErrState, memoryFile)
	}
	return m, nil
}

func (m Memory) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	return append(b, '\n'), err
}

func (s *store) memory() Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// save makes m, or what is newer, durable. Only then may m be acted on (G3, L6). A file that changed under the lock
// means that somebody meddles, and nothing is written over it.
func (s *store) save(m Memory) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(m)
}

// number gives the next statement's number, durable before it is used.
func (s *store) number() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.current
	if m.Statements >= maxSequence {
		return 0, fmt.Errorf("%w: statement numbers are used up", ErrState)
	}
	m.Statements++
	return m.Statements, s.put(m)
}

func (s *store) put(m Memory) error {
	next := s.current.merge(m)
	b, err := next.encode()
	if err != nil {
		return err
	}
	if bytes.Equal(b, s.raw) {
		return nil
	}
	old, err := readBounded(filepath.Join(s.dir, memoryFile), maxMemory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if !bytes.Equal(old, s.raw) {
		return fmt.Errorf("%w: %s was changed by somebody else", ErrState, memoryFile)
	}
	if err := writeDurable(s.dir, memoryFile, b); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	s.current, s.raw = next, b
	return nil
}

// saveHalt makes the exact bytes of a verified halt or vote durable; from then on the run is over for every guard.
func (s *store) saveHalt(n Notice) error {
	if len(n.Bytes) == 0 || len(n.Bytes) > maxHaltBytes {
		return fmt.Errorf("%w: halt of %d bytes", ErrState, len(n.Bytes))
	}
	sum := sha256.Sum256(n.Bytes)
	return writeDurable(s.dir, string(n.Kind)+"-"+hex.EncodeToString(sum[:])+haltSuffix, n.Bytes)
}

// noteCgroup remembers the cgroup before anything runs in it.
func noteCgroup(dir, path string) error {
	if err := writeDurable(dir, cgroupFile, []byte(path)); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	return nil
}

// clearCgroup kills and removes what a guard left that was killed together with its reaper. The lock says that neither
// lives any more.
func clearCgroup(dir string) error {
	b, err := readBounded(filepath.Join(dir, cgroupFile), maxEventsFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	path := string(b)
	if d, err := os.Open(path); err == nil {
		c, err := openCgroup(path, d)
		if err != nil {
			return fmt.Errorf("%w: clear %s: %w", ErrState, path, err)
		}
		defer c.close()
		if err := errors.Join(c.slay(), c.remove()); err != nil {
			return fmt.Errorf("%w: clear %s: %w", ErrState, path, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: clear %s: %w", ErrState, path, err)
	}
	return durable.Remove(filepath.Join(dir, cgroupFile))
}

// halts lists what was learned, by this guard or an earlier one.
func (s *store) halts() ([]Notice, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	var out []Notice
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), haltSuffix) {
			continue
		}
		kind := NoticeHalt
		if strings.HasPrefix(e.Name(), string(NoticeVote)+"-") {
			kind = NoticeVote
		}
		b, err := readBounded(filepath.Join(s.dir, e.Name()), maxHaltBytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
		out = append(out, Notice{Kind: kind, Bytes: b})
	}
	return out, nil
}

// close gives the directory back.
func (s *store) close() error { return s.lock.Close() }
