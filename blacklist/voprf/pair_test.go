package voprf

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// TestPairEquations: each of the two equations is wrong alone. The prover is as
// honest as it can be with k for the one and k′ for the other.
func TestPairEquations(t *testing.T) {
	t.Attr("invariant", "VO9")
	k, other, r := group.RandomScalar(), group.RandomScalar(), group.RandomScalar()
	a, c := group.Generator(), group.MulBase(group.RandomScalar())
	forge := func(p pair, use *group.Scalar) []byte {
		x := p.challenge(p.a.Mul(r), p.c.Mul(r))
		return append(x.Bytes(), r.Sub(x.Mul(use)).Bytes()...)
	}
	good := pair{group.TagComplaint, []byte("statement"), a, a.Mul(k), c, c.Mul(k)}
	if err := good.verify(forge(good, k)); err != nil {
		t.Fatal(err)
	}
	uneven := good
	uneven.d = c.Mul(other)
	if err := uneven.verify(forge(uneven, k)); !errors.Is(err, ErrProof) {
		t.Errorf("only the first equation holds: %v", err)
	}
	if err := uneven.verify(forge(uneven, other)); !errors.Is(err, ErrProof) {
		t.Errorf("only the second equation holds: %v", err)
	}
	// Of possession there is one.
	b := group.MulBase(k)
	x := possessionChallenge(nil, b, group.MulBase(r))
	if err := verifyPossession(nil, b, append(x.Bytes(), r.Sub(x.Mul(other)).Bytes()...)); !errors.Is(err, ErrProof) {
		t.Errorf("possession of another's logarithm: %v", err)
	}
}

