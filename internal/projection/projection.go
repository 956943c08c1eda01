package projection

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/log"
)

// A Store keeps ordered keys in named buckets. Update is atomic and durable:
// after a crash either all that it put is there or nothing. Get returns nil
// for what is not there; Scan visits in the order of keys, starting at the
// first one not below from. All calls may be made concurrently.
type Store interface {
	Get(bucket string, key []byte) ([]byte, error)
	Scan(bucket string, from []byte, visit func(key, value []byte) bool) error
	Update(fn func(put func(bucket string, key, value []byte) error) error) error
	Reset() error
	Close() error
}

// The buckets and their keys; numbers are 8 bytes, big-endian.
const (
	bucketMeta       = "meta"       // "log" → version and name, "size" → number
	bucketEntries    = "entries"    // index → Entry
	bucketIdentities = "identities" // identity → index
	bucketRuns       = "runs"       // run, 0, index → nothing
	bucketKinds      = "kinds"      // kind, 0, index → nothing
	bucketTimes      = "times"      // milliseconds since 1970 of an anchor's smallest time → its index
)

// formatVersion is that of the buckets. Another one is dropped and rebuilt.
const formatVersion = "1 "

var (
	// ErrGap is a record that is not the next one.
	ErrGap = errors.New("not the next entry")
	// ErrQuery is a query with a cursor or limit that was not given out.
	ErrQuery = errors.New("bad query")
	// ErrFuture is a size that the projection has not reached.
	ErrFuture = errors.New("beyond what is built")
)

// A Record is what the projection keeps of an entry.
type Record struct {
	Kind     string `json:"k,omitempty"` // empty for a leaf that holds no statement
	Run      string `json:"r,omitempty"`
	Validity string `json:"v"`
	Reason   string `json:"w,omitempty"`
	// Identities are those that the entry took: the statement's, and at the
	// last part of a whole the whole's too. What did not verify takes none.
	Identities []log.Hash `json:"i,omitempty"`
	// Anchor is the smallest quorum time of the valid anchor at this entry: the
	// log time of what follows.
	Anchor *time.Time `json:"a,omitempty"`
}

// RecordOf is the record of a judged entry, whose leaf is given beside it.
func RecordOf(leaf []byte, j log.Judged) (Record, error) {
	r := Record{Validity: string(j.Validity), Reason: j.Reason}
	if j.Signed == nil {
		return r, nil
	}
	if j.Verified {
		r.Identities = append(r.Identities, j.Signed.Identity)
		// At the last part the judgement is on the whole; the part is there too.
		if !bytes.Equal(leaf, j.Signed.Leaf) {
			if s, err := log.Parse(leaf); err == nil && s.Identity != j.Signed.Identity {
				r.Identities = append(r.Identities, s.Identity)
			}
		}
	}
	r.Kind = string(j.Signed.Kind())
	// Every kind that is about a run names it so.
	var about struct {
		Run *string `json:"run"`
	}
	if err := json.Unmarshal(j.Signed.Envelope.Payload, &about); err != nil {
		return Record{}, fmt.Errorf("record of %d: %w", j.Index, err)
	}
	if about.Run != nil {
		r.Run = *about.Run
	}
	for _, e := range j.Effects {
		if a, ok := e.(log.AnchorAccepted); ok {
			r.Anchor = &a.Anchor.Min
		}
	}
	return r, nil
}

// An Entry is a record at its index.
type Entry struct {
	Record
	Index uint64 `json:"-"`
	// LogTime is the smallest quorum time of the newest valid anchor before
	// the entry, nil before the first.
	LogTime *time.Time `json:"t,omitempty"`
}

// A Projection is an open index. Apply is for one goroutine, all else for any.
type Projection struct {
	store Store

	flushing sync.Mutex            // held over a flush
	failed   atomic.Pointer[error] // of a flush behind Apply

	mu      sync.RWMutex
	flushed uint64              // entries in the store
	fresh   []Entry             // those after, not in the store yet
	first   map[log.Hash]uint64 // identities of fresh
	logTime *time.Time          // of the entry that comes next
}

// Open opens the projection of one log over a store. name tells logs apart (its
// genesis hash), size is the log's integrated size: a projection of another
// log, of another version, or ahead of the log is dropped, to be built again.
func Open(s Store, name string, size uint64) (*Projection, error) {
	p := &Projection{store: s, first: map[log.Hash]uint64{}}
	mark, err := s.Get(bucketMeta, []byte("log"))
	if err != nil {
		return nil, fmt.Errorf("open projection: %w", err)
	}
	raw, err := s.Get(bucketMeta, []byte("size"))
	if err != nil {
		return nil, fmt.Errorf("open projection: %w", err)
	}
	if len(raw) == 8 {
		p.flushed = binary.BigEndian.Uint64(raw)
	}
	if string(mark) == formatVersion+name && p.flushed <= size {
		var last Entry
		raw, err := s.Get(bucketMeta, []byte("logtime"))
		if err == nil && raw != nil {
			err = json.Unmarshal(raw, &last)
		}
		if err != nil {
			return nil, fmt.Errorf("open projection: %w", err)
		}
		p.logTime = last.LogTime
		return p, nil
	}
	if err := s.Reset(); err != nil {
		return nil, fmt.Errorf("open projection: %w", err)
	}
	p.flushed = 0
	err = s.Update(func(put func(string, []byte, []byte) error) error {
		return put(bucketMeta, []byte("log"), []byte(formatVersion+name))
	})
	if err != nil {
		return nil, fmt.Errorf("open projection: %w", err)
	}
	return p, nil
}

