package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// leaseAudit holds leases that guards kept against the log (A27). What they
// name is noted while the log passes by, so that nothing else is remembered.
type leaseAudit struct {
	list     []*keptLease
	engines  map[string]*engineLeases
	policies map[string][]policySpan
}

// engineLeases are the leases of one engine, by the decision that they name:
// each decision of the log touches only those that are next.
type engineLeases struct {
	list  []*keptLease
	pos   int               // those before it have their next decision
	halts map[string]uint64 // of the runs of its leases, the engine's first decision to halt; Forever before it
}

type keptLease struct {
	raw    []byte
	signed *log.Signed
	lease  *log.Lease
	note   checkpoint.Checkpoint
	// of the log:
	decided bool // the named decision is there
	to      uint64
	next    uint64 // index of the engine's decision after it; Forever if there is none
}

// policySpan is a policy in force from an index on.
type policySpan struct {
	from   uint64
	number uint64
	hash   log.Hash
	lease  time.Duration
}

func (l *leaseAudit) load(raw [][]byte) error {
	l.policies, l.engines = map[string][]policySpan{}, map[string]*engineLeases{}
	if len(raw) > maxLeases {
		return fmt.Errorf("audit: %d leases, at most %d", len(raw), maxLeases)
	}
	for i, b := range raw {
		s, err := log.ParseMessage(b)
		if err != nil {
			return fmt.Errorf("audit: lease %d: %w", i+1, err)
		}
		st, ok := s.Statement.(*log.Lease)
		if !ok {
			return fmt.Errorf("audit: lease %d is a %s", i+1, s.Kind())
		}
		k := &keptLease{raw: b, signed: s, lease: st, next: log.Forever}
		if n, err := checkpoint.ParseNote(st.Checkpoint); err == nil {
			k.note, _ = checkpoint.ParseCheckpoint(n.Text)
		}
		l.list = append(l.list, k)
		e, ok := l.engines[s.Signer()]
		if !ok {
			e = &engineLeases{halts: map[string]uint64{}}
			l.engines[s.Signer()] = e
		}
		e.list, e.halts[st.Run] = append(e.list, k), log.Forever
	}
	for _, e := range l.engines {
		slices.SortStableFunc(e.list, func(a, b *keptLease) int { return cmp.Compare(a.lease.DecisionIndex, b.lease.DecisionIndex) })
	}
	return nil
}

func (l *leaseAudit) sizes() []uint64 {
	ns := make([]uint64, len(l.list))
	for i, k := range l.list {
		ns[i] = k.note.Size
	}
	return ns
}

func (l *leaseAudit) policy(e log.PolicyInForce) {
	if len(l.list) == 0 {
		return
	}
	l.policies[e.Chain] = append(l.policies[e.Chain], policySpan{e.Index, e.Rules.Number, e.Rules.Hash, e.Rules.Lease})
}

func (l *leaseAudit) decision(engine string, s fold.Step) {
	e, ok := l.engines[engine]
	if !ok {
		return
	}
	for ; e.pos < len(e.list) && e.list[e.pos].lease.DecisionIndex < s.Index; e.pos++ {
		e.list[e.pos].next = s.Index
	}
	st := s.Decision.Decision
	for _, k := range e.list[e.pos:] {
		if k.lease.DecisionIndex != s.Index {
			break
		}
		k.decided, k.to = true, st.To
	}
	for _, v := range st.Changed {
		if at, ok := e.halts[v.Run]; ok && v.State == log.StateHalt {
			e.halts[v.Run] = min(at, s.Index)
		}
	}
}

func (l *leaseAudit) finish(a *Auditor) {
	for _, k := range l.list {
		k.judge(a)
	}
}

