package ring

import (
	"bytes"
	"testing"
)

// FuzzVerify holds the verifiers against one another, and any signature that
// verifies against the one that was signed: there is no second encoding.
func FuzzVerify(f *testing.F) {
	r, secrets, keys := newRing(f, 4)
	fast, err := NewRing(keys)
	if err != nil {
		f.Fatal(err)
	}
	fast.Precompute()
	message := []byte("m")
	sig, err := r.sign(&stream{seed: "fuzz"}, secrets[2], message)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message, sig)
	f.Add([]byte(nil), sig)
	f.Add(message, sig[:len(sig)-1])
	f.Add(message, append(bytes.Clone(sig), 0))
	f.Add(message, make([]byte, len(sig)))
	f.Add(message, bytes.Repeat([]byte{0xff}, len(sig)))
	f.Fuzz(func(t *testing.T, m, s []byte) {
		err := r.Verify(m, s)
		if (err == nil) != naiveVerify(keys, m, s) || (err == nil) != (fast.Verify(m, s) == nil) {
			t.Fatalf("the verifiers disagree: %v", err)
		}
		if err == nil && !(bytes.Equal(m, message) && bytes.Equal(s, sig)) {
			t.Fatal("a signature that was never made")
		}
	})
}

// FuzzNewRing: whatever becomes a ring is printed back as it came.
func FuzzNewRing(f *testing.F) {
	_, keys := members(f, 4)
	f.Add(bytes.Join(keys, nil))
	f.Add(bytes.Join(keys[:2], nil))
	f.Add(append(bytes.Clone(keys[0]), keys[0]...))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 32*(MaxSize+1) {
			return // refused by its size alone
		}
		var list [][]byte
		for rest := b; len(rest) > 0; {
			n := min(32, len(rest))
			list, rest = append(list, rest[:n]), rest[n:]
		}
		r, err := NewRing(list)
		if err != nil {
			return
		}
		if r.Size()&(r.Size()-1) != 0 || r.Size() < MinSize || r.Size() > MaxSize {
			t.Fatalf("a ring of %d", r.Size())
		}
		for i, key := range r.keys {
			if !bytes.Equal(key.Bytes(), list[i]) {
				t.Fatalf("key %d prints otherwise", i)
			}
		}
	})
}

func FuzzVerifyPossession(f *testing.F) {
	secret, public, err := GenerateKey(&stream{seed: "possession"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(public[:], []byte("context"), ProvePossession(secret, []byte("context")))
	f.Add(make([]byte, 32), []byte(nil), make([]byte, 64))
	f.Fuzz(func(t *testing.T, key, context, proof []byte) {
		if err := VerifyPossession(key, context, proof); err == nil && len(proof) != PossessionSize {
			t.Fatal("a proof of another length")
		}
	})
}
