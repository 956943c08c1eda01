package audit

import (
	"runtime"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// unsigned signs nothing: what is measured is what is remembered.
type unsigned struct{ id *foldtest.Key }

func (u unsigned) KeyID() string             { return u.id.KeyID() }
func (unsigned) Sign([]byte) ([]byte, error) { return make([]byte, 64), nil }

type believer struct{}

func (believer) Verify(_, _, _ []byte) error               { return nil }
func (believer) VerifyRing([][]byte, []byte, []byte) error { return nil }
func (believer) VerifyRingKeyProof(_, _, _ []byte) error   { return nil }

// retained is the heap that is reachable.
func retained() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemoryIsFlat(t *testing.T) {
	const perTick, total = 200, 200_000
	l, _ := world(t, foldtest.Options{Verifier: believer{}}, patient)
	a, err := NewAuditor(AuditorConfig{Genesis: new(log.GenesisHash(l.Leaves[0]))}, AuditorDeps{Verifier: believer{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range l.Leaves {
		a.Entry(leaf)
	}
	engine, guard, now := l.Engines[0], unsigned{l.Guard}, l.Now
	put := func(st log.Statement, signers ...log.Signer) { a.Entry(l.Seal(st, signers...)) }
	var early uint64
	for a.Size() < total {
		newest, _ := a.Machine().Ledger().NewestAnchor()
		for range perTick {
			run := theRun
			put(&log.Heartbeat{
				Origin: l.Origin, Run: &run, Sequence: l.Next("heartbeat/" + theRun), Alive: true, BootID: "boot-1",
				Anchor: log.AnchorRef{Index: newest.Index, Root: newest.Root},
			}, guard)
		}
		// Void ones, too.
		put(&log.Heartbeat{Origin: l.Origin, Run: new("nobody"), Sequence: 1, Alive: true, BootID: "boot-1"}, guard)
		now = now.Add(time.Second)
		put(&log.Anchor{Origin: l.Origin, Checkpoint: l.NoteAt(a.Size(), log.Hash(a.Root()), now)})
		p, err := a.Machine().Chain(engine.KeyID()).Propose(a.Size(), now)
		if err != nil {
			t.Fatal(err)
		}
		put(p.Decision, unsigned{engine})
		if early == 0 && a.Size() > total/10 {
			early = retained()
		}
	}
	late := retained()
	a.Finish(now, now)
	for _, f := range a.Findings() {
		if f.Severity != SeverityNote {
			t.Fatal(f)
		}
	}
	if a.Stats().Entries < total || len(a.Findings()) > 4*maxFindings {
		t.Fatalf("%d entries, %d findings", a.Stats().Entries, len(a.Findings()))
	}
	const room = 2 << 20
	if late > early+room {
		t.Errorf("%d bytes after %d entries, %d after %d", early, total/10, late, a.Size())
	}
	t.Logf("%d bytes after %d entries, %d after %d", early, total/10, late, a.Size())
}

// BenchmarkAudit judges a log of heartbeats, check-ins, anchors and decisions
// with every signature verified.
func BenchmarkAudit(b *testing.B) {
	l, _ := world(b, foldtest.Options{}, nil)
	for range 40 {
		for range 4 {
			for _, m := range l.Members {
				l.Checkin(theRun, m)
			}
		}
		tick(l)
	}
	genesis := log.GenesisHash(l.Leaves[0])
	entries := 0
	for b.Loop() {
		a, err := NewAuditor(AuditorConfig{Genesis: &genesis}, AuditorDeps{Verifier: keys.NewVerifier()})
		if err != nil {
			b.Fatal(err)
		}
		for _, leaf := range l.Leaves {
			a.Entry(leaf)
		}
		a.Finish(l.Now, l.Now)
		if len(a.Findings()) != 1 || a.Root() != checkpoint.Hash(l.Root(l.Size())) {
			b.Fatal(a.Findings())
		}
		entries += len(l.Leaves)
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}
