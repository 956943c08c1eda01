package log_test

import (
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

func TestGenesisIsPinned(t *testing.T) {
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	other := log.Hash{1}
	m := fold.New(fold.Config{GenesisHash: &other}, fold.Deps{Verifier: keys.NewVerifier()})
	for _, leaf := range l.Leaves {
		if s := m.Apply(leaf); s.Validity != log.Void {
			t.Fatalf("entry %d is %s under another genesis", s.Index, s.Validity)
		}
	}
}

func TestGenesisVoid(t *testing.T) {
	for name, change := range map[string]func(l *foldtest.Log) log.Statement{
		"no genesis": func(l *foldtest.Log) log.Statement {
			return &log.Freeze{Origin: l.Origin, Reason: "none"}
		},
		"possession": func(l *foldtest.Log) log.Statement {
			g := l.GenesisStatement()
			g.Keys[0].Proof[5] ^= 1
			return g
		},
		"another's proof": func(l *foldtest.Log) log.Statement {
			g := l.GenesisStatement()
			i := slices.IndexFunc(g.Keys, func(k log.KeyGrant) bool { return k.Role == log.RoleEngine })
			// The engine's key with its proof for another role.
			g.Keys[i].Proof = l.Engines[0].Grant(l.Origin, log.RoleMonitor).Proof
			return g
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := foldtest.New(t, foldtest.Options{})
			want(t, l.Put(change(l), l.Threshold()...), log.Void, "")
		})
	}
	t.Run("threshold", func(t *testing.T) {
		l := foldtest.New(t, foldtest.Options{})
		want(t, l.Put(l.GenesisStatement(), l.Officers[0]), log.Void, "threshold")
	})
	t.Run("second", func(t *testing.T) {
		l := foldtest.New(t, foldtest.Options{}).Setup()
		want(t, l.Put(l.GenesisStatement(), l.Threshold()...), log.Void, "")
	})
}

// wait appends anchors until a loosening that stands at the end has waited.
func wait(l *foldtest.Log, delay time.Duration) {
	l.Anchor()
	l.Advance(delay - time.Second)
	l.Anchor()
}

// An added key waits for its delay by anchors, and signs nothing before.
func TestLooseningWaits(t *testing.T) {
	t.Attr("invariant", "E4")
	t.Attr("invariant", "S3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	key := foldtest.NewKey(t, "registrar-2")
	a := nextAuthority(l)
	a.Add = []log.KeyGrant{key.Grant(l.Origin, log.RoleRegistrar)}
	l.Must(a, l.Threshold()...)
	delay := l.Machine.Ledger().Params().AuthorityDelay

	s := l.Put(l.RunStatement("early"), key)
	want(t, s, log.Void, "not in force")
	if !s.Verified {
		t.Error("a waiting key's signature is not verified")
	}
	l.Anchor() // covers it: the delay counts from here
	l.Advance(delay - 2*time.Second)
	l.Anchor() // one second short
	want(t, l.Put(l.RunStatement("early-2"), key), log.Void, "not in force")
	l.Anchor()
	want(t, l.Put(l.RunStatement(run), key), log.Valid, "")
	k, _ := l.Machine.Ledger().Key(key.KeyID())
	if k.From != l.Size()-2 {
		t.Errorf("in force from %d, want the anchor at %d", k.From, l.Size()-2)
	}
}

// A tightening is in force at once and supersedes what waits, for ever.
func TestTighteningSupersedes(t *testing.T) {
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	key := foldtest.NewKey(t, "registrar-2")
	a := nextAuthority(l)
	a.Add = []log.KeyGrant{key.Grant(l.Origin, log.RoleRegistrar)}
	l.Must(a, l.Threshold()...)
	l.Must(revoke(l, l.Registrar), l.Threshold()...)
	wait(l, time.Hour)
	want(t, l.Put(l.RunStatement(run), key), log.Void, "unknown key")
	want(t, l.Put(l.RunStatement(run), l.Registrar), log.Void, "not in force")
	if n := len(l.Machine.Ledger().PendingAuthority()); n != 0 {
		t.Errorf("%d changes wait", n)
	}
}

// Rotating an officer: the old threshold signs, the new keys prove possession,
// the new officers sign from the end of the delay on.
func TestOfficersRotate(t *testing.T) {
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	fresh := []*foldtest.Key{foldtest.NewKey(t, "officer-8"), foldtest.NewKey(t, "officer-9")}
	a := nextAuthority(l)
	for _, k := range fresh {
		a.Add = append(a.Add, k.Grant(l.Origin, log.RoleOfficer))
	}
	a.Revoke = []string{l.Officers[0].KeyID(), l.Officers[1].KeyID()}
	slices.Sort(a.Revoke)
	forged := *a
	forged.Add = slices.Clone(a.Add)
	forged.Add[0].Proof = forged.Add[1].Proof
	want(t, l.Put(&forged, l.Threshold()...), log.Void, "possession")
	want(t, l.Put(a, l.Officers[0]), log.Void, "threshold")
	want(t, l.Put(a, foldtest.Signers(l.Officers...)...), log.Void, "threshold")
	want(t, l.Put(a, l.Officers[0], l.Registrar), log.Void, "role")
	l.Must(a, l.Threshold()...)
	wait(l, l.Machine.Ledger().Params().AuthorityDelay)
	freeze := &log.Freeze{Origin: l.Origin, Reason: "a test"}
	want(t, l.Put(freeze, l.Threshold()...), log.Void, "not in force")
	want(t, l.Put(freeze, foldtest.Signers(fresh...)...), log.Valid, "")
	want(t, l.Put(l.RunStatement(run), l.Registrar), log.Void, "frozen")
}

func TestAuthorityVoid(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	for name, change := range map[string]func(a *log.Authority){
		"too few officers left": func(a *log.Authority) { a.Revoke = []string{l.Officers[0].KeyID(), l.Officers[1].KeyID()} },
		"threshold beyond them": func(a *log.Authority) { a.Threshold = new(4) },
		"unknown key":           func(a *log.Authority) { a.Revoke = []string{l.Guard.KeyID()} },
		"a key that is there": func(a *log.Authority) {
			a.Add = []log.KeyGrant{l.Registrar.Grant(l.Origin, log.RoleEngine)}
		},
		"a guard's key": func(a *log.Authority) { a.Add = []log.KeyGrant{l.Guard.Grant(l.Origin, log.RoleEngine)} },
		"number":        func(a *log.Authority) { a.Number++; a.Threshold = new(1) },
		"previous":      func(a *log.Authority) { a.Previous[0] ^= 1; a.Threshold = new(1) },
		"evaluators":    func(a *log.Authority) { a.Evaluators = new(l.Machine.Ledger().Evaluators()) },
		"another key of the same version": func(a *log.Authority) {
			e := l.Machine.Ledger().Evaluators()
			e.PublicKey = noise("other", 32)
			e.Commitments = []log.Bytes{e.PublicKey}
			a.Evaluators = &e
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := nextAuthority(l)
			change(a)
			slices.Sort(a.Revoke)
			f := l.Fork(len(l.Leaves))
			want(t, f.Put(a, f.Threshold()...), log.Void, "")
			if n, _ := f.Machine.Ledger().Authority(); n != 0 {
				t.Errorf("authority is number %d", n)
			}
		})
	}
}

