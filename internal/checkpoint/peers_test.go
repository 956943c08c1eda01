package checkpoint_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// verifyOwn verifies the only line of a note with one key.
func verifyOwn(t *testing.T, vkey string, msg []byte) (uint64, error) {
	t.Helper()
	k, err := checkpoint.ParseVKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := checkpoint.NewVerifier(k)
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkpoint.ParseNote(msg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Sigs) != 1 || !v.Matches(n.Sigs[0]) {
		t.Fatalf("the line is not of %s", vkey)
	}
	return v.Verify(c, n.Sigs[0].Sig)
}

// TestPeersSignatures exchanges notes with golang.org/x/mod and with
// transparency-dev/formats, each way, for every kind of key.
func TestPeersSignatures(t *testing.T) {
	t.Attr("invariant", "W2")
	c := testCheckpoint(1 << 40)
	c.Extensions = []string{"an extension"}
	for _, tc := range []struct {
		name     string
		typ      byte
		signer   func(string) (note.Signer, error)
		verifier func(string) (note.Verifier, error)
	}{
		{"x/mod Ed25519", checkpoint.TypeEd25519, note.NewSigner, note.NewVerifier},
		{
			"formats Ed25519 cosignature", checkpoint.TypeEd25519Cosignature,
			func(s string) (note.Signer, error) { return fnote.NewSignerForCosignatureV1(s) },
			fnote.NewVerifier,
		},
		{
			"formats ML-DSA-44 cosignature", checkpoint.TypeMLDSA44Cosignature,
			func(s string) (note.Signer, error) { return fnote.NewMLDSASigner(s) },
			fnote.NewVerifier,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newKey(t, tc.typ, "peer.example/k", 7)
			ps, err := tc.signer(k.skey)
			if err != nil {
				t.Fatal(err)
			}
			pv, err := tc.verifier(k.vkey)
			if err != nil {
				t.Fatal(err)
			}
			// They sign, we verify.
			before := uint64(time.Now().Unix())
			theirs, err := note.Sign(&note.Note{Text: c.String()}, ps)
			if err != nil {
				t.Fatal(err)
			}
			at, err := verifyOwn(t, k.vkey, theirs)
			if err != nil {
				t.Fatal(err)
			}
			if tc.typ != checkpoint.TypeEd25519 && (at < before || at > before+3600) {
				t.Fatalf("time %d, signed at about %d", at, before)
			}
			// We sign, they verify.
			ours := c.String() + "\n" + k.sign(t, c, 1<<40)
			if _, err := note.Open([]byte(ours), note.VerifierList(pv)); err != nil {
				t.Fatal(err)
			}
			// Each side refuses what the other's signature does not cover.
			d := c
			d.Size++
			forged := strings.Replace(ours, c.String(), d.String(), 1)
			if _, err := note.Open([]byte(forged), note.VerifierList(pv)); err == nil {
				t.Fatal("peer accepts another size")
			}
			_, err = verifyOwn(t, k.vkey, []byte(forged))
			wantErr(t, err, checkpoint.ErrSignature)
		})
	}
}

// TestPeersKeys reads keys that the peer generated.
func TestPeersKeys(t *testing.T) {
	skey, vkey, err := fnote.GenerateMLDSAKey("peer.example/pq")
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil || s.VKey().String() != vkey {
		t.Fatalf("%v, %v", s, err)
	}
	skey, vkey, err = note.GenerateKey(nil, "peer.example/ed")
	if err != nil {
		t.Fatal(err)
	}
	s, err = checkpoint.ParseSigner(skey)
	if err != nil || s.VKey().String() != vkey {
		t.Fatalf("%v, %v", s, err)
	}
	up, err := fnote.VKeyToCosignatureV1(vkey)
	if err != nil {
		t.Fatal(err)
	}
	k, err := checkpoint.NewVKey("peer.example/ed", checkpoint.TypeEd25519Cosignature, s.VKey().Key)
	if err != nil || k.String() != up {
		t.Fatalf("%v, %v", k, err)
	}
}

