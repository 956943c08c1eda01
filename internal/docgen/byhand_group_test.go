package main

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
	"github.com/haltlog/haltlog/internal/ring"
)

// The formulas that need a group are computed with its bare arithmetic: without
// the packages that make signatures and labels.

func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func u64(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func scalarAt(t *testing.T, b []byte, i int) *group.Scalar {
	t.Helper()
	s, err := group.DecodeScalar(b[32*i:][:32])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The published ring signatures verify by the page's formulas, and so does a
// proof of possession.
func TestRingByHand(t *testing.T) {
	var file struct {
		Vectors []struct {
			Size                         int
			Keys                         []string
			RingHash                     string `json:"ring_hash"`
			Message, Signature, Position any
		}
	}
	if err := json.Unmarshal([]byte(read(t, root+"/internal/ring/testdata/vectors.json")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range file.Vectors {
		message, _ := v.Message.(string)
		signature, _ := v.Signature.(string)
		m, sig := []byte(unhex(t, message)), []byte(unhex(t, signature))
		transcript := u32(v.Size)
		keys := make([]*group.Element, v.Size)
		for i, k := range v.Keys {
			b := []byte(unhex(t, k))
			transcript = append(transcript, b...)
			e, err := group.DecodeElement(b)
			if err != nil {
				t.Fatal(err)
			}
			keys[i] = e
		}
		ringHash, err := group.ExpandMessage(32, "haltlog/v1/ring-hash", transcript)
		if err != nil || hex.EncodeToString(ringHash) != v.RingHash {
			t.Fatalf("ring hash %x, %v", ringHash, err)
		}
		digest, err := group.ExpandMessage(64, "haltlog/v1/ring-message", ringHash, u64(len(m)), m)
		if err != nil {
			t.Fatal(err)
		}
		first := scalarAt(t, sig, 0)
		c := first
		for j := range v.Size {
			point := group.MulBase(scalarAt(t, sig, j+1)).Add(keys[j].Mul(c))
			c = group.HashToScalar("haltlog/v1/ring-challenge", digest, u32((j+1)%v.Size), point.Bytes())
		}
		if len(sig) != 32*(v.Size+1) || !c.Equal(first) {
			t.Errorf("vector of size %d, position %v: the chain does not come round", v.Size, v.Position)
		}
	}

	secret, public, err := ring.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	context := []byte("haltlog/ring-key/v1\nlog.example\ncouncil\nada\n")
	proof := ring.ProvePossession(secret, context)
	p, err := group.DecodeElement(public[:])
	if err != nil {
		t.Fatal(err)
	}
	c, z := scalarAt(t, proof, 0), scalarAt(t, proof, 1)
	point := group.MulBase(z).Sub(p.Mul(c))
	if !group.HashToScalar("haltlog/v1/ring-possession", public[:], u64(len(context)), context, point.Bytes()).Equal(c) {
		t.Error("the proof of possession does not verify by the page's formula")
	}
}

// The printed labels are k·H1(x), and their scalars those of the page's tag.
func TestLabelArithmeticByHand(t *testing.T) {
	k := scalarAt(t, []byte(unhex(t, printed(t, "labels", "evaluator's key"))), 0)
	agree(t, "labels", "public key", string(group.MulBase(k).Bytes()))
	inputs, labels, scalars := values(t, "labels", "its input x"), values(t, "labels", "its label Y"), values(t, "labels", "its scalar u")
	for i, x := range inputs {
		y := group.HashToGroup("HashToGroup-OPRFV1-\x01-ristretto255-SHA512", []byte(x)).Mul(k).Bytes()
		if string(y) != labels[i] {
			t.Errorf("label %d is %x, the page prints %x", i, y, labels[i])
		}
		if u := group.HashToScalar("haltlog/v1/blacklist-scalar", y).Bytes(); string(u) != scalars[i] {
			t.Errorf("scalar %d is %x, the page prints %x", i, u, scalars[i])
		}
	}
}
