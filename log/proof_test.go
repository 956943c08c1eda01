package log_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// TestVerifyReceipt changes each part of a receipt alone (L4).
func TestVerifyReceipt(t *testing.T) {
	t.Attr("invariant", "L4")
	w := newWorld(t)
	leaf := samples(t)[log.KindRun].seal(t)
	other := samples(t)[log.KindFreeze].seal(t)
	first := checkpoint.LeafHash([]byte("entry 0"))
	receipt := func(leaf []byte) checkpoint.Proof {
		return checkpoint.Proof{
			Index: 1, Hashes: []checkpoint.Hash{first},
			Checkpoint: w.checkpoint(2, checkpoint.NodeHash(first, checkpoint.LeafHash(leaf)), sampleTime.Time()),
		}
	}
	good := receipt(leaf)
	r, err := log.VerifyReceipt([]byte(w.quorum), leaf, good.Format())
	if err != nil {
		t.Fatal(err)
	}
	if r.Signed.Index != 1 || r.Size != 2 || r.Origin != origin || r.Earliest.Unix() != sampleTime.Time().Unix() || !r.Earliest.Equal(r.Latest) {
		t.Errorf("%+v", r)
	}
	for what, c := range map[string]struct {
		quorum string
		leaf   []byte
		proof  func() []byte
	}{
		"another leaf":   {w.quorum, other, good.Format},
		"another index":  {w.quorum, leaf, func() []byte { p := good; p.Index = 0; return p.Format() }},
		"another path":   {w.quorum, leaf, func() []byte { p := good; p.Hashes = []checkpoint.Hash{{}}; return p.Format() }},
		"another root":   {w.quorum, leaf, receipt(other).Format},
		"quorum not met": {strings.Replace(w.quorum, "group two 2", "group two 3", 1), leaf, good.Format},
		"no quorum":      {strings.Replace(w.quorum, "quorum two\n", "", 1), leaf, good.Format},
		"no proof":       {w.quorum, leaf, func() []byte { return nil }},
		"no statement":   {w.quorum, []byte("x"), good.Format},
	} {
		if r, err := log.VerifyReceipt([]byte(c.quorum), c.leaf, c.proof()); err == nil {
			t.Errorf("%s: %+v", what, r)
		}
	}
	// A statement for another log in this one proves nothing for either.
	foreign := samples(t)[log.KindFreeze]
	foreign.st.(*log.Freeze).Origin = "other.example"
	leaf = foreign.seal(t)
	if _, err := log.VerifyReceipt([]byte(w.quorum), leaf, receipt(leaf).Format()); !errors.Is(err, log.ErrSyntax) {
		t.Errorf("another log's statement: %v", err)
	}
}
