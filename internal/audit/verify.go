package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// ErrUnproven is evidence that does not show what the finding says.
var ErrUnproven = errors.New("the evidence does not prove it")

// Proof is what Verify found in a finding's evidence.
type Proof struct {
	Finding Finding `json:"finding"`
	// Facts are what the evidence shows, each on its own.
	Facts []string `json:"facts"`
	// Whole says that they prove the finding; else see Check.Offline.
	Whole bool `json:"whole"`
}

// ParseFinding reads a finding as an audit prints it.
func ParseFinding(raw []byte) (Finding, error) {
	var f Finding
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("read finding: %w", err)
	}
	if _, ok := CheckOf(f.Check); !ok {
		return f, fmt.Errorf("read finding: no check %q", f.Check)
	}
	return f, nil
}

// Verify proves a finding again from its evidence alone, under the quorum that
// the caller trusts: the one in the finding is only what the finder trusted.
// Errors are [ErrUnproven] or those of the quorum.
func Verify(quorum []byte, f Finding, verifier log.Verifier) (Proof, error) {
	q, err := checkpoint.ParseQuorum(quorum)
	if err != nil {
		return Proof{}, fmt.Errorf("read quorum: %w", err)
	}
	p := prover{q: q, f: f, e: f.Evidence, verifier: verifier, proof: Proof{Finding: f, Facts: []string{}}, entries: map[uint64]*log.Signed{}}
	if err := p.run(); err != nil {
		return Proof{}, fmt.Errorf("%s: %w", f.Check, err)
	}
	return p.proof, nil
}

type prover struct {
	q        *checkpoint.Quorum
	f        Finding
	e        Evidence
	verifier log.Verifier
	proof    Proof
	cps      []checkpoint.Checkpoint
	entries  map[uint64]*log.Signed
}

func (p *prover) fact(format string, args ...any) {
	p.proof.Facts = append(p.proof.Facts, fmt.Sprintf(format, args...))
}

func unproven(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnproven, fmt.Sprintf(format, args...))
}

func (p *prover) run() error {
	switch p.f.Check {
	case checkCheckpoint, checkWitness:
		return p.unverifiable()
	}
	if err := p.checkpoints(); err != nil {
		return err
	}
	if err := p.stand(); err != nil {
		return err
	}
	switch p.f.Check {
	case checkTree:
		return p.altered()
	case checkHistory, checkSplit:
		return p.twoLogs()
	case checkEarly, checkLate:
		return p.clock()
	case checkCoverage:
		return p.coverage()
	case checkLease:
		return p.lease()
	case checkCounts:
		return p.counts()
	}
	if p.f.Index == nil || p.entries[*p.f.Index] == nil {
		return unproven("no entry")
	}
	if len(p.e.Expected) > 0 {
		if bytes.Equal(p.entries[*p.f.Index].Envelope.Payload, p.e.Expected) {
			return unproven("the payload that the replay gives is the one logged")
		}
		p.fact("entry %d holds another payload than the replay gives", *p.f.Index)
	}
	return nil
}

// checkpoints verifies the log's own checkpoint under the quorum, the others
// under the log's key: whoever signs two trees needs no witness for it.
func (p *prover) checkpoints() error {
	if len(p.e.Checkpoints) == 0 {
		return unproven("no checkpoint")
	}
	for i, n := range p.e.Checkpoints {
		cp, err := signedByLog(p.q, n.Note)
		if err != nil {
			return unproven("checkpoint of %s: %v", n.From, err)
		}
		if i == 0 && p.f.Check != checkSplit && p.f.Check != checkHistory {
			if _, err := p.q.Verify(n.Note); err != nil {
				return unproven("checkpoint of %s: %v", n.From, err)
			}
		}
		p.cps = append(p.cps, cp)
		p.fact("the log signed size %d with root %s (%s)", cp.Size, checkpoint.FormatHash(cp.Root), n.From)
	}
	return nil
}

