package log

import "github.com/haltlog/haltlog/internal/dsse"

// judgement is what judge found; nothing of it has taken effect yet.
type judgement struct {
	signed   *Signed
	signers  []Key
	verified bool
	err      error
	pending  bool
	// part and partSigner are set if a valid part stands at this entry.
	part       *Part
	partSigner string
	completes  bool
}

// judge finds what becomes of a leaf at Index. As a courtesy it may stop
// before an expensive check whose outcome cannot matter.
func (l *Ledger) judge(leaf []byte, courtesy bool) judgement {
	s, err := Parse(leaf)
	if err != nil {
		return judgement{err: err}
	}
	s.Index = l.Index()
	if l.Index() == 0 {
		verified, err := l.judgeGenesis(s)
		return judgement{signed: s, verified: verified, err: err}
	}
	j := l.judgeStatement(s, courtesy)
	part, ok := s.Statement.(*Part)
	if !ok || j.err != nil {
		return j
	}
	j.part, j.partSigner, j.pending = part, s.Signer(), true
	raw, ok := l.parts.completed(part, j.partSigner)
	if !ok {
		return j
	}
	// The whole is judged at the index of the last missing part.
	j.pending, j.completes = false, true
	whole, err := l.openWhole(part, j.partSigner, raw)
	if err != nil {
		j.err = err
		return j
	}
	w := l.judgeStatement(whole, courtesy)
	w.part, w.partSigner, w.completes = j.part, j.partSigner, true
	return w
}

// openWhole reads what the parts make together.
func (l *Ledger) openWhole(part *Part, signer string, raw []byte) (*Signed, error) {
	if WholeHash(raw) != part.Whole {
		return nil, void(Conflict, "the parts do not make the whole that they name")
	}
	// Fitting a leaf, it would have two forms in the log.
	if len(raw) <= dsse.MaxLeaf {
		return nil, void(Conflict, "the whole fits one leaf")
	}
	s, err := ParseWhole(raw)
	if err != nil {
		return nil, voidf(Conflict, "the parts make no statement: %v", err)
	}
	if s.Kind() != part.Of {
		return nil, voidf(Conflict, "the parts make a statement of kind %s", s.Kind())
	}
	for _, sig := range s.Envelope.Signatures {
		if sig.KeyID == signer {
			s.Index = l.Index()
			return s, nil
		}
	}
	return nil, void(Forbidden, "who signed the parts did not sign the whole")
}

// judgeStatement judges all that stands after the genesis.
func (l *Ledger) judgeStatement(s *Signed, courtesy bool) judgement {
	j := judgement{signed: s}
	if l.genesis == nil {
		j.err = void(Unknown, "the log has no valid genesis")
		return j
	}
	if s.Kind() == KindGenesis {
		j.err = void(Conflict, "the genesis is entry 0")
		return j
	}
	if courtesy && s.Kind() == KindLiveVote {
		// Cheap refusals before an expensive signature: forged rings delay a
		// vote, they do not starve it (L5).
		if j.err = l.rule(s, nil); j.err != nil {
			return j
		}
	}
	signers, err := l.verify(s)
	if err != nil {
		j.err = err
		return j
	}
	j.verified, j.signers = true, signers
	if j.err = l.rule(s, signers); j.err != nil {
		return j
	}
	// Last, because it costs the most.
	j.err = l.prove(s.Statement, l.Origin())
	return j
}

// rule is everything but signatures.
func (l *Ledger) rule(s *Signed, signers []Key) error {
	if OriginOf(s.Statement) != l.Origin() {
		return voidf(Forbidden, "made for the log %q", OriginOf(s.Statement))
	}
	if at, ok := l.void.has(s.Identity); ok {
		return voidf(Conflict, "sent again, and void at %d", at)
	}
	// Before authority: what was said once stays said, also after its key's
	// revocation.
	if err := l.checkReplay(s); err != nil {
		return err
	}
	if err := l.authorise(s, signers); err != nil {
		return err
	}
	return s.Statement.Void(view{Ledger: l, signers: signers}, *s)
}

// checkReplay refuses a second value for a replay key. Parts take none: their
// place among the pending ones says it.
func (l *Ledger) checkReplay(s *Signed) error {
	if s.Kind() == KindPart {
		return nil
	}
	k := s.Replay()
	store, r, ok := l.replaysOf(s)
	if !ok {
		return nil
	}
	if store.taken(k) {
		return voidf(Conflict, "replay key %s is taken", k.Scope)
	}
	// Of each kind by itself: votes leave room for halts and contests.
	if r != nil && !k.Monotone && len(store.once) >= maxRunReplays {
		return voidf(Conflict, "too many statements for run %s", r.statement.Run)
	}
	return nil
}

// replaysOf is where a statement's replay key is held: with its run, or with
// the log. It is false if there is nothing to hold yet.
func (l *Ledger) replaysOf(s *Signed) (replays, *runState, bool) {
	id, ok := runOf(s.Statement)
	if !ok {
		return l.replays, nil, true
	}
	r, ok := l.runs[id]
	if !ok {
		return replays{}, nil, false
	}
	store, ok := r.replays[s.Kind()]
	return store, r, ok
}
