package log_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
)

// large is an artefact that needs several leaves.
func large(t *testing.T, n int) (*log.Artefact, []byte, log.Signer) {
	t.Helper()
	s := samples(t)[log.KindArtefact]
	a := s.st.(*log.Artefact)
	a.Sealed = noise("large", n)
	return a, s.seal(t), s.signers[0]
}

func parseAll(t *testing.T, leaves [][]byte) []*log.Signed {
	t.Helper()
	var parts []*log.Signed
	for _, l := range leaves {
		p, err := log.Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	return parts
}

// TestSplitJoin splits, joins in any order, and sees every mixture refused.
func TestSplitJoin(t *testing.T) {
	t.Attr("invariant", "S1")
	a, whole, signer := large(t, 100000)
	if _, err := log.Parse(whole); !errors.Is(err, dsse.ErrTooLarge) {
		t.Errorf("the whole is a leaf: %v", err)
	}
	leaves, err := log.Split(whole, signer)
	if err != nil || len(leaves) < 3 {
		t.Fatal(len(leaves), err)
	}
	for i, l := range leaves {
		if len(l) > dsse.MaxLeaf {
			t.Errorf("part %d takes %d bytes", i, len(l))
		}
	}
	parts := parseAll(t, leaves)
	rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	got, err := log.Join(parts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(log.Statement(a), got.Statement); diff != "" || !bytes.Equal(got.Leaf, whole) {
		t.Error(diff)
	}

	parts = parseAll(t, leaves)
	w := newWorld(t)
	other := parseAll(t, mustSplit(t, 100001))
	resign := func(p *log.Signed, s log.Signer, change func(*log.Part)) *log.Signed {
		q := *p.Statement.(*log.Part)
		if change != nil {
			change(&q)
		}
		l, err := log.Seal(&q, s)
		if err != nil {
			t.Fatal(err)
		}
		return parseAll(t, [][]byte{l})[0]
	}
	flip := func(q *log.Part) { q.Data = bytes.Clone(q.Data); q.Data[5] ^= 1 }
	for what, bad := range map[string][]*log.Signed{
		"none":                {},
		"one missing":         parts[:len(parts)-1],
		"one twice":           append(parts[:len(parts)-1:len(parts)-1], parts[0]),
		"one of another":      append([]*log.Signed{other[0]}, parts[1:]...),
		"data altered":        append([]*log.Signed{resign(parts[0], signer, flip)}, parts[1:]...),
		"another signer":      append([]*log.Signed{resign(parts[0], w.key("engine e0"), nil)}, parts[1:]...),
		"another kind":        append([]*log.Signed{resign(parts[0], signer, func(q *log.Part) { q.Of = log.KindEpoch })}, parts[1:]...),
		"another origin":      append([]*log.Signed{resign(parts[0], signer, func(q *log.Part) { q.Origin = "x" })}, parts[1:]...),
		"no part among":       append([]*log.Signed{got}, parts[1:]...),
		"all of one stranger": eachPart(parts, func(p *log.Signed) *log.Signed { return resign(p, w.key("engine e0"), nil) }),
		"all say another kind": eachPart(parts, func(p *log.Signed) *log.Signed {
			return resign(p, signer, func(q *log.Part) { q.Of = log.KindEpoch })
		}),
		"all say another log": eachPart(parts, func(p *log.Signed) *log.Signed {
			return resign(p, signer, func(q *log.Part) { q.Origin = "x" })
		}),
	} {
		if _, err := log.Join(bad); !errors.Is(err, log.ErrSyntax) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := log.Split(whole, w.key("engine e0")); !errors.Is(err, log.ErrSyntax) {
		t.Errorf("split by a stranger: %v", err)
	}
	// What fits a leaf has no parts: neither way.
	small := samples(t)[log.KindArtefact]
	leaf := small.seal(t)
	if got, err := log.Split(leaf, signer); err != nil || len(got) != 1 || !bytes.Equal(got[0], leaf) {
		t.Errorf("%d leaves, %v", len(got), err)
	}
	if _, err := log.ParseWhole(samples(t)[log.KindRun].seal(t)); !errors.Is(err, log.ErrSyntax) {
		t.Errorf("a run in parts: %v", err)
	}
}

// TestPartBounds holds that the largest lists have a legal number of parts, and
// that each part fits one leaf.
func TestPartBounds(t *testing.T) {
	t.Attr("invariant", "S1")
	// The largest lists of each kind that comes in parts fit one whole.
	_, whole, signer := large(t, log.MaxSealed)
	full := &log.Fingerprints{Origin: origin, Run: "run-1", Artefact: new(uint64(1)), KeyVersion: 1}
	for n := range log.MaxArtefactLabels {
		full.Excluded = append(full.Excluded, log.Exclusion{Number: uint64(n), Reason: strings.Repeat("r", log.MaxExclusion), Leaf: hashOf("leaf")})
	}
	published := &log.Fingerprints{Origin: origin, Run: "run-1", Artefact: new(uint64(1)), KeyVersion: 1}
	for n := range log.MaxArtefactLabels {
		published.Labels = append(published.Labels, log.Label{Number: uint64(n), Kind: log.LabelManifest, Label: noise("label", 32)})
	}
	allowed := &log.AllowList{Origin: origin, Sequence: 1, LabelKind: log.LabelManifest, Reason: "reason"}
	for n := range log.MaxAllowed {
		allowed.Labels = append(allowed.Labels, append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, 28)...))
	}
	epoch := &log.Epoch{Origin: origin, Number: 1, Semantics: 1}
	for n := range log.MaxEpochParts {
		p := log.EpochPart{Kind: log.LabelTensor, Prefix: fmt.Sprintf("%04x", n), KeyVersion: 1, Count: 100}
		for _, name := range []string{"coefficients", "delta", "full", "lookup", "root", "roots"} {
			p.Commitments = append(p.Commitments, log.Commitment{Name: name, Hash: hashOf(name)})
		}
		epoch.Parts = append(epoch.Parts, p)
	}
	wholes := [][]byte{whole}
	for _, st := range []log.Statement{full, published, allowed, epoch} {
		w, err := log.Seal(st, signer)
		if err != nil {
			t.Errorf("%s: %v", st.Kind(), err)
			continue
		}
		wholes = append(wholes, w)
	}
	for _, w := range wholes {
		leaves, err := log.Split(w, signer)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range leaves {
			if len(l) > dsse.MaxLeaf {
				t.Errorf("part %d takes %d bytes", i, len(l))
			}
		}
	}
	// A part as large as can be: the longest origin, full data, ECDSA's length.
	p := &log.Part{Origin: string(bytes.Repeat([]byte("o"), log.MaxOrigin)), Of: log.KindFingerprints, Number: log.MaxParts - 2, Count: log.MaxParts, Whole: hashOf("w"), Data: noise("d", log.MaxPartData)}
	payload, err := log.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	e := dsse.Envelope{Payload: payload, PayloadType: log.KindPart.Type(), Signatures: []dsse.Signature{{KeyID: newWorld(t).key("x").KeyID(), Sig: make([]byte, 72)}}}
	if raw, err := e.Format(dsse.MaxLeaf); err != nil {
		t.Errorf("%d bytes: %v", len(raw), err)
	}
	if log.MaxParts*log.MaxPartData < dsse.MaxWhole {
		t.Errorf("%d parts of %d hold no whole of %d", log.MaxParts, log.MaxPartData, dsse.MaxWhole)
	}
}

func eachPart(parts []*log.Signed, f func(*log.Signed) *log.Signed) []*log.Signed {
	var out []*log.Signed
	for _, p := range parts {
		out = append(out, f(p))
	}
	return out
}

func mustSplit(t *testing.T, n int) [][]byte {
	t.Helper()
	_, whole, signer := large(t, n)
	leaves, err := log.Split(whole, signer)
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}
