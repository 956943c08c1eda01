package main

import (
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// The bounds of as_of in the example are those that the audit holds: at them
// there is no finding, a millisecond beyond there is.
func TestClockExample(t *testing.T) {
	t.Attr("invariant", "E2")
	for _, c := range []struct {
		name   string
		found  []string
		early  bool
		beyond time.Duration
	}{
		{"earliest", nil, true, 0},
		{"before it", []string{"A13"}, true, -time.Millisecond},
		{"latest", nil, false, 0},
		{"after it", []string{"A14"}, false, time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := foldtest.New(t, foldtest.Options{}).Setup()
			below := l.Anchor().Anchor
			skew := l.Machine.Ledger().Params().Skew
			// The covering anchor is made a second from now, with one time.
			covering := l.Now.Add(time.Second)
			earliest, latest := asOfBounds(below.Min, covering, skew)
			asOf := latest
			if c.early {
				asOf = earliest
			}
			l.DecideAt(l.Engines[0], l.Size(), asOf.Add(c.beyond))
			if a := l.Anchor().Anchor; !a.Max.Equal(covering) {
				t.Fatalf("covered at %s, want %s", a.Max, covering)
			}
			a, err := audit.NewAuditor(audit.AuditorConfig{}, audit.AuditorDeps{Verifier: keys.NewVerifier()})
			if err != nil {
				t.Fatal(err)
			}
			for _, leaf := range l.Leaves {
				a.Entry(leaf)
			}
			var found []string
			for _, f := range a.Findings() {
				if f.Severity == audit.SeverityFinding {
					found = append(found, f.Check)
				}
			}
			if !slices.Equal(found, c.found) {
				t.Errorf("findings %q, want %q", found, c.found)
			}
		})
	}
}

// A check-in is stale beyond the limit of the example, and not at it.
func TestFreshnessExample(t *testing.T) {
	t.Attr("invariant", "S4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run("run")
	l.Anchor()
	first, _ := l.Machine.Ledger().NewestAnchor()
	named := log.AnchorRef{Index: first.Index, Root: first.Root}
	rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
	p := l.Machine.Ledger().Params()
	limit := staleBeyond(rules.Intervals[foldtest.Class], p.AnchorPeriod, p.Skew)
	for behind, want := range map[time.Duration]log.Validity{limit: log.Valid, limit + time.Second: log.StaleVoid} {
		f := l.Fork(int(l.Size()))
		f.Now = first.Min.Add(behind - time.Second) // an anchor advances by one
		f.Anchor()
		st := f.CheckinStatement("run", f.Members[0])
		st.Anchor = named
		if s := f.Put(st, f.Members[0].Checkin); s.Validity != want {
			t.Errorf("%s behind: %s (%s), want %s", behind, s.Validity, s.Reason, want)
		}
	}
}