// stand verifies that every entry stands in the log.
func (p *prover) stand() error {
	for _, e := range p.e.Entries {
		proof := make([]checkpoint.Hash, len(e.Proof))
		for i, h := range e.Proof {
			proof[i] = checkpoint.Hash(h)
		}
		if err := checkpoint.VerifyInclusion(e.Index, p.cps[0].Size, checkpoint.Hash(e.Hash), proof, p.cps[0].Root); err != nil {
			return unproven("entry %d: %v", e.Index, err)
		}
		if e.Served {
			continue
		}
		if log.Hash(checkpoint.LeafHash(e.Leaf)) != e.Hash {
			return unproven("entry %d: its bytes have another hash", e.Index)
		}
		s, err := log.Parse(e.Leaf)
		if err != nil {
			p.fact("entry %d stands in the log and is no statement", e.Index)
			continue
		}
		s.Index = e.Index
		p.entries[e.Index] = s
		p.fact("entry %d, %s, stands in the log", e.Index, s.Kind())
	}
	return nil
}

// altered is A02.
func (p *prover) altered() error {
	i := slices.IndexFunc(p.e.Entries, func(e Entry) bool { return e.Served })
	if i < 0 {
		return nil // that the tiles make no root is the finder's word
	}
	e := p.e.Entries[i]
	if log.Hash(checkpoint.LeafHash(e.Leaf)) == e.Hash {
		return unproven("entry %d is the one that the tree holds", e.Index)
	}
	p.fact("the tree holds hash %s at %d; the entry served has %s", e.Hash, e.Index, log.Hash(checkpoint.LeafHash(e.Leaf)))
	return nil
}

// twoLogs is A03 and A04: the log's key signed two trees of which neither
// extends the other.
func (p *prover) twoLogs() error {
	if len(p.cps) < 2 || p.cps[0].Origin != p.cps[1].Origin {
		return unproven("want two checkpoints of one log")
	}
	now, other := p.cps[0], p.cps[1]
	switch {
	case now.Size == other.Size:
		if now.Root == other.Root {
			return unproven("both checkpoints say the same")
		}
		p.fact("two roots for size %d", now.Size)
		p.proof.Whole = true
	case p.e.Root != nil:
		r := p.e.Root
		proof := make([]checkpoint.Hash, len(r.Consistency))
		for i, h := range r.Consistency {
			proof[i] = checkpoint.Hash(h)
		}
		if r.Size != other.Size {
			return unproven("the old root is of another size")
		}
		if err := checkpoint.VerifyConsistency(r.Size, now.Size, checkpoint.Hash(r.Root), now.Root, proof); err != nil {
			return unproven("%v", err)
		}
		if checkpoint.Hash(r.Root) == other.Root {
			return unproven("the larger tree extends the smaller one")
		}
		p.fact("the tree of size %d has root %s at size %d, not the one that was signed before", now.Size, r.Root, r.Size)
		p.proof.Whole = true
	case p.f.Check == checkHistory && now.Size < other.Size:
		p.fact("the log signed size %d; the finder was served %d later", other.Size, now.Size)
	default:
		return unproven("nothing shows that one does not extend the other")
	}
	return nil
}

// unverifiable is A01 and A05: what was served does not verify.
func (p *prover) unverifiable() error {
	if len(p.e.Checkpoints) == 0 {
		return unproven("no checkpoint")
	}
	n := p.e.Checkpoints[0]
	err := error(nil)
	if p.f.Check == checkCheckpoint {
		_, err = p.q.Verify(n.Note)
	} else {
		if _, err = signedByLog(p.q, n.Note); err == nil {
			err = unproven("no such witness")
			for _, w := range p.q.Witnesses() {
				if w.Name == p.f.Witness {
					_, err = signedBy(n.Note, w.Key)
				}
			}
			if errors.Is(err, ErrUnproven) {
				return err
			}
		}
	}
	if err == nil {
		return unproven("the checkpoint verifies")
	}
	p.fact("what %s served does not verify: %v", n.From, err)
	return nil
}

// statement is the statement at an index, nil if the evidence holds none.
func (p *prover) statement(index uint64) log.Statement {
	if s := p.entries[index]; s != nil {
		return s.Statement
	}
	return nil
}

// anchorTimes are the smallest and largest quorum time of the anchor among the
// entries.
func (p *prover) anchorTimes() (index, size uint64, smallest, largest time.Time, err error) {
	for i, s := range p.entries {
		a, ok := s.Statement.(*log.Anchor)
		if !ok {
			continue
		}
		v, err := p.q.Verify(a.Checkpoint)
		if err != nil {
			return 0, 0, smallest, largest, unproven("anchor at %d: %v", i, err)
		}
		return i, v.Checkpoint.Size, time.Unix(int64(v.MinTime), 0), time.Unix(int64(v.MaxTime), 0), nil
	}
	return 0, 0, smallest, largest, unproven("no anchor")
}

