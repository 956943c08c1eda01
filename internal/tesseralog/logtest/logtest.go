// Package logtest owns the conformance suite of a log's port: what whoever
// appends to a log, or reads it, may rely on. Every implementation is held to
// it, in memory and on disk.
package logtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
)

// Log is the whole port. Consumers declare the part that they need.
type Log interface {
	Append(ctx context.Context, leaf []byte) (index uint64, err error)
	Size() uint64
	Head() tesseralog.Head
	Wait(ctx context.Context, index uint64) error
	Entries(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error]
	Root(ctx context.Context, size uint64) (checkpoint.Hash, error)
	Consistency(ctx context.Context, from, to uint64) ([]checkpoint.Hash, error)
	Published() (note []byte, v checkpoint.Verified)
	WaitPublished(ctx context.Context, size uint64) (checkpoint.Verified, error)
	Proof(ctx context.Context, index uint64) ([]byte, error)
	Lag() tesseralog.Lag
	Close(ctx context.Context) error
}

// Keys are a log's and its witnesses' keys for a test, 2 of 3.
type Keys struct {
	Origin    string
	Log       []checkpoint.Signer
	Witnesses []checkpoint.Signer
}

// NewKeys makes keys: the log signs with Ed25519 and ML-DSA-44, the witnesses
// cosign with Ed25519, ML-DSA-44 and Ed25519.
func NewKeys(t testing.TB, origin string) Keys {
	t.Helper()
	k := Keys{Origin: origin}
	for _, typ := range []byte{checkpoint.TypeEd25519, checkpoint.TypeMLDSA44Cosignature} {
		k.Log = append(k.Log, signer(t, typ, origin))
	}
	for i, typ := range []byte{checkpoint.TypeEd25519Cosignature, checkpoint.TypeMLDSA44Cosignature, checkpoint.TypeEd25519Cosignature} {
		k.Witnesses = append(k.Witnesses, signer(t, typ, fmt.Sprintf("witness.example/%d", i)))
	}
	return k
}

