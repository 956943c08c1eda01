package ring

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

// A vector is one published signature. All bytes are hex. Secrets, α and the
// responses come from the stream that the file describes, 64 bytes each, reduced
// modulo the order.
type vector struct {
	Size      int      `json:"size"`
	Position  int      `json:"position"`
	Secrets   []string `json:"secrets"`
	Keys      []string `json:"keys"`
	RingHash  string   `json:"ring_hash"`
	Message   string   `json:"message"`
	Stream    string   `json:"stream"`
	Signature string   `json:"signature"`
}

type vectors struct {
	Construction string   `json:"construction"`
	Stream       string   `json:"stream"`
	Vectors      []vector `json:"vectors"`
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	out := vectors{
		Construction: "Abe-Ohkubo-Suzuki 2002 over ristretto255, as in the package comment",
		Stream:       "alpha, s[0], ..., s[n-1] are 64 bytes each of SHA-512(stream || u64be 0), SHA-512(stream || u64be 1), ..., little-endian, modulo the order",
	}
	for _, n := range sizes {
		r, secrets, keys := newRing(t, n)
		for _, position := range []int{0, n / 2, n - 1} {
			if n == 2 && position == 0 {
				continue
			}
			message := fmt.Appendf(nil, "vector %d of %d", position, n)
			name := fmt.Sprintf("signature %d of %d", position, n)
			sig, err := r.sign(&stream{seed: name}, secrets[position], message)
			if err != nil {
				t.Fatal(err)
			}
			v := vector{
				Size: n, Position: position, Message: hex.EncodeToString(message),
				Stream: name, Signature: hex.EncodeToString(sig), RingHash: fmt.Sprintf("%x", r.Hash()),
			}
			for i := range n {
				v.Secrets = append(v.Secrets, hex.EncodeToString(secrets[i].Bytes()))
				v.Keys = append(v.Keys, hex.EncodeToString(keys[i]))
			}
			out.Vectors = append(out.Vectors, v)
		}
	}
	return out
}

func TestVectors(t *testing.T) {
	t.Attr("invariant", "RS1")
	path := filepath.Join("testdata", "vectors.json")
	made, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, published) {
		t.Error("the published vectors are no longer what is signed: old signatures in logs would not verify")
	}
	var read vectors
	if err := json.Unmarshal(published, &read); err != nil {
		t.Fatal(err)
	}
	for _, v := range read.Vectors {
		keys := make([][]byte, len(v.Keys))
		for i, k := range v.Keys {
			keys[i] = unhex(t, k)
		}
		r, err := NewRing(keys)
		if err != nil {
			t.Fatal(err)
		}
		sig, message := unhex(t, v.Signature), unhex(t, v.Message)
		if err := r.Verify(message, sig); err != nil {
			t.Errorf("%d of %d: %v", v.Position, v.Size, err)
		}
		if !naiveVerify(keys, message, sig) {
			t.Errorf("%d of %d: the naive verifier refuses", v.Position, v.Size)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
