package log_test

import (
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

func TestAnchorVoid(t *testing.T) {
	t.Attr("invariant", "S3")
	t.Attr("invariant", "L3")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	l.Run(run)
	l.Advance(10 * time.Second)
	last, _ := l.Machine.Ledger().NewestAnchor()
	body := func(size uint64) checkpoint.Checkpoint {
		return checkpoint.Checkpoint{Origin: l.Origin, Size: size, Root: l.Root(min(size, l.Size()))}
	}
	// lines joins a note with the cosignatures of another over the same body.
	join := func(a, b []byte, body checkpoint.Checkpoint) []byte {
		n, err := checkpoint.ParseNote(a)
		if err != nil {
			t.Fatal(err)
		}
		m, err := checkpoint.ParseNote(b)
		if err != nil {
			t.Fatal(err)
		}
		n.Sigs = append(n.Sigs, m.Sigs[1:]...)
		return n.Bytes()
	}
	now := body(l.Size())
	wrong := now
	wrong.Root[3] ^= 1
	extended := now
	extended.Extensions = []string{"more"}
	for name, note := range map[string][]byte{
		"root":             l.Note(wrong, l.Now, l.Witnesses[:2]...),
		"beyond its index": l.Note(body(l.Size()+1), l.Now, l.Witnesses[:2]...),
		"not larger":       l.Note(body(last.Size), l.Now, l.Witnesses[:2]...),
		"not later":        l.Note(now, last.Min, l.Witnesses[:2]...),
		"below the quorum": l.Note(now, l.Now, l.Witnesses[0]),
		"above the quorum": l.Note(now, l.Now, l.Witnesses...),
		"order":            l.Note(now, l.Now, l.Witnesses[1], l.Witnesses[0]),
		"stranger":         l.Note(now, l.Now, l.Witnesses[0], l.NewWitness("new.example")),
		"skew":             join(l.Note(now, l.Now, l.Witnesses[0]), l.Note(now, l.Now.Add(3*time.Second), l.Witnesses[1]), now),
		"extension":        l.Note(extended, l.Now, l.Witnesses[:2]...),
	} {
		t.Run(name, func(t *testing.T) {
			leaf := l.Seal(&log.Anchor{Origin: l.Origin, Checkpoint: note})
			if err := l.Machine.Ledger().Admit(leaf); err == nil {
				t.Error("admitted")
			}
			f := l.Fork(len(l.Leaves))
			want(t, f.Append(leaf), log.Void, "")
			if a, _ := f.Machine.Ledger().NewestAnchor(); a != last {
				t.Errorf("newest anchor is at %d", a.Index)
			}
		})
	}
	// Within the skew, and of an older size than the log's own, it is valid;
	// void ones hold nothing against it.
	note := join(l.Note(now, l.Now, l.Witnesses[0]), l.Note(now, l.Now.Add(2*time.Second), l.Witnesses[1]), now)
	l.Run("run-2")
	s := l.Must(&log.Anchor{Origin: l.Origin, Checkpoint: note})
	if s.Anchor.Size != l.Size()-2 || s.Anchor.Max.Sub(s.Anchor.Min) != 2*time.Second {
		t.Errorf("%+v", s.Anchor)
	}
	want(t, l.Put(&log.Anchor{Origin: l.Origin, Checkpoint: note}), log.Void, "replay key")
}

// The ledger's roots are those of RFC 6962 over all leaves, at every size that
// an anchor may still name.
func TestLedgerRoots(t *testing.T) {
	t.Attr("invariant", "L2")
	l := foldtest.New(t, foldtest.Options{})
	foldtest.Golden(l)
	last, _ := l.Machine.Ledger().NewestAnchor()
	for size := last.Size; size <= l.Size(); size++ {
		if got, ok := l.Machine.Ledger().RootAt(size); !ok || got != l.Root(size) {
			t.Errorf("root at %d: %v", size, ok)
		}
	}
	if _, ok := l.Machine.Ledger().RootAt(l.Size() + 1); ok {
		t.Error("a root beyond the log")
	}
}