// TestCosignatureCovers changes one field at a time under a valid line. Both
// kinds cover origin, size and root; only Ed25519 covers the extensions, and
// only ML-DSA-44 the cosigner's name.
func TestCosignatureCovers(t *testing.T) {
	for typ, name := range map[byte]string{
		checkpoint.TypeEd25519: "note", checkpoint.TypeEd25519Cosignature: "ed25519", checkpoint.TypeMLDSA44Cosignature: "mldsa",
	} {
		t.Run(name, func(t *testing.T) {
			k := newKey(t, typ, "w.example", 9)
			v, err := checkpoint.NewVerifier(k.signer.VKey())
			if err != nil {
				t.Fatal(err)
			}
			c := testCheckpoint(77)
			c.Extensions = []string{"x"}
			sigs, err := checkpoint.ParseSignatures(k.sign(t, c, 1700000000))
			if err != nil {
				t.Fatal(err)
			}
			sig := sigs[0].Sig
			if at, err := v.Verify(c, sig); err != nil || (typ != checkpoint.TypeEd25519 && at != 1700000000) {
				t.Fatal(at, err)
			}
			change := func(f func(*checkpoint.Checkpoint)) checkpoint.Checkpoint {
				d := c
				f(&d)
				return d
			}
			for field, d := range map[string]checkpoint.Checkpoint{
				"origin":     change(func(d *checkpoint.Checkpoint) { d.Origin += "x" }),
				"size":       change(func(d *checkpoint.Checkpoint) { d.Size-- }),
				"root":       change(func(d *checkpoint.Checkpoint) { d.Root[31] ^= 1 }),
				"extensions": change(func(d *checkpoint.Checkpoint) { d.Extensions = nil }),
			} {
				_, err := v.Verify(d, sig)
				if field == "extensions" && typ == checkpoint.TypeMLDSA44Cosignature {
					if err != nil {
						t.Fatalf("extensions are not covered by ML-DSA-44: %v", err)
					}
					continue
				}
				wantErr(t, err, checkpoint.ErrSignature)
			}
			for i := range sig {
				if i > 80 && i%97 != 0 && i != len(sig)-1 {
					continue // a sample of the 2,420 bytes
				}
				bad := slices.Clone(sig)
				bad[i] ^= 1
				if _, err := v.Verify(c, bad); err == nil {
					t.Fatalf("byte %d of the signature is not covered", i)
				}
			}
			for _, bad := range [][]byte{nil, sig[:7], sig[:len(sig)-1], append(slices.Clone(sig), 0)} {
				_, err := v.Verify(c, bad)
				wantErr(t, err, checkpoint.ErrSignature)
			}
			// The same key under another name.
			other, err := checkpoint.NewVKey("v.example", typ, k.signer.VKey().Key)
			if err != nil {
				t.Fatal(err)
			}
			ov, err := checkpoint.NewVerifier(other)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ov.Verify(c, sig)
			if (err != nil) != (typ == checkpoint.TypeMLDSA44Cosignature) {
				t.Fatalf("another name: %v", err)
			}
		})
	}
}

// TestCosignatureTime: a time beyond 2^63 - 1 is refused under a signature that
// holds for it, and the last one before is taken.
func TestCosignatureTime(t *testing.T) {
	k := newKey(t, checkpoint.TypeEd25519Cosignature, "w.example", 9)
	v, err := checkpoint.NewVerifier(k.signer.VKey())
	if err != nil {
		t.Fatal(err)
	}
	c := testCheckpoint(3)
	priv := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	for time, ok := range map[uint64]bool{0: true, 1: true, 1<<63 - 1: true, 1 << 63: false, 1<<64 - 1: false} {
		sig := binary.BigEndian.AppendUint64(nil, time)
		sig = append(sig, ed25519.Sign(priv, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", time, c))...)
		at, err := v.Verify(c, sig)
		if (err == nil) != ok || ok && at != time {
			t.Errorf("time %d: %d, %v", time, at, err)
		}
	}
}

// memTree stores the hashes of a growing tree for x/mod's prover.
type memTree []tlog.Hash

func (m memTree) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	var hs []tlog.Hash
	for _, i := range ix {
		hs = append(hs, m[i])
	}
	return hs, nil
}

func newTree(t testing.TB, n int) memTree {
	t.Helper()
	var m memTree
	for i := range n {
		hs, err := tlog.StoredHashes(int64(i), leaf(i), m)
		if err != nil {
			t.Fatal(err)
		}
		m = append(m, hs...)
	}
	return m
}

func leaf(i int) []byte { return fmt.Appendf(nil, "leaf %d", i) }

func (m memTree) root(t testing.TB, n int) checkpoint.Hash {
	t.Helper()
	if n == 0 {
		return checkpoint.EmptyRoot()
	}
	h, err := tlog.TreeHash(int64(n), m)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.Hash(h)
}

func hashes(p []tlog.Hash) []checkpoint.Hash {
	var hs []checkpoint.Hash
	for _, h := range p {
		hs = append(hs, checkpoint.Hash(h))
	}
	return hs
}

func peerHashes(p []checkpoint.Hash) [][]byte {
	var hs [][]byte
	for _, h := range p {
		hs = append(hs, h[:])
	}
	return hs
}

// TestPeersProofs holds every verdict on every proof of small trees, right and
// damaged, against transparency-dev/merkle.
func TestPeersProofs(t *testing.T) {
	const n = 24
	m := newTree(t, n)
	damage := func(p []checkpoint.Hash) [][]checkpoint.Hash {
		out := [][]checkpoint.Hash{p, append(slices.Clone(p), checkpoint.Hash{1})}
		if len(p) > 0 {
			bad := slices.Clone(p)
			bad[0][0] ^= 1
			out = append(out, bad, p[1:], p[:len(p)-1])
		}
		return out
	}
	for size := 1; size <= n; size++ {
		root := m.root(t, size)
		for i := range size {
			p, err := tlog.ProveRecord(int64(size), int64(i), m)
			if err != nil {
				t.Fatal(err)
			}
			lh := checkpoint.LeafHash(leaf(i))
			for j, d := range damage(hashes(p)) {
				for _, idx := range []int{i, i + 1} {
					got := checkpoint.VerifyInclusion(uint64(idx), uint64(size), lh, d, root) == nil
					want := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(idx), uint64(size), lh[:], peerHashes(d), root[:]) == nil
					if got != want || got != (j == 0 && idx == i) {
						t.Fatalf("inclusion %d (%d) in %d, variant %d: %v, peer %v", i, idx, size, j, got, want)
					}
				}
			}
		}
		for old := range size + 1 {
			var p []tlog.Hash
			if old > 0 {
				tp, err := tlog.ProveTree(int64(size), int64(old), m)
				if err != nil {
					t.Fatal(err)
				}
				p = tp
			}
			oldRoot := m.root(t, old)
			for j, d := range damage(hashes(p)) {
				got := checkpoint.VerifyConsistency(uint64(old), uint64(size), oldRoot, root, d) == nil
				want := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(size), peerHashes(d), oldRoot[:], root[:]) == nil
				if got != want || got != (j == 0) {
					t.Fatalf("consistency %d with %d, variant %d: %v, peer %v", old, size, j, got, want)
				}
			}
			bad := oldRoot
			bad[5] ^= 1
			if checkpoint.VerifyConsistency(uint64(old), uint64(size), bad, root, hashes(p)) == nil {
				t.Fatalf("consistency %d with %d: another old root accepted", old, size)
			}
		}
	}
}

