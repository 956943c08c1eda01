package labcheck

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

type halt struct {
	run   string
	index uint64
}

// name finds the halt by which a label was listed, and what the label is worth.
func (c *Checker) name(ctx context.Context, kind fingerprint.Kind, version uint64, label blacklist.Label, known map[halt]*Match) (blacklist.Record, error) {
	rec := blacklist.Record{KeyVersion: version, Status: blacklist.Active}
	if c.source == nil || c.log == nil {
		m := known[halt{}]
		if m == nil {
			m = &Match{Causes: []log.Cause{}}
			known[halt{}] = m
		}
		m.note("a local list names no halt: ask the log which it is")
		return rec, nil
	}
	said, err := c.source.Listing(ctx, string(kind), label[:])
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return rec, fmt.Errorf("listing: %w", err)
	}
	if err == nil && said.Halt != nil && log.ValidName(said.Run) {
		rec.Run, rec.Halt = said.Run, *said.Halt
	}
	m := known[halt{rec.Run, rec.Halt}]
	if m == nil {
		m = &Match{Run: rec.Run, Halt: rec.Halt, Causes: []log.Cause{}}
		known[halt{rec.Run, rec.Halt}] = m
	}
	if err := c.prove(ctx, m, said.Fingerprints, kind, label); err != nil {
		m.note(err.Error())
		m.Proven = false
	}
	status, err := c.status(ctx, said.State, kind, label, m)
	if err != nil {
		return rec, err
	}
	rec.Status = status
	if want := said.State; status == blacklist.Active && want != "listed" {
		m.note(fmt.Sprintf("the server says that a label is %s, without proof: it counts as listed", printable(want)))
	}
	return rec, nil
}

// printable keeps a server's word from steering a terminal.
func printable(s string) string {
	if !log.ValidName(s) {
		return "0x" + hex.EncodeToString([]byte(s[:min(len(s), 32)]))
	}
	return s
}

// prove verifies that a run was halted, and that its fingerprints hold a label.
func (c *Checker) prove(ctx context.Context, m *Match, fingerprints *uint64, kind fingerprint.Kind, label blacklist.Label) error {
	if m.Run == "" || fingerprints == nil {
		return errors.New("the server names no halt")
	}
	if m.Proven && len(m.Causes) > 0 && m.prints != nil {
		return m.prints.holds(kind, label)
	}
	if len(m.Notes) > 0 && m.prints == nil {
		return errors.New(m.Notes[0]) // tried before
	}
	h, err := c.log.Entry(ctx, m.Halt)
	if err != nil {
		return err
	}
	st, ok := h.Statement.(*log.Halt)
	if !ok || st.Run != m.Run {
		return fmt.Errorf("entry %d is no halt of run %s", m.Halt, m.Run)
	}
	if err := c.list.authority.SignedBy(h, log.RoleEngine); err != nil {
		return err
	}
	m.Causes = st.Causes
	f, err := c.log.Entry(ctx, *fingerprints)
	if err != nil {
		return err
	}
	fp, ok := f.Statement.(*log.Fingerprints)
	if !ok {
		// The last part of a long one: the other parts' places are not known.
		return fmt.Errorf("entry %d holds a %s: its labels are not proven one by one", *fingerprints, f.Kind())
	}
	if fp.Run != m.Run || fp.Halt != h.Identity {
		return fmt.Errorf("entry %d is of another halt", *fingerprints)
	}
	if err := c.list.authority.SignedBy(f, log.RoleEngine); err != nil {
		return err
	}
	m.prints, m.Proven = (*prints)(fp), true
	return m.prints.holds(kind, label)
}

// prints are the published labels of a halted run.
type prints log.Fingerprints

func (p *prints) holds(kind fingerprint.Kind, label blacklist.Label) error {
	for _, l := range p.Labels {
		if l.Kind == string(kind) && bytes.Equal(l.Label, label[:]) {
			return nil
		}
	}
	return fmt.Errorf("the fingerprints of run %s do not hold a label that is listed", p.Run)
}