func signer(t testing.TB, typ byte, name string) checkpoint.Signer {
	t.Helper()
	skey, _, err := checkpoint.GenerateKey(typ, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Quorum is the policy of 2 of the 3 witnesses, with their URLs in order;
// fewer URLs leave the rest without.
func (k Keys) Quorum(t testing.TB, urls ...string) *checkpoint.Quorum {
	t.Helper()
	text, names := "", ""
	for _, s := range k.Log {
		text += "log " + s.VKey().String() + "\n"
	}
	for i, s := range k.Witnesses {
		text += fmt.Sprintf("witness w%d %s", i, s.VKey())
		if i < len(urls) && urls[i] != "" {
			text += " " + urls[i]
		}
		text += "\n"
		names += fmt.Sprintf(" w%d", i)
	}
	q, err := checkpoint.ParseQuorum([]byte(text + "group g 2" + names + "\nquorum g\n"))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// patience is how long a test waits for a thing that must come.
const patience = 30 * time.Second

// Run holds a log to the port's contract. fresh makes an empty log whose
// checkpoints get published under the quorum that it returns; the suite closes
// it.
func Run(t *testing.T, fresh func(t *testing.T) (Log, *checkpoint.Quorum)) {
	start := func(t *testing.T) (context.Context, Log, *checkpoint.Quorum) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		t.Cleanup(cancel)
		l, q := fresh(t)
		t.Cleanup(func() {
			if err := l.Close(context.Background()); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return ctx, l, q
	}
	t.Run("empty", func(t *testing.T) {
		ctx, l, _ := start(t)
		if n := l.Size(); n != 0 {
			t.Errorf("size %d", n)
		}
		if h := l.Head(); h.Size != 0 || h.Root != checkpoint.EmptyRoot() {
			t.Errorf("head %v", h)
		}
		if note, v := l.Published(); note != nil || v.Raw != nil {
			t.Errorf("published %q", note)
		}
		if _, err := l.Proof(ctx, 0); !errors.Is(err, tesseralog.ErrRange) {
			t.Errorf("proof: %v", err)
		}
		for range l.Entries(ctx, 0, 0) {
			t.Error("an entry")
		}
		if lag := l.Lag(); lag.Entries != 0 || lag.Behind != 0 || lag.Age < 1000*time.Hour {
			t.Errorf("lag %+v: nothing published is not fresh", lag)
		}
	})
	t.Run("lengths", func(t *testing.T) {
		ctx, l, _ := start(t)
		for _, n := range []int{0, tesseralog.MaxLeaf + 1} {
			if _, err := l.Append(ctx, make([]byte, n)); !errors.Is(err, tesseralog.ErrLeaf) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		for i, n := range []int{1, tesseralog.MaxLeaf} {
			if got, err := l.Append(ctx, make([]byte, n)); err != nil || got != uint64(i) {
				t.Errorf("%d bytes: %d, %v", n, got, err)
			}
		}
	})
	t.Run("order", func(t *testing.T) {
		ctx, l, _ := start(t)
		// Concurrent appends get each index once, and what was acknowledged is
		// readable at its index at once.
		const n = 600
		got := make([]string, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				leaf := fmt.Sprintf("entry %d", i)
				index, err := l.Append(ctx, []byte(leaf))
				if err != nil {
					t.Error(err)
					return
				}
				if l.Size() <= index {
					t.Errorf("size %d after index %d", l.Size(), index)
				}
				for e, err := range l.Entries(ctx, index, index+1) {
					if err != nil || string(e) != leaf {
						t.Errorf("entry %d: %q, %v", index, e, err)
					}
				}
				got[index] = leaf
			})
		}
		wg.Wait()
		if slices.Contains(got, "") || l.Size() != n {
			t.Errorf("an index twice, or none; size %d", l.Size())
		}
	})
	t.Run("caller's bytes", func(t *testing.T) {
		ctx, l, _ := start(t)
		b := []byte("first")
		if _, err := l.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
		copy(b, "other")
		for e, err := range l.Entries(ctx, 0, 1) {
			if err != nil || string(e) != "first" {
				t.Errorf("%q, %v", e, err)
			}
		}
	})
	t.Run("wait", func(t *testing.T) {
		ctx, l, _ := start(t)
		woken := make(chan error, 1)
		go func() { woken <- l.Wait(ctx, 1) }()
		for i := range 2 {
			select {
			case err := <-woken:
				t.Fatalf("woken at size %d: %v", i, err)
			default:
			}
			if _, err := l.Append(ctx, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-woken; err != nil {
			t.Error(err)
		}
		stopped, stop := context.WithCancel(ctx)
		stop()
		if err := l.Wait(stopped, 100); !errors.Is(err, context.Canceled) {
			t.Errorf("wait without hope: %v", err)
		}
		if _, err := l.WaitPublished(stopped, 100); !errors.Is(err, context.Canceled) {
			t.Errorf("wait for publication without hope: %v", err)
		}
	})
	t.Run("receipts", func(t *testing.T) {
		t.Attr("invariant", "L4")
		ctx, l, q := start(t)
		const n = 300
		var leaves [][]byte
		for i := range n {
			leaves = append(leaves, fmt.Appendf(nil, "receipt %d", i))
		}
		var wg sync.WaitGroup
		for _, leaf := range leaves {
			wg.Go(func() {
				if _, err := l.Append(ctx, leaf); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		v, err := l.WaitPublished(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		if root, err := l.Root(ctx, n); err != nil || v.Checkpoint.Size != n || v.Checkpoint.Root != root {
			t.Fatalf("published %+v, root %x, %v", v.Checkpoint, root, err)
		}
		i := uint64(0)
		for leaf, err := range l.Entries(ctx, 0, n) {
			if err != nil {
				t.Fatal(err)
			}
			raw, err := l.Proof(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			p, err := checkpoint.ParseProof(raw)
			if err != nil {
				t.Fatal(err)
			}
			if p.Index != i {
				t.Fatalf("receipt of %d says %d", i, p.Index)
			}
			if _, err := p.Verify(q, leaf); err != nil {
				t.Fatalf("receipt of %d: %v", i, err)
			}
			if _, err := p.Verify(q, append([]byte("not "), leaf...)); err == nil {
				t.Fatalf("receipt of %d is one of another leaf", i)
			}
			i++
		}
	})
	t.Run("consistency", func(t *testing.T) {
		ctx, l, _ := start(t)
		const n = 40
		for i := range n {
			if _, err := l.Append(ctx, fmt.Appendf(nil, "%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		for to := range uint64(n + 1) {
			b, err := l.Root(ctx, to)
			if err != nil {
				t.Fatal(err)
			}
			for from := range to + 1 {
				a, err := l.Root(ctx, from)
				if err != nil {
					t.Fatal(err)
				}
				p, err := l.Consistency(ctx, from, to)
				if err != nil {
					t.Fatal(err)
				}
				if err := checkpoint.VerifyConsistency(from, to, a, b, p); err != nil {
					t.Errorf("%d to %d: %v", from, to, err)
				}
			}
		}
	})
	t.Run("range", func(t *testing.T) {
		ctx, l, _ := start(t)
		if _, err := l.Append(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
		_, e1 := l.Root(ctx, 2)
		_, e2 := l.Consistency(ctx, 0, 2)
		_, e3 := l.Consistency(ctx, 1, 0)
		_, e4 := l.Proof(ctx, 1)
		var e5 error
		for _, err := range l.Entries(ctx, 0, 2) {
			e5 = err
			break
		}
		for i, err := range []error{e1, e2, e3, e4, e5} {
			if !errors.Is(err, tesseralog.ErrRange) {
				t.Errorf("case %d: %v", i, err)
			}
		}
	})
	t.Run("close", func(t *testing.T) {
		ctx, l, _ := start(t)
		woken := make(chan error, 1)
		go func() { woken <- l.Wait(ctx, 0) }()
		for range 2 {
			if err := l.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Append(ctx, []byte("x")); !errors.Is(err, tesseralog.ErrClosed) {
			t.Errorf("append: %v", err)
		}
		if err := <-woken; !errors.Is(err, tesseralog.ErrClosed) {
			t.Errorf("wait: %v", err)
		}
	})
}
