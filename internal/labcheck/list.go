package labcheck

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Errors that say why there is no answer.
var (
	// ErrList is a list that is not the one that the log commits to.
	ErrList = errors.New("the list is not the one that the log commits to")
	// ErrKey is a label key that the log does not name.
	ErrKey = errors.New("the log names no such evaluator key")
)

// Log is the log as the lab verifies it; *trust.Log is one.
type Log interface {
	Include(ctx context.Context, index uint64, leaf []byte) (*log.Signed, error)
	Entry(ctx context.Context, index uint64) (*log.Signed, error)
	Authority(ctx context.Context, below uint64) (*trust.Authority, error)
	Newest() checkpoint.Verified
	// Rise refuses what is older than what was seen before, and remembers it.
	Rise(name string, n uint64) error
}

// epochPlace is how many entries the log has up to the newest epoch, as it is remembered.
const epochPlace = "entries up to the newest epoch"

// Source is what servers answer; *client.Client is one.
type Source interface {
	query.Source
	Epoch(ctx context.Context) (api.Entry, error)
	Object(ctx context.Context, hash [32]byte) ([]byte, error)
	Full(ctx context.Context, version uint64, kind, prefix string) ([]byte, error)
	Listing(ctx context.Context, kind string, label []byte) (api.Listing, error)
	Entries(ctx context.Context, f client.Filter) iter.Seq2[api.Entry, error]
}

// List is the whole blacklist as of one epoch, verified (LC2).
type List struct {
	Number uint64 // of the epoch; 0 before the first: nothing is listed
	Index  uint64 // of its entry
	Size   uint64 // of the log that it folds
	Count  uint64 // labels

	parts     map[blacklist.Part]map[uint64]blacklist.FullList
	versions  []uint64 // under which a model has to be asked, ascending
	authority *trust.Authority
	synced    *listsync.List // instead of parts; may be nil
}

// Fetch reads and verifies the newest epoch and every part of the list.
func Fetch(ctx context.Context, l Log, s Source) (*List, error) {
	for try := 1; ; try++ {
		list, err := fetch(ctx, l, s)
		if !errors.Is(err, ErrList) || try == maxTries {
			return list, err
		}
		// The daemon serves the list as it is now: it may have grown since the
		// epoch, and the next epoch is under way.
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
	}
}

func fetch(ctx context.Context, l Log, s Source) (*List, error) {
	a, err := l.Authority(ctx, l.Newest().Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	list := &List{parts: map[blacklist.Part]map[uint64]blacklist.FullList{}, authority: a}
	said, err := s.Epoch(ctx)
	if errors.Is(err, client.ErrNotFound) {
		return list, l.Rise(epochPlace, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("read epoch: %w", err)
	}
	signed, err := l.Include(ctx, said.Index, said.Leaf)
	if err != nil {
		return nil, fmt.Errorf("epoch: %w", err)
	}
	st, ok := signed.Statement.(*log.Epoch)
	if !ok {
		return nil, fmt.Errorf("entry %d is no epoch but %s: %w", said.Index, signed.Kind(), ErrList)
	}
	if err := a.SignedBy(signed, log.RoleEngine); err != nil {
		return nil, fmt.Errorf("epoch %d: %w", st.Number, err)
	}
	if err := l.Rise(epochPlace, said.Index+1); err != nil {
		return nil, err
	}
	parts, asked, err := partsOf(ctx, s, st)
	if err != nil {
		return nil, err
	}
	list.versions = asked
	list.Number, list.Index, list.Size = st.Number, said.Index, st.Size
	for _, p := range parts {
		if err := list.part(ctx, s, p); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// part fetches one part and holds it against the epoch.
func (l *List) part(ctx context.Context, s Source, p blacklist.PartEpoch) error {
	raw, err := s.Full(ctx, p.KeyVersion, string(p.Part.Kind), p.Part.Prefix)
	if err != nil {
		return fmt.Errorf("list %v: %w", p.Part, err)
	}
	full, err := blacklist.ParseFullList(raw)
	if err != nil {
		return fmt.Errorf("list %v: %w: %w", p.Part, ErrList, err)
	}
	if err := p.Check(full); err != nil {
		return fmt.Errorf("list %v: %w: %w", p.Part, ErrList, err)
	}
	if l.parts[p.Part] == nil {
		l.parts[p.Part] = map[uint64]blacklist.FullList{}
	}
	l.parts[p.Part][p.KeyVersion] = full
	l.Count += p.Count
	return nil
}

// partsOf are all parts of the list as of an epoch, and the key versions under which
// a model has to be asked: those that the first semantics names in it, those of the
// state document from the second on.
func partsOf(ctx context.Context, s Source, st *log.Epoch) ([]blacklist.PartEpoch, []uint64, error) {
	e := fold.Epoch(st)
	if err := e.Validate(); err != nil {
		return nil, nil, fmt.Errorf("epoch %d: %w: %w", st.Number, ErrList, err)
	}
	if e.Semantics == 1 {
		return e.Parts, blacklist.State{Parts: e.Parts}.Versions(), nil
	}
	raw, err := s.Object(ctx, e.State)
	if errors.Is(err, client.ErrNotFound) {
		return nil, nil, fmt.Errorf("state of epoch %d: %w: %w", st.Number, ErrList, err) // a newer one replaced it
	}
	if err != nil {
		return nil, nil, fmt.Errorf("state of epoch %d: %w", st.Number, err)
	}
	state, err := blacklist.ParseState(raw)
	if err != nil || state.Hash() != e.State || state.Number != st.Number || state.Size != st.Size {
		return nil, nil, fmt.Errorf("state of epoch %d: %w: %w", st.Number, ErrList, errors.Join(err))
	}
	if err := state.CheckAsked(e.Asked); err != nil {
		return nil, nil, fmt.Errorf("epoch %d: %w: %w", st.Number, ErrList, err)
	}
	return state.Parts, e.Asked, nil
}

// Contains reports whether a label under a key version is on the list.
func (l *List) Contains(kind fingerprint.Kind, version uint64, label blacklist.Label) bool {
	if l.synced != nil {
		return l.synced.Contains(kind, version, label)
	}
	for p, versions := range l.parts {
		if full, ok := versions[version]; ok && p.Holds(kind, label) && full.Contains(label) {
			return true
		}
	}
	return false
}

// Versions are the key versions under which a model has to be asked: those of which
// no newer one holds all labels.
func (l *List) Versions() []uint64 { return slices.Clone(l.versions) }

// Set is who evaluates under a key version, from the log (LC1).
func (l *List) Set(version uint64) (log.EvaluatorSet, error) {
	set, ok := l.authority.Evaluator(version)
	if !ok {
		return log.EvaluatorSet{}, fmt.Errorf("version %d: %w", version, ErrKey)
	}
	return set, nil
}

// Authority is who signs for the log, as of the list.
func (l *List) Authority() *trust.Authority { return l.authority }

// Synced is a list that a folder holds (listsync): nothing is fetched but what the
// evaluators answer.
func Synced(s *listsync.List) *List {
	return &List{
		Number: s.Number, Index: s.Index, Size: s.Size, Count: s.Count,
		versions: s.Versions(), authority: s.Authority(), synced: s,
	}
}
