package guardian

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// Errors of verification. All mean that what a server said does not hold.
var (
	ErrGenesis   = errors.New("genesis is not the pinned one")
	ErrOrigin    = errors.New("of another log")
	ErrKey       = errors.New("key does not hold that role")
	ErrSignature = errors.New("signature does not verify")
	ErrProof     = errors.New("proof does not hold")
	ErrSplitView = errors.New("two roots for one size")
	ErrForm      = errors.New("not what was asked for")
)

// trust is what a guard holds to be true of a log: what follows from the pinned genesis and the quorum's text.
type trust struct {
	origin   string
	quorum   *checkpoint.Quorum
	genesis  *log.Genesis
	verifier log.Verifier

	mu         sync.Mutex
	keys       map[string]log.KeyGrant // in force, by key id
	order      []string                // key ids, oldest grant first
	threshold  int
	number     uint64   // of the last authority statement taken
	previous   log.Hash // its identity
	evaluators log.EvaluatorSet
	offices    []office            // everybody who was in office, oldest first
	heads      map[uint64]log.Hash // roots seen, by size
	headOrder  []uint64
}

// office is who signs for the officers at one time.
type office struct {
	officers  map[string]log.KeyGrant // by key id
	threshold int
}

// newTrust takes a genesis leaf that hashes to the pin, and a quorum that knows its log.
func newTrust(leaf []byte, pin log.Hash, quorum []byte, v log.Verifier) (*trust, error) {
	if log.GenesisHash(leaf) != pin {
		return nil, ErrGenesis
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	g, ok := s.Statement.(*log.Genesis)
	if !ok {
		return nil, fmt.Errorf("%w: entry 0 is a %s", ErrGenesis, s.Kind())
	}
	q, err := checkpoint.ParseQuorum(quorum)
	if err != nil {
		return nil, fmt.Errorf("read quorum: %w", err)
	}
	if !slices.ContainsFunc(q.Logs(), func(l checkpoint.PolicyLog) bool { return l.Key.Name == g.Origin }) {
		return nil, fmt.Errorf("read quorum: %w: no key of %s", ErrOrigin, g.Origin)
	}
	if q.Rule() == checkpoint.None {
		return nil, errors.New("read quorum: it asks for no witness, so that no checkpoint has an age")
	}
	t := &trust{
		origin: g.Origin, quorum: q, genesis: g, verifier: v, keys: map[string]log.KeyGrant{}, threshold: g.Threshold,
		previous: s.Identity, evaluators: g.Evaluators, heads: map[uint64]log.Hash{},
	}
	t.add(g.Keys)
	t.offices = []office{t.office()}
	return t, nil
}

// office is the one in force.
func (t *trust) office() office {
	o := office{officers: map[string]log.KeyGrant{}, threshold: t.threshold}
	for id, k := range t.keys {
		if k.Role == log.RoleOfficer {
			o.officers[id] = k
		}
	}
	return o
}

// signed verifies a statement that just the threshold of officers signed.
func (o office) signed(s *log.Signed, v log.Verifier) error {
	if len(s.Envelope.Signatures) != o.threshold {
		return fmt.Errorf("%w: %d officers of %d", ErrKey, len(s.Envelope.Signatures), o.threshold)
	}
	pae := s.Envelope.PAE()
	for _, sig := range s.Envelope.Signatures {
		k, ok := o.officers[sig.KeyID]
		if !ok {
			return fmt.Errorf("%w: %s is no officer", ErrKey, sig.KeyID)
		}
		if err := v.Verify(k.SPKI, pae, sig.Sig); err != nil {
			return fmt.Errorf("%w: %w", ErrSignature, err)
		}
	}
	return nil
}

// bySomeOffice verifies a statement that officers signed, of whatever time: its place in the log is older than the
// newest change of them.
func (t *trust) bySomeOffice(s *log.Signed) error {
	t.mu.Lock()
	offices := slices.Clone(t.offices)
	t.mu.Unlock()
	var err error
	for _, o := range slices.Backward(offices) {
		if err = o.signed(s, t.verifier); err == nil {
			return nil
		}
	}
	return err
}

func (t *trust) add(grants []log.KeyGrant) {
	for _, k := range grants {
		id := log.KeyID(k.SPKI)
		if _, known := t.keys[id]; !known {
			t.order = append(t.order, id)
		}
		t.keys[id] = k
	}
}

// role lists the keys in force of a role, the newest grant last.
func (t *trust) role(r log.Role) []log.KeyGrant {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []log.KeyGrant
	for _, id := range t.order {
		if k, ok := t.keys[id]; ok && k.Role == r {
			out = append(out, k)
		}
	}
	return out
}

// signedBy verifies a statement that one key of a role signed, and returns that key's id.
func (t *trust) signedBy(s *log.Signed, r log.Role) (string, error) {
	if len(s.Envelope.Signatures) != 1 {
		return "", fmt.Errorf("%w: %d signatures", ErrForm, len(s.Envelope.Signatures))
	}
	sig := s.Envelope.Signatures[0]
	t.mu.Lock()
	k, ok := t.keys[sig.KeyID]
	t.mu.Unlock()
	if !ok || k.Role != r {
		return "", fmt.Errorf("%w: %s is no %s", ErrKey, sig.KeyID, r)
	}
	if err := t.verifier.Verify(k.SPKI, s.Envelope.PAE(), sig.Sig); err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return sig.KeyID, nil
}

// follows says whether an authority statement is the next one. Others are void, or were taken before.
func (t *trust) follows(a *log.Authority) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return a.Number == t.number+1 && a.Previous == t.previous && a.Origin == t.origin
}

