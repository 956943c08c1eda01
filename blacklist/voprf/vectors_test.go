package voprf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/threshold.json again")

// thresholdVector is a shared key's answers, as other implementations take them.
type thresholdVector struct {
	T           int               `json:"t"`
	N           int               `json:"n"`
	Commitments []string          `json:"commitments"`
	Blinded     []string          `json:"blinded"`
	Evaluated   []string          `json:"evaluated"` // k·B
	Answers     []thresholdAnswer `json:"answers"`
}

type thresholdAnswer struct {
	Holder   int    `json:"holder"`
	Response string `json:"response"`
}

const thresholdFile = "testdata/threshold.json"

// TestThresholdVector: the published answers of a shared key combine to the published
// evaluations, for every subset of the holders.
func TestThresholdVector(t *testing.T) {
	t.Attr("invariant", "VO7")
	if *update {
		writeThreshold(t)
	}
	raw, err := os.ReadFile(thresholdFile)
	if err != nil {
		t.Fatal(err)
	}
	var v thresholdVector
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	set := Set{Version: 1, T: v.T, N: v.N}
	for _, c := range v.Commitments {
		set.Commitments = append(set.Commitments, unhex(t, c))
	}
	set.PublicKey = set.Commitments[0]
	pk, err := set.Key()
	if err != nil {
		t.Fatal(err)
	}
	blinded := make([]Commitment, len(v.Blinded))
	for i, b := range v.Blinded {
		blinded[i] = Commitment(unhex(t, b))
	}
	for _, subset := range subsets(v.T, v.N) {
		q, err := ReplayQuery(pk, blinded)
		if err != nil {
			t.Fatal(err)
		}
		answers := map[int][][]byte{}
		for _, i := range subset {
			answers[i] = [][]byte{unhex(t, v.Answers[i-1].Response)}
		}
		got, lies, err := q.Combine(set, answers)
		if err != nil || len(lies) > 0 {
			t.Fatalf("%v: %v %v", subset, lies, err)
		}
		for i, z := range got {
			if hex.EncodeToString(z[:]) != v.Evaluated[i] {
				t.Errorf("%v: evaluation %d is another", subset, i)
			}
		}
	}
}

// writeThreshold makes new vectors: the key and all nonces are thrown away.
func writeThreshold(t *testing.T) {
	key := GenerateKey()
	set, shares := share(t, key, 2, 4)
	q, err := NewQuery(key.Public(), [][]byte{[]byte("a"), []byte("b"), []byte("c")})
	if err != nil {
		t.Fatal(err)
	}
	v := thresholdVector{T: set.T, N: set.N}
	for _, c := range set.Commitments {
		v.Commitments = append(v.Commitments, hex.EncodeToString(c))
	}
	request := q.Requests()[0]
	whole, err := NewEvaluator(key).Answer(request)
	if err != nil {
		t.Fatal(err)
	}
	for i := range q.Len() {
		v.Blinded = append(v.Blinded, hex.EncodeToString(request[ElementSize*i:][:ElementSize]))
		v.Evaluated = append(v.Evaluated, hex.EncodeToString(whole[ElementSize*i:][:ElementSize]))
	}
	for _, s := range shares {
		b, err := NewShareEvaluator(s).Answer(request)
		if err != nil {
			t.Fatal(err)
		}
		v.Answers = append(v.Answers, thresholdAnswer{s.Index(), hex.EncodeToString(b)})
	}
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(thresholdFile, append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
