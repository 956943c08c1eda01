package voprf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// rfcSuite is one mode of RFC 9497, appendix A.1. Lists are joined by commas.
type rfcSuite struct {
	GroupDST   string `json:"groupDST"`
	Hash       string `json:"hash"`
	Identifier string `json:"identifier"`
	KeyInfo    string `json:"keyInfo"`
	Mode       Mode   `json:"mode"`
	PkSm       string `json:"pkSm"`
	Seed       string `json:"seed"`
	SkSm       string `json:"skSm"`
	Vectors    []struct {
		Batch             int
		Blind             string
		BlindedElement    string
		EvaluationElement string
		Info              string
		Input             string
		Output            string
		Proof             struct {
			Proof string `json:"proof"`
			R     string `json:"r"`
		}
	} `json:"vectors"`
}

func rfcSuites(tb testing.TB) []rfcSuite {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "rfc9497-ristretto255-sha512.json"))
	if err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var out []rfcSuite
	if err := d.Decode(&out); err != nil {
		tb.Fatal(err)
	}
	return out
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func unhexAll(tb testing.TB, s string) [][]byte {
	tb.Helper()
	var out [][]byte
	for part := range strings.SplitSeq(s, ",") {
		out = append(out, unhex(tb, part))
	}
	return out
}

// fixed is a source that gives one scalar, as the 64 bytes that reduce to it.
func fixed(scalar []byte) *bytes.Reader {
	return bytes.NewReader(append(bytes.Clone(scalar), make([]byte, 32)...))
}