func TestProofBounds(t *testing.T) {
	many := make([]checkpoint.Hash, checkpoint.MaxProofHashes+1)
	r := checkpoint.EmptyRoot()
	for name, err := range map[string]error{
		"index at size":        checkpoint.VerifyInclusion(1, 1, r, nil, r),
		"size 0":               checkpoint.VerifyInclusion(0, 0, r, nil, r),
		"size 2^63":            checkpoint.VerifyInclusion(0, 1<<63, r, nil, r),
		"many hashes":          checkpoint.VerifyInclusion(0, 9, r, many, r),
		"old above new":        checkpoint.VerifyConsistency(2, 1, r, r, nil),
		"new 2^63":             checkpoint.VerifyConsistency(1, 1<<63, r, r, nil),
		"many hashes, old 1":   checkpoint.VerifyConsistency(1, 9, r, r, many),
		"size 0, another root": checkpoint.VerifyConsistency(0, 0, checkpoint.Hash{}, checkpoint.Hash{}, nil),
		"old 0, junk proof":    checkpoint.VerifyConsistency(0, 4, r, r, many[:1]),
	} {
		t.Run(name, func(t *testing.T) { wantErr(t, err, checkpoint.ErrProof) })
	}
}

// TestTree: the tree in memory has the same roots and proofs as x/mod's own
// storage, and refuses what it does not have.
func TestTree(t *testing.T) {
	const n = 40
	m := newTree(t, n)
	var tree checkpoint.Tree
	for i := range n {
		if err := tree.Append(leaf(i)); err != nil {
			t.Fatal(err)
		}
	}
	for size := range n + 1 {
		root, err := tree.Root(uint64(size))
		if err != nil || root != m.root(t, size) {
			t.Fatal(size, err)
		}
		for i := range size {
			p, err := tree.Inclusion(uint64(i), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			if err := checkpoint.VerifyInclusion(uint64(i), uint64(size), checkpoint.LeafHash(leaf(i)), p, root); err != nil {
				t.Fatal(err)
			}
		}
		for old := range size + 1 {
			p, err := tree.Consistency(uint64(old), uint64(size))
			if err != nil {
				t.Fatal(err)
			}
			if err := checkpoint.VerifyConsistency(uint64(old), uint64(size), m.root(t, old), root, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err1 := tree.Root(n + 1)
	_, err2 := tree.Inclusion(n, n)
	_, err3 := tree.Inclusion(0, n+1)
	_, err4 := tree.Consistency(1, n+1)
	_, err5 := tree.Consistency(3, 2)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if err == nil {
			t.Errorf("case %d: no error", i+1)
		}
	}
}
