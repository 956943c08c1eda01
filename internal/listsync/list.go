package listsync

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// ErrNoDelta is a delta from a size that the folder holds none from.
var ErrNoDelta = errors.New("no deltas are held from that size")

// ErrNoPart is a part that the list does not have.
var ErrNoPart = errors.New("the list has no such part")

// ErrLookup is what only the full list can answer.
var ErrLookup = errors.New("only lookup lists are held")

// List is the blacklist as of one witnessed epoch, verified when it was opened
// (LS1). It keeps 32 bytes of each label in memory, or 8 of lookup lists. It is
// safe for concurrent use.
type List struct {
	Origin string
	Number uint64 // of the epoch
	Index  uint64 // of its entry, the last one of several
	Size   uint64 // of the log that it folds
	Count  uint64 // labels
	Exact  bool   // false if only lookup lists are held: Contains may err towards yes

	dir    string
	head   head
	proven Proven
	state  blacklist.State
	parts  map[address]held
	seen   time.Time
}

// address is where a part is in a list.
type address struct {
	part    blacklist.Part
	version uint64
}

// held is what is in memory of a part.
type held struct {
	labels []byte // 32 bytes each, ascending
	lookup blacklist.LookupList
	state  blacklist.PartEpoch
}

// Open reads the list of a folder and verifies all of it: evidence, state document
// and every part by its hash. Nothing is fetched.
func Open(dir string) (*List, error) {
	for try := 1; ; try++ {
		l, err := open(dir)
		// A synchronisation may have taken away what the head named just now.
		if !errors.Is(err, ErrDamaged) || try == maxTries {
			return l, err
		}
		if now, e := readHead(dir); e != nil || l == nil || now.Evidence.Epoch.Index == l.head.Evidence.Epoch.Index {
			return nil, err
		}
	}
}

func open(dir string) (*List, error) {
	h, err := readHead(dir)
	if err != nil {
		return nil, err
	}
	p, err := h.Evidence.Verify()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrDamaged, err)
	}
	l := &List{
		Origin: p.Origin, Number: p.Statement.Number, Index: h.Evidence.Epoch.Index, Size: p.Statement.Size, Exact: !h.LookupOnly,
		dir: dir, head: h, proven: p, parts: map[address]held{},
	}
	quorum, err := checkpoint.ParseQuorum([]byte(h.Evidence.Quorum))
	if err != nil {
		return nil, err
	}
	c, err := quorum.Verify(h.Checkpoint)
	if err != nil || c.Checkpoint.Origin != p.Origin {
		return nil, fmt.Errorf("%s: checkpoint: %w: %w", dir, ErrDamaged, errors.Join(err))
	}
	l.seen = time.Unix(int64(c.MinTime), 0)
	raw, err := objectsIn(dir).Get(p.Epoch.State)
	if err != nil {
		return l, err
	}
	if l.state, err = blacklist.ParseState(raw); err != nil || l.state.Number != l.Number || l.state.Size != l.Size {
		return l, fmt.Errorf("%s: state document: %w: %w", dir, ErrDamaged, errors.Join(err))
	}
	if err := l.state.CheckAsked(p.Epoch.Asked); err != nil {
		return l, fmt.Errorf("%s: %w: %w", dir, ErrDamaged, err)
	}
	for _, part := range l.state.Parts {
		if err := l.load(part); err != nil {
			return l, fmt.Errorf("list %v: %w", part.Part, err)
		}
		l.Count += part.Count
	}
	return l, nil
}

// load reads one part.
func (l *List) load(p blacklist.PartEpoch) error {
	a := held{state: p}
	name := blacklist.CommitFull
	if !l.Exact {
		name = blacklist.CommitLookup
	}
	hash, ok := p.Hash(name)
	if !ok {
		return ErrDamaged
	}
	raw, err := objectsIn(l.dir).Get(hash)
	if err != nil {
		return err
	}
	if l.Exact {
		// The labels are what the hash says; what each is, nobody has to decode.
		n := 32 * int(p.Count)
		if len(raw) < n || !bytes.Equal(raw[:len(raw)-n], headerOf(p)) {
			return ErrDamaged
		}
		a.labels = raw[len(raw)-n:]
	} else if a.lookup, err = blacklist.ParseLookupList(raw); err != nil || a.lookup.Part != p.Part || a.lookup.KeyVersion != p.KeyVersion {
		return fmt.Errorf("%w: %w", ErrDamaged, errors.Join(err))
	}
	l.parts[address{p.Part, p.KeyVersion}] = a
	return nil
}

// headerOf is what stands before the labels of a part's full list.
func headerOf(p blacklist.PartEpoch) []byte {
	empty := blacklist.FullList{Part: p.Part, KeyVersion: p.KeyVersion}.Marshal()
	return fmt.Appendf(bytes.TrimSuffix(empty, []byte("0\n")), "%d\n", p.Count)
}

// Contains reports whether a label of a kind under a key version is on the list.
func (l *List) Contains(kind fingerprint.Kind, version uint64, y blacklist.Label) bool {
	p, ok := l.state.Find(kind, version, y)
	if !ok {
		return false
	}
	a := l.parts[address{p.Part, version}]
	if !l.Exact {
		return a.lookup.Contains(y)
	}
	n := len(a.labels) / 32
	i := sort.Search(n, func(i int) bool { return bytes.Compare(a.labels[32*i:32*i+32], y[:]) >= 0 })
	return i < n && bytes.Equal(a.labels[32*i:32*i+32], y[:])
}