// judge holds one lease against the log.
func (k *keptLease) judge(a *Auditor) {
	st, id := k.lease, k.signed.Signer()
	ledger := a.machine.Ledger()
	base := Finding{Check: checkLease, Severity: SeverityFinding, Engine: id, Run: st.Run, Evidence: Evidence{Lease: k.raw}, entries: []uint64{0}}
	say := func(entries []uint64, format string, args ...any) {
		f := base
		f.entries = append(slices.Clone(base.entries), entries...)
		f.Text = fmt.Sprintf("lease %d of engine %s for run %s: ", st.Sequence, short(id), st.Run) + fmt.Sprintf(format, args...)
		a.found.add("", f)
	}
	key, ok := ledger.Key(id)
	if !ok || key.Role != log.RoleEngine || st.Origin != ledger.Origin() || len(k.signed.Envelope.Signatures) != 1 ||
		a.verifier.Verify(key.SPKI, k.signed.Envelope.PAE(), k.signed.Envelope.Signatures[0].Sig) != nil {
		base.Severity = SeverityCannotJudge
		say(nil, "is not signed by an engine of this log")
		return
	}
	if st.DecisionIndex >= a.tree.size {
		base.Severity = SeverityCannotJudge
		say(nil, "names a decision at %d, beyond what was audited", st.DecisionIndex)
		return
	}
	if root, ok := a.RootAt(k.note.Size); ok && root != k.note.Root {
		f := base
		f.Check, f.Text = checkSplit, fmt.Sprintf("lease %d of engine %s for run %s carries another root at size %d than this log has", st.Sequence, short(id), st.Run, k.note.Size)
		f.Invariant = "L3"
		f.Evidence.Checkpoints = []SignedNote{{"lease", st.Checkpoint}}
		a.found.add("", f)
	}
	if q := ledger.QuorumAt(k.note.Size); q != nil {
		if _, err := q.Verify(st.Checkpoint); err != nil {
			say(nil, "its checkpoint does not verify: %v", err)
		}
	}
	if !k.decided {
		say([]uint64{st.DecisionIndex}, "names entry %d as its engine's decision, which it is not", st.DecisionIndex)
		return
	}
	if k.to != st.DecisionSize {
		say([]uint64{st.DecisionIndex}, "says that decision %d folds %d entries; it folds %d", st.DecisionIndex, st.DecisionSize, k.to)
	}
	// What the engine had folded at least: its own newest decision was in the
	// log before it was named, and a checkpoint is published after folding.
	folded := max(st.DecisionIndex+1, k.note.Size)
	ownHalt := a.leases.engines[id].halts[st.Run]
	run, ok := ledger.Run(st.Run)
	switch {
	case !ok || run.Index >= folded:
		say([]uint64{st.DecisionIndex}, "the run was not registered")
		return
	case !slices.ContainsFunc(run.Guards, func(g log.Key) bool { return g.ID == st.Guard }):
		say([]uint64{run.Index}, "granted to a key that is no guard of the run")
	}
	switch {
	case run.Halted && run.HaltIndex < folded:
		say([]uint64{run.HaltIndex, st.DecisionIndex}, "granted after the halt at %d", run.HaltIndex)
	case ownHalt <= st.DecisionIndex:
		say([]uint64{ownHalt, st.DecisionIndex}, "granted after its own decision at %d to halt", ownHalt)
	}
	spans := a.leases.inForce(run.Statement.Chain, folded, k.next)
	i := slices.IndexFunc(spans, func(p policySpan) bool { return p.number == st.Policy && p.hash == st.PolicyHash })
	switch {
	case i < 0:
		say([]uint64{st.DecisionIndex}, "granted under policy %d, which was not in force", st.Policy)
	case spans[i].lease.Milliseconds() != st.DurationMS:
		say([]uint64{st.DecisionIndex}, "runs for %d ms, the policy says %d", st.DurationMS, spans[i].lease.Milliseconds())
	}
}

// inForce are the policies in force at any index between two, from <= until.
func (l *leaseAudit) inForce(chain string, from, until uint64) []policySpan {
	spans := l.policies[chain]
	first := 0
	for i, p := range spans {
		if p.from < from {
			first = i
		}
	}
	out := []policySpan{}
	for _, p := range spans[min(first, len(spans)):] {
		if p.from <= until {
			out = append(out, p)
		}
	}
	return out
}
