package log

import (
	"errors"
	"time"
)

// judgeGenesis judges entry 0: the pinned hash, possession proofs of all keys,
// the signatures of exactly the threshold of its own officers, and a quorum
// for its own origin.
func (l *Ledger) judgeGenesis(s *Signed) (verified bool, err error) {
	g, ok := s.Statement.(*Genesis)
	if !ok {
		return false, void(Conflict, "entry 0 is the genesis")
	}
	if l.pinned != nil && GenesisHash(s.Leaf) != *l.pinned {
		return false, void(Forbidden, "the genesis is not the pinned one")
	}
	keys := map[string]Key{}
	officers := 0
	for _, k := range g.Keys {
		key := grantKey(k)
		if _, ok := keys[key.ID]; ok {
			return false, voidf(Conflict, "key %s stands twice", key.ID)
		}
		keys[key.ID] = key
		if key.Role == RoleOfficer {
			officers++
		}
	}
	pae := s.Envelope.PAE()
	for _, sig := range s.Envelope.Signatures {
		k, ok := keys[sig.KeyID]
		if !ok || k.Role != RoleOfficer {
			return false, voidf(Forbidden, "signed by %s, which is no officer of it", sig.KeyID)
		}
		if err := l.verifier.Verify(k.SPKI, pae, sig.Sig); err != nil {
			return false, voidf(Forbidden, "signature of %s: %v", sig.KeyID, err)
		}
	}
	if g.Threshold < 1 || officers < g.Threshold || len(s.Envelope.Signatures) != g.Threshold {
		return true, voidf(Forbidden, "%d of %d officers signed, the threshold is %d", len(s.Envelope.Signatures), officers, g.Threshold)
	}
	if _, err := parseQuorum(g.Quorum, g.Origin); err != nil {
		return true, voidf(Forbidden, "%v", err)
	}
	if err := s.Statement.Void(view{Ledger: l}, *s); err != nil {
		return true, err
	}
	return true, l.prove(g, g.Origin)
}

func (l *Ledger) applyGenesis(g *Genesis, s *Signed) []Effect {
	l.genesis, l.genesisIdentity = g, s.Identity
	l.params = Params{
		Skew:           milliseconds(g.SkewMS),
		AnchorPeriod:   milliseconds(g.AnchorPeriodMS),
		DecisionPeriod: milliseconds(g.DecisionPeriodMS),
		AuthorityDelay: milliseconds(g.AuthorityDelayMS),
	}
	for _, k := range g.Keys {
		key := grantKey(k)
		key.From, key.Until = 0, Forever
		l.authority.keys[key.ID] = key
	}
	l.authority.threshold = g.Threshold
	l.authority.identity = s.Identity
	l.authority.evaluators = g.Evaluators
	l.authority.sets[g.Evaluators.Version] = g.Evaluators
	q, err := parseQuorum(g.Quorum, g.Origin)
	if err != nil {
		panic("log: quorum of a valid genesis: " + err.Error())
	}
	l.authority.quorums = []QuorumSpan{{Quorum: q}}
	return []Effect{GenesisAccepted{Statement: g, Quorum: q}}
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// asVoid is the *VoidError in err, or nil.
func asVoid(err error) *VoidError {
	v, _ := errors.AsType[*VoidError](err)
	return v
}

// newestSize is the newest valid anchor's size, 0 before the first.
func (l *Ledger) newestSize() uint64 {
	a, _ := l.NewestAnchor()
	return a.Size
}
