package voprf

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

func fingerprints(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "fingerprint %d", i)
	}
	return out
}

func ask(tb testing.TB, key *PrivateKey, n int) (*Query, []byte) {
	tb.Helper()
	q, err := NewQuery(key.Public(), fingerprints(n))
	if err != nil {
		tb.Fatal(err)
	}
	response, err := NewEvaluator(key).Answer(q.Requests()[0])
	if err != nil {
		tb.Fatal(err)
	}
	return q, response
}

func TestQueryGivesTheLabel(t *testing.T) {
	t.Attr("invariant", "VO1")
	key := GenerateKey()
	for _, n := range []int{1, 2, 3, 17, 2*minShare + 1, 2*compositePart + 1} {
		q, response := ask(t, key, n)
		labels, err := q.Labels([][]byte{response})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range fingerprints(n) {
			want, err := key.Label(x)
			if err != nil || labels[i] != want {
				t.Errorf("label %d of %d: %v", i, n, err)
			}
			if again, err := ParseLabel(want[:]); err != nil || again != want {
				t.Errorf("parse label: %v", err)
			}
		}
	}
	other, err := GenerateKey().Label([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if mine, err := key.Label([]byte("x")); err != nil || mine == other {
		t.Error("two keys give one label")
	}
}

// TestBothBlindingsAgree: the RFC's multiplicative client finds the same element
// that the additive one publishes.
func TestBothBlindingsAgree(t *testing.T) {
	t.Attr("invariant", "VO1")
	key := GenerateKey()
	label, err := key.Label([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(ModeVOPRF, key.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := client.Blind([][]byte{[]byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	evaluated, proof, err := NewEvaluator(key).Evaluate(b.Elements())
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Finalize(evaluated, proof)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out[0], output(ModeVOPRF, []byte("x"), nil, label[:])) {
		t.Error("the two blindings disagree")
	}
}

// TestNothingWithoutProof alters the response, the request and the key, each
// alone, and sees no label.
func TestNothingWithoutProof(t *testing.T) {
	t.Attr("invariant", "VO2")
	key := GenerateKey()
	q, response := ask(t, key, 4)
	one := group.ScalarFromUint64(1)

	refuse := func(name string, q *Query, response []byte, want error) {
		t.Helper()
		if labels, err := q.Labels([][]byte{response}); labels != nil || !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Each evaluated element: another one, its negative, a neighbour's.
	for i := range 4 {
		bad := bytes.Clone(response)
		e, err := group.DecodeElement(bad[32*i:][:32])
		if err != nil {
			t.Fatal(err)
		}
		copy(bad[32*i:], e.Add(group.Generator()).Bytes())
		refuse("evaluated element plus the generator", q, bad, ErrProof)
		copy(bad[32*i:], e.Neg().Bytes())
		refuse("evaluated element negated", q, bad, ErrProof)
		copy(bad[32*i:], response[32*((i+1)%4):][:32])
		refuse("neighbour's element", q, bad, ErrProof)
	}
	swapped := append(append(bytes.Clone(response[32:64]), response[:32]...), response[64:]...)
	refuse("two elements in the other order", q, swapped, ErrProof)
	// Both halves of the proof.
	for _, at := range []int{4 * 32, 5 * 32} {
		bad := bytes.Clone(response)
		s, err := group.DecodeScalar(bad[at:][:32])
		if err != nil {
			t.Fatal(err)
		}
		copy(bad[at:], s.Add(one).Bytes())
		refuse("proof", q, bad, ErrProof)
	}
	// Another key, honestly proven.
	liar := GenerateKey()
	lied, err := NewEvaluator(liar).Answer(q.Requests()[0])
	if err != nil {
		t.Fatal(err)
	}
	refuse("another key", q, lied, ErrProof)
	// One element under another key, proven under the right one.
	blinded, err := ParseRequest(q.Requests()[0])
	if err != nil {
		t.Fatal(err)
	}
	elements, err := decodeAll(blinded)
	if err != nil {
		t.Fatal(err)
	}
	b := multiply(key.k, blinded, elements)
	b.d[2] = elements[2].Mul(liar.k)
	b.dEnc[2] = b.d[2].Bytes()
	proof, err := b.prove(ModeVOPRF, key.k, key.public.encoded[:], system())
	if err != nil {
		t.Fatal(err)
	}
	refuse("one element under another key", q, append(join(b.dEnc), proof...), ErrProof)
	// A response to another query of the same fingerprints.
	other, _ := ask(t, key, 4)
	refuse("another query's response", other, response, ErrProof)
	// Counts.
	_, three := ask(t, key, 3)
	refuse("three for four", q, three, ErrBatch)
	_, five := ask(t, key, 5)
	refuse("five for four", q, five, ErrBatch)
	for _, list := range [][][]byte{nil, {response, response}} {
		if _, err := q.Labels(list); !errors.Is(err, ErrBatch) {
			t.Errorf("%d responses: %v", len(list), err)
		}
	}
	if _, err := q.Labels([][]byte{response}); err != nil {
		t.Errorf("unaltered: %v", err)
	}
}

// TestProofBindsItsTranscript gives each input of the verification another value,
// alone, the others being those that were proven.
func TestProofBindsItsTranscript(t *testing.T) {
	t.Attr("invariant", "VO2")
	key, other := GenerateKey(), GenerateKey()
	elements := make([]*group.Element, 3)
	encoded := make([][]byte, 3)
	for i := range elements {
		elements[i] = group.MulBase(group.RandomScalar())
		encoded[i] = elements[i].Bytes()
	}
	b := multiply(key.k, encoded, elements)
	proof, err := b.prove(ModeVOPRF, key.k, key.public.encoded[:], system())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.verify(ModeVOPRF, key.public.element, key.public.encoded[:], proof); err != nil {
		t.Fatal(err)
	}
	alter := func(name string, change func(b *batch) (Mode, *group.Element, []byte)) {
		copied := &batch{
			c: append([]*group.Element{}, b.c...), d: append([]*group.Element{}, b.d...),
			cEnc: append([][]byte{}, b.cEnc...), dEnc: append([][]byte{}, b.dEnc...),
		}
		mode, public, enc := change(copied)
		if err := copied.verify(mode, public, enc, proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mode, p, enc := ModeVOPRF, key.public.element, key.public.encoded[:]
	stranger := other.public.element
	alter("mode", func(*batch) (Mode, *group.Element, []byte) { return ModePOPRF, p, enc })
	alter("first equation's key", func(*batch) (Mode, *group.Element, []byte) { return mode, stranger, enc })
	alter("key's encoding", func(*batch) (Mode, *group.Element, []byte) { return mode, p, other.public.encoded[:] })
	alter("element C", func(b *batch) (Mode, *group.Element, []byte) { b.c[1] = stranger; return mode, p, enc })
	alter("element D", func(b *batch) (Mode, *group.Element, []byte) { b.d[1] = stranger; return mode, p, enc })
	alter("encoding of C", func(b *batch) (Mode, *group.Element, []byte) { b.cEnc[1] = stranger.Bytes(); return mode, p, enc })
	alter("encoding of D", func(b *batch) (Mode, *group.Element, []byte) { b.dEnc[1] = stranger.Bytes(); return mode, p, enc })
	alter("order", func(b *batch) (Mode, *group.Element, []byte) {
		b.c[0], b.c[1], b.d[0], b.d[1] = b.c[1], b.c[0], b.d[1], b.d[0]
		b.cEnc[0], b.cEnc[1], b.dEnc[0], b.dEnc[1] = b.cEnc[1], b.cEnc[0], b.dEnc[1], b.dEnc[0]
		return mode, p, enc
	})
	alter("number", func(b *batch) (Mode, *group.Element, []byte) {
		b.c, b.d, b.cEnc, b.dEnc = b.c[:2], b.d[:2], b.cEnc[:2], b.dEnc[:2]
		return mode, p, enc
	})
}

func TestBatchIsSplit(t *testing.T) {
	t.Attr("invariant", "VO3")
	key := GenerateKey()
	e := NewEvaluator(key)
	if _, _, err := e.Evaluate(nil); !errors.Is(err, ErrBatch) {
		t.Errorf("empty batch: %v", err)
	}
	one := group.Generator().Bytes()
	many := make([][]byte, MaxBatch+1)
	for i := range many {
		many[i] = one
	}
	if _, _, err := e.Evaluate(many); !errors.Is(err, ErrBatch) {
		t.Errorf("65,536: %v", err)
	}
	if _, err := e.Answer(bytes.Repeat(one, MaxBatch+1)); !errors.Is(err, ErrBatch) {
		t.Errorf("body of 65,536: %v", err)
	}
	big := &batch{c: make([]*group.Element, MaxBatch+1)}
	if _, err := big.weights(ModeVOPRF, one); !errors.Is(err, ErrBatch) {
		t.Errorf("weights of 65,536: %v", err)
	}
	// The split itself, without the arithmetic: one query of 65,536 + 65,535.
	q := &Query{public: key.Public(), blinds: make([]*group.Scalar, 2*MaxBatch+1), encoded: make([][]byte, 2*MaxBatch+1)}
	for i := range q.encoded {
		q.encoded[i] = one
	}
	requests := q.Requests()
	var sizes []int
	for _, r := range requests {
		sizes = append(sizes, len(r)/ElementSize)
	}
	if fmt.Sprint(sizes) != "[65535 65535 1]" {
		t.Errorf("split into %v", sizes)
	}
	if _, err := NewQuery(key.Public(), nil); !errors.Is(err, ErrBatch) {
		t.Errorf("empty query: %v", err)
	}
	client, err := NewClient(ModeVOPRF, key.Public(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, MaxBatch + 1} {
		if _, err := client.blindWith(make([][]byte, n), nil); !errors.Is(err, ErrBatch) {
			t.Errorf("blind %d: %v", n, err)
		}
	}
}

// TestSplitQuery runs a query over the batch's bound, whole: 65,536 fingerprints
// in two requests, each with its own proof.
func TestSplitQuery(t *testing.T) {
	t.Attr("invariant", "VO3")
	if testing.Short() {
		t.Skip("20 s of arithmetic; the split itself is shown by TestBatchIsSplit")
	}
	key := GenerateKey()
	all := fingerprints(MaxBatch + 1)
	q, err := NewQuery(key.Public(), all)
	if err != nil {
		t.Fatal(err)
	}
	e := NewEvaluator(key)
	var responses [][]byte
	for _, request := range q.Requests() {
		response, err := e.Answer(request)
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, response)
	}
	labels, err := q.Labels(responses)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, MaxBatch - 1, MaxBatch} {
		if want, err := key.Label(all[i]); err != nil || labels[i] != want {
			t.Errorf("label %d: %v", i, err)
		}
	}
	if _, err := q.Labels([][]byte{responses[1], responses[0]}); err == nil {
		t.Error("responses in the other order")
	}
}

func TestBlindingHides(t *testing.T) {
	t.Attr("invariant", "VO5")
	key := GenerateKey()
	same := [][]byte{[]byte("x"), []byte("x")}
	a, err := NewQuery(key.Public(), same)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewQuery(key.Public(), same)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range append(append([][]byte{}, a.encoded...), b.encoded...) {
		seen[string(e)] = true
	}
	if len(seen) != 4 {
		t.Error("a blinded element came twice")
	}
	// Any blinded element opens to any fingerprint, for some s: nothing is shown.
	// Here the s for another fingerprint is known, as both are multiples of G.
	commitment, opening := a.Commitment(0)
	if err := commitment.Opens([]byte("x"), opening); err != nil {
		t.Error(err)
	}
	if err := commitment.Opens([]byte("y"), opening); !errors.Is(err, ErrCommitment) {
		t.Errorf("other fingerprint: %v", err)
	}
	_, wrong := b.Commitment(0)
	if err := commitment.Opens([]byte("x"), wrong); !errors.Is(err, ErrCommitment) {
		t.Errorf("other opening: %v", err)
	}
	if err := commitment.Opens([]byte("x"), Opening(bytes.Repeat([]byte{255}, 32))); !errors.Is(err, ErrEncoding) {
		t.Errorf("opening not canonical: %v", err)
	}
	if err := (Commitment{}).Opens([]byte("x"), opening); !errors.Is(err, ErrEncoding) {
		t.Errorf("identity: %v", err)
	}
	// The sum of scalars that hide is exactly s: B − H1(x) = s·G.
	h, err := hashInput(ModeVOPRF, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if !a.blinded[0].Sub(h).Equal(group.MulBase(a.blinds[0])) {
		t.Error("B is not H1(x) + s·G")
	}
	if _, err := NewQuery(key.Public(), [][]byte{make([]byte, MaxInput+1)}); !errors.Is(err, ErrInput) {
		t.Errorf("long fingerprint: %v", err)
	}
}

func TestSet(t *testing.T) {
	key, other := GenerateKey().Public().Bytes(), GenerateKey().Public().Bytes()
	alone := Set{Version: 1, PublicKey: key, T: 1, N: 1, Commitments: [][]byte{key}}
	if p, err := alone.Key(); err != nil || !bytes.Equal(p.Bytes(), key) {
		t.Errorf("1 of 1: %v", err)
	}
	shared := Set{Version: 2, PublicKey: key, T: 2, N: 3, Commitments: [][]byte{key, other}}
	if err := shared.Validate(); err != nil {
		t.Errorf("2 of 3: %v", err)
	}
	if p, err := shared.Key(); err != nil || !bytes.Equal(p.Bytes(), key) {
		t.Errorf("2 of 3: %v", err)
	}
	for name, change := range map[string]func(*Set){
		"version 0":             func(s *Set) { s.Version = 0 },
		"no evaluators":         func(s *Set) { s.N = 0 },
		"threshold 0":           func(s *Set) { s.T, s.Commitments = 0, nil },
		"threshold above n":     func(s *Set) { s.T = 4 },
		"too many":              func(s *Set) { s.N = 256 },
		"commitment missing":    func(s *Set) { s.Commitments = s.Commitments[:1] },
		"another key":           func(s *Set) { s.PublicKey = other },
		"commitment identity":   func(s *Set) { s.Commitments = [][]byte{key, make([]byte, 32)} },
		"commitment too short":  func(s *Set) { s.Commitments = [][]byte{key, other[:31]} },
		"no key, no commitment": func(s *Set) { s.PublicKey, s.Commitments = nil, [][]byte{nil, other} },
	} {
		s := shared
		change(&s)
		if _, err := s.Key(); !errors.Is(err, ErrSet) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysAreStrict(t *testing.T) {
	t.Attr("invariant", "VO4")
	key := GenerateKey()
	again, err := ParsePrivateKey(key.Bytes())
	if err != nil || !bytes.Equal(again.Public().Bytes(), key.Public().Bytes()) {
		t.Errorf("parse private key: %v", err)
	}
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	high := order.FillBytes(make([]byte, 32))
	for i := range 16 {
		high[i], high[31-i] = high[31-i], high[i]
	}
	for name, b := range map[string][]byte{"zero": make([]byte, 32), "order": high, "short": make([]byte, 31), "nil": nil} {
		if _, err := ParsePrivateKey(b); !errors.Is(err, ErrEncoding) {
			t.Errorf("private key %s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"identity": make([]byte, 32), "short": make([]byte, 31), "not canonical": bytes.Repeat([]byte{255}, 32)} {
		if _, err := ParsePublicKey(b); !errors.Is(err, ErrEncoding) {
			t.Errorf("public key %s: %v", name, err)
		}
		if _, err := ParseLabel(b); !errors.Is(err, ErrEncoding) {
			t.Errorf("label %s: %v", name, err)
		}
	}
	want := fmt.Sprintf("evaluator key %x", key.Public().Bytes())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, key); got != want {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	var text, document bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "key", key)
	slog.New(slog.NewJSONHandler(&document, nil)).Info("m", "key", key)
	if !strings.Contains(text.String(), want) || strings.Contains(text.String()+document.String(), fmt.Sprintf("%x", key.Bytes())) {
		t.Errorf("slog prints %s, %s", &text, &document)
	}
}
