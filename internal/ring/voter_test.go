package ring

import (
	"errors"
	"strings"
	"testing"
)

func TestVoter(t *testing.T) {
	t.Attr("invariant", "RS1")
	r, secrets, _ := newRing(t, 4)
	name := "ring:ab" + strings.Repeat("00", 31)
	v, err := NewVoter(r, secrets[2], name)
	if err != nil {
		t.Fatal(err)
	}
	if v.KeyID() != name {
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
	other, err := NewVoter(r, secrets[0], name)
	if err != nil || other.KeyID() != v.KeyID() {
		t.Errorf("other voter: %v", err)
	}
	stranger, _, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewVoter(r, stranger, name); !errors.Is(err, ErrNotMember) {
		t.Errorf("stranger: %v", err)
	}
}
