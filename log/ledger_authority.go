package log

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// authority is who may say what: keys of every role, the officers' threshold,
// the quorum and the evaluators, with what waits for its force.
type authority struct {
	threshold  int
	keys       map[string]Key // every key that ever was in force, and waiting ones
	number     uint64
	identity   Hash
	quorums    []QuorumSpan
	evaluators EvaluatorSet
	sets       map[uint64]EvaluatorSet // by version, the newest in force of each
	pending    []pendingAuthority
}

// A QuorumSpan is a quorum and the checkpoints that it judges: those of a size
// larger than Above, and not larger than the next span's.
type QuorumSpan struct {
	Above  uint64
	Quorum *checkpoint.Quorum
}

// waiting is a loosening's way into force (E4): covered is the largest time of
// the first anchor whose size covers its index.
type waiting struct {
	index   uint64
	delay   time.Duration
	covered time.Time
}

// due moves a loosening on by one anchor and reports whether this is the first
// one whose smallest time is the delay after covered.
func (w *waiting) due(a AnchorInfo) bool {
	if w.covered.IsZero() {
		if a.Size <= w.index {
			return false
		}
		w.covered = a.Max
	}
	return !a.Min.Before(w.covered.Add(w.delay))
}

type pendingAuthority struct {
	waiting
	statement *Authority
}

// Quorum is the quorum that judges the next anchor.
func (l *Ledger) Quorum() *checkpoint.Quorum {
	return l.authority.quorums[len(l.authority.quorums)-1].Quorum
}

// Quorums are all quorums by the checkpoint sizes that they judge, ascending.
func (l *Ledger) Quorums() []QuorumSpan { return slices.Clone(l.authority.quorums) }

// QuorumAt is the quorum that judges checkpoints of a size, as far as is known
// by now.
func (l *Ledger) QuorumAt(size uint64) *checkpoint.Quorum {
	q := l.authority.quorums[0].Quorum
	for _, s := range l.authority.quorums[1:] {
		if s.Above < size {
			q = s.Quorum
		}
	}
	return q
}

// Evaluators is the evaluator set in force.
func (l *Ledger) Evaluators() EvaluatorSet { return l.authority.evaluators }

// Threshold is [View].
func (l *Ledger) Threshold() int { return l.authority.threshold }

// Key is [View].
func (l *Ledger) Key(keyID string) (Key, bool) {
	k, ok := l.authority.keys[keyID]
	return k, ok
}

// Keys is [View].
func (l *Ledger) Keys(role Role) []Key {
	var ks []Key
	for _, k := range l.authority.keys {
		if k.Role == role && k.InForce(l.Index()) {
			ks = append(ks, k)
		}
	}
	slices.SortFunc(ks, func(a, b Key) int { return cmp.Compare(a.ID, b.ID) })
	return ks
}

// Authority is [View].
func (l *Ledger) Authority() (uint64, Hash) { return l.authority.number, l.authority.identity }

// tightens reports an authority change's direction: it only revokes, and
// leaves the threshold reachable. Everything else loosens and waits. A change
// that could not be carried out has no direction.
func (l *Ledger) tightens(a *Authority) bool {
	return len(a.Add) == 0 && a.Threshold == nil && a.Quorum == nil && a.Evaluators == nil
}

// outlook is the officers' state once everything waiting has come into force.
type outlook struct {
	keys       map[string]Role
	threshold  int
	evaluators EvaluatorSet
}

func (l *Ledger) outlook(withPending bool) outlook {
	o := outlook{keys: map[string]Role{}, threshold: l.authority.threshold, evaluators: l.authority.evaluators}
	for id, k := range l.authority.keys {
		if k.InForce(l.Index()) {
			o.keys[id] = k.Role
		}
	}
	if !withPending {
		return o
	}
	for _, p := range l.authority.pending {
		o.change(p.statement)
	}
	return o
}

func (o *outlook) change(a *Authority) {
	for _, id := range a.Revoke {
		delete(o.keys, id)
	}
	for _, g := range a.Add {
		o.keys[KeyID(g.SPKI)] = g.Role
	}
	if a.Threshold != nil {
		o.threshold = *a.Threshold
	}
	if a.Evaluators != nil {
		o.evaluators = *a.Evaluators
	}
}

// CheckAuthority is [View].
func (l *Ledger) CheckAuthority(a *Authority) error {
	tightens := l.tightens(a)
	if !tightens && len(l.authority.pending) >= maxPending {
		return voidf(Conflict, "%d authority changes wait already", maxPending)
	}
	o := l.outlook(true)
	for _, id := range a.Revoke {
		if _, ok := o.keys[id]; !ok {
			if k, known := l.authority.keys[id]; !known || !tightens || k.Until != Forever {
				return voidf(Unknown, "revokes a key that is not there: %s", id)
			}
		}
	}
	for _, g := range a.Add {
		if _, known := l.authority.keys[KeyID(g.SPKI)]; known {
			return voidf(Conflict, "adds a key that was there before: %s", KeyID(g.SPKI))
		}
		if _, known := l.guards[KeyID(g.SPKI)]; known {
			return voidf(Conflict, "adds a guard's key: %s", KeyID(g.SPKI))
		}
	}
	if a.Quorum != nil {
		if _, err := parseQuorum(*a.Quorum, l.Origin()); err != nil {
			return voidf(Forbidden, "%v", err)
		}
	}
	if a.Evaluators != nil && !a.Evaluators.succeeds(o.evaluators) {
		return voidf(Conflict, "evaluators version %d is not above %d, and no refresh of it", a.Evaluators.Version, o.evaluators.Version)
	}
	if tightens {
		// A tightening supersedes what waits, so that it is held against
		// what is in force alone.
		o = l.outlook(false)
	}
	o.change(a)
	officers := 0
	for _, r := range o.keys {
		if r == RoleOfficer {
			officers++
		}
	}
	if o.threshold < 1 || officers < o.threshold {
		return voidf(Forbidden, "leaves %d officers for a threshold of %d", officers, o.threshold)
	}
	return nil
}

