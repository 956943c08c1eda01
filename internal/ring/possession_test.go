package ring

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

func TestPossession(t *testing.T) {
	t.Attr("invariant", "RS6")
	secret, public, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	context := []byte("example.org/log group-1")
	proof := ProvePossession(secret, context)
	if err := VerifyPossession(public[:], context, proof); err != nil {
		t.Fatal(err)
	}
	changed := func(at int) []byte {
		b := bytes.Clone(proof)
		s, err := group.DecodeScalar(b[at:][:32])
		if err != nil {
			t.Fatal(err)
		}
		copy(b[at:], s.Add(group.ScalarFromUint64(1)).Bytes())
		return b
	}
	high := bytes.Clone(proof)
	high[63] |= 0x80
	high0 := bytes.Clone(proof)
	high0[31] |= 0x80
	for name, test := range map[string]struct{ key, context, proof []byte }{
		"other key":                  {other[:], context, proof},
		"identity":                   {make([]byte, 32), context, proof},
		"key not canonical":          {bytes.Repeat([]byte{255}, 32), context, proof},
		"short key":                  {public[:31], context, proof},
		"other context":              {public[:], []byte("example.org/log group-2"), proof},
		"no context":                 {public[:], nil, proof},
		"challenge":                  {public[:], context, changed(0)},
		"response":                   {public[:], context, changed(32)},
		"challenge not canonical":    {public[:], context, high0},
		"response not canonical":     {public[:], context, high},
		"challenge and response mix": {public[:], context, append(bytes.Clone(proof[32:]), proof[:32]...)},
		"short":                      {public[:], context, proof[:63]},
		"long":                       {public[:], context, append(bytes.Clone(proof), 0)},
		"empty":                      {public[:], context, nil},
	} {
		if err := VerifyPossession(test.key, test.context, test.proof); !errors.Is(err, ErrPossession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bytes.Equal(proof, ProvePossession(secret, context)) {
		t.Error("a proof is repeated: its commitment is not random")
	}
}

// TestKeyIsInTheChallenge: were it not, a key could be chosen to fit a finished
// proof: P = (z·G − R)/c, of which nobody knows the secret.
func TestKeyIsInTheChallenge(t *testing.T) {
	t.Attr("invariant", "RS6")
	commitment, z := group.MulBase(group.RandomScalar()), group.RandomScalar()
	c := group.HashToScalar(group.TagRingPossession, make([]byte, 8), commitment.Bytes())
	inverse, err := c.Invert()
	if err != nil {
		t.Fatal(err)
	}
	p := group.MulBase(z).Sub(commitment).Mul(inverse)
	if err := VerifyPossession(p.Bytes(), nil, append(c.Bytes(), z.Bytes()...)); !errors.Is(err, ErrPossession) {
		t.Errorf("a key made from a proof: %v", err)
	}
}

// TestRogueKey is what the proofs are for: a key made from the others' keys, of
// which nobody knows the secret, has no proof, even from whoever made it.
func TestRogueKey(t *testing.T) {
	t.Attr("invariant", "RS6")
	mine, _, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, theirs, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := group.DecodeElement(theirs[:])
	if err != nil {
		t.Fatal(err)
	}
	rogue := group.MulBase(mine.x).Sub(p)
	forged := &Secret{x: mine.x, public: Public(rogue.Bytes())}
	if err := VerifyPossession(rogue.Bytes(), nil, ProvePossession(forged, nil)); !errors.Is(err, ErrPossession) {
		t.Errorf("rogue key: %v", err)
	}
}
