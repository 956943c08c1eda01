package voprf

import (
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// TestReopen: the same blinds give the same elements and, of the answers of then,
// the same labels; another blind or fingerprint gives neither.
func TestReopen(t *testing.T) {
	t.Attr("invariant", "VO2")
	key := GenerateKey()
	inputs := [][]byte{[]byte("a"), []byte("b"), []byte("c")}
	q, err := NewQuery(key.Public(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := NewEvaluator(key).Answer(q.Requests()[0])
	if err != nil {
		t.Fatal(err)
	}
	labels, err := q.Labels([][]byte{answer})
	if err != nil {
		t.Fatal(err)
	}
	var openings []Opening
	var blinded []Commitment
	for i := range inputs {
		b, s := q.Commitment(i)
		openings, blinded = append(openings, s), append(blinded, b)
	}
	again, err := ReopenQuery(key.Public(), inputs, openings)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Labels([][]byte{answer})
	if err != nil || got[0] != labels[0] || got[2] != labels[2] {
		t.Errorf("reopened: %v", err)
	}
	replay, err := ReplayQuery(key.Public(), blinded)
	if err != nil {
		t.Fatal(err)
	}
	z, err := replay.Labels([][]byte{answer})
	if err != nil || string(z[0][:]) != string(answer[:32]) {
		t.Errorf("replayed: %v", err)
	}
	for name, f := range map[string]func() (*Query, error){
		"another fingerprint": func() (*Query, error) {
			return ReopenQuery(key.Public(), [][]byte{[]byte("a"), []byte("x"), []byte("c")}, openings)
		},
		"another blind": func() (*Query, error) {
			return ReopenQuery(key.Public(), inputs, []Opening{openings[0], Opening(group.RandomScalar().Bytes()), openings[2]})
		},
		"another key": func() (*Query, error) { return ReopenQuery(GenerateKey().Public(), inputs, openings) },
		"other elements": func() (*Query, error) {
			return ReplayQuery(key.Public(), []Commitment{blinded[1], blinded[0], blinded[2]})
		},
	} {
		q, err := f()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Labels([][]byte{answer}); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, f := range map[string]func() (*Query, error){
		"zero blind":  func() (*Query, error) { return ReopenQuery(key.Public(), inputs[:1], []Opening{{}}) },
		"no blind":    func() (*Query, error) { return ReopenQuery(key.Public(), inputs, nil) },
		"nothing":     func() (*Query, error) { return ReplayQuery(key.Public(), nil) },
		"no element":  func() (*Query, error) { return ReplayQuery(key.Public(), []Commitment{{1}}) },
		"the neutral": func() (*Query, error) { return ReplayQuery(key.Public(), []Commitment{{}}) },
	} {
		if _, err := f(); !errors.Is(err, ErrEncoding) && !errors.Is(err, ErrBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSharedBlind: two fingerprints under one s are not asked: the difference of the
// elements would be that of the fingerprints'.
func TestSharedBlind(t *testing.T) {
	t.Attr("invariant", "VO5")
	key := GenerateKey()
	q, err := NewQuery(key.Public(), prints(2))
	if err != nil {
		t.Fatal(err)
	}
	_, a := q.Commitment(0)
	_, b := q.Commitment(1)
	if _, err := ReopenQuery(key.Public(), prints(2), []Opening{a, a}); !errors.Is(err, ErrInput) {
		t.Errorf("one blind for two fingerprints: %v", err)
	}
	if _, err := ReopenQuery(key.Public(), prints(2), []Opening{a, b}); err != nil {
		t.Error(err)
	}
	// One fingerprint twice says nothing but that.
	same := [][]byte{prints(1)[0], prints(1)[0]}
	if _, err := ReopenQuery(key.Public(), same, []Opening{a, a}); err != nil {
		t.Error(err)
	}
}
