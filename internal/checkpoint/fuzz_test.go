package checkpoint_test

import (
	"bytes"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// Each target holds the parser to its formatter: what was accepted is printed
// as the very bytes that were read, so that no text has two encodings.

func FuzzParseNote(f *testing.F) {
	w := newWorld(f)
	c := testCheckpoint(7)
	f.Add([]byte(w.signed(f, c, 0, 1, 2)))
	f.Add([]byte("\n\n\u2014 a AAAAAAA=\n"))
	f.Add([]byte("a\n\nb\n\n\u2014 a AAAAAAA=\n\u2014 b AAAAAAB=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := checkpoint.ParseNote(b)
		if err == nil && !bytes.Equal(n.Bytes(), b) {
			t.Fatalf("%q printed as %q", b, n.Bytes())
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(testCheckpoint(0).String())
	f.Add(testCheckpoint(1<<63-1).String() + "extension\n")
	f.Add("a\n00\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := checkpoint.ParseCheckpoint(s)
		if err == nil && c.String() != s {
			t.Fatalf("%q printed as %q", s, c.String())
		}
	})
}

func FuzzParseVKey(f *testing.F) {
	for i, typ := range []byte{checkpoint.TypeEd25519, checkpoint.TypeEd25519Cosignature, checkpoint.TypeMLDSA44Cosignature} {
		k := newKey(f, typ, "k.example", byte(i))
		f.Add(k.vkey)
		f.Add(k.skey)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := checkpoint.ParseVKey(s)
		if err == nil && k.String() != s {
			t.Fatalf("%q printed as %q", s, k)
		}
		if sg, err := checkpoint.ParseSigner(s); err == nil {
			if _, err := checkpoint.ParseVKey(sg.VKey().String()); err != nil {
				t.Fatalf("signer with an unreadable public key: %v", err)
			}
		}
	})
}

func FuzzParseProof(f *testing.F) {
	w := newWorld(f)
	f.Add(testProof(f, w, 2, 5).Format())
	f.Add(testProof(f, w, 0, 1).Format())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := checkpoint.ParseProof(b)
		if err == nil && !bytes.Equal(p.Format(), b) {
			t.Fatalf("%q printed as %q", b, p.Format())
		}
	})
}

func FuzzParseQuorum(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(w.policy))
	f.Add([]byte("quorum none\n"))
	f.Add([]byte("witness a " + w.w[0].vkey + "\ngroup g 0 a\nquorum g\n"))
	note := []byte(w.signed(f, testCheckpoint(7)))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := checkpoint.ParseQuorum(b)
		if err != nil {
			return
		}
		again, err := checkpoint.ParseQuorum([]byte(q.String()))
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q printed as %q: %v", b, q, err)
		}
		// A note without any cosignature satisfies "quorum none" only.
		if _, err := q.Verify(note); err == nil && q.Rule() != checkpoint.None {
			t.Fatalf("%q is satisfied by nothing", b)
		}
	})
}

func FuzzQuorumVerify(f *testing.F) {
	w := newWorld(f)
	c := testCheckpoint(7)
	f.Add([]byte(w.signed(f, c, 0, 1)))
	f.Add([]byte(w.signed(f, c, 2, 1, 0)))
	f.Add([]byte(w.signed(f, c, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := w.q.Verify(b)
		if err != nil {
			return
		}
		// Whatever was done around them, the signed words are the same.
		if !v.Checkpoint.Equal(c) || len(v.Cosigned) < 2 {
			t.Fatalf("verified %+v", v)
		}
		m, err := w.q.Minimal(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.q.VerifyExact(m); err != nil {
			t.Fatal(err)
		}
	})
}
