package trust

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// ErrAuthority is what officers had to sign, and did not with their threshold.
var ErrAuthority = errors.New("not signed by the officers' threshold")

// Authority is who may sign what officers sign, and who evaluates, as entry 0 and
// the authority statements after it name them. It is a value: Apply returns the
// next one. When exactly a loosening comes into force is the fold's to judge; here
// both the officers before and after one are believed.
type Authority struct {
	Genesis    *log.Genesis
	Officers   map[string]log.KeyGrant // by key ID
	Threshold  int
	Number     uint64   // of the last authority statement; 0 for none
	Identity   log.Hash // of it, or of the genesis
	Evaluators []log.EvaluatorSet
	Keys       map[string]log.KeyGrant // every key that holds a role, by key ID

	before   *Authority // where the last change may still be waiting
	verifier log.Verifier
}

// NewAuthority reads entry 0, and judges it as the fold does.
func NewAuthority(leaf []byte, v log.Verifier) (*Authority, error) {
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	g, ok := s.Statement.(*log.Genesis)
	if !ok {
		return nil, fmt.Errorf("genesis: entry 0 is of kind %s: %w", s.Kind(), ErrAuthority)
	}
	l := log.NewLedger(log.LedgerConfig{Verifier: v})
	if j := l.Apply(leaf); j.Validity != log.Valid {
		return nil, fmt.Errorf("genesis: %s: %w", j.Reason, ErrAuthority)
	}
	a := &Authority{
		Genesis: g, Officers: map[string]log.KeyGrant{}, Threshold: g.Threshold, Identity: s.Identity,
		Evaluators: []log.EvaluatorSet{g.Evaluators}, Keys: map[string]log.KeyGrant{}, verifier: v,
	}
	a.grant(g.Keys)
	return a, nil
}

func (a *Authority) grant(ks []log.KeyGrant) {
	for _, k := range ks {
		a.Keys[log.KeyID(k.SPKI)] = k
		if k.Role == log.RoleOfficer {
			a.Officers[log.KeyID(k.SPKI)] = k
		}
	}
}

// Signed checks that a statement carries valid signatures of exactly the
// threshold of the officers in office (TR5).
func (a *Authority) Signed(s *log.Signed) error {
	err := a.signed(s)
	if err != nil && a.before != nil && a.before.signed(s) == nil {
		return nil
	}
	return err
}

func (a *Authority) signed(s *log.Signed) error {
	if n := len(s.Envelope.Signatures); n != a.Threshold {
		return fmt.Errorf("%d signatures, the threshold is %d: %w", n, a.Threshold, ErrAuthority)
	}
	pae := s.Envelope.PAE()
	for _, sig := range s.Envelope.Signatures { // sorted, none twice (S1)
		k, ok := a.Officers[sig.KeyID]
		if !ok {
			return fmt.Errorf("signed by %s, no officer: %w", sig.KeyID, ErrAuthority)
		}
		if err := a.verifier.Verify(k.SPKI, pae, sig.Sig); err != nil {
			return fmt.Errorf("signature of %s: %w: %w", sig.KeyID, ErrAuthority, err)
		}
	}
	return nil
}

// Apply takes the next authority statement.
func (a *Authority) Apply(s *log.Signed) (*Authority, error) {
	st, ok := s.Statement.(*log.Authority)
	if !ok {
		return nil, fmt.Errorf("kind %s: %w", s.Kind(), ErrAuthority)
	}
	if st.Number != a.Number+1 || st.Previous != a.Identity {
		return nil, fmt.Errorf("authority %d does not follow %d: %w", st.Number, a.Number, ErrAuthority)
	}
	if err := a.Signed(s); err != nil {
		return nil, fmt.Errorf("authority %d: %w", st.Number, err)
	}
	next := *a
	next.Officers, next.Keys = maps.Clone(a.Officers), maps.Clone(a.Keys)
	next.Number, next.Identity, next.before = st.Number, s.Identity, nil
	for _, id := range st.Revoke {
		delete(next.Officers, id)
		delete(next.Keys, id)
	}
	next.grant(st.Add)
	if st.Threshold != nil {
		next.Threshold = *st.Threshold
	}
	if st.Evaluators != nil {
		next.Evaluators = append(a.Evaluators[:len(a.Evaluators):len(a.Evaluators)], *st.Evaluators)
	}
	if len(st.Add) > 0 || st.Threshold != nil || st.Quorum != nil || st.Evaluators != nil {
		next.before = a // a loosening waits
	}
	return &next, nil
}

// Evaluator is the newest evaluator set of a key version.
func (a *Authority) Evaluator(version uint64) (log.EvaluatorSet, bool) {
	if sets := a.EvaluatorSets(version); len(sets) > 0 {
		return sets[0], true
	}
	return log.EvaluatorSet{}, false
}

// EvaluatorSets are all sets of a key version, the newest first. They differ where
// shares were refreshed: the key is one, and while a new set waits for its force,
// holders answer with the shares of the one before.
func (a *Authority) EvaluatorSets(version uint64) (out []log.EvaluatorSet) {
	for _, e := range slices.Backward(a.Evaluators) {
		if e.Version == version {
			out = append(out, e)
		}
	}
	return out
}

// Authority follows the log's authority statements below an index, each with its
// proof. A server can hold the newest ones back, but forge none.
func (l *Log) Authority(ctx context.Context, below uint64) (*Authority, error) {
	v := l.verifier()
	a, err := NewAuthority(l.leaf, v)
	if err != nil {
		return nil, err
	}
	n := 0
	for e, err := range l.source.Entries(ctx, client.Filter{Kind: log.KindAuthority}) {
		if err != nil {
			return nil, fmt.Errorf("read authority: %w", err)
		}
		if n++; n > maxAuthority {
			return nil, fmt.Errorf("more than %d authority statements: %w", maxAuthority, ErrUnverified)
		}
		if e.Index >= below {
			break
		}
		s, err := l.Include(ctx, e.Index, e.Leaf)
		if err != nil {
			return nil, err
		}
		next, err := a.Apply(s)
		if err != nil {
			continue // void: it changes nothing
		}
		a = next
	}
	return a, nil
}

// SignedBy checks that a statement carries exactly one signature, valid, by a key
// that holds a role.
func (a *Authority) SignedBy(s *log.Signed, role log.Role) error {
	if len(s.Envelope.Signatures) != 1 {
		return fmt.Errorf("%s at %d: %d signatures: %w", s.Kind(), s.Index, len(s.Envelope.Signatures), ErrAuthority)
	}
	sig := s.Envelope.Signatures[0]
	k, ok := a.Keys[sig.KeyID]
	if !ok && a.before != nil {
		k, ok = a.before.Keys[sig.KeyID]
	}
	if !ok || k.Role != role {
		return fmt.Errorf("%s at %d: signed by %s, no %s: %w", s.Kind(), s.Index, sig.KeyID, role, ErrAuthority)
	}
	if err := a.verifier.Verify(k.SPKI, s.Envelope.PAE(), sig.Sig); err != nil {
		return fmt.Errorf("%s at %d: %w: %w", s.Kind(), s.Index, ErrAuthority, err)
	}
	return nil
}