// TestPairTranscript: each input of the transcript is another's alone, while both
// equations hold for the points as they are.
func TestPairTranscript(t *testing.T) {
	t.Attr("invariant", "VO9")
	k, two := group.RandomScalar(), group.ScalarFromUint64(2)
	a, c := group.Generator(), group.MulBase(group.RandomScalar())
	p := pair{group.TagComplaint, []byte("statement"), a, a.Mul(k), c, c.Mul(k)}
	proof, err := p.prove(k, system())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.verify(proof); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*pair){
		"tag":              func(p *pair) { p.tag = group.TagSealedShare },
		"statement":        func(p *pair) { p.statement = []byte("statemenu") },
		"statement longer": func(p *pair) { p.statement = []byte("statement ") },
		"first pair":       func(p *pair) { p.a, p.b = p.a.Mul(two), p.b.Mul(two) },
		"second pair":      func(p *pair) { p.c, p.d = p.c.Mul(two), p.d.Mul(two) },
		"pairs swapped":    func(p *pair) { p.a, p.b, p.c, p.d = p.c, p.d, p.a, p.b },
		"A":                func(p *pair) { p.a = p.a.Mul(two) },
		"B":                func(p *pair) { p.b = p.b.Mul(two) },
		"C":                func(p *pair) { p.c = p.c.Mul(two) },
		"D":                func(p *pair) { p.d = p.d.Mul(two) },
	} {
		q := p
		change(&q)
		if err := q.verify(proof); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range proof {
		if err := p.verify(flip(proof, i)); !errors.Is(err, ErrProof) && !errors.Is(err, ErrEncoding) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	b := group.MulBase(k)
	possession, err := provePossession([]byte("statement"), k, b, system())
	if err != nil || verifyPossession([]byte("statement"), b, possession) != nil {
		t.Fatalf("%v", err)
	}
	if err := verifyPossession([]byte("another"), b, possession); !errors.Is(err, ErrProof) {
		t.Errorf("another statement: %v", err)
	}
	if err := verifyPossession([]byte("statement"), b.Mul(two), possession); !errors.Is(err, ErrProof) {
		t.Errorf("another key: %v", err)
	}
	for _, bad := range [][]byte{nil, proof[:63], append(bytes.Clone(proof), 0), bytes.Repeat([]byte{0xff}, 64), append(bytes.Clone(proof[:32]), bytes.Repeat([]byte{0xff}, 32)...)} {
		if err := p.verify(bad); !errors.Is(err, ErrEncoding) {
			t.Errorf("%x: %v", bad, err)
		}
		if err := verifyPossession(nil, b, bad); !errors.Is(err, ErrEncoding) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// TestCeremonyStatement: all that a ceremony agrees on is in its statement, and no two
// ceremonies share one by moving a byte from one name to the next.
func TestCeremonyStatement(t *testing.T) {
	t.Attr("invariant", "VO9")
	_, seals := holders(3)
	c := ceremony("labels", 1, 2, seals)
	seen := map[string]string{string(c.statement(1, 2)): "itself"}
	other := func(name string, change func(*Ceremony) (dealer, holder int)) {
		d := c
		dealer, holder := change(&d)
		s := string(d.statement(dealer, holder))
		if before, ok := seen[s]; ok {
			t.Errorf("%s gives the statement of %s", name, before)
		}
		seen[s] = name
	}
	other("log", func(c *Ceremony) (int, int) { c.Origin += "x"; return 1, 2 })
	other("name", func(c *Ceremony) (int, int) { c.Name += "x"; return 1, 2 })
	other("purpose", func(c *Ceremony) (int, int) { c.Purpose += "x"; return 1, 2 })
	other("moved", func(c *Ceremony) (int, int) { c.Origin, c.Name = c.Origin+c.Name[:1], c.Name[1:]; return 1, 2 })
	other("version", func(c *Ceremony) (int, int) { c.Version = 2; return 1, 2 })
	other("threshold", func(c *Ceremony) (int, int) { c.T = 3; return 1, 2 })
	other("number", func(c *Ceremony) (int, int) { c.N = 4; return 1, 2 })
	other("dealer", func(*Ceremony) (int, int) { return 2, 2 })
	other("holder", func(*Ceremony) (int, int) { return 1, 3 })
	other("swapped", func(*Ceremony) (int, int) { return 2, 1 })
	other("seals", func(c *Ceremony) (int, int) { c.Seals = [][]byte{seals[1], seals[0], seals[2]}; return 1, 2 })
}

func FuzzSealedShare(f *testing.F) {
	keys, seals := holders(2)
	d, err := NewDealing(ceremony("labels", 1, 2, seals), 1, nil)
	if err != nil {
		f.Fatal(err)
	}
	good := d.Shares[0]
	f.Add(good)
	f.Add(d.Shares[1])
	f.Add(make([]byte, SealedShareSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := *d
		e.Shares = [][]byte{b, d.Shares[1]}
		err := e.Verify()
		if _, open := e.Open(1, keys[0]); (err == nil) != (open == nil) || (err == nil) != bytes.Equal(b, good) {
			t.Errorf("%x: %v, %v", b, err, open)
		}
	})
}

func FuzzComplaint(f *testing.F) {
	keys, seals := holders(2)
	d, err := NewDealing(ceremony("labels", 1, 2, seals), 1, nil)
	if err != nil {
		f.Fatal(err)
	}
	if d.Shares[0], err = d.seal(1, make([]byte, 32)); err != nil {
		f.Fatal(err)
	}
	good, err := d.Complain(1, keys[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(1, good.Shared, good.Proof)
	f.Add(2, good.Shared, good.Proof)
	f.Add(1, make([]byte, 32), make([]byte, 64))
	f.Fuzz(func(t *testing.T, holder int, shared, proof []byte) {
		err := d.Judge(&Complaint{holder, shared, proof})
		if (err == nil) != (holder == 1 && bytes.Equal(shared, good.Shared) && bytes.Equal(proof, good.Proof)) {
			t.Errorf("%d %x %x: %v", holder, shared, proof, err)
		}
	})
}

func FuzzMisanswer(f *testing.F) {
	set, shares := share(f, GenerateKey(), 2, 3)
	q, err := NewQuery(mustKey(f, set), prints(2))
	if err != nil {
		f.Fatal(err)
	}
	request := q.Requests()[0]
	right, err := NewShareEvaluator(shares[0]).Answer(request)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(1, request, right)
	f.Add(2, request, right)
	f.Add(1, request[:32], right)
	f.Add(1, request, flip(right, 0))
	f.Fuzz(func(t *testing.T, index int, request, response []byte) {
		err := (&Misanswer{index, request, response}).Verify(set)
		if index == 1 && bytes.Equal(request, q.Requests()[0]) && len(response) > 0 && (err == nil) == bytes.Equal(response, right) {
			t.Errorf("%x: %v", response, err)
		}
		if err == nil && (index < 1 || index > 3) {
			t.Errorf("holder %d is blamed", index)
		}
	})
}

func mustKey(tb testing.TB, set Set) *PublicKey {
	tb.Helper()
	key, err := set.Key()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}
