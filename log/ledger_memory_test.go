package log_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// anything takes every signature: here only memory is looked at.
type anything struct{}

func (anything) Verify(_, _, _ []byte) error               { return nil }
func (anything) VerifyRing([][]byte, []byte, []byte) error { return nil }
func (anything) VerifyRingKeyProof(_, _, _ []byte) error   { return nil }

// What is retained does not grow with check-ins, heartbeats, anchors and
// decisions: not in the ledger, and not in the chains that wait for their
// engine.
func TestMemoryIsFlat(t *testing.T) {
	t.Attr("invariant", "S2")
	l := foldtest.New(t, foldtest.Options{Verifier: anything{}}).Setup()
	l.Run(run)
	m := fold.New(fold.Config{}, fold.Deps{Verifier: anything{}})
	for _, leaf := range l.Leaves {
		m.Apply(leaf)
	}
	put := func(st log.Statement, keyID string) {
		payload, err := log.Encode(st)
		if err != nil {
			t.Fatal(err)
		}
		e := dsse.Envelope{Payload: payload, PayloadType: st.Kind().Type()}
		if keyID != "" {
			e.Signatures = []dsse.Signature{{KeyID: keyID, Sig: make([]byte, 64)}}
		}
		leaf, err := log.Assemble(e)
		if err != nil {
			t.Fatal(err)
		}
		if s := m.Apply(leaf); s.Validity != log.Valid || s.Err != nil {
			t.Fatalf("%s at %d is %s: %s %v", st.Kind(), s.Index, s.Validity, s.Reason, s.Err)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	const rounds, each = 100, 2000
	now := l.Now
	seq := uint64(0)
	var half uint64
	for r := range rounds {
		a, _ := m.Ledger().NewestAnchor()
		ref := log.AnchorRef{Index: a.Index, Root: a.Root}
		for range each / len(l.Members) {
			seq++
			for _, member := range l.Members {
				put(&log.Checkin{Origin: l.Origin, Run: run, Sequence: seq, Anchor: ref}, member.Checkin.KeyID())
			}
		}
		put(&log.Heartbeat{Origin: l.Origin, Run: new(run), Sequence: seq, Anchor: ref, Alive: true, BootID: "boot-1"}, l.Guard.KeyID())
		now = now.Add(time.Second)
		root, ok := m.Ledger().RootAt(m.Size())
		if !ok {
			t.Fatal("no root")
		}
		put(&log.Anchor{Origin: l.Origin, Checkpoint: l.NoteAt(m.Size(), root, now)}, "")
		engine := l.Engines[0].KeyID()
		p, err := m.Chain(engine).Propose(m.Size(), now)
		if err != nil {
			t.Fatal(err)
		}
		put(p.Decision, engine)
		if r == rounds/2 {
			half = heap()
		}
	}
	if full := heap(); full > half+512<<10 {
		t.Errorf("%d check-ins hold %d bytes, twice as many %d", seq*uint64(len(l.Members))/2, half, full)
	}
	runtime.KeepAlive(m)
}