// Size is the size of the log to which the projection is built.
func (p *Projection) Size() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.flushed + uint64(len(p.fresh))
}

// Apply takes the next entry. What was applied before, as when the log is read
// from its start again, is skipped; a gap is [ErrGap].
//
// A flush that is due runs behind it: whoever applies entries decides halts, and
// does not wait for a sync of what can be rebuilt. Its error is the next Apply's.
// Only a store that is too far behind is waited for.
func (p *Projection) Apply(index uint64, r Record) error {
	p.mu.Lock()
	n := p.flushed + uint64(len(p.fresh))
	if index != n {
		p.mu.Unlock()
		if index < n {
			return nil
		}
		return fmt.Errorf("apply %d after %d: %w", index, n, ErrGap)
	}
	p.fresh = append(p.fresh, Entry{Record: r, Index: index, LogTime: p.logTime})
	if r.Anchor != nil {
		p.logTime = r.Anchor
	}
	for _, id := range r.Identities {
		if _, ok := p.first[id]; !ok {
			p.first[id] = index
		}
	}
	waiting := len(p.fresh)
	p.mu.Unlock()
	switch {
	case waiting >= maxFresh:
		return p.Flush()
	case waiting >= flushEvery && p.flushing.TryLock():
		go func() {
			defer p.flushing.Unlock()
			if err := p.flush(); err != nil {
				p.failed.Store(&err)
			}
		}()
	}
	if err := p.failed.Swap(nil); err != nil {
		return *err
	}
	return nil
}

// Flush makes durable what was applied. Without it a restart applies what was
// held in memory again.
func (p *Projection) Flush() error {
	p.flushing.Lock()
	defer p.flushing.Unlock()
	return p.flush()
}

func (p *Projection) flush() error {
	p.mu.RLock()
	from, fresh, logTime := p.flushed, p.fresh, p.logTime
	p.mu.RUnlock()
	if len(fresh) == 0 {
		return nil
	}
	taken := make([][]log.Hash, len(fresh))
	for i, e := range fresh {
		for _, id := range e.Identities {
			// The first index stays, be it in the store or among these.
			have, err := p.store.Get(bucketIdentities, id[:])
			if err != nil {
				return fmt.Errorf("flush projection: %w", err)
			}
			if have == nil && p.firstOf(id) == e.Index {
				taken[i] = append(taken[i], id)
			}
		}
	}
	err := p.store.Update(func(put func(string, []byte, []byte) error) error {
		for i, e := range fresh {
			if err := p.put(put, e, taken[i]); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(Entry{LogTime: logTime})
		if err == nil {
			err = put(bucketMeta, []byte("logtime"), raw)
		}
		if err != nil {
			return err
		}
		return put(bucketMeta, []byte("size"), number(from+uint64(len(fresh))))
	})
	if err != nil {
		return fmt.Errorf("flush projection: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flushed += uint64(len(fresh))
	p.fresh = p.fresh[len(fresh):]
	clear(p.first)
	for _, e := range p.fresh {
		for _, id := range e.Identities {
			if _, ok := p.first[id]; !ok {
				p.first[id] = e.Index
			}
		}
	}
	return nil
}

// firstOf is the index of the first fresh entry of an identity that has one.
func (p *Projection) firstOf(id log.Hash) uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.first[id]
}

func (p *Projection) put(put func(string, []byte, []byte) error, r Entry, taken []log.Hash) error {
	index := r.Index
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	errs := []error{put(bucketEntries, number(index), raw)}
	if r.Run != "" {
		errs = append(errs, put(bucketRuns, posting(r.Run, index), []byte{}))
	}
	if r.Kind != "" {
		errs = append(errs, put(bucketKinds, posting(r.Kind, index), []byte{}))
	}
	if r.Anchor != nil {
		errs = append(errs, put(bucketTimes, number(uint64(r.Anchor.UnixMilli())), number(index)))
	}
	for _, id := range taken {
		errs = append(errs, put(bucketIdentities, id[:], number(index)))
	}
	return errors.Join(errs...)
}

// Close flushes and closes the store.
func (p *Projection) Close() error { return errors.Join(p.Flush(), p.store.Close()) }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// posting is a key under which an index is found by a name. Names hold no byte
// 0, so no name's postings lie between another's.
func posting(name string, index uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(name), 0), index)
}