// Versions are the key versions under which a model has to be asked, ascending.
func (l *List) Versions() []uint64 { return slices.Clone(l.proven.Epoch.Asked) }

// Full is the full list of a part.
func (l *List) Full(part blacklist.Part, version uint64) (blacklist.FullList, error) {
	a, ok := l.parts[address{part, version}]
	switch {
	case !ok:
		return blacklist.FullList{}, fmt.Errorf("%v under key version %d: %w", part, version, ErrNoPart)
	case !l.Exact:
		return blacklist.FullList{}, fmt.Errorf("%v: %w", part, ErrLookup)
	}
	f := blacklist.FullList{Part: part, KeyVersion: version, Labels: make([]blacklist.Label, len(a.labels)/32)}
	for i := range f.Labels {
		copy(f.Labels[i][:], a.labels[32*i:])
	}
	return f, nil
}

// Polynomial is the part's polynomial: the one that was fetched, or else computed
// from the full list, and held against the hash that the epoch commits to.
func (l *List) Polynomial(part blacklist.Part, version uint64) (*polynomial.Polynomial, error) {
	a, ok := l.parts[address{part, version}]
	if !ok {
		return nil, fmt.Errorf("%v under key version %d: %w", part, version, ErrNoPart)
	}
	hash, _ := a.state.Hash(blacklist.CommitPolynomial)
	if o := objectsIn(l.dir); o.Has(hash) {
		if raw, err := o.Get(hash); err == nil {
			return polynomial.Parse(raw, a.state.Count)
		}
	}
	f, err := l.Full(part, version)
	if err != nil {
		return nil, err
	}
	p := polynomialOf(f)
	if p.Hash() != hash {
		return nil, fmt.Errorf("polynomial of %v: the epoch commits to another one: %w", part, ErrDamaged)
	}
	return p, nil
}

func polynomialOf(f blacklist.FullList) *polynomial.Polynomial {
	return polynomial.New(blacklist.NewTree(f.Labels...).Scalars())
}

// State is the state document: every part with its commitments.
func (l *List) State() blacklist.State { return l.state }

// Authority is who signs for the log as of the epoch: the evaluators' keys.
func (l *List) Authority() *trust.Authority { return l.proven.Authority }

// Evidence is what shows that the list is the log's.
func (l *List) Evidence() Evidence { return l.head.Evidence }

// GenesisHash is the hash that pins the log.
func (l *List) GenesisHash() log.Hash { return log.GenesisHash(l.head.Evidence.Genesis) }

// Witnessed is when the newest checkpoint was cosigned under which the list was
// found the newest; Age is how long ago that is.
func (l *List) Witnessed() time.Time { return l.seen }

// Age is how old the list is: since when it may have been replaced.
func (l *List) Age(now time.Time) time.Duration { return max(0, now.Sub(l.seen)) }

// Sizes are the log sizes that [List.Delta] starts from, ascending; the list's own
// size is the last.
func (l *List) Sizes() []uint64 {
	out := make([]uint64, 0, len(l.head.Links)+1)
	for _, k := range l.head.Links {
		out = append(out, k.From)
	}
	return append(out, l.Size)
}

// Delta is what was added to a part from a log size on, up to the list's: the
// committed deltas in between, joined. Errors: [ErrNoDelta] where they are not held.
func (l *List) Delta(part blacklist.Part, version, from uint64) (blacklist.Delta, error) {
	out := blacklist.Delta{Part: part, KeyVersion: version, From: from, To: l.Size, Labels: []blacklist.Label{}}
	if _, ok := l.parts[address{part, version}]; !ok {
		return out, fmt.Errorf("%v under key version %d: %w", part, version, ErrNoPart)
	}
	if !slices.Contains(l.Sizes(), from) {
		return out, fmt.Errorf("from %d: %w", from, ErrNoDelta)
	}
	o := objectsIn(l.dir)
	for _, k := range l.head.Links {
		if k.From < from {
			continue
		}
		labels, err := o.labelsIn(k, part, version)
		if err != nil {
			return out, err
		}
		out.Labels = append(out.Labels, labels...)
	}
	sortLabels(out.Labels)
	return out, nil
}

// labelsIn are the labels that an epoch added to what is a part today.
func (o Objects) labelsIn(k link, part blacklist.Part, version uint64) ([]blacklist.Label, error) {
	raw, err := o.Get(k.Deltas)
	if err != nil {
		return nil, err
	}
	ds, err := parseDeltas(raw)
	if err != nil {
		return nil, err
	}
	var out []blacklist.Label
	for _, d := range ds {
		if d.version != version || !overlaps(d.part, part) {
			continue
		}
		if raw, err = o.Get(d.hash); err != nil {
			return nil, err
		}
		delta, err := blacklist.ParseDelta(raw)
		if err != nil || delta.Part != d.part || delta.KeyVersion != version || delta.From != k.From || delta.To != k.Size {
			return nil, fmt.Errorf("delta of %v: %w: %w", d.part, ErrDamaged, errors.Join(err))
		}
		for _, y := range delta.Labels {
			if part.Holds(part.Kind, y) {
				out = append(out, y)
			}
		}
	}
	return out, nil
}

// overlaps reports whether two parts can hold one label.
func overlaps(a, b blacklist.Part) bool {
	n := min(len(a.Prefix), len(b.Prefix))
	return a.Kind == b.Kind && a.Prefix[:n] == b.Prefix[:n]
}

func sortLabels(ls []blacklist.Label) {
	slices.SortFunc(ls, func(a, b blacklist.Label) int { return bytes.Compare(a[:], b[:]) })
}
