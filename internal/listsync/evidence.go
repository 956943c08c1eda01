package listsync

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Evidence is what shows a stranger, offline, that an epoch is one of a log: the
// log's genesis, the quorum of witnesses, the epoch's entries and the authority
// statements before them, each with its receipt.
type Evidence struct {
	Genesis   []byte          `json:"genesis"` // leaf of entry 0
	Quorum    string          `json:"quorum"`  // tlog-policy
	Epoch     api.Head        `json:"epoch"`
	Authority []api.HeadEntry `json:"authority"` // those that Epoch.Authority names
}

// Proven is what evidence shows.
type Proven struct {
	Origin    string
	Statement *log.Epoch
	Epoch     blacklist.Epoch
	Authority *trust.Authority
	// Witnessed is the smallest cosignature time of the epoch's receipts, in seconds since 1970.
	Witnessed uint64
}

// ErrFirst is an epoch of the first semantics, which has no state document: the
// engine's next one has.
var ErrFirst = errors.New("the epoch has no state document")

// errEvidence is evidence that shows nothing.
var errEvidence = errors.New("evidence does not hold")

// Verify holds the evidence against itself; whose log it is follows from the hash
// of Genesis alone, which the caller pins.
func (e Evidence) Verify() (Proven, error) {
	var p Proven
	bad := func(format string, args ...any) (Proven, error) {
		return p, fmt.Errorf("%w: %w", fmt.Errorf(format, args...), errEvidence)
	}
	quorum, err := checkpoint.ParseQuorum([]byte(e.Quorum))
	if err != nil || quorum.Rule() == checkpoint.None {
		return bad("quorum verifies nothing")
	}
	v := keys.NewVerifier()
	if p.Authority, err = trust.NewAuthority(e.Genesis, v); err != nil {
		return bad("genesis: %w", err)
	}
	p.Origin = p.Authority.Genesis.Origin
	include := func(x api.HeadEntry) (*log.Signed, error) {
		proof, err := checkpoint.ParseProof([]byte(x.Proof))
		if err != nil {
			return nil, err
		}
		c, err := proof.Verify(quorum, x.Leaf)
		switch {
		case err != nil:
			return nil, err
		case proof.Index != x.Index:
			return nil, fmt.Errorf("proof of %d for entry %d", proof.Index, x.Index)
		case c.Checkpoint.Origin != p.Origin:
			return nil, fmt.Errorf("checkpoint of %q", c.Checkpoint.Origin)
		}
		if p.Witnessed == 0 || c.MinTime < p.Witnessed {
			p.Witnessed = c.MinTime
		}
		s, err := log.Parse(x.Leaf)
		if err == nil && log.OriginOf(s.Statement) != p.Origin {
			err = fmt.Errorf("statement for %q", log.OriginOf(s.Statement))
		}
		return s, err
	}
	if len(e.Authority) != len(e.Epoch.Authority) {
		return bad("%d authority statements, %d named", len(e.Authority), len(e.Epoch.Authority))
	}
	for i, x := range e.Authority {
		s, err := include(x)
		if err != nil || x.Index != e.Epoch.Authority[i] || x.Index >= e.Epoch.Index || (i > 0 && x.Index <= e.Authority[i-1].Index) {
			return bad("authority at %d: %w", x.Index, errors.Join(err))
		}
		if next, err := p.Authority.Apply(s); err == nil { // else it is void, and changes nothing
			p.Authority = next
		}
	}
	p.Witnessed = 0 // of the epoch's own entries
	var parts []*log.Signed
	for _, x := range e.Epoch.Entries {
		s, err := include(x)
		if err != nil || x.Index > e.Epoch.Index {
			return bad("entry %d: %w", x.Index, errors.Join(err))
		}
		parts = append(parts, s)
	}
	n := len(parts)
	if n == 0 || e.Epoch.Entries[n-1].Index != e.Epoch.Index {
		return bad("no entry of the epoch")
	}
	whole := parts[0]
	if _, ok := whole.Statement.(*log.Part); ok || n > 1 {
		if whole, err = log.Join(parts); err != nil {
			return bad("epoch: %w", err)
		}
	}
	st, ok := whole.Statement.(*log.Epoch)
	if !ok || st.Number != e.Epoch.Number || st.Size != e.Epoch.Size || st.Size > e.Epoch.Index {
		return bad("entry %d is not that epoch", e.Epoch.Index)
	}
	if err := p.Authority.SignedBy(whole, log.RoleEngine); err != nil {
		return bad("epoch: %w", err)
	}
	p.Statement, p.Epoch = st, fold.Epoch(st)
	if err := p.Epoch.Validate(); err != nil {
		return bad("epoch: %w", err)
	}
	if p.Epoch.Semantics < 2 {
		return p, fmt.Errorf("epoch %d: %w", st.Number, ErrFirst)
	}
	return p, nil
}
