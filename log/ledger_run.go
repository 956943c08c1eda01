package log

import (
	"cmp"
	"maps"
	"slices"
)

// runState is one registered run.
type runState struct {
	statement *Run
	index     uint64
	groupName string
	guards    []Key

	halted, closePending, closed, fingerprinted bool
	haltIndex, closeIndex                       uint64
	halts                                       []Hash // identities of its valid halts

	artefacts []ArtefactInfo // ascending by number
	// replays are the run's replay keys by kind; those that nothing can use
	// after its end are dropped there.
	replays map[Kind]replays
	// verdicts are the newest decisions that say halt, by engine.
	verdicts map[string][]haltVerdict
}

type haltVerdict struct {
	decision Hash
	verdict  Verdict
}

func (r *runState) ended() bool { return r.halted || r.closed }

// end drops what no later statement of the run can need.
func (r *runState) end() {
	for _, k := range []Kind{KindCheckin, KindLiveVote, KindHeartbeat, KindArtefact, KindClose} {
		delete(r.replays, k)
	}
}

// runOf is the run that a statement speaks of by its run field; false for the
// kinds that have none, and for a run's own registration.
func runOf(st Statement) (string, bool) {
	switch st := st.(type) {
	case *Checkin:
		return st.Run, true
	case *LiveVote:
		return st.Run, true
	case *Heartbeat:
		if st.Run == nil {
			return "", false
		}
		return *st.Run, true
	case *Artefact:
		return st.Run, true
	case *Halt:
		return st.Run, true
	case *Close:
		return st.Run, true
	case *Actuation:
		return st.Run, true
	case *Fingerprints:
		return st.Run, true
	case *Contest:
		return st.Run, true
	case *LeaseRequest:
		return st.Run, true
	}
	return "", false
}

// Run is [View].
func (l *Ledger) Run(id string) (RunInfo, bool) {
	r, ok := l.runs[id]
	if !ok {
		return RunInfo{}, false
	}
	info := RunInfo{
		Statement: r.statement, Index: r.index, Guards: r.guards,
		Halted: r.halted, HaltIndex: r.haltIndex,
		ClosePending: r.closePending, Closed: r.closed, Fingerprinted: r.fingerprinted,
	}
	info.Group, _ = l.GroupInForce(r.groupName)
	if n := len(r.artefacts); n > 0 {
		info.Artefact = new(r.artefacts[n-1])
	}
	return info, true
}

// LiveRuns is [View].
func (l *Ledger) LiveRuns() int { return l.live }

// Runs are the identifiers of all registered runs, sorted.
func (l *Ledger) Runs() []string { return slices.Sorted(maps.Keys(l.runs)) }

// ArtefactRoot is [View].
func (l *Ledger) ArtefactRoot(run string, number uint64) (ArtefactInfo, bool) {
	r, ok := l.runs[run]
	if !ok {
		return ArtefactInfo{}, false
	}
	i, ok := slices.BinarySearchFunc(r.artefacts, number, func(a ArtefactInfo, n uint64) int { return cmp.Compare(a.Number, n) })
	if !ok {
		return ArtefactInfo{}, false
	}
	return r.artefacts[i], true
}

// HaltVerdict is [View].
func (l *Ledger) HaltVerdict(engine string, decision Hash, run string) (Verdict, bool) {
	r, ok := l.runs[run]
	if !ok {
		return Verdict{}, false
	}
	for _, v := range r.verdicts[engine] {
		if v.decision == decision {
			return v.verdict, true
		}
	}
	return Verdict{}, false
}

// HaltIdentity is [View].
func (l *Ledger) HaltIdentity(run string, identity Hash) bool {
	r, ok := l.runs[run]
	return ok && slices.Contains(r.halts, identity)
}

// Decision is [View].
func (l *Ledger) Decision(engine string) (DecisionInfo, bool) {
	d, ok := l.decisions[engine]
	return d, ok
}

func (l *Ledger) applyRun(st *Run) []Effect {
	r := &runState{
		statement: st, index: l.Index(), replays: map[Kind]replays{}, verdicts: map[string][]haltVerdict{},
	}
	if g, ok := l.groups.byHash[st.Group]; ok {
		r.groupName = g.Statement.Name
	}
	for _, g := range st.Guards {
		k := Key{ID: KeyID(g.SPKI), Role: RoleGuard, Name: g.Name, SPKI: g.SPKI, From: l.Index(), Until: Forever}
		r.guards = append(r.guards, k)
		if _, ok := l.guards[k.ID]; !ok {
			l.guards[k.ID] = k
		}
	}
	l.runs[st.Run] = r
	l.live++
	info, _ := l.Run(st.Run)
	return []Effect{RunRegistered{Run: info}}
}

func (l *Ledger) applyDecision(st *Decision, s *Signed) []Effect {
	engine := s.Signer()
	d := DecisionInfo{
		Identity: s.Identity, Index: l.Index(), Sequence: st.Sequence,
		From: st.From, To: st.To, AsOf: st.AsOf.Time(),
	}
	l.decisions[engine] = d
	effects := []Effect{DecisionAccepted{Engine: engine, Decision: d}}
	for _, v := range st.Changed {
		r, ok := l.runs[v.Run]
		if !ok {
			continue
		}
		switch v.State {
		case StateHalt:
			kept := append(r.verdicts[engine], haltVerdict{decision: s.Identity, verdict: v})
			if len(kept) > maxVerdictsKept {
				kept = append(kept[:0:0], kept[1:]...)
			}
			r.verdicts[engine] = kept
		case StateClosed:
			// Only the decision whose range holds the close can have evaluated
			// what came with it; one that says so without is no end.
			if r.closePending && st.From <= r.closeIndex && r.closeIndex < st.To && !r.ended() {
				r.closed = true
				l.live--
				r.end()
				effects = append(effects, RunClosed{Run: v.Run, Index: l.Index()})
			}
		}
	}
	return effects
}

func (l *Ledger) applyHalt(st *Halt, s *Signed) []Effect {
	r := l.runs[st.Run]
	e := RunHalted{Run: st.Run, Engine: s.Signer(), First: !r.halted, Index: l.Index()}
	r.halts = append(r.halts, s.Identity)
	if e.First {
		if !r.ended() {
			l.live--
		}
		r.halted, r.haltIndex = true, l.Index()
		r.end()
	}
	return []Effect{e}
}
