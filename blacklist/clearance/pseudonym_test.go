package clearance

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// TestUnblinding: the proof holds for what it was made for, and each input and each
// half of it is needed.
func TestUnblinding(t *testing.T) {
	t.Attr("invariant", "BG1")
	t.Attr("invariant", "BG3")
	k, s := group.RandomScalar(), group.RandomScalar()
	h := group.MulBase(group.RandomScalar())
	pk, b := group.MulBase(k), h.Add(group.MulBase(s))
	u := Unblinding{
		Origin: "log.example", Genesis: [32]byte{1}, Size: 9, KeyVersion: 1, Kind: "tensor",
		Public: [32]byte(pk.Bytes()), B: [32]byte(b.Bytes()), Z: [32]byte(b.Mul(k).Bytes()), Y: [32]byte(h.Mul(k).Bytes()),
	}
	proof, err := u.Prove(s.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Verify(proof); err != nil {
		t.Fatal(err)
	}
	if got := u.Label(); got != u.Y {
		t.Error("another label")
	}
	other := [32]byte(group.MulBase(group.RandomScalar()).Bytes())
	for name, change := range map[string]func(*Unblinding){
		"origin":  func(u *Unblinding) { u.Origin += "x" },
		"genesis": func(u *Unblinding) { u.Genesis[0]++ },
		"size":    func(u *Unblinding) { u.Size++ },
		"version": func(u *Unblinding) { u.KeyVersion++ },
		"kind":    func(u *Unblinding) { u.Kind = "band-0" },
		"pk":      func(u *Unblinding) { u.Public = other },
		"B":       func(u *Unblinding) { u.B = other },
		"Z":       func(u *Unblinding) { u.Z = other },
		"Y":       func(u *Unblinding) { u.Y = other },
	} {
		bad := u
		change(&bad)
		if err := bad.Verify(proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range UnblindSize / 32 {
		bad := bytes.Clone(proof)
		copy(bad[32*i:], group.RandomScalar().Bytes())
		if err := u.Verify(bad); !errors.Is(err, ErrProof) {
			t.Errorf("field %d: %v", i, err)
		}
		copy(bad[32*i:], bytes.Repeat([]byte{0xff}, 32))
		if err := u.Verify(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("field %d: %v", i, err)
		}
	}
	if err := u.Verify(proof[1:]); !errors.Is(err, ErrFormat) {
		t.Errorf("short: %v", err)
	}
	if _, err := u.Prove(group.RandomScalar().Bytes()); !errors.Is(err, ErrProof) {
		t.Errorf("another s: %v", err)
	}
	naked := u
	naked.Y = naked.Z
	if err := naked.Verify(proof); !errors.Is(err, ErrFormat) {
		t.Errorf("nothing blinded: %v", err)
	}
}
