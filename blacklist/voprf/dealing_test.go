package voprf

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

// holders are the seal keys of a ceremony's tests.
func holders(n int) (keys []*PrivateKey, seals [][]byte) {
	for range n {
		k := GenerateKey()
		keys, seals = append(keys, k), append(seals, k.Public().Bytes())
	}
	return keys, seals
}

func ceremony(purpose string, version uint64, t int, seals [][]byte) Ceremony {
	return Ceremony{Origin: "log.example/dkg", Name: "first", Purpose: purpose, Version: version, T: t, N: len(seals), Seals: seals}
}

// portions opens all dealings for one holder.
func portions(tb testing.TB, dealings []*Dealing, holder int, seal *PrivateKey) []*Portion {
	tb.Helper()
	var out []*Portion
	for _, d := range dealings {
		p, err := d.Open(holder, seal)
		if err != nil {
			tb.Fatalf("holder %d, dealer %d: %v", holder, d.Dealer, err)
		}
		out = append(out, p)
	}
	return out
}

// generate runs a distributed key generation.
func generate(tb testing.TB, purpose string, version uint64, t int, keys []*PrivateKey, seals [][]byte) (Set, []*Share) {
	tb.Helper()
	c := ceremony(purpose, version, t, seals)
	var dealings []*Dealing
	for i := range keys {
		d, err := NewDealing(c, i+1, nil)
		if err != nil {
			tb.Fatal(err)
		}
		if err := d.Verify(); err != nil {
			tb.Fatal(err)
		}
		dealings = append(dealings, d)
	}
	commitments, err := Sum(dealings)
	if err != nil {
		tb.Fatal(err)
	}
	var shares []*Share
	for i, k := range keys {
		s, err := SumShare(commitments, portions(tb, dealings, i+1, k))
		if err != nil {
			tb.Fatal(err)
		}
		shares = append(shares, s)
	}
	set := Set{Version: version, PublicKey: commitments[0], T: t, N: len(keys), Commitments: commitments}
	if err := set.Validate(); err != nil {
		tb.Fatal(err)
	}
	return set, shares
}

// secret puts a key together, as nobody ever does outside of tests.
func secret(tb testing.TB, shares ...*Share) *PrivateKey {
	tb.Helper()
	var indices []int
	for _, s := range shares {
		indices = append(indices, s.index)
	}
	weights, err := lagrange(indices)
	if err != nil {
		tb.Fatal(err)
	}
	k := group.ScalarFromUint64(0)
	for i, s := range shares {
		k = k.Add(weights[i].Mul(s.key.k))
	}
	return newPrivateKey(k)
}

// TestGeneration: every t-subset of what a ceremony gives holds the same key, whose
// public part all readers of the log compute.
func TestGeneration(t *testing.T) {
	t.Attr("invariant", "VO9")
	for _, shape := range sharings() {
		keys, seals := holders(shape[1])
		set, shares := generate(t, "labels", 1, shape[0], keys, seals)
		for _, subset := range subsets(shape[0], shape[1]) {
			var some []*Share
			for _, i := range subset {
				some = append(some, shares[i-1])
			}
			if k := secret(t, some...); !bytes.Equal(k.Public().Bytes(), set.PublicKey) {
				t.Errorf("%v: holders %v hold another key", shape, subset)
			}
		}
	}
}

