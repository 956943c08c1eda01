package log_test

import (
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// A changed group waits like a loosening: until then removed members check in
// and vote; the new ring may halt at once.
func TestRegrouping(t *testing.T) {
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{Members: 16}).SetupGroup(8)
	l.Run(run)
	gone, stays, comes := l.Members[0], l.Members[1], l.Members[8]
	old, _ := l.Machine.Ledger().GroupInForce(foldtest.Group)
	next := slices.Concat([]*foldtest.Member{comes}, l.Members[1:8])
	s := l.Group(next...)
	fresh := log.GroupHash(s.Signed.Envelope.Payload)

	vote := func(group log.Hash, m *foldtest.Member) []byte {
		v := l.VoteStatement(run)
		v.Group, v.Expires = group, log.TimeOf(l.Now.Add(365*24*time.Hour))
		return l.Seal(v, l.RingSigner(group, m))
	}
	admit := func(leaf []byte) error { return l.Machine.Ledger().Admit(leaf) }
	l.Checkin(run, gone)
	want(t, l.Put(l.CheckinStatement(run, comes), comes.Checkin), log.Void, "not in force")
	for name, v := range map[string][]byte{"old ring": vote(old.Hash, gone), "new ring": vote(fresh, comes)} {
		if err := admit(v); err != nil {
			t.Errorf("%s before the delay: %v", name, err)
		}
	}

	rules, _ := l.Machine.Ledger().Rules(foldtest.Chain)
	late := vote(old.Hash, gone)
	wait(l, rules.Delay)
	if r, _ := l.Machine.Ledger().Run(run); r.Group.Hash != fresh {
		t.Fatal("the new group is not in force")
	}
	if err := admit(late); err == nil {
		t.Error("a removed member's ring still votes")
	}
	if err := admit(vote(fresh, comes)); err != nil {
		t.Errorf("new ring: %v", err)
	}
	s = l.Put(l.CheckinStatement(run, gone), gone.Checkin)
	want(t, s, log.Void, "not in force")
	if !s.Verified {
		t.Error("a removed member's signature is not verified")
	}
	l.Checkin(run, comes)
	l.Checkin(run, stays)
	// Appointed again under the old group's hash it is refused: numbers rise.
	want(t, l.Put(old.Statement, l.Threshold()...), log.Void, "")
}

func TestGroupPossession(t *testing.T) {
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{})
	l.Genesis()
	l.Policy(nil)
	l.Anchor()
	for name, change := range map[string]func(g *log.Group){
		"check-in key": func(g *log.Group) { g.Members[0].CheckinProof[3] ^= 1 },
		"ring key":     func(g *log.Group) { g.Members[0].RingProof[3] ^= 1 },
		"another's name": func(g *log.Group) {
			m := l.Members[0].Entry(l.Origin, "elsewhere")
			g.Members[0].RingProof = m.RingProof
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := l.GroupStatement(l.Members...)
			change(g)
			want(t, l.Fork(len(l.Leaves)).Put(g, l.Threshold()...), log.Void, "possession")
		})
	}
	l.Group(l.Members...)
}

func TestForgedVotes(t *testing.T) {
	t.Attr("invariant", "S2")
	l := foldtest.New(t, foldtest.Options{Members: 16}).SetupGroup(8)
	l.Run(run)
	v := l.VoteStatement(run)
	leaf := l.Seal(v, l.RingSigner(v.Group, l.Members[0]))
	// Moved to another run, the signature does not verify.
	other := *v
	other.Run = "run-2"
	l.Run("run-2")
	a, err := log.Parse(leaf)
	if err != nil {
		t.Fatal(err)
	}
	e := a.Envelope
	if e.Payload, err = log.Encode(&other); err != nil {
		t.Fatal(err)
	}
	moved, err := log.Assemble(e)
	if err != nil {
		t.Fatal(err)
	}
	s := l.Append(moved)
	want(t, s, log.Void, "ring signature")
	if s.Verified {
		t.Error("a forged vote took an identity")
	}
	expired := l.VoteStatement(run)
	expired.Expires = log.TimeOf(foldtest.Start)
	want(t, l.Put(expired, l.RingSigner(v.Group, l.Members[0])), log.Void, "expired")
	want(t, l.Append(leaf), log.Valid, "")
	want(t, l.Append(leaf), log.Void, "replay key")
}
