package voprf

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// TestClientChecksProofs alters what an RFC client gets back, in both modes that
// prove: each part alone.
func TestClientChecksProofs(t *testing.T) {
	t.Attr("invariant", "VO2")
	key := GenerateKey()
	for mode, info := range map[Mode][]byte{ModeVOPRF: nil, ModePOPRF: []byte("info")} {
		client, err := NewClient(mode, key.Public(), info)
		if err != nil {
			t.Fatal(err)
		}
		b, err := client.Blind(fingerprints(3))
		if err != nil {
			t.Fatal(err)
		}
		server, err := NewServer(mode, key)
		if err != nil {
			t.Fatal(err)
		}
		evaluated, proof, err := server.BlindEvaluate(b.Elements(), info)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Finalize(evaluated, proof); err != nil {
			t.Fatalf("mode %d: %v", mode, err)
		}
		add := func(b []byte, at int) []byte {
			out := bytes.Clone(b)
			s, err := group.DecodeScalar(out[at:][:32])
			if err != nil {
				t.Fatal(err)
			}
			copy(out[at:], s.Add(group.ScalarFromUint64(1)).Bytes())
			return out
		}
		other := func(i int) [][]byte {
			out := append([][]byte{}, evaluated...)
			out[i] = group.MulBase(group.RandomScalar()).Bytes()
			return out
		}
		swapped := [][]byte{evaluated[1], evaluated[0], evaluated[2]}
		for name, test := range map[string]struct {
			evaluated [][]byte
			proof     []byte
			want      error
		}{
			"first element":    {other(0), proof, ErrProof},
			"last element":     {other(2), proof, ErrProof},
			"order":            {swapped, proof, ErrProof},
			"challenge":        {evaluated, add(proof, 0), ErrProof},
			"response":         {evaluated, add(proof, 32), ErrProof},
			"no proof":         {evaluated, nil, ErrEncoding},
			"short proof":      {evaluated, proof[:63], ErrEncoding},
			"high challenge":   {evaluated, append(bytes.Repeat([]byte{255}, 32), proof[32:]...), ErrEncoding},
			"high response":    {evaluated, append(bytes.Clone(proof[:32]), bytes.Repeat([]byte{255}, 32)...), ErrEncoding},
			"too few":          {evaluated[:2], proof, ErrBatch},
			"too many":         {append(other(0), evaluated[0]), proof, ErrBatch},
			"identity":         {[][]byte{evaluated[0], make([]byte, 32), evaluated[2]}, proof, ErrEncoding},
			"blinded returned": {b.Elements(), proof, ErrProof},
		} {
			if out, err := b.Finalize(test.evaluated, test.proof); out != nil || !errors.Is(err, test.want) {
				t.Errorf("mode %d, %s: %v", mode, name, err)
			}
		}
	}
}

// TestKeysNegative: an info whose scalar is the key's negative has no function.
// Only who knows the key can make one; here the key is made from the info.
func TestKeysNegative(t *testing.T) {
	t.Attr("invariant", "VO4")
	info := []byte("info")
	m, err := infoScalar(info)
	if err != nil {
		t.Fatal(err)
	}
	key := newPrivateKey(m.Neg())
	if _, err := NewClient(ModePOPRF, key.Public(), info); !errors.Is(err, ErrInput) {
		t.Errorf("client: %v", err)
	}
	server, err := NewServer(ModePOPRF, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.BlindEvaluate([][]byte{group.Generator().Bytes()}, info); !errors.Is(err, ErrInput) {
		t.Errorf("server: %v", err)
	}
	if _, err := server.Evaluate([]byte("x"), info); !errors.Is(err, ErrInput) {
		t.Errorf("direct: %v", err)
	}
	if _, err := server.Evaluate(make([]byte, MaxInput+1), []byte("other")); !errors.Is(err, ErrInput) {
		t.Errorf("long input: %v", err)
	}
	if _, err := server.Evaluate([]byte("x"), make([]byte, MaxInput+1)); !errors.Is(err, ErrInput) {
		t.Errorf("long info: %v", err)
	}
}
