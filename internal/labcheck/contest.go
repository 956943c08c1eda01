package labcheck

import (
	"context"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// contested proves a contest: a guard of the contesting run signed it, the registrar
// registered that run with that guard, and the run escrowed the label before the halt
// by which it was listed. Entries stand in the log whether or not they are valid, and whoever runs the
// log can put one there that nobody signed (LC4).
func (c *Checker) contested(ctx context.Context, s *log.Signed, kind fingerprint.Kind, label blacklist.Label, m *Match) error {
	st, ok := s.Statement.(*log.Contest)
	if !ok || !m.Proven || st.Run == m.Run {
		return fmt.Errorf("contest: %w", trust.ErrUnverified)
	}
	guards, err := c.guards(ctx, st.Run)
	if err != nil {
		return err
	}
	if err := signedByOne(s, guards); err != nil {
		return err
	}
	path := make([]blacklist.Hash, len(st.Path))
	for i, h := range st.Path {
		path[i] = blacklist.Hash(h)
	}
	n := 0
	for e, err := range c.source.Entries(ctx, client.Filter{Run: st.Run, Kind: log.KindArtefact}) {
		if err != nil {
			return fmt.Errorf("read artefacts: %w", err)
		}
		if n++; n > maxMarks || e.Index >= m.Halt {
			break
		}
		a, err := log.Parse(e.Leaf)
		if err != nil {
			continue // a part: its whole is not put together here, and does not count
		}
		art, ok := a.Statement.(*log.Artefact)
		if !ok || art.Run != st.Run || art.Number != st.Artefact {
			continue
		}
		if a, err = c.log.Include(ctx, e.Index, e.Leaf); err != nil {
			return err
		}
		if signedByOne(a, guards) != nil {
			continue
		}
		return blacklist.VerifyPath(blacklist.Hash(art.Root), art.Count, st.Number, kind, label, path)
	}
	return fmt.Errorf("contest of run %s: no such artefact before the halt: %w", st.Run, trust.ErrUnverified)
}

// guards are those of a run, as a registrar registered it first.
func (c *Checker) guards(ctx context.Context, run string) ([]log.Guard, error) {
	for e, err := range c.source.Entries(ctx, client.Filter{Run: run, Kind: log.KindRun}) {
		if err != nil {
			return nil, fmt.Errorf("read run: %w", err)
		}
		s, err := c.log.Include(ctx, e.Index, e.Leaf)
		if err != nil {
			return nil, err
		}
		st, ok := s.Statement.(*log.Run)
		if ok && st.Run == run && c.list.authority.SignedBy(s, log.RoleRegistrar) == nil {
			return st.Guards, nil
		}
	}
	return nil, fmt.Errorf("run %s: %w", run, trust.ErrUnverified)
}

// signedByOne verifies that one of the guards signed a statement alone.
func signedByOne(s *log.Signed, guards []log.Guard) error {
	if len(s.Envelope.Signatures) != 1 {
		return fmt.Errorf("%s at %d: %w", s.Kind(), s.Index, trust.ErrAuthority)
	}
	sig := s.Envelope.Signatures[0]
	i := slices.IndexFunc(guards, func(g log.Guard) bool { return log.KeyID(g.SPKI) == sig.KeyID })
	if i < 0 {
		return fmt.Errorf("%s at %d: signed by no guard of the run: %w", s.Kind(), s.Index, trust.ErrAuthority)
	}
	if err := keys.NewVerifier().Verify(guards[i].SPKI, s.Envelope.PAE(), sig.Sig); err != nil {
		return fmt.Errorf("%s at %d: %w: %w", s.Kind(), s.Index, trust.ErrAuthority, err)
	}
	return nil
}