// A new quorum judges what is larger than the anchor that put it in force.
func TestQuorumChanges(t *testing.T) {
	t.Attr("invariant", "L3")
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	fresh := []checkpoint.Signer{l.NewWitness("new.example/0"), l.NewWitness("new.example/1")}
	a := nextAuthority(l)
	a.Quorum = new(l.QuorumText(2, fresh...))
	l.Must(a, l.Threshold()...)
	wait(l, l.Machine.Ledger().Params().AuthorityDelay)
	spans := l.Machine.Ledger().Quorums()
	if len(spans) != 2 {
		t.Fatalf("%d quorums", len(spans))
	}
	newest, _ := l.Machine.Ledger().NewestAnchor()
	if spans[1].Above != newest.Size || l.Machine.Ledger().QuorumAt(newest.Size) != spans[0].Quorum || l.Machine.Ledger().QuorumAt(newest.Size+1) != spans[1].Quorum {
		t.Errorf("the new quorum judges above %d, want %d", spans[1].Above, newest.Size)
	}
	l.Advance(time.Second)
	old := &log.Anchor{Origin: l.Origin, Checkpoint: l.Checkpoint(l.Size())}
	want(t, l.Put(old), log.Void, "anchor")
	c := checkpoint.Checkpoint{Origin: l.Origin, Size: l.Size(), Root: l.Root(l.Size())}
	want(t, l.Put(&log.Anchor{Origin: l.Origin, Checkpoint: l.Note(c, l.Now, fresh...)}), log.Valid, "")
}

// An engine that is added later arms what runs by then, and decides from there.
func TestLateEngine(t *testing.T) {
	t.Attr("invariant", "E8")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	l.Decide(l.Engines[0])
	late := foldtest.NewKey(t, "engine-9")
	a := nextAuthority(l)
	a.Add = []log.KeyGrant{late.Grant(l.Origin, log.RoleEngine)}
	l.Must(a, l.Threshold()...)
	wait(l, l.Machine.Ledger().Params().AuthorityDelay)
	s := l.Decide(late)
	if s.Decision.Mismatch != nil || s.Decision.Outcome.Armed != 1 {
		t.Errorf("%d armed, mismatch %v", s.Decision.Outcome.Armed, s.Decision.Mismatch)
	}
	l.Vote(run, l.Members[0])
	l.Decide(late)
	if r, _ := l.Machine.Ledger().Run(run); !r.Halted {
		t.Error("the late engine's halt ends nothing")
	}
}

// The delay counts from the first anchor whose size covers the change, not
// from the first one behind it.
func TestDelayCountsFromCover(t *testing.T) {
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run("filler")
	before := l.Size()
	key := foldtest.NewKey(t, "registrar-2")
	a := nextAuthority(l)
	a.Add = []log.KeyGrant{key.Grant(l.Origin, log.RoleRegistrar)}
	l.Must(a, l.Threshold()...)
	l.Advance(time.Second)
	l.Must(&log.Anchor{Origin: l.Origin, Checkpoint: l.Checkpoint(before)})
	delay := l.Machine.Ledger().Params().AuthorityDelay
	l.Advance(delay)
	l.Anchor() // the first that covers it
	want(t, l.Put(l.RunStatement("early"), key), log.Void, "not in force")
	l.Advance(delay - time.Second)
	l.Anchor()
	want(t, l.Put(l.RunStatement(run), key), log.Valid, "")
}