// TestDealerAlone: a dealer's ceremony is one dealing.
func TestDealerAlone(t *testing.T) {
	keys, seals := holders(3)
	key := GenerateKey()
	d, err := NewDealing(ceremony("labels", 1, 2, seals), 0, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Verify(); err != nil || !bytes.Equal(d.Commitments[0], key.Public().Bytes()) {
		t.Fatalf("%v", err)
	}
	var shares []*Share
	for i, k := range keys {
		s, err := SumShare(d.Commitments, portions(t, []*Dealing{d}, i+1, k))
		if err != nil {
			t.Fatal(err)
		}
		shares = append(shares, s)
	}
	if got := secret(t, shares[2], shares[0]); !bytes.Equal(got.Bytes(), key.Bytes()) {
		t.Error("the shares hold another key")
	}
}

// TestBadDealings: each way to deal badly is seen by everybody, or by the holder,
// whose complaint is judged by everybody alike.
func TestBadDealings(t *testing.T) {
	t.Attr("invariant", "VO9")
	keys, seals := holders(3)
	c := ceremony("labels", 1, 2, seals)
	deal := func() *Dealing {
		d, err := NewDealing(c, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	elsewhere, err := NewDealing(ceremony("escrow", 1, 2, seals), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	public := map[string]func(*Dealing){
		"first commitment":   func(d *Dealing) { d.Commitments[0] = GenerateKey().Public().Bytes() },
		"identity":           func(d *Dealing) { d.Commitments[1] = make([]byte, 32) },
		"commitments":        func(d *Dealing) { d.Commitments = d.Commitments[:1] },
		"possession":         func(d *Dealing) { d.Possession = flip(d.Possession, 40) },
		"another dealer's":   func(d *Dealing) { d.Dealer = 3 },
		"another ceremony's": func(d *Dealing) { d.Ceremony.Name = "second" },
		"another purpose":    func(d *Dealing) { d.Ceremony.Purpose = "escrow" },
		"another log":        func(d *Dealing) { d.Ceremony.Origin = "log.example/other" },
		"another version":    func(d *Dealing) { d.Ceremony.Version = 2 },
		"share missing":      func(d *Dealing) { d.Shares = d.Shares[:2] },
		"share too many":     func(d *Dealing) { d.Shares = append(slices.Clone(d.Shares), d.Shares[0]) },
		"share cut":          func(d *Dealing) { d.Shares[0] = d.Shares[0][1:] },
		"no dealer":          func(d *Dealing) { d.Dealer = 4 },
		"no ephemeral key":   func(d *Dealing) { d.Shares[0] = append(make([]byte, 32), d.Shares[0][32:]...) },
		"another holder's":   func(d *Dealing) { d.Shares[0] = d.Shares[1] },
		"another dealing's":  func(d *Dealing) { d.Shares[0] = elsewhere.Shares[0] },
		"seal":               func(d *Dealing) { d.Ceremony.Seals = slices.Clone(seals); d.Ceremony.Seals[0] = make([]byte, 32) },
	}
	for name, change := range public {
		d := deal()
		change(d)
		if err := d.Verify(); !errors.Is(err, ErrDealing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sealed := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, change := range map[string]func(*Dealing){
		"wrong value": func(d *Dealing) { d.Shares[0] = sealed(d.seal(1, group.RandomScalar().Bytes())) },
		"zero":        func(d *Dealing) { d.Shares[0] = sealed(d.seal(1, make([]byte, 32))) },
		"no scalar":   func(d *Dealing) { d.Shares[0] = sealed(d.seal(1, bytes.Repeat([]byte{0xff}, 32))) },
		"sealed to all": func(d *Dealing) {
			d.Shares[0] = sealed(d.sealWith(1, group.RandomScalar(), group.Generator(), make([]byte, 32)))
		},
		"second coefficient": func(d *Dealing) {
			d.Commitments[1] = GenerateKey().Public().Bytes() // possession covers the first alone
		},
	} {
		d := deal()
		change(d)
		if err := d.Verify(); err != nil {
			t.Fatalf("%s: everybody sees it: %v", name, err)
		}
		if _, err := d.Open(1, keys[0]); !errors.Is(err, ErrSealedShare) {
			t.Errorf("%s: opened: %v", name, err)
		}
		complaint, err := d.Complain(1, keys[0])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Judge(complaint); err != nil {
			t.Errorf("%s: the dealer is not found guilty: %v", name, err)
		}
	}
	// A complaint about a good share is the complainer's lie; one that proves
	// nothing is none.
	d := deal()
	complaint, err := d.Complain(1, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Judge(complaint); !errors.Is(err, ErrRight) {
		t.Errorf("a lie: %v", err)
	}
	for name, change := range map[string]func(*Complaint){
		"another point":   func(c *Complaint) { c.Shared = GenerateKey().Public().Bytes() },
		"identity":        func(c *Complaint) { c.Shared = make([]byte, 32) },
		"proof":           func(c *Complaint) { c.Proof = flip(c.Proof, 0) },
		"response":        func(c *Complaint) { c.Proof = flip(c.Proof, 33) },
		"another's place": func(c *Complaint) { c.Holder = 2 },
		"no holder":       func(c *Complaint) { c.Holder = 4 },
	} {
		bad := *complaint
		change(&bad)
		if err := d.Judge(&bad); err == nil || errors.Is(err, ErrRight) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A complaint about one sealed share is none about another under the same R.
	r := group.RandomScalar()
	one, two := deal(), deal()
	one.Shares[0] = sealed(one.sealWith(1, r, element(t, Label(seals[0])).Mul(r), make([]byte, 32)))
	two.Shares[0] = sealed(two.sealWith(1, r, element(t, Label(seals[0])).Mul(r), group.RandomScalar().Bytes()))
	if complaint, err = one.Complain(1, keys[0]); err != nil {
		t.Fatal(err)
	}
	if err := one.Judge(complaint); err != nil {
		t.Error(err)
	}
	if err := two.Judge(complaint); !errors.Is(err, ErrProof) {
		t.Errorf("a complaint about another share: %v", err)
	}
	short := c
	short.Seals = seals[:2]
	if _, err := NewDealing(short, 1, nil); !errors.Is(err, ErrDealing) {
		t.Errorf("a seal is missing: %v", err)
	}
	// A dealing of another ceremony, or a dealer twice, adds to nothing.
	zero, err := NewZeroDealing(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]*Dealing{"nothing": nil, "twice": {d, d}, "mixed": {elsewhere, d}, "zero": {zero, d}} {
		if _, err := Sum(list); !errors.Is(err, ErrDealing) {
			t.Errorf("sum, %s: %v", name, err)
		}
	}
}

// TestFinishRefuses: a share is given out only if it is the one that the log commits to.
func TestFinishRefuses(t *testing.T) {
	t.Attr("invariant", "VO9")
	keys, seals := holders(2)
	c := ceremony("labels", 1, 2, seals)
	k := GenerateKey()
	var list []*Dealing
	for i, secret := range []*PrivateKey{k, newPrivateKey(k.k.Neg()), nil} {
		d, err := NewDealing(c, min(i+1, 2), secret)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if _, err := Sum(list[:2]); !errors.Is(err, ErrDealing) {
		t.Errorf("two keys that cancel out: %v", err)
	}
	good := []*Dealing{list[0], list[2]}
	commitments, err := Sum(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SumShare(list[0].Commitments, portions(t, good, 1, keys[0])); !errors.Is(err, ErrShare) {
		t.Errorf("other commitments: %v", err)
	}
	if _, err := SumShare(commitments, portions(t, good[:1], 1, keys[0])); !errors.Is(err, ErrShare) {
		t.Errorf("a portion is missing: %v", err)
	}
	if _, err := SumShare(commitments, nil); !errors.Is(err, ErrDealing) {
		t.Errorf("no portions: %v", err)
	}
	mixed := append(portions(t, good[:1], 1, keys[0]), portions(t, good[1:], 2, keys[1])...)
	if _, err := SumShare(commitments, mixed); !errors.Is(err, ErrDealing) {
		t.Errorf("portions of two holders: %v", err)
	}
	// The first holder of this sharing would hold zero: 1 − 1·1.
	g := group.Generator()
	if _, err := HolderKey([][]byte{g.Bytes(), g.Neg().Bytes()}, 1); !errors.Is(err, ErrShare) {
		t.Errorf("a holder of zero: %v", err)
	}
	if _, err := HolderKey([][]byte{g.Bytes(), g.Neg().Bytes()}, 2); err != nil {
		t.Errorf("%v", err)
	}
}

// TestSealKey: the key of a sealed share is for its dealer, holder and R alone, so
// that one point opens one share.
func TestSealKey(t *testing.T) {
	t.Attr("invariant", "VO9")
	_, seals := holders(2)
	d := &Dealing{Ceremony: ceremony("labels", 1, 2, seals), Dealer: 1}
	other := *d
	other.Dealer = 2
	shared, r := group.MulBase(group.RandomScalar()), GenerateKey().Public().Bytes()
	open := func(d *Dealing, holder int, r []byte, box []byte) bool {
		aead, err := d.cipher(holder, r, shared)
		if err != nil {
			t.Fatal(err)
		}
		_, err = aead.Open(nil, nil, box, nil)
		return err == nil
	}
	aead, err := d.cipher(1, r, shared)
	if err != nil {
		t.Fatal(err)
	}
	box := aead.Seal(nil, nil, []byte("share"), nil)
	if !open(d, 1, r, box) || open(d, 2, r, box) || open(d, 1, seals[0], box) || open(&other, 1, r, box) {
		t.Error("a key of several shares")
	}
}

// TestSealedShareProof: any altered byte of a sealed share is seen by everybody; then
// nobody complains, as a complaint would reveal what the dealer was not to learn.
func TestSealedShareProof(t *testing.T) {
	t.Attr("invariant", "VO9")
	keys, seals := holders(2)
	d, err := NewDealing(ceremony("labels", 1, 2, seals), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := d.Shares[0]
	complaint, err := d.Complain(1, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		d.Shares[0] = flip(good, i)
		if err := d.Verify(); !errors.Is(err, ErrDealing) {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := d.Open(1, keys[0]); !errors.Is(err, ErrDealing) {
			t.Errorf("byte %d opened: %v", i, err)
		}
		if c, err := d.Complain(1, keys[0]); !errors.Is(err, ErrDealing) {
			t.Errorf("byte %d: complained: %v %v", i, c, err)
		}
		if err := d.Judge(complaint); !errors.Is(err, ErrDealing) {
			t.Errorf("byte %d: judged: %v", i, err)
		}
	}
}

// TestCopiedEphemeral plays a dealer who sends another dealing's ephemeral key with
// rubbish, so that the holder's complaint would open the other's share: by itself,
// with the other's proof, and with one of its own for a key that it does know.
func TestCopiedEphemeral(t *testing.T) {
	t.Attr("invariant", "VO9")
	keys, seals := holders(3)
	c := ceremony("labels", 1, 2, seals)
	honest, err := NewDealing(c, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	victim := honest.Shares[2]
	rubbish, err := NewDealing(c, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := rubbish.Shares[2]
	for name, share := range map[string][]byte{
		"whole":           victim,
		"R":               slices.Concat(victim[:32], own[32:]),
		"R and R̄":        slices.Concat(victim[:64], own[64:]),
		"R, R̄ and proof": slices.Concat(victim[:sealHead], own[sealHead:]),
	} {
		rubbish.Shares[2] = share
		if err := rubbish.Verify(); !errors.Is(err, ErrDealing) {
			t.Errorf("%s: %v", name, err)
		}
		if complaint, err := rubbish.Complain(3, keys[2]); !errors.Is(err, ErrDealing) {
			t.Errorf("%s: the holder reveals %v: %v", name, complaint, err)
		}
	}
	// What a complaint would have revealed opens the victim's share: the test plays
	// the true attack.
	s, err := honest.sealed(3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := honest.open(3, s, s.ephemeral.Mul(keys[2].k)); err != nil {
		t.Errorf("%v", err)
	}
	// With R of its own, but an R̄ that has another logarithm.
	r := group.RandomScalar()
	ephemeral, bar := group.MulBase(r), sealSecond().Mul(group.RandomScalar())
	proof, err := rubbish.sealPair(3, ephemeral, bar, own[sealHead:]).prove(r, system())
	if err != nil {
		t.Fatal(err)
	}
	rubbish.Shares[2] = slices.Concat(ephemeral.Bytes(), bar.Bytes(), proof, own[sealHead:])
	if err := rubbish.Verify(); !errors.Is(err, ErrDealing) {
		t.Errorf("another R̄: %v", err)
	}
}

// TestRefresh: every share changes, no label does; old and new shares do not go
// together.
func TestRefresh(t *testing.T) {
	t.Attr("invariant", "VO9")
	keys, seals := holders(3)
	set, shares := generate(t, "labels", 1, 2, keys, seals)
	var dealings []*Dealing
	for i := range keys {
		d, err := NewZeroDealing(ceremony("refresh", 1, 2, seals), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Verify(); err != nil || !d.Zero() || len(d.Commitments) != 1 {
			t.Fatalf("%v", err)
		}
		dealings = append(dealings, d)
	}
	commitments, err := Refresh(set.Commitments, dealings)
	if err != nil || !bytes.Equal(commitments[0], set.PublicKey) || bytes.Equal(commitments[1], set.Commitments[1]) {
		t.Fatalf("%v", err)
	}
	var fresh []*Share
	for i, s := range shares {
		f, err := s.RefreshedShare(commitments, portions(t, dealings, i+1, keys[i]))
		if err != nil || bytes.Equal(f.Bytes(), s.Bytes()) {
			t.Fatalf("%v", err)
		}
		fresh = append(fresh, f)
	}
	want := secret(t, shares[0], shares[1])
	if got := secret(t, fresh[1], fresh[2]); !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("the key changed")
	}
	if got := secret(t, shares[0], fresh[1]); bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("an old share and a new one give the key")
	}
	normal, err := NewDealing(ceremony("refresh", 1, 2, seals), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Refresh(set.Commitments, []*Dealing{normal}); !errors.Is(err, ErrDealing) {
		t.Errorf("another key is added: %v", err)
	}
	if _, err := Refresh(set.Commitments[:1], dealings); !errors.Is(err, ErrDealing) {
		t.Errorf("another threshold: %v", err)
	}
	if _, err := shares[1].RefreshedShare(commitments, portions(t, dealings, 1, keys[0])); !errors.Is(err, ErrDealing) {
		t.Errorf("another holder's portions: %v", err)
	}
}
