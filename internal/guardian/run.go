package guardian

import (
	"context"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// guarded is the run as its registration says it, verified.
type guarded struct {
	statement *log.Run
	index     uint64
	group     *log.Group
	groupAt   log.Hash
	ring      *ring.Ring // prepared: a vote is verified with tables
	document  *policy.Document
}

// loadRun finds the run's registration: signed by a registrar, in the log by proof, with this guard among its guards.
// Group and policy are pinned by their hashes in it.
func loadRun(ctx context.Context, t *trust, c *client.Client, id, guardKey string) (*guarded, error) {
	var g *guarded
	for e, err := range c.Entries(ctx, client.Filter{Run: id, Kind: log.KindRun}) {
		if err != nil {
			return nil, err
		}
		// A void registration is nobody's run. Which is valid is the log's word; a lie here ends with no lease.
		if e.Validity != string(log.Valid) {
			continue
		}
		if g, err = t.run(ctx, c, e.Index, e.Leaf, id); err != nil {
			return nil, fmt.Errorf("run %s: %w", id, err)
		}
		break
	}
	if g == nil {
		return nil, fmt.Errorf("run %s: %w", id, client.ErrNotFound)
	}
	if !slices.ContainsFunc(g.statement.Guards, func(x log.Guard) bool { return log.KeyID(x.SPKI) == guardKey }) {
		return nil, fmt.Errorf("run %s: %w: %s is not among its guards", id, ErrKey, guardKey)
	}
	if err := t.group(ctx, c, g); err != nil {
		return nil, fmt.Errorf("group of run %s: %w", id, err)
	}
	if err := t.document(ctx, c, g); err != nil {
		return nil, fmt.Errorf("policy of run %s: %w", id, err)
	}
	return g, nil
}

func (t *trust) run(ctx context.Context, c *client.Client, index uint64, leaf []byte, id string) (*guarded, error) {
	s, err := log.Parse(leaf)
	if err != nil {
		return nil, err
	}
	st, ok := s.Statement.(*log.Run)
	switch {
	case !ok || st.Run != id:
		return nil, fmt.Errorf("%w: entry %d", ErrForm, index)
	case st.Origin != t.origin:
		return nil, ErrOrigin
	}
	if _, err := t.signedBy(s, log.RoleRegistrar); err != nil {
		return nil, err
	}
	proof, err := c.Proof(ctx, index)
	if err != nil {
		return nil, err
	}
	if _, err := t.included(index, leaf, proof); err != nil {
		return nil, err
	}
	return &guarded{statement: st, index: index}, nil
}

func (t *trust) group(ctx context.Context, c *client.Client, g *guarded) error {
	leaf, err := c.Group(ctx, g.statement.Group)
	if err != nil {
		return err
	}
	// The largest group of 64 fits one entry, so the route's leaf is the whole.
	s, err := log.Parse(leaf)
	if err != nil {
		return err
	}
	st, ok := s.Statement.(*log.Group)
	if !ok || log.GroupHash(s.Envelope.Payload) != g.statement.Group {
		return fmt.Errorf("%w: the group has another hash", ErrForm)
	}
	r, err := ring.NewRing(st.Rings())
	if err != nil {
		return err
	}
	r.Precompute()
	g.group, g.groupAt, g.ring = st, g.statement.Group, r
	return nil
}

func (t *trust) document(ctx context.Context, c *client.Client, g *guarded) error {
	policies, err := c.Policies(ctx, g.statement.Chain)
	if err != nil {
		return err
	}
	for _, p := range policies {
		if log.PolicyHash(p.Document) == g.statement.Policy {
			g.document, err = policy.Parse(p.Document)
			return err
		}
	}
	return fmt.Errorf("%w: the policy that it names", client.ErrNotFound)
}

// changes looks for authority statements that follow the last one taken, and for a successor of the run's group. from
// is the index to look from; the next one is returned.
func (t *trust) changes(ctx context.Context, c *client.Client, from uint64) (next uint64, err error) {
	for e, err := range c.Entries(ctx, client.Filter{Kind: log.KindAuthority, From: from}) {
		if err != nil {
			return from, err
		}
		s, err := log.Parse(e.Leaf)
		if err != nil {
			return from, fmt.Errorf("authority at %d: %w", e.Index, err)
		}
		if a, ok := s.Statement.(*log.Authority); ok && e.Validity == string(log.Valid) && t.follows(a) {
			proof, err := c.Proof(ctx, e.Index)
			if err != nil {
				return from, err
			}
			if _, err := t.included(e.Index, e.Leaf, proof); err != nil {
				return from, fmt.Errorf("authority at %d: %w", e.Index, err)
			}
			if err := t.change(s, a); err != nil {
				return from, fmt.Errorf("authority at %d: %w", e.Index, err)
			}
		}
		from = e.Index + 1
	}
	return from, nil
}

// succeeded says whether the log holds a group that follows the run's: which ring may vote is then the engines' to say.
// Only what officers signed counts: otherwise a server that hides votes could also keep the guard from judging those
// that are handed to it.
func (t *trust) succeeded(ctx context.Context, c *client.Client, g *log.Group) (bool, error) {
	for e, err := range c.Entries(ctx, client.Filter{Kind: log.KindGroup}) {
		if err != nil {
			return false, err
		}
		s, err := log.Parse(e.Leaf)
		if err != nil {
			continue
		}
		st, ok := s.Statement.(*log.Group)
		if !ok || st.Origin != t.origin || st.Name != g.Name || st.Number <= g.Number || e.Validity != string(log.Valid) ||
			t.bySomeOffice(s) != nil {
			continue
		}
		proof, err := c.Proof(ctx, e.Index)
		if err != nil {
			return false, err
		}
		if _, err := t.included(e.Index, e.Leaf, proof); err != nil {
			return false, fmt.Errorf("group at %d: %w", e.Index, err)
		}
		return true, nil
	}
	return false, nil
}