// clock is A13 and A14.
func (p *prover) clock() error {
	g, ok := p.statement(0).(*log.Genesis)
	if !ok || p.f.Index == nil {
		return unproven("no genesis")
	}
	d, ok := p.statement(*p.f.Index).(*log.Decision)
	if !ok {
		return unproven("no decision")
	}
	index, size, smallest, largest, err := p.anchorTimes()
	if err != nil {
		return err
	}
	skew := time.Duration(g.SkewMS) * time.Millisecond
	asOf := d.AsOf.Time()
	if p.f.Check == checkEarly {
		if index >= d.To || !asOf.Before(smallest.Add(-skew)) {
			return unproven("as_of is not before the anchor's time")
		}
		p.fact("as_of is %s; the anchor at %d, in its range or before it, was witnessed at %s or later", d.AsOf, index, log.TimeOf(smallest))
	} else {
		if size <= *p.f.Index || !asOf.After(largest.Add(time.Second+skew)) {
			return unproven("as_of is not after the anchor's time")
		}
		p.fact("as_of is %s; the anchor at %d covers the decision and was witnessed at %s or before", d.AsOf, index, log.TimeOf(largest))
	}
	p.proof.Whole = true
	return nil
}

// coverage is A16.
func (p *prover) coverage() error {
	if p.f.Index == nil {
		return unproven("no entry")
	}
	second, ok := p.statement(*p.f.Index).(*log.Decision)
	if !ok || second.Previous == nil {
		return unproven("no decision")
	}
	index, size, _, _, err := p.anchorTimes()
	if err != nil {
		return err
	}
	for i, s := range p.entries {
		first, ok := s.Statement.(*log.Decision)
		if !ok || i <= index || s.Identity != *second.Previous || first.Sequence+1 != second.Sequence || s.Signer() != p.entries[*p.f.Index].Signer() {
			continue
		}
		if second.To >= size {
			return unproven("the second decision covers the anchor")
		}
		p.fact("two decisions of one engine after the anchor at %d, and they fold %d of %d entries", index, second.To, size)
		p.proof.Whole = true
		return nil
	}
	return unproven("not two decisions after the anchor")
}

// counts is A26.
func (p *prover) counts() error {
	if p.f.Index == nil {
		return unproven("no entry")
	}
	later := p.entries[*p.f.Index]
	for i, s := range p.entries {
		if later == nil || i >= *p.f.Index || s.Signer() != later.Signer() {
			continue
		}
		before, ok := s.Statement.(*log.Evaluations)
		after, also := later.Statement.(*log.Evaluations)
		if ok && also && after.From < before.Until {
			p.fact("a count from %s follows one until %s, of the same evaluator", after.From, before.Until)
			p.proof.Whole = true
			return nil
		}
	}
	return unproven("no two counts that overlap")
}

// lease is A27: the lease is the engine's, and which entries it stands against.
func (p *prover) lease() error {
	s, err := log.ParseMessage(p.e.Lease)
	if err != nil {
		return unproven("lease: %v", err)
	}
	l, ok := s.Statement.(*log.Lease)
	if !ok {
		return unproven("no lease")
	}
	g, ok := p.statement(0).(*log.Genesis)
	if !ok {
		return unproven("no genesis")
	}
	i := slices.IndexFunc(g.Keys, func(k log.KeyGrant) bool { return log.KeyID(k.SPKI) == s.Signer() && k.Role == log.RoleEngine })
	if i < 0 {
		p.fact("the lease is of a key that the genesis does not name")
		return nil
	}
	if err := p.verifier.Verify(g.Keys[i].SPKI, s.Envelope.PAE(), s.Envelope.Signatures[0].Sig); err != nil {
		return unproven("lease: %v", err)
	}
	p.fact("engine %s signed the lease", g.Keys[i].Name)
	note, err := signedByLog(p.q, l.Checkpoint)
	if err != nil {
		p.fact("its checkpoint does not verify: %v", err)
		return nil
	}
	for i, e := range p.entries {
		if h, ok := e.Statement.(*log.Halt); ok && h.Run == l.Run && i < max(note.Size, l.DecisionIndex+1) {
			p.fact("it was granted at log size %d or later, and the halt of run %s stands at %d", note.Size, l.Run, i)
			p.proof.Whole = true
		}
	}
	return nil
}
