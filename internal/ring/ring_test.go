package ring

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// stream is a reproducible source for tests: SHA-512 of a seed and a counter.
type stream struct {
	seed string
	next uint64
	rest []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		block := sha512.Sum512(binary.BigEndian.AppendUint64([]byte(s.seed), s.next))
		s.next++
		s.rest = block[:]
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// members makes n secrets, the same for the same n.
func members(tb testing.TB, n int) ([]*Secret, [][]byte) {
	tb.Helper()
	secrets, keys := make([]*Secret, n), make([][]byte, n)
	random := &stream{seed: fmt.Sprintf("members of %d", n)}
	for i := range n {
		secret, public, err := GenerateKey(random)
		if err != nil {
			tb.Fatal(err)
		}
		secrets[i], keys[i] = secret, public[:]
	}
	return secrets, keys
}

func newRing(tb testing.TB, n int) (*Ring, []*Secret, [][]byte) {
	tb.Helper()
	secrets, keys := members(tb, n)
	r, err := NewRing(keys)
	if err != nil {
		tb.Fatal(err)
	}
	return r, secrets, keys
}

func sign(tb testing.TB, r *Ring, secret *Secret, message []byte) []byte {
	tb.Helper()
	sig, err := r.Sign(secret, message)
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

var sizes = []int{2, 4, 8, 16, 32, 64}

func TestEverySignerPosition(t *testing.T) {
	t.Attr("invariant", "RS1")
	message := []byte("halt")
	for _, n := range sizes {
		r, secrets, keys := newRing(t, n)
		for position, secret := range secrets {
			sig := sign(t, r, secret, message)
			if err := r.Verify(message, sig); err != nil {
				t.Fatalf("position %d of %d: %v", position, n, err)
			}
			// The naive verifier is slow: every position up to 16, some beyond.
			if n <= 16 || position%13 == 0 {
				if !naiveVerify(keys, message, sig) {
					t.Fatalf("position %d of %d: the naive verifier refuses", position, n)
				}
			}
		}
	}
}

func TestSignatureBindsEverything(t *testing.T) {
	t.Attr("invariant", "RS1")
	r, secrets, keys := newRing(t, 8)
	message := []byte("message")
	sig := sign(t, r, secrets[3], message)

	if err := r.Verify([]byte("messagf"), sig); !errors.Is(err, ErrSignature) {
		t.Errorf("other message: %v", err)
	}
	if err := r.Verify(append(message, 0), sig); !errors.Is(err, ErrSignature) {
		t.Errorf("longer message: %v", err)
	}
	if err := r.Verify(nil, sig); !errors.Is(err, ErrSignature) {
		t.Errorf("no message: %v", err)
	}
	// Each of the n+1 numbers wrong alone.
	one := group.ScalarFromUint64(1)
	for i := range 9 {
		bad := bytes.Clone(sig)
		s, err := group.DecodeScalar(bad[32*i:][:32])
		if err != nil {
			t.Fatal(err)
		}
		copy(bad[32*i:], s.Add(one).Bytes())
		if err := r.Verify(message, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("number %d changed: %v", i, err)
		}
	}
	// The same keys in another order are another ring.
	for i := range keys {
		other := append(append([][]byte{}, keys[i:]...), keys[:i]...)
		rotated, err := NewRing(other)
		if err != nil {
			t.Fatal(err)
		}
		if got := rotated.Verify(message, sig); (i == 0) != (got == nil) {
			t.Errorf("rotated by %d: %v", i, got)
		}
		if (i == 0) != (rotated.Hash() == r.Hash()) {
			t.Errorf("rotated by %d: hash", i)
		}
	}
	// Each key replaced alone, the signer's neighbours and himself included.
	_, stranger, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		other := append([][]byte{}, keys...)
		other[i] = stranger[:]
		changed, err := NewRing(other)
		if err != nil {
			t.Fatal(err)
		}
		if err := changed.Verify(message, sig); !errors.Is(err, ErrSignature) {
			t.Errorf("key %d replaced: %v", i, err)
		}
	}
	// A ring of twice the size, and half of it.
	larger, _, _ := newRing(t, 16)
	if err := larger.Verify(message, sig); !errors.Is(err, ErrSignature) {
		t.Errorf("larger ring: %v", err)
	}
}

// TestVoteMessage changes each field of a live vote's signed bytes alone.
func TestVoteMessage(t *testing.T) {
	t.Attr("invariant", "RS1")
	r, secrets, _ := newRing(t, 4)
	pae := func(kind, origin, run, group, expires, nonce string) []byte {
		payload := fmt.Sprintf(`{"expires":%q,"group":%q,"nonce":%q,"origin":%q,"run":%q}`, expires, group, nonce, origin, run)
		kind = "application/vnd.haltlog." + kind + ".v1+json"
		return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	}
	good := []string{"livevote", "example.org/log", "run-1", "AAAA", "2026-01-01T00:00:00.000Z", "BBBB"}
	wrong := []string{"close", "example.org/lob", "run-2", "AAAB", "2026-01-01T00:00:00.001Z", "BBBA"}
	sig := sign(t, r, secrets[0], pae(good[0], good[1], good[2], good[3], good[4], good[5]))
	for i := range good {
		f := append([]string{}, good...)
		f[i] = wrong[i]
		if err := r.Verify(pae(f[0], f[1], f[2], f[3], f[4], f[5]), sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%q for %q: %v", wrong[i], good[i], err)
		}
	}
}

func TestSignatureHasOneEncoding(t *testing.T) {
	t.Attr("invariant", "RS2")
	r, secrets, _ := newRing(t, 4)
	message := []byte("m")
	sig := sign(t, r, secrets[1], message)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	for i := range 5 {
		// The same number, the order added: below 2^256, so it fits.
		le := bytes.Clone(sig[32*i:][:32])
		reverse(le)
		sum := new(big.Int).Add(new(big.Int).SetBytes(le), order).FillBytes(make([]byte, 32))
		reverse(sum)
		bad := bytes.Clone(sig)
		copy(bad[32*i:], sum)
		if err := r.Verify(message, bad); !errors.Is(err, ErrSignature) || !errors.Is(err, group.ErrNotCanonical) {
			t.Errorf("number %d plus the order: %v", i, err)
		}
		high := bytes.Clone(sig)
		high[32*i+31] |= 0x80
		if err := r.Verify(message, high); !errors.Is(err, group.ErrNotCanonical) {
			t.Errorf("number %d with its top bit: %v", i, err)
		}
	}
	for _, bad := range [][]byte{nil, sig[:len(sig)-1], append(bytes.Clone(sig), 0), sig[:len(sig)-32], append(bytes.Clone(sig), sig[:32]...)} {
		if err := r.Verify(message, bad); !errors.Is(err, ErrSignature) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func TestRingIsStrict(t *testing.T) {
	t.Attr("invariant", "RS5")
	_, keys := members(t, 64)
	for _, n := range []int{0, 1, 3, 5, 6, 7, 12, 24, 48, 63, 65, 128} {
		list := make([][]byte, n)
		for i := range list {
			list[i] = keys[i%64]
		}
		if _, err := NewRing(list); !errors.Is(err, ErrSize) {
			t.Errorf("%d keys: %v", n, err)
		}
	}
	notCanonical := bytes.Repeat([]byte{0xff}, 32)
	for name, test := range map[string]struct {
		key  []byte
		want error
	}{
		"identity":      {make([]byte, 32), group.ErrIdentity},
		"not canonical": {notCanonical, group.ErrNotCanonical},
		"short":         {keys[0][:31], group.ErrLength},
		"long":          {append(bytes.Clone(keys[9]), 0), group.ErrLength},
		"nil":           {nil, group.ErrLength},
		"duplicate":     {keys[0], ErrDuplicateKey},
	} {
		for place := 1; place < 8; place++ {
			list := append([][]byte{}, keys[:8]...)
			list[place] = test.key
			if _, err := NewRing(list); !errors.Is(err, test.want) {
				t.Errorf("%s at %d: %v", name, place, err)
			}
		}
	}
	// The ring keeps its own copy of what it was given.
	list := [][]byte{bytes.Clone(keys[0]), bytes.Clone(keys[1])}
	r, err := NewRing(list)
	if err != nil {
		t.Fatal(err)
	}
	clear(list[0])
	if !bytes.Equal(r.encoded[0], keys[0]) {
		t.Error("the ring shares memory with its caller")
	}
}

func TestStrangerCannotSign(t *testing.T) {
	t.Attr("invariant", "RS1")
	r, _, _ := newRing(t, 8)
	stranger, _, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sign(stranger, []byte("m")); !errors.Is(err, ErrNotMember) {
		t.Errorf("stranger: %v", err)
	}
}

// TestRandomness shows that everything but s[π] is what the source gave, bit for
// bit, and that nothing else is drawn.
func TestRandomness(t *testing.T) {
	t.Attr("invariant", "RS4")
	r, secrets, _ := newRing(t, 8)
	for position, secret := range secrets {
		source := &stream{seed: "signature"}
		sig, err := r.sign(source, secret, []byte("m"))
		if err != nil {
			t.Fatal(err)
		}
		if source.next != 9 || len(source.rest) != 0 {
			t.Fatalf("position %d: drew %d blocks", position, source.next)
		}
		again := &stream{seed: "signature"}
		if _, err := group.ReadScalar(again); err != nil { // α
			t.Fatal(err)
		}
		for j := range 8 {
			s, err := group.ReadScalar(again)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(s.Bytes(), sig[32*(j+1):][:32]) == (j == position) {
				t.Errorf("position %d: s[%d]", position, j)
			}
		}
	}
	if bytes.Equal(sign(t, r, secrets[0], nil), sign(t, r, secrets[0], nil)) {
		t.Error("two signatures are the same")
	}
	// A source that fails at any moment gives no signature.
	for n := range int64(9) {
		source := io.LimitReader(&stream{seed: "x"}, n*64+63)
		if sig, err := r.sign(source, secrets[0], nil); err == nil || sig != nil {
			t.Errorf("a source of %d bytes gave a signature", n*64+63)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	secret, public, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("ring key %x", public[:])
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, secret); got != want {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if got := secret.LogValue().String(); got != want {
		t.Errorf("slog prints %q", got)
	}
	again, err := ParseSecret(secret.Bytes())
	if err != nil || again.Public() != public {
		t.Errorf("parse secret: %v", err)
	}
	for name, b := range map[string][]byte{"zero": make([]byte, 32), "short": make([]byte, 31), "not canonical": bytes.Repeat([]byte{255}, 32)} {
		if _, err := ParseSecret(b); err == nil {
			t.Errorf("%s secret accepted", name)
		}
	}
	if _, err := ParsePublic(make([]byte, 32)); !errors.Is(err, group.ErrIdentity) {
		t.Errorf("identity: %v", err)
	}
	if got, err := ParsePublic(public[:]); err != nil || got != public {
		t.Errorf("public: %v", err)
	}
}
