package voprf

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// Errors of dealings.
var (
	// ErrDealing is returned for a dealing that does not hold by itself, or not
	// with the ceremony's others.
	ErrDealing = errors.New("dealing does not hold")
	// ErrSealedShare is returned where a sealed share does not open, or not to a
	// share that fits: the holder complains.
	ErrSealedShare = errors.New("sealed share is bad")
)

// A Ceremony is what its dealings agree on. Everything in it enters each hash, so
// that a dealing of one ceremony is none of another.
type Ceremony struct {
	Origin  string // the log's
	Name    string
	Purpose string
	Version uint64 // of the key that comes of it
	T, N    int
	Seals   [][]byte // N public keys, 32 bytes: holder i's at place i − 1
}

// statement is the ceremony's encoding with a dealer and a holder, 0 for none.
func (c Ceremony) statement(dealer, holder int) []byte {
	b := []byte{}
	for _, s := range []string{c.Origin, c.Name, c.Purpose} {
		b = prefixed(b, []byte(s))
	}
	b = binary.BigEndian.AppendUint64(b, c.Version)
	for _, n := range []int{c.T, c.N, dealer, holder} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	for _, s := range c.Seals {
		b = append(b, s...)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

func (c Ceremony) check(dealer int) error {
	if c.T < 1 || c.T > c.N || c.N > maxEvaluators || len(c.Seals) != c.N || dealer < 0 || dealer > c.N {
		return fmt.Errorf("%w: %d of %d, %d seals, dealer %d", ErrDealing, c.T, c.N, len(c.Seals), dealer)
	}
	if _, err := decodeAll(c.Seals); err != nil {
		return fmt.Errorf("%w: seals: %w", ErrDealing, err)
	}
	return nil
}

// A Dealing is one dealer's part in a ceremony: a random polynomial, committed to
// in the open, and its value at each holder's place, sealed to that holder
// (Pedersen, "A threshold cryptosystem without a trusted party", EUROCRYPT '91, with
// the log as the broadcast channel). A dealer of 0 deals alone and holds nothing
// afterwards.
//
// The key of a ceremony is the sum of what its dealers deal. Whoever deals last has
// seen the others' commitments, and can choose among keys: by what he deals, or by
// staying out. Gennaro, Jarecki, Krawczyk and Rabin ("Secure distributed key
// generation for discrete-log based cryptosystems", J. Cryptology 2007) show that the
// key is then not uniform. It does no harm here: the key is k = x + a, where x is
// what one honest dealer dealt, uniform and unknown, and a is known to whoever dealt
// the rest, as the proof of possession is one of knowledge. All that is done with k
// is linear in it (k·H = x·H + a·H, in labels as in openings), so whoever gains
// anything with k gains it with the uniform x. Without that proof he could set
// a = b − x for a b of his own, and would know the key.
type Dealing struct {
	Ceremony    Ceremony
	Dealer      int
	Commitments [][]byte // T of 32 bytes; a dealing of zero leaves out the first, the identity
	Possession  []byte   // 64 bytes: of the first commitment's logarithm, or that it is a product; none for zero
	Shares      [][]byte // N, sealed
}

// NewDealing deals a secret, or a fresh one for nil.
func NewDealing(c Ceremony, dealer int, secret *PrivateKey) (*Dealing, error) {
	if secret == nil {
		secret = GenerateKey()
	}
	d, err := newDealing(c, dealer, secret.k)
	if err != nil {
		return nil, err
	}
	d.Possession, err = provePossession(c.statement(dealer, 0), secret.k, secret.public.element, system())
	return d, err
}

// NewZeroDealing deals zero: added to a sharing it changes every share and no key
// (Herzberg, Jarecki, Krawczyk, Yung, "Proactive secret sharing", CRYPTO '95).
func NewZeroDealing(c Ceremony, dealer int) (*Dealing, error) {
	d, err := newDealing(c, dealer, group.ScalarFromUint64(0))
	if err != nil {
		return nil, err
	}
	d.Commitments = d.Commitments[1:]
	return d, nil
}

func newDealing(c Ceremony, dealer int, secret *group.Scalar) (*Dealing, error) {
	if err := c.check(dealer); err != nil {
		return nil, err
	}
	f, err := randomPolynomial(secret, c.T, c.N, system())
	if err != nil {
		return nil, err
	}
	d := &Dealing{Ceremony: c, Dealer: dealer, Commitments: encodeAll(f.commitments())}
	for i := 1; i <= c.N; i++ {
		sealed, err := d.seal(i, f.at(i).Bytes())
		if err != nil {
			return nil, err
		}
		d.Shares = append(d.Shares, sealed)
	}
	return d, nil
}

// commitments are the T commitments as elements, the identity for a zero dealing's
// first.
func (d *Dealing) commitments() ([]*group.Element, error) {
	want, zero := d.Ceremony.T, len(d.Possession) == 0
	if zero {
		want--
	}
	if len(d.Commitments) != want || len(d.Shares) != d.Ceremony.N {
		return nil, fmt.Errorf("%w: %d commitments, %d shares", ErrDealing, len(d.Commitments), len(d.Shares))
	}
	for i, s := range d.Shares {
		if len(s) != SealedShareSize {
			return nil, fmt.Errorf("%w: sealed share %d of %d bytes", ErrDealing, i+1, len(s))
		}
	}
	var out []*group.Element
	if zero {
		g := group.Generator()
		out = append(out, g.Sub(g))
	}
	for i, c := range d.Commitments {
		e, err := group.DecodeElement(c)
		if err != nil {
			return nil, fmt.Errorf("%w: commitment %d: %w", ErrDealing, i, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// Verify holds a dealing's public part: its form, the proof of possession, and each
// sealed share's proof that it is this dealer's own. A dealing without possession
// deals zero. What does not verify is out without a complaint. Errors: ErrDealing.
func (d *Dealing) Verify() error {
	if err := d.Ceremony.check(d.Dealer); err != nil {
		return err
	}
	c, err := d.commitments()
	if err != nil {
		return err
	}
	for holder := 1; holder <= d.Ceremony.N; holder++ {
		if _, err := d.sealed(holder); err != nil {
			return err
		}
	}
	if d.Zero() {
		return nil
	}
	if err := verifyPossession(d.Ceremony.statement(d.Dealer, 0), c[0], d.Possession); err != nil {
		return fmt.Errorf("%w: possession: %w", ErrDealing, err)
	}
	return nil
}

// Zero reports a dealing of zero.
func (d *Dealing) Zero() bool { return len(d.Possession) == 0 }

// A Portion is what one dealer dealt to one holder. It is secret.
type Portion struct {
	dealer, holder int
	value          *group.Scalar
}

// Format prints no secret, for every verb.
func (p *Portion) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "portion of holder %d by dealer %d", p.holder, p.dealer)
}

// sumAt is Σ i^j·A_j, which may be the identity here.
func sumAt(commitments []*group.Element, index int) (*group.Element, error) {
	x, sum := group.ScalarFromUint64(uint64(index)), commitments[len(commitments)-1]
	for j := len(commitments) - 2; j >= 0; j-- {
		sum = sum.Mul(x).Add(commitments[j])
	}
	return sum, nil
}
