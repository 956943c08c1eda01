package audit

import (
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// AuditorConfig is what a reader knows beforehand.
type AuditorConfig struct {
	// Genesis is the pinned hash of entry 0; nil trusts on first use.
	Genesis *log.Hash
	// Leases are lease envelopes that guards kept.
	Leases [][]byte
	// Sizes are tree sizes at which the root will be asked for.
	Sizes []uint64
}

// AuditorDeps are an Auditor's ports.
type AuditorDeps struct {
	Verifier log.Verifier
}

// An Auditor judges a log, entry by entry. It is pure and must be used alone.
type Auditor struct {
	verifier log.Verifier
	machine  *fold.Machine
	found    findings
	tree     compactTree
	roots    map[uint64]checkpoint.Hash // of the sizes asked for

	engines    map[string]*engineAudit
	clock      clockAudit
	halts      haltAudit
	leases     leaseAudit
	counts     map[string]count // of each evaluator, the newest
	ceremonies map[string]bool  // that a set has ended
	news       uint64           // entries below it hold one that is neither anchor nor decision
	stats      Stats
	pinned     bool
	finished   bool
}

// Stats counts what the log holds.
type Stats struct {
	Entries     uint64            `json:"entries"`
	Void        uint64            `json:"void"`
	Anchors     uint64            `json:"anchors"`
	Decisions   map[string]uint64 `json:"decisions"` // by engine
	Halts       uint64            `json:"halts"`     // runs halted
	Listings    uint64            `json:"listings"`
	Epochs      uint64            `json:"epochs"`
	Evaluations uint64            `json:"evaluations"` // elements evaluated, as the evaluators say
	Dead        uint64            `json:"observed_dead"`
	Unconfirmed uint64            `json:"unconfirmed"`
}

// NewAuditor is an auditor of the empty log. An error is a lease that is none.
func NewAuditor(c AuditorConfig, d AuditorDeps) (*Auditor, error) {
	if d.Verifier == nil {
		return nil, errors.New("audit: a required dependency is missing")
	}
	a := &Auditor{
		verifier: d.Verifier, machine: fold.New(fold.Config{GenesisHash: c.Genesis}, fold.Deps{Verifier: d.Verifier}),
		found: newFindings(), roots: map[uint64]checkpoint.Hash{}, engines: map[string]*engineAudit{},
		counts: map[string]count{}, ceremonies: map[string]bool{}, halts: newHaltAudit(),
		pinned: c.Genesis != nil, stats: Stats{Decisions: map[string]uint64{}},
	}
	if err := a.leases.load(c.Leases); err != nil {
		return nil, err
	}
	for _, n := range append(a.leases.sizes(), c.Sizes...) {
		a.roots[n] = checkpoint.Hash{}
	}
	if _, ok := a.roots[0]; ok {
		a.roots[0] = a.tree.root()
	}
	return a, nil
}

// Size is how many entries were judged.
func (a *Auditor) Size() uint64 { return a.tree.size }

// Root is the root of the entries judged.
func (a *Auditor) Root() checkpoint.Hash { return a.tree.root() }

// RootAt is the root at one of the sizes of the configuration that was reached.
func (a *Auditor) RootAt(size uint64) (checkpoint.Hash, bool) {
	h, ok := a.roots[size]
	return h, ok && size <= a.tree.size
}

// Machine is the state of the log, to be read only.
func (a *Auditor) Machine() *fold.Machine { return a.machine }

// Findings are what was found so far, in the order in which it was.
func (a *Auditor) Findings() []Finding { return a.found.list }

// Stats counts what was judged so far.
func (a *Auditor) Stats() Stats { return a.stats }

// Entry judges the next entry.
func (a *Auditor) Entry(leaf []byte) {
	s := a.machine.Apply(leaf)
	a.tree.add(checkpoint.Hash(s.LeafHash))
	if _, ok := a.roots[a.tree.size]; ok {
		a.roots[a.tree.size] = a.tree.root()
	}
	a.stats.Entries++
	if s.Index == 0 {
		a.genesis(s)
	}
	a.folded(s)
	switch s.Validity {
	case log.Valid:
		a.valid(s)
	case log.Void, log.StaleVoid:
		a.void(s)
	}
	if s.Signed == nil || (s.Signed.Kind() != log.KindAnchor && s.Signed.Kind() != log.KindDecision) {
		a.news = s.Index + 1
	}
}

// folded is A29: what the fold itself could not do.
func (a *Auditor) folded(s fold.Step) {
	if s.Err != nil {
		a.at(s.Index, "", Finding{Check: checkFold, Severity: SeverityCannotJudge, Text: s.Err.Error()})
	}
	for _, engine := range s.Lapsed {
		a.at(s.Index, engine, Finding{Check: checkFold, Severity: SeverityOutage, Engine: engine, Text: "engine " + short(engine) + " fell so far behind that its chain starts over here"})
		delete(a.engines, engine)
	}
}

// genesis is A07.
func (a *Auditor) genesis(s fold.Step) {
	switch {
	case s.Validity != log.Valid:
		a.at(0, "", Finding{Check: checkGenesis, Severity: SeverityFinding, Text: s.Reason})
	case !a.pinned:
		a.at(0, "", Finding{
			Check: checkGenesis, Severity: SeverityCannotJudge,
			Text: "trusted on first use: pin the genesis " + log.GenesisHash(s.Signed.Leaf).Hex() + " after you had it from somebody else too",
		})
	}
}

// valid takes what a valid entry means for the checks.
func (a *Auditor) valid(s fold.Step) {
	for _, e := range s.Effects {
		a.effect(e)
	}
	if s.Anchor != nil {
		a.stats.Anchors++
		a.anchor(*s.Anchor)
	}
	switch st := s.Signed.Statement.(type) {
	case *log.Decision:
		a.stats.Decisions[s.Signed.Signer()]++
		if s.Decision != nil {
			a.decision(s)
		}
	case *log.Halt:
		a.halts.halt(a, st, s)
	case *log.Fingerprints:
		a.stats.Listings++
		a.halts.fingerprints(a, st, s)
	case *log.Epoch:
		a.stats.Epochs++
		a.epoch(st, s)
	case *log.Group:
		if st.Method == log.MethodAppointed {
			a.at(s.Index, "", Finding{
				Check: checkGroup, Severity: SeverityNote,
				Text: fmt.Sprintf("group %s %d of %d members was appointed by the officers", st.Name, st.Number, len(st.Members)),
			})
		}
	case *log.Evaluations:
		a.evaluations(st, s)
	case *log.Authority:
		a.evaluators(st, s)
	case *log.Actuation:
		switch st.State {
		case log.ActuationObservedDead:
			a.stats.Dead++
		case log.ActuationUnconfirmed:
			a.stats.Unconfirmed++
		}
	case *log.Policy:
		a.semantics(st, s.Index)
	case *log.Freeze:
		text := "the log is frozen: " + st.Reason
		if st.Successor != "" {
			text += "; it goes on as " + st.Successor
		}
		a.at(s.Index, "", Finding{Check: checkFrozen, Severity: SeverityNote, Text: text})
	}
}

func (a *Auditor) effect(e log.Effect) {
	switch e := e.(type) {
	case log.AuthorityInForce:
		for _, k := range e.Revoked {
			delete(a.engines, k.ID)
		}
	case log.PolicyInForce:
		a.leases.policy(e)
	}
}

// void lists what is void (A08), and finds what an honest engine never signs.
func (a *Auditor) void(s fold.Step) {
	a.stats.Void++
	if s.Index == 0 {
		return // A07 said it
	}
	if s.Signed != nil && s.Verified && (s.Class == log.Conflict || s.Class == log.Unknown) && len(s.Signers) == 1 && s.Signers[0].Role == log.RoleEngine {
		switch st := s.Signed.Statement.(type) {
		case *log.Decision:
			if a.outOfChain(st, s) {
				return
			}
		case *log.Halt:
			if a.halts.relabelled(a, st, s) {
				return
			}
		case *log.Fingerprints:
			if a.halts.misListed(a, st, s) {
				return
			}
		}
	}
	kind := "no statement"
	if s.Signed != nil {
		kind = string(s.Signed.Kind())
	}
	a.at(s.Index, "", Finding{Check: checkVoid, Severity: SeverityNote, Text: kind + " is " + string(s.Validity) + ": " + s.Reason})
}

// evaluations is A26.
func (a *Auditor) evaluations(st *log.Evaluations, s fold.Step) {
	a.stats.Evaluations += st.Elements
	id := s.Signed.Signer()
	if last, ok := a.counts[id]; ok && st.From < last.until {
		a.at(s.Index, id, Finding{
			Check: checkCounts, Severity: SeverityFinding, entries: []uint64{last.index},
			Text: fmt.Sprintf("count %d of evaluator %s begins at %s, before the last one ended at %s", st.Sequence, short(id), st.From, last.until),
		})
	}
	a.counts[id] = count{max(a.counts[id].until, st.Until), s.Index}
}

// count is an evaluator's newest count: until when, and where.
type count struct {
	until log.Time
	index uint64
}

// semantics is A28 for a policy whose rules are unknown here.
func (a *Auditor) semantics(st *log.Policy, index uint64) {
	for _, doc := range a.machine.Policies().Pending(st.Chain) {
		if err := doc.Supported(); err != nil {
			a.at(index, st.Chain, Finding{Check: checkSemantics, Severity: SeverityCannotJudge, Text: err.Error()})
		}
	}
	if doc, ok := a.machine.Policy(st.Chain); ok && doc.Supported() != nil {
		a.at(index, st.Chain, Finding{Check: checkSemantics, Severity: SeverityCannotJudge, Text: doc.Supported().Error()})
	}
}

// at adds a finding about an entry, which is then part of its evidence.
func (a *Auditor) at(index uint64, key string, f Finding) {
	f.Index = new(index)
	f.entries = append([]uint64{index}, f.entries...)
	a.found.add(key, f)
}

func short(keyID string) string { return keyID[:min(len(keyID), 12)] }

// seconds is a duration for people.
func seconds(d time.Duration) string { return d.Round(time.Millisecond).String() }
