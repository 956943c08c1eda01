package log

import (
	"bytes"
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// ceremony is what evaluators deal under one name. Its sealed shares are in the
// log; here stand what complaints and readers need.
type ceremony struct {
	terms      Hash
	by         string // key ID of its first dealer
	version    uint64
	present    EvaluatorSet   // in force at its first dealing: what is refreshed or rotated
	over       bool           // officers installed a set of its version
	deals      map[Hash]*Deal // by identity
	complaints []*Complaint   // in log order
}

// A Dealt is a valid dealing with its identity.
type Dealt struct {
	Identity Hash
	Deal     *Deal
}

// CheckDeal is [View].
func (l *Ledger) CheckDeal(s *Deal, signer string) error {
	c, ok := l.ceremonies[s.Ceremony]
	switch {
	case !ok && l.begun(signer) >= maxCeremonies:
		return voidf(Conflict, "this key began %d ceremonies that nothing came of", maxCeremonies)
	case ok && c.over:
		return voidf(Conflict, "ceremony %s is over: officers installed a set of version %d", s.Ceremony, s.Version)
	case ok && c.terms != s.terms():
		return voidf(Conflict, "ceremony %s deals for another key or other holders", s.Ceremony)
	case s.Version < l.authority.evaluators.Version:
		return voidf(Conflict, "key version %d is installed, this is %d", l.authority.evaluators.Version, s.Version)
	}
	return nil
}

// begun counts the ceremonies that a key began and officers did not end. Names are
// free: one key that begins many takes no room from the others.
func (l *Ledger) begun(signer string) (n int) {
	for _, c := range l.ceremonies {
		if c.by == signer && !c.over {
			n++
		}
	}
	return n
}

// Deal is [View]. Of a ceremony that is over there is none: what it gave stands.
func (l *Ledger) Deal(ceremony string, identity Hash) (*Deal, bool) {
	c, ok := l.ceremonies[ceremony]
	if !ok || c.over {
		return nil, false
	}
	d, ok := c.deals[identity]
	return d, ok
}

// Deals are all valid dealings of a ceremony, by purpose and dealer.
func (l *Ledger) Deals(ceremony string) []Dealt {
	c, ok := l.ceremonies[ceremony]
	if !ok {
		return nil
	}
	out := make([]Dealt, 0, len(c.deals))
	for id, d := range c.deals {
		out = append(out, Dealt{id, d})
	}
	slices.SortFunc(out, func(a, b Dealt) int { return compareDeals(a.Deal, b.Deal) })
	return out
}

// Complaints are all valid complaints of a ceremony, in log order.
func (l *Ledger) Complaints(ceremony string) []*Complaint {
	return slices.Clone(l.ceremonies[ceremony].complaints)
}

// Before is the evaluator set in force when a ceremony began.
func (l *Ledger) Before(ceremony string) EvaluatorSet { return l.ceremonies[ceremony].present }

// endCeremonies ends those of a version that officers install: dealings and
// complaints that come later would change what was installed.
func (l *Ledger) endCeremonies(version uint64) {
	for name, c := range l.ceremonies {
		if c.version == version && !c.over {
			c.over = true
			l.ceremonies[name] = c
		}
	}
}

func (l *Ledger) applyComplaint(s *Complaint) {
	c := l.ceremonies[s.Ceremony]
	c.complaints = append(c.complaints, s)
	l.ceremonies[s.Ceremony] = c
}

// Ceremonies are the names of all ceremonies that deal, sorted.
func (l *Ledger) Ceremonies() []string { return slices.Sorted(maps.Keys(l.ceremonies)) }

func (l *Ledger) applyDeal(s *Deal, signer string, identity Hash) {
	c, ok := l.ceremonies[s.Ceremony]
	if !ok {
		c = ceremony{terms: s.terms(), by: signer, version: s.Version, present: l.authority.evaluators, deals: map[Hash]*Deal{}}
		l.ceremonies[s.Ceremony] = c
	}
	c.deals[identity] = s
}

// EvaluatorSet is [View]: of a version, the newest in force.
func (l *Ledger) EvaluatorSet(version uint64) (EvaluatorSet, bool) {
	e, ok := l.authority.sets[version]
	return e, ok
}

// EvaluatorSets are the sets of every key version that was ever in force, the
// newest of each, by version.
func (l *Ledger) EvaluatorSets() []EvaluatorSet {
	return slices.SortedFunc(maps.Values(l.authority.sets), func(a, b EvaluatorSet) int { return cmp.Compare(a.Version, b.Version) })
}

// CheckRotation is [View].
func (l *Ledger) CheckRotation(s *Rotation, from, to EvaluatorSet) error {
	if err := l.labels.CheckRotation(s, from, to); err != nil {
		return voidf(Conflict, "rotation: %v", err)
	}
	return nil
}

// succeeds reports whether a set may take another's place: it is of a later key
// version, or shares the same keys anew (a refresh), or among holders elsewhere.
func (e EvaluatorSet) succeeds(old EvaluatorSet) bool {
	if e.Version != old.Version {
		return e.Version > old.Version
	}
	if reflect.DeepEqual(e, old) || !bytes.Equal(e.PublicKey, old.PublicKey) || len(e.Escrow) == 0 && len(old.Escrow) > 0 {
		return false
	}
	return len(old.Escrow) == 0 || bytes.Equal(e.Escrow[0], old.Escrow[0])
}