// change takes the next authority statement, which was shown to stand in the log. Revocations count at once, additions
// too: a key that still waits for its force helps nobody, since the operator names the engines that may grant.
func (t *trust) change(s *log.Signed, a *log.Authority) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.office().signed(s, t.verifier); err != nil {
		return err
	}
	for _, k := range a.Add {
		if k.Role == log.RoleEscrow {
			continue
		}
		if err := t.verifier.Verify(k.SPKI, log.PossessionMessage(t.origin, k.Role, k.SPKI), k.Proof); err != nil {
			return fmt.Errorf("%w: possession of %s: %w", ErrSignature, k.Name, err)
		}
	}
	for _, id := range a.Revoke {
		delete(t.keys, id)
	}
	t.add(a.Add)
	if a.Threshold != nil {
		t.threshold = *a.Threshold
	}
	if a.Evaluators != nil {
		t.evaluators = *a.Evaluators
	}
	t.number, t.previous = a.Number, s.Identity
	t.offices = append(t.offices, t.office())
	return nil
}

func (t *trust) evaluatorSet() log.EvaluatorSet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.evaluators
}

// checkpoint verifies a note by the quorum and holds it against every other that was seen (L3).
func (t *trust) checkpoint(note []byte) (checkpoint.Verified, error) {
	v, err := t.quorum.Verify(note)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return v, t.head(v)
}

func (t *trust) head(v checkpoint.Verified) error {
	if v.Checkpoint.Origin != t.origin {
		return fmt.Errorf("%w: checkpoint of %q", ErrOrigin, v.Checkpoint.Origin)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	size, root := v.Checkpoint.Size, log.Hash(v.Checkpoint.Root)
	if old, ok := t.heads[size]; ok {
		if old != root {
			return fmt.Errorf("%w: %d", ErrSplitView, size)
		}
		return nil
	}
	if len(t.headOrder) == maxHeads {
		delete(t.heads, t.headOrder[0])
		t.headOrder = append(t.headOrder[:0], t.headOrder[1:]...)
	}
	t.heads[size] = root
	t.headOrder = append(t.headOrder, size)
	return nil
}

// included verifies the tlog-proof of a leaf at an index.
func (t *trust) included(index uint64, leaf, proof []byte) (checkpoint.Verified, error) {
	p, err := checkpoint.ParseProof(proof)
	if err != nil {
		return checkpoint.Verified{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if p.Index != index {
		return checkpoint.Verified{}, fmt.Errorf("%w: of entry %d, asked for %d", ErrProof, p.Index, index)
	}
	v, err := p.Verify(t.quorum, leaf)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrProof, err)
	}
	return v, t.head(v)
}