// parseQuorum reads a quorum text for this log: every log line names the
// origin, and cosignatures are asked for (L3).
func parseQuorum(text, origin string) (*checkpoint.Quorum, error) {
	q, err := checkpoint.ParseQuorum([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("quorum: %w", err)
	}
	if q.Rule() == checkpoint.None {
		return nil, fmt.Errorf("quorum: asks for no cosignature: %w", checkpoint.ErrMalformed)
	}
	if len(q.Logs()) == 0 {
		return nil, fmt.Errorf("quorum: no log key: %w", checkpoint.ErrMalformed)
	}
	for _, log := range q.Logs() {
		if log.Key.Name != origin {
			return nil, fmt.Errorf("quorum: log key of %q: %w", log.Key.Name, checkpoint.ErrMalformed)
		}
	}
	return q, nil
}

// applyAuthority takes a valid change: a tightening at once, a loosening into
// the waiting ones.
func (l *Ledger) applyAuthority(a *Authority, identity Hash) []Effect {
	if a.Evaluators != nil {
		l.endCeremonies(a.Evaluators.Version)
	}
	l.authority.number, l.authority.identity = a.Number, identity
	if l.tightens(a) {
		for _, p := range l.authority.pending {
			for _, g := range p.statement.Add {
				delete(l.authority.keys, KeyID(g.SPKI))
			}
		}
		l.authority.pending = nil
		return []Effect{l.enforceAuthority(a, l.Index(), l.newestSize())}
	}
	for _, g := range a.Add {
		k := grantKey(g)
		// Known, so that what it signs too early is judged void and not
		// unverifiable.
		k.From, k.Until = Forever, Forever
		l.authority.keys[k.ID] = k
	}
	l.authority.pending = append(l.authority.pending, pendingAuthority{
		waiting:   waiting{index: l.Index(), delay: l.params.AuthorityDelay},
		statement: a,
	})
	return nil
}

// enforceAuthority brings a change into force at an index; a new quorum judges
// checkpoints larger than size.
func (l *Ledger) enforceAuthority(a *Authority, index, size uint64) Effect {
	e := AuthorityInForce{Statement: a, Index: index}
	for _, id := range a.Revoke {
		if k, ok := l.authority.keys[id]; ok {
			k.Until = index
			l.authority.keys[id] = k
			e.Revoked = append(e.Revoked, k)
		}
	}
	for _, g := range a.Add {
		k := grantKey(g)
		k.From, k.Until = index, Forever
		l.authority.keys[k.ID] = k
		e.Added = append(e.Added, k)
	}
	if a.Threshold != nil {
		l.authority.threshold = *a.Threshold
	}
	if a.Quorum != nil {
		// Parsed before it was found valid.
		if q, err := parseQuorum(*a.Quorum, l.Origin()); err == nil {
			l.authority.quorums = append(l.authority.quorums, QuorumSpan{Above: size, Quorum: q})
			e.Quorum = q
		}
	}
	if a.Evaluators != nil {
		l.authority.evaluators = *a.Evaluators
		l.authority.sets[a.Evaluators.Version] = *a.Evaluators
	}
	return e
}

// anchorAuthority moves the waiting changes on by one valid anchor.
func (l *Ledger) anchorAuthority(a AnchorInfo) []Effect {
	var effects []Effect
	keep := l.authority.pending[:0:0]
	for i := range l.authority.pending {
		p := l.authority.pending[i]
		// In their own order: a later change may build on an earlier one.
		if p.due(a) && len(keep) == 0 {
			effects = append(effects, l.enforceAuthority(p.statement, a.Index, a.Size))
			continue
		}
		keep = append(keep, p)
	}
	l.authority.pending = keep
	return effects
}

func grantKey(g KeyGrant) Key {
	return Key{ID: KeyID(g.SPKI), Role: g.Role, Name: g.Name, SPKI: g.SPKI}
}

// PendingAuthority are the valid authority changes that wait for their force,
// in order.
func (l *Ledger) PendingAuthority() []*Authority {
	out := make([]*Authority, len(l.authority.pending))
	for i, p := range l.authority.pending {
		out[i] = p.statement
	}
	return out
}

// Waits reports whether an authority change or a group waits for an anchor to
// take force.
func (l *Ledger) Waits() bool { return len(l.authority.pending) > 0 || len(l.groupsWaiting) > 0 }

// AllKeys are all authority keys that were ever in force or wait, sorted by
// keyid.
func (l *Ledger) AllKeys() []Key {
	return slices.SortedFunc(maps.Values(l.authority.keys), func(a, b Key) int { return cmp.Compare(a.ID, b.ID) })
}
