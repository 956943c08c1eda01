package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/durable"
)

// ErrRefused is what Submit returns, possibly wrapped, when the log will never take a statement. Any other error means
// that it may be sent again, unchanged.
var ErrRefused = errors.New("statement refused")

// Submit hands one statement to the log and returns nil only when the log has acknowledged it, which it also does for
// one that it already holds. It must be safe to call again with the same bytes after any error or crash.
type Submit func(ctx context.Context, statement []byte) error

// Spool keeps statements on disk until the log takes them: one file per statement, delivered in the order of Put.
// A crash at any moment loses nothing that Put acknowledged and at worst sends a statement twice.
type Spool struct {
	dir string

	mu   sync.Mutex
	next uint64
	wake chan struct{}
}

// Spool files are <number>-<sha256>.stmt; refused ones end in .refused and stay for a person to look at.
var spoolName = regexp.MustCompile(`^([0-9]{20})-([0-9a-f]{64})\.(stmt|refused)$`)

// OpenSpool opens or makes the spool in dir. Only one process may hold a spool at a time; the guard's lock sees to it.
func OpenSpool(dir string) (*Spool, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{dir: dir, wake: make(chan struct{}, 1)}
	items, err := s.list("")
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	for _, it := range items {
		s.next = max(s.next, it.number+1)
	}
	return s, nil
}

type spoolItem struct {
	name   string
	number uint64
	sum    string
}

// list gives the items with the suffix (all when empty) in order.
func (s *Spool) list(suffix string) ([]spoolItem, error) {
	entries, err := os.ReadDir(s.dir) // sorted by name, so by number
	if err != nil {
		return nil, err
	}
	var out []spoolItem
	for _, e := range entries {
		m := spoolName.FindStringSubmatch(e.Name())
		if m == nil || (suffix != "" && m[3] != suffix) {
			continue
		}
		n, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			continue // twenty digits beyond 64 bits are nobody's
		}
		out = append(out, spoolItem{e.Name(), n, m[2]})
	}
	return out, nil
}

// Put makes a statement durable; the same bytes twice are kept once.
func (s *Spool) Put(statement []byte) error {
	if len(statement) == 0 || len(statement) > maxSpoolItem {
		return fmt.Errorf("spool: statement of %d bytes", len(statement))
	}
	sum := sha256.Sum256(statement)
	name := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	items, err := s.list("stmt")
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if len(items) >= maxSpoolItems {
		return fmt.Errorf("spool: holds %d statements already", len(items))
	}
	for _, it := range items {
		if it.sum == name {
			return nil
		}
	}
	if err := writeDurable(s.dir, fmt.Sprintf("%020d-%s.stmt", s.next, name), statement); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.next++
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Len is how many statements wait.
func (s *Spool) Len() (int, error) {
	items, err := s.list("stmt")
	return len(items), err
}

// DeliverOnce submits what waits, in order, and stops at the first error that is not a refusal: what depends on an
// earlier statement must not overtake it. Refused and damaged items are set aside and reported.
func (s *Spool) DeliverOnce(ctx context.Context, submit Submit) error {
	items, err := s.list("stmt")
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	var refused []error
	for _, it := range items {
		b, err := readBounded(filepath.Join(s.dir, it.name), maxSpoolItem)
		if err != nil {
			return errors.Join(append(refused, fmt.Errorf("deliver: %w", err))...)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != it.sum {
			err = fmt.Errorf("%w: %s is damaged", ErrRefused, it.name)
		} else {
			err = submit(ctx, b)
		}
		switch {
		case err == nil:
			err = durable.Remove(filepath.Join(s.dir, it.name))
		case errors.Is(err, ErrRefused):
			refused = append(refused, fmt.Errorf("deliver %s: %w", it.name, err))
			aside := it.name[:len(it.name)-len("stmt")] + "refused"
			err = os.Rename(filepath.Join(s.dir, it.name), filepath.Join(s.dir, aside))
		}
		if err != nil {
			return errors.Join(append(refused, fmt.Errorf("deliver: %w", err))...)
		}
	}
	return errors.Join(refused...)
}

// Run delivers until ctx ends, with a growing pause after errors; report, if not nil, is told each error.
func (s *Spool) Run(ctx context.Context, submit Submit, report func(error)) {
	wait := deliverMinWait
	for {
		err := s.DeliverOnce(ctx, submit)
		if ctx.Err() != nil {
			return
		}
		if err != nil && report != nil {
			report(err)
		}
		var again <-chan time.Time
		if left, lenErr := s.Len(); lenErr != nil || left > 0 {
			again = time.After(wait)
			wait = min(2*wait, deliverMaxWait)
		} else {
			wait = deliverMinWait
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			wait = deliverMinWait
		case <-again:
		}
	}
}
