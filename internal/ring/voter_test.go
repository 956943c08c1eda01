package ring

import (
	"errors"
	"strings"
	"testing"
)

func TestVoter(t *testing.T) {
	t.Attr("invariant", "RS1")
	r, secrets, _ := newRing(t, 4)
	hash := [HashSize]byte{0xab}
	v, err := NewVoter(r, secrets[2], hash)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ring:ab" + strings.Repeat("00", 31); v.KeyID() != want {
		t.Errorf("key identifier %q", v.KeyID())
	}
	sig, err := v.Sign([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify([]byte("m"), sig); err != nil {
		t.Error(err)
	}
	// Two voters of a group differ in nothing but the signature.
	other, err := NewVoter(r, secrets[0], hash)
	if err != nil || other.KeyID() != v.KeyID() {
		t.Errorf("other voter: %v", err)
	}
	stranger, _, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewVoter(r, stranger, hash); !errors.Is(err, ErrNotMember) {
		t.Errorf("stranger: %v", err)
	}
}
