package projection

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/log"
)

// A Query selects entries; zero fields select all.
type Query struct {
	Run  string
	Kind string
	// Since and Until bound the log time: Since <= log time < Until. Entries
	// before the first anchor have none, and are before every time.
	Since, Until time.Time
	// From is the lowest index.
	From uint64
	// Cursor is a page's Next.
	Cursor string
	// Limit is the most entries to return, at most MaxLimit; 0 for
	// DefaultLimit.
	Limit int
}

// A Page is an answer: entries in the order of their indices.
type Page struct {
	Built   uint64 // the size of the log that the answer is about
	Entries []Entry
	Next    string // cursor of the next page, empty at the end
}

// Lookup is the first entry that took an identity (S2).
func (p *Projection) Lookup(identity log.Hash) (Entry, bool, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	raw, err := p.store.Get(bucketIdentities, identity[:])
	if err != nil {
		return Entry{}, false, fmt.Errorf("look up identity: %w", err)
	}
	index, ok := p.first[identity]
	if len(raw) == 8 {
		index, ok = binary.BigEndian.Uint64(raw), true
	}
	if !ok {
		return Entry{}, false, nil
	}
	e, err := p.entry(index)
	return e, err == nil, err
}

// Entry is the entry at an index; [ErrFuture] from Size on.
func (p *Projection) Entry(index uint64) (Entry, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.entry(index)
}

func (p *Projection) entry(index uint64) (Entry, error) {
	if index >= p.flushed {
		if i := index - p.flushed; i < uint64(len(p.fresh)) {
			return p.fresh[i], nil
		}
		return Entry{}, fmt.Errorf("entry %d: %w", index, ErrFuture)
	}
	raw, err := p.store.Get(bucketEntries, number(index))
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", index, err)
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", index, err)
	}
	e.Index = index
	return e, nil
}

// before is the number of entries whose log time is before t: all up to and
// including the first anchor that is not. Anchors' smallest times and indices
// both only grow.
func (p *Projection) before(t time.Time) (n uint64, err error) {
	n = p.flushed + uint64(len(p.fresh))
	for _, e := range slices.Backward(p.fresh) {
		if e.Anchor != nil && !e.Anchor.Before(t) {
			n = e.Index + 1
		}
	}
	err = p.store.Scan(bucketTimes, number(uint64(max(0, t.UnixMilli()))), func(k, v []byte) bool {
		if at := time.UnixMilli(int64(binary.BigEndian.Uint64(k))); at.Before(t) {
			return true // t lies within that millisecond
		}
		n = binary.BigEndian.Uint64(v) + 1
		return false
	})
	return n, err
}

// Find answers a query. [ErrQuery] for a cursor that this package did not give
// out, or a limit out of bounds.
func (p *Projection) Find(q Query) (Page, error) {
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Limit < 0 || q.Limit > MaxLimit {
		return Page{}, fmt.Errorf("limit %d, not within 1 to %d: %w", q.Limit, MaxLimit, ErrQuery)
	}
	from := q.From
	if q.Cursor != "" {
		n, err := parseCursor(q.Cursor)
		if err != nil {
			return Page{}, err
		}
		from = max(from, n)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	page := Page{Built: p.flushed + uint64(len(p.fresh))}
	to := page.Built
	for _, bound := range []struct {
		t  time.Time
		at func(n uint64)
	}{
		{q.Since, func(n uint64) { from = max(from, n) }},
		{q.Until, func(n uint64) { to = min(to, n) }},
	} {
		if bound.t.IsZero() {
			continue
		}
		n, err := p.before(bound.t)
		if err != nil {
			return Page{}, err
		}
		bound.at(n)
	}
	scanned := 0
	for from < to {
		indices, err := p.candidates(q, from, to, q.Limit-len(page.Entries)+1)
		if err != nil {
			return Page{}, err
		}
		if len(indices) == 0 {
			return page, nil
		}
		for _, i := range indices {
			if len(page.Entries) == q.Limit || scanned == maxScan {
				page.Next = strconv.FormatUint(i, 10)
				return page, nil
			}
			scanned++
			from = i + 1
			e, err := p.entry(i)
			if err != nil {
				return Page{}, err
			}
			if q.matches(e.Record) {
				page.Entries = append(page.Entries, e)
			}
		}
	}
	return page, nil
}

// parseCursor accepts what Find prints.
func parseCursor(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || len(s) > maxCursor || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("cursor: %w", ErrQuery)
	}
	return n, nil
}

func (q Query) matches(r Record) bool {
	return (q.Run == "" || r.Run == q.Run) && (q.Kind == "" || r.Kind == q.Kind)
}

// candidates are up to n indices from from on, below to, in order, by the
// narrowest index there is; they may match in part only.
func (p *Projection) candidates(q Query, from, to uint64, n int) ([]uint64, error) {
	bucket, name := bucketRuns, q.Run
	if q.Run == "" {
		bucket, name = bucketKinds, q.Kind
	}
	var found []uint64
	if name == "" {
		for i := from; i < to && len(found) < n; i++ {
			found = append(found, i)
		}
		return found, nil
	}
	prefix := append([]byte(name), 0)
	err := p.store.Scan(bucket, posting(name, from), func(k, _ []byte) bool {
		if len(k) != len(prefix)+8 || !bytes.HasPrefix(k, prefix) {
			return false
		}
		i := binary.BigEndian.Uint64(k[len(prefix):])
		// What a flush under way has put there is still fresh.
		if i >= min(to, p.flushed) || len(found) == n {
			return false
		}
		found = append(found, i)
		return true
	})
	if err != nil {
		return nil, err
	}
	for i := max(from, p.flushed); i < to && len(found) < n; i++ {
		if q.matches(p.fresh[i-p.flushed].Record) {
			found = append(found, i)
		}
	}
	return slices.Clip(found), nil
}
