package fold_test

import (
	"testing"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// A second reader of a whole log comes to the same verdict on every entry, and
// every decision replays to the same bytes.
func TestGoldenLogReplays(t *testing.T) {
	t.Attr("invariant", "E1")
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{Engines: 2, Monitors: 1})
	labels := foldtest.Golden(l)
	pinned := log.GenesisHash(l.Leaves[0])
	m := fold.New(fold.Config{GenesisHash: &pinned}, fold.Deps{Verifier: keys.NewVerifier()})
	decisions := 0
	for i, leaf := range l.Leaves {
		s := m.Apply(leaf)
		if s.Validity != log.Valid || s.Err != nil {
			t.Fatalf("entry %d is %s: %s %v", i, s.Validity, s.Reason, s.Err)
		}
		if s.Decision != nil {
			decisions++
			if s.Decision.Mismatch != nil {
				t.Errorf("entry %d: expected %s, logged %s", i, s.Decision.Mismatch.Expected, s.Decision.Mismatch.Logged)
			}
			if s.Decision.Decision.AsOf.Time().Before(s.Decision.Earliest) {
				t.Errorf("entry %d: as_of before %v", i, s.Decision.Earliest)
			}
		}
	}
	if decisions < 10 {
		t.Errorf("%d decisions", decisions)
	}
	r, ok := m.Ledger().Run("run-1")
	if !ok || !r.Halted || !r.Fingerprinted {
		t.Errorf("run-1 is not halted with its labels: %+v", r)
	}
	if got := m.List().Lookup(labels[1].Kind, labels[1].Label); len(got) != 1 || got[0].Run != "run-1" {
		t.Errorf("label is not listed: %+v", got)
	}
}
