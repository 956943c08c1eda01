package log

import "fmt"

// take takes the replay key.
func (l *Ledger) take(j judgement) {
	s := j.signed
	if s.Kind() == KindPart {
		return
	}
	store, r, ok := l.replaysOf(s)
	if !ok {
		if r == nil {
			return
		}
		store = newReplays()
		r.replays[s.Kind()] = store
	}
	k := s.Replay()
	store.take(k)
}

// takePart keeps a valid part, or lets its whole go once it is there.
func (l *Ledger) takePart(j judgement) {
	if j.completes {
		l.parts.drop(wholeKey{j.part.Whole, j.partSigner})
		return
	}
	l.parts.add(j.part, j.partSigner, l.Index())
}

// effects carries a valid statement out.
func (l *Ledger) effects(j judgement) []Effect {
	switch st := j.signed.Statement.(type) {
	case *Genesis:
		return l.applyGenesis(st, j.signed)
	case *Authority:
		return l.applyAuthority(st, j.signed.Identity)
	case *Policy:
		if !l.book.Submit(l.Index(), st.Chain, st.Document) {
			return nil
		}
		return l.policyEffects([]string{st.Chain})
	case *Group:
		return l.applyGroup(st, GroupHash(j.signed.Envelope.Payload))
	case *Run:
		return l.applyRun(st)
	case *Anchor:
		return l.applyAnchor(st)
	case *Artefact:
		r := l.runs[st.Run]
		r.artefacts = append(r.artefacts, ArtefactInfo{
			Index: l.Index(), Number: uint64(st.Number), KeyVersion: uint64(st.KeyVersion), Count: uint64(st.Count), Root: st.Root,
		})
	case *Decision:
		return l.applyDecision(st, j.signed)
	case *Halt:
		return l.applyHalt(st, j.signed)
	case *Close:
		r := l.runs[st.Run]
		r.closePending, r.closeIndex = true, l.Index()
	case *Fingerprints:
		l.runs[st.Run].fingerprinted = true
	case *Epoch:
		l.epoch = &Epoch{Origin: st.Origin, Number: st.Number, Size: st.Size, Semantics: st.Semantics}
	case *Deal:
		l.applyDeal(st, j.signed.Signer(), j.signed.Identity)
	case *Complaint:
		l.applyComplaint(st)
	case *Freeze:
		l.frozen = true
	}
	return nil
}

func (l *Ledger) policyEffects(chains []string) []Effect {
	var effects []Effect
	for _, c := range chains {
		if r, ok := l.book.InForce(c); ok {
			effects = append(effects, PolicyInForce{Chain: c, Index: l.Index(), Rules: r})
		}
	}
	return effects
}

// applyAnchor takes a valid anchor: the time of everything that waits.
func (l *Ledger) applyAnchor(st *Anchor) []Effect {
	a, err := l.openAnchor(st.Checkpoint)
	if err != nil {
		// Judged a moment ago in the same state.
		panic(fmt.Sprintf("log: anchor at %d: %v", l.Index(), err))
	}
	l.anchors.add(a)
	effects := []Effect{AnchorAccepted{Anchor: a}}
	effects = append(effects, l.anchorAuthority(a)...)
	effects = append(effects, l.policyEffects(l.book.Anchor(a))...)
	return append(effects, l.anchorGroups(a)...)
}