func equalLists(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// TestRFC9497 runs every vector of the suite ristretto255-SHA512 in all three
// modes: keys, blinded elements, evaluations, proofs and outputs, byte for byte.
func TestRFC9497(t *testing.T) {
	t.Attr("invariant", "VO1")
	seen := 0
	for _, suite := range rfcSuites(t) {
		if suite.Identifier != "ristretto255-SHA512" || suite.Hash != "SHA512" {
			t.Fatalf("suite %s with %s", suite.Identifier, suite.Hash)
		}
		if got := string(suite.Mode.tags().HashToGroup); got != string(unhex(t, suite.GroupDST)) {
			t.Errorf("mode %d: domain tag %q", suite.Mode, got)
		}
		key, err := DeriveKey(suite.Mode, unhex(t, suite.Seed), unhex(t, suite.KeyInfo))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(key.Bytes(), unhex(t, suite.SkSm)) {
			t.Errorf("mode %d: private key %x", suite.Mode, key.Bytes())
		}
		public := key.Public()
		if suite.Mode == ModeOPRF {
			public = nil
		} else if !bytes.Equal(public.Bytes(), unhex(t, suite.PkSm)) {
			t.Errorf("mode %d: public key %x", suite.Mode, public.Bytes())
		}
		for i, v := range suite.Vectors {
			seen++
			var info []byte
			if suite.Mode == ModePOPRF {
				info = unhex(t, v.Info)
			}
			inputs, blinds := unhexAll(t, v.Input), unhexAll(t, v.Blind)
			if len(inputs) != v.Batch {
				t.Fatalf("mode %d, vector %d: %d inputs", suite.Mode, i, len(inputs))
			}
			client, err := NewClient(suite.Mode, public, info)
			if err != nil {
				t.Fatal(err)
			}
			scalars := make([]*group.Scalar, len(blinds))
			for j, b := range blinds {
				if scalars[j], err = group.DecodeScalar(b); err != nil {
					t.Fatal(err)
				}
			}
			blinded, err := client.blindWith(inputs, scalars)
			if err != nil {
				t.Fatal(err)
			}
			if !equalLists(blinded.Elements(), unhexAll(t, v.BlindedElement)) {
				t.Errorf("mode %d, vector %d: blinded elements", suite.Mode, i)
			}
			server, err := NewServer(suite.Mode, key)
			if err != nil {
				t.Fatal(err)
			}
			if suite.Mode != ModeOPRF {
				server.random = fixed(unhex(t, v.Proof.R))
			}
			evaluated, proof, err := server.BlindEvaluate(blinded.Elements(), info)
			if err != nil {
				t.Fatal(err)
			}
			if !equalLists(evaluated, unhexAll(t, v.EvaluationElement)) {
				t.Errorf("mode %d, vector %d: evaluation elements", suite.Mode, i)
			}
			if !bytes.Equal(proof, unhex(t, v.Proof.Proof)) {
				t.Errorf("mode %d, vector %d: proof %x", suite.Mode, i, proof)
			}
			outputs, err := blinded.Finalize(evaluated, proof)
			if err != nil {
				t.Fatal(err)
			}
			if !equalLists(outputs, unhexAll(t, v.Output)) {
				t.Errorf("mode %d, vector %d: outputs", suite.Mode, i)
			}
			for j, input := range inputs {
				direct, err := server.Evaluate(input, info)
				if err != nil || !bytes.Equal(direct, outputs[j]) {
					t.Errorf("mode %d, vector %d: direct evaluation: %v", suite.Mode, i, err)
				}
			}
			if suite.Mode == ModeVOPRF {
				// haltlog's evaluator is the RFC's server to the last byte.
				e := NewEvaluator(key)
				e.random = fixed(unhex(t, v.Proof.R))
				evaluated, proof, err := e.Evaluate(blinded.Elements())
				if err != nil || !equalLists(evaluated, unhexAll(t, v.EvaluationElement)) || !bytes.Equal(proof, unhex(t, v.Proof.Proof)) {
					t.Errorf("vector %d: evaluator: %v", i, err)
				}
			}
		}
	}
	if seen != 8 {
		t.Errorf("%d vectors of 8", seen)
	}
}

func TestModesAreKeptApart(t *testing.T) {
	t.Attr("invariant", "VO1")
	key := GenerateKey()
	for _, test := range []struct {
		mode   Mode
		public *PublicKey
		info   []byte
	}{
		{ModeOPRF, key.Public(), nil},
		{ModeVOPRF, nil, nil},
		{ModePOPRF, nil, []byte("i")},
		{ModeVOPRF, key.Public(), []byte("i")},
		{ModeOPRF, nil, []byte("i")},
		{3, key.Public(), nil},
	} {
		if _, err := NewClient(test.mode, test.public, test.info); err == nil {
			t.Errorf("client in mode %d", test.mode)
		}
	}
	if _, err := NewServer(3, key); err == nil {
		t.Error("server in mode 3")
	}
	if _, err := DeriveKey(3, []byte("s"), nil); err == nil {
		t.Error("key of mode 3")
	}
	if _, err := DeriveKey(ModeVOPRF, nil, nil); err == nil {
		t.Error("key of no seed")
	}
	if _, err := DeriveKey(ModeVOPRF, []byte("s"), make([]byte, MaxInput+1)); err == nil {
		t.Error("key of a long info")
	}
	// An answer of one mode is none of another.
	blinded := func(mode Mode, info []byte) *Blinded {
		public := key.Public()
		if mode == ModeOPRF {
			public = nil
		}
		c, err := NewClient(mode, public, info)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Blind([][]byte{[]byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, asked := range []Mode{ModeOPRF, ModeVOPRF, ModePOPRF} {
		for _, answered := range []Mode{ModeOPRF, ModeVOPRF, ModePOPRF} {
			b := blinded(asked, nil)
			server, err := NewServer(answered, key)
			if err != nil {
				t.Fatal(err)
			}
			evaluated, proof, err := server.BlindEvaluate(b.Elements(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Finalize(evaluated, proof); (err == nil) != (asked == answered) {
				t.Errorf("asked in mode %d, answered in %d: %v", asked, answered, err)
			}
		}
	}
	// Another info is another key.
	b := blinded(ModePOPRF, []byte("a"))
	server, err := NewServer(ModePOPRF, key)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, proof, err := server.BlindEvaluate(b.Elements(), []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Finalize(evaluated, proof); err == nil {
		t.Error("an answer for another info")
	}
}
