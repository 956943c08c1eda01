package labcheck

import (
	"bytes"
	"context"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

// status is what a label is worth: less than listed only with proof (LC4).
func (c *Checker) status(ctx context.Context, said string, kind fingerprint.Kind, label blacklist.Label, m *Match) (blacklist.Status, error) {
	var k log.Kind
	switch blacklist.Status(said) {
	case blacklist.Struck:
		k = log.KindStrike
	case blacklist.Allow:
		k = log.KindAllowList
	case blacklist.Contested:
		k = log.KindContest
	default:
		return blacklist.Active, nil
	}
	n := 0
	for e, err := range c.source.Entries(ctx, client.Filter{Kind: k}) {
		if err != nil {
			return "", fmt.Errorf("read %s: %w", k, err)
		}
		if n++; n > maxMarks {
			break
		}
		s, err := log.Parse(e.Leaf)
		if err != nil || !speaks(s.Statement, kind, label) {
			continue
		}
		if s, err = c.log.Include(ctx, e.Index, e.Leaf); err != nil {
			return "", err
		}
		if k == log.KindContest {
			err = c.contested(ctx, s, kind, label, m)
		} else {
			err = c.list.authority.Signed(s)
		}
		if err == nil {
			return blacklist.Status(said), nil
		}
	}
	return blacklist.Active, nil
}

// speaks reports whether a statement is about a label.
func speaks(st log.Statement, kind fingerprint.Kind, label blacklist.Label) bool {
	switch st := st.(type) {
	case *log.Strike:
		return st.LabelKind == string(kind) && bytes.Equal(st.Label, label[:])
	case *log.Contest:
		return st.LabelKind == string(kind) && bytes.Equal(st.Label, label[:])
	case *log.AllowList:
		for _, l := range st.Labels {
			if st.LabelKind == string(kind) && bytes.Equal(l, label[:]) {
				return true
			}
		}
	}
	return false
}
