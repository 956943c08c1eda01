package log_test

import (
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

const run = "run-1"

func want(t *testing.T, s fold.Step, v log.Validity, reason string) {
	t.Helper()
	if s.Err != nil {
		t.Fatalf("entry %d: %v", s.Index, s.Err)
	}
	if s.Validity != v || !strings.Contains(s.Reason, reason) {
		t.Fatalf("entry %d is %s (%q), want %s (%q)", s.Index, s.Validity, s.Reason, v, reason)
	}
}

// revoke is an authority change that takes keys away at once.
func revoke(l *foldtest.Log, keys ...*foldtest.Key) *log.Authority {
	a := nextAuthority(l)
	for _, k := range keys {
		a.Revoke = append(a.Revoke, k.KeyID())
	}
	return a
}

func nextAuthority(l *foldtest.Log) *log.Authority {
	number, identity := l.Machine.Ledger().Authority()
	return &log.Authority{Origin: l.Origin, Number: number + 1, Previous: identity, Add: []log.KeyGrant{}, Revoke: []string{}}
}

// The same bytes are valid before the revocation of their key and void after
// it: log order decides, not when they were signed.
func TestRaceStatementAgainstRevocation(t *testing.T) {
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	st := l.Seal(l.RunStatement(run), l.Registrar)
	rev := l.Seal(revoke(l, l.Registrar), l.Threshold()...)

	first := l.Fork(len(l.Leaves))
	want(t, first.Append(st), log.Valid, "")
	want(t, first.Append(rev), log.Valid, "")

	second := l.Fork(len(l.Leaves))
	want(t, second.Append(rev), log.Valid, "")
	s := second.Append(st)
	want(t, s, log.Void, "not in force")
	if !s.Verified || s.Class != log.Forbidden {
		t.Errorf("verified %v, class %s", s.Verified, s.Class)
	}
	if _, ok := second.Machine.Ledger().Run(run); ok {
		t.Error("a void run is registered")
	}
}

// Of two engines' halts the first in log order ends the run; the other one
// confirms it.
func TestRaceTwoHalts(t *testing.T) {
	t.Attr("invariant", "E6")
	l := foldtest.New(t, foldtest.Options{Engines: 2}).Setup()
	l.Run(run)
	for _, e := range l.Engines {
		l.Decide(e)
	}
	l.Vote(run, l.Members[0])
	var halts [][]byte
	for _, e := range l.Engines {
		// Both decide before either halt is in the log.
		p := l.Propose(e)
		s := l.Must(p.Decision, e)
		for _, h := range p.Halts(s.Signed.Identity) {
			halts = append(halts, l.Seal(h, e))
		}
	}
	if len(halts) != 2 {
		t.Fatalf("%d halts", len(halts))
	}
	n := len(l.Leaves)
	for order := range 2 {
		f := l.Fork(n)
		a, b := f.Append(halts[order]), f.Append(halts[1-order])
		want(t, a, log.Valid, "")
		want(t, b, log.Valid, "")
		if !a.Halt.First || b.Halt.First {
			t.Errorf("first: %v, %v", a.Halt.First, b.Halt.First)
		}
		r, _ := f.Machine.Ledger().Run(run)
		if !r.Halted || r.HaltIndex != a.Index {
			t.Errorf("halted at %d, want %d", r.HaltIndex, a.Index)
		}
		want(t, f.Append(halts[order]), log.Void, "replay key")
	}
}

// Of two policies of one number the first in log order takes it.
func TestRaceTwoPolicies(t *testing.T) {
	t.Attr("invariant", "S2")
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	tighter := func(ms int64) []byte {
		return l.Seal(l.PolicyStatement(l.Document(func(d *policy.Document) { d.Life.MaxMS -= ms })), l.Threshold()...)
	}
	two := [][]byte{tighter(1000), tighter(2000)}
	n := len(l.Leaves)
	for order := range 2 {
		f := l.Fork(n)
		want(t, f.Append(two[order]), log.Valid, "")
		in, _ := f.Machine.Policy(foldtest.Chain)
		want(t, f.Append(two[1-order]), log.Void, "replay key")
		if after, _ := f.Machine.Policy(foldtest.Chain); after.Number != 2 || after.Hash() != in.Hash() {
			t.Errorf("policy %d in force", after.Number)
		}
	}
}

// A check-in that is sequenced after the halt counts for nothing, whenever it
// was signed.
func TestRaceCheckinAgainstHalt(t *testing.T) {
	t.Attr("invariant", "E5")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	l.Decide(l.Engines[0])
	checkin := l.Seal(l.CheckinStatement(run, l.Members[1]), l.Members[1].Checkin)
	l.Vote(run, l.Members[0])
	p := l.Propose(l.Engines[0])
	s := l.Must(p.Decision, l.Engines[0])
	halt := l.Seal(p.Halts(s.Signed.Identity)[0], l.Engines[0])
	n := len(l.Leaves)

	before := l.Fork(n)
	want(t, before.Append(checkin), log.Valid, "")
	want(t, before.Append(halt), log.Valid, "")

	after := l.Fork(n)
	want(t, after.Append(halt), log.Valid, "")
	want(t, after.Append(checkin), log.Void, "halted")
	// What belongs to the aftermath is still taken.
	after.Must(after.ActuationStatement(run), after.Guard)
	after.Must(after.FingerprintsStatement(run, nil), after.Engines[0])
	want(t, after.Put(after.ArtefactStatement(run, foldtest.Labels(1)), after.Guard), log.Void, "halted")
	want(t, after.Put(after.CloseStatement(run), after.Guard), log.Void, "halted")
	want(t, after.Put(after.FingerprintsStatement(run, nil), after.Engines[0]), log.Void, "")
}

// A statement that stands in the log stays valid there after its key's
// revocation; its second copy is a duplicate, not a forgery, and changes
// nothing.
func TestRaceDuplicateAgainstRevocation(t *testing.T) {
	t.Attr("invariant", "S2")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	st := l.Seal(l.RunStatement(run), l.Registrar)
	want(t, l.Append(st), log.Valid, "")
	l.Must(revoke(l, l.Registrar), l.Threshold()...)
	if err := l.Machine.Ledger().Admit(st); err == nil || !strings.Contains(err.Error(), "replay key") {
		t.Errorf("admit: %v", err)
	}
	want(t, l.Append(st), log.Void, "replay key")
	if r, ok := l.Machine.Ledger().Run(run); !ok || r.Ended() {
		t.Error("the run is gone")
	}
}

// What is void takes its identity: the same bytes stay void when what they
// lacked is there later.
func TestVoidStaysVoid(t *testing.T) {
	t.Attr("invariant", "S2")
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	st := l.RunStatement(run)
	tight := l.Document(func(d *policy.Document) { d.Life.MaxMS -= 1000 })
	st.Policy = log.Hash(tight.Hash())
	leaf := l.Seal(st, l.Registrar)
	want(t, l.Append(leaf), log.Void, "in force")
	l.Must(l.PolicyStatement(tight), l.Threshold()...)
	want(t, l.Append(leaf), log.Void, "sent again")
	// Said anew it is another statement, since void ones take no replay key.
	st.Task = "once more"
	want(t, l.Put(st, l.Registrar), log.Valid, "")
}

func TestStale(t *testing.T) {
	t.Attr("invariant", "S4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
	params := l.Machine.Ledger().Params()
	limit := rules.Intervals[foldtest.Class] + params.AnchorPeriod + params.Skew + time.Second
	m := l.Members[0]
	old := l.Seal(l.CheckinStatement(run, m), m.Checkin)
	later := l.Seal(l.CheckinStatement(run, m), m.Checkin)

	// While no anchor is newer nothing grows stale, whatever clocks say.
	l.Advance(24 * time.Hour)
	if err := l.Machine.Ledger().Admit(old); err != nil {
		t.Errorf("without a newer anchor: %v", err)
	}
	l.Advance(-24 * time.Hour)

	l.Advance(limit - time.Second)
	l.Anchor() // exactly the limit after the one named
	if err := l.Machine.Ledger().Admit(old); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	l.Anchor()
	s := l.Append(later)
	want(t, s, log.StaleVoid, "too old")
	// A stale one takes its replay key too: the older sequence is gone.
	want(t, l.Append(old), log.Void, "replay key")
	l.Checkin(run, m)

	st := l.CheckinStatement(run, m)
	st.Anchor.Root[0] ^= 1
	want(t, l.Put(st, m.Checkin), log.Void, "no such anchor")
	st = l.CheckinStatement(run, m)
	st.Anchor.Index++
	want(t, l.Put(st, m.Checkin), log.Void, "no such anchor")
}

func TestOriginBinds(t *testing.T) {
	t.Attr("invariant", "S4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	st := l.RunStatement(run)
	st.Origin = "log.example/other"
	want(t, l.Put(st, l.Registrar), log.Void, "made for the log")
}
