package guardian

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// Why a vote stops nothing here.
var (
	ErrExpired    = errors.New("vote has expired")
	ErrOtherRun   = errors.New("of another run")
	ErrOtherGroup = errors.New("of another group than the run's")
	// ErrEngines is a vote that may be good and is not judged here: the run's group has a successor, or the policy that
	// the run was registered under does not let a vote halt.
	ErrEngines = errors.New("the engines judge this run's votes")
)

// checker is the guard's Checker.
type checker struct {
	trust   *trust
	anchors *anchors
	run     *guarded
	changed atomic.Bool // the group has a successor
	tell    func(Event)
}

// CheckLease verifies who signed, that the checkpoint is this log's with its quorum, and that it extends what was seen.
func (c *checker) CheckLease(_ context.Context, lease []byte, seen guard.Seen) (guard.Lease, guard.Checked, error) {
	fail := func(err error) (guard.Lease, guard.Checked, error) { return guard.Lease{}, guard.Checked{}, err }
	s, err := log.ParseMessage(lease)
	if err != nil {
		return fail(err)
	}
	st, ok := s.Statement.(*log.Lease)
	switch {
	case !ok:
		return fail(fmt.Errorf("%w: a %s", ErrForm, s.Kind()))
	case st.Origin != c.trust.origin:
		return fail(fmt.Errorf("lease: %w", ErrOrigin))
	case st.Run != c.run.statement.Run:
		return fail(fmt.Errorf("lease: %w", ErrOtherRun))
	}
	engine, err := c.trust.signedBy(s, log.RoleEngine)
	if err != nil {
		return fail(err)
	}
	v, err := c.trust.checkpoint(st.Checkpoint)
	if err != nil {
		return fail(err)
	}
	proof := make([]checkpoint.Hash, len(st.Consistency))
	hashes := make([]guard.Hash, len(st.Consistency))
	for i, h := range st.Consistency {
		proof[i], hashes[i] = checkpoint.Hash(h), guard.Hash(h)
	}
	old := checkpoint.Hash(seen.Root)
	if seen.Size == 0 {
		old = checkpoint.EmptyRoot()
	}
	if err := checkpoint.VerifyConsistency(seen.Size, v.Checkpoint.Size, old, v.Checkpoint.Root, proof); err != nil {
		return fail(fmt.Errorf("%w: %w", ErrProof, err))
	}
	// A decision is an entry: an engine cannot have made one at an index that lies far beyond what is published, but the
	// newest one mostly is not published yet. The rest of the lease is judged by package guard.
	c.tell(Event{Event: EventLease, Engine: engine, Sequence: st.Sequence, DurationMS: st.DurationMS})
	return guard.Lease{
		Origin: st.Origin, Run: st.Run, GuardKey: st.Guard, BootID: st.BootID, Nonce: [32]byte(st.Nonce), Sequence: st.Sequence,
		Duration: time.Duration(st.DurationMS) * time.Millisecond, PolicyNumber: st.Policy, PolicyHash: guard.Hash(st.PolicyHash),
		DecisionIndex: st.DecisionIndex, DecisionSize: st.DecisionSize, Checkpoint: st.Checkpoint, Consistency: hashes,
		Engine: engine,
	}, guard.Checked{
		Size: v.Checkpoint.Size, Root: guard.Hash(v.Checkpoint.Root), Witnessed: time.Unix(int64(v.MinTime), 0).UTC(),
	}, nil
}

// CheckHalt takes a halt of this run by any engine that officers granted, whether or not it is in the log yet (G2).
func (c *checker) CheckHalt(_ context.Context, halt []byte) error {
	s, err := log.Parse(halt)
	if err != nil {
		return err
	}
	st, ok := s.Statement.(*log.Halt)
	switch {
	case !ok:
		return fmt.Errorf("%w: a %s", ErrForm, s.Kind())
	case st.Origin != c.trust.origin:
		return fmt.Errorf("halt: %w", ErrOrigin)
	case st.Run != c.run.statement.Run:
		return fmt.Errorf("halt: %w", ErrOtherRun)
	}
	engine, err := c.trust.signedBy(s, log.RoleEngine)
	if err != nil {
		return err
	}
	causes := make([]string, len(st.Causes))
	for i, cause := range st.Causes {
		causes[i] = cause.Tripwire
	}
	c.tell(Event{Event: EventHalt, Engine: engine, Identity: s.Identity.String(), Causes: causes})
	return nil
}

// CheckVote takes a live vote by the group that the run was registered with. Cheap refusals come before the ring.
func (c *checker) CheckVote(_ context.Context, vote []byte) error {
	s, err := log.Parse(vote)
	if err != nil {
		return err
	}
	st, ok := s.Statement.(*log.LiveVote)
	switch {
	case !ok:
		return fmt.Errorf("%w: a %s", ErrForm, s.Kind())
	case st.Origin != c.trust.origin:
		return fmt.Errorf("vote: %w", ErrOrigin)
	case st.Run != c.run.statement.Run:
		return fmt.Errorf("vote: %w", ErrOtherRun)
	case c.changed.Load(), c.run.document.LiveVote.Mode != policy.Enforce:
		return ErrEngines
	case st.Group != c.run.groupAt || s.Signer() != log.RingKeyID(c.run.groupAt):
		return ErrOtherGroup
	}
	at, err := c.anchors.now()
	if err != nil {
		return err
	}
	// Expiry is in log time: the smallest time of the newest anchor.
	if at.earliest.After(st.Expires.Time()) {
		return ErrExpired
	}
	sig := s.Envelope.Signatures[0].Sig
	if len(sig) != c.run.ring.SignatureSize() {
		return fmt.Errorf("%w: %d bytes", ErrSignature, len(sig))
	}
	if err := c.run.ring.Verify(s.Envelope.PAE(), sig); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	c.tell(Event{Event: EventVote, Identity: s.Identity.String()})
	return nil
}

// engines are the key ids that may grant: all that the operator named, each granted by officers.
func (t *trust) engines(named []string) ([]string, error) {
	granted := t.role(log.RoleEngine)
	ids := make([]string, len(granted))
	for i, k := range granted {
		ids[i] = log.KeyID(k.SPKI)
	}
	if len(named) == 1 && named[0] == "" {
		if len(ids) != 1 {
			return nil, fmt.Errorf("the log has %d engines: name the key of each that is asked, as KEYID=URL", len(ids))
		}
		return ids, nil
	}
	for _, id := range named {
		if !slices.Contains(ids, id) {
			return nil, fmt.Errorf("engine %q: %w", id, ErrKey)
		}
	}
	return named, nil
}
