package voprf

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// ShareSize is the length of an encoded share in bytes: the index in two bytes,
// big-endian, and the secret scalar.
const ShareSize = 2 + group.ScalarSize

// A Share is holder i's part k_i = f(i) of a key k = f(0), for a polynomial f of
// degree t − 1 (Shamir, "How to share a secret", 1979). It is a key of its own, under
// which the holder evaluates. Fewer than t of them say nothing of k: they are
// consistent with every key.
type Share struct {
	index int
	key   *PrivateKey
}

// NewShare makes a share of its index, from 1, and its secret of 32 bytes. Errors:
// ErrSet for the index, ErrEncoding for the secret.
func NewShare(index int, secret []byte) (*Share, error) {
	if index < 1 || index > maxEvaluators {
		return nil, fmt.Errorf("%w: holder %d", ErrSet, index)
	}
	k, err := ParsePrivateKey(secret)
	if err != nil {
		return nil, fmt.Errorf("share %d: %w", index, err)
	}
	return &Share{index, k}, nil
}

// ParseShare reads what Share.Bytes gave. Errors: ErrEncoding, ErrSet.
func ParseShare(b []byte) (*Share, error) {
	if len(b) != ShareSize {
		return nil, fmt.Errorf("%w: share of %d bytes", ErrEncoding, len(b))
	}
	return NewShare(int(binary.BigEndian.Uint16(b)), b[2:])
}

// Bytes returns the encoding, which is secret.
func (s *Share) Bytes() []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(s.index)), s.key.Bytes()...)
}

// Index is the holder's number, from 1.
func (s *Share) Index() int { return s.index }

// Key is the share as a key: its answers verify under Set.HolderKey.
func (s *Share) Key() *PrivateKey { return s.key }

// Format prints the index and the public key for every verb, so that no log holds
// a secret.
func (s *Share) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "share %d of public key %x", s.index, s.key.public.encoded[:])
}

// Verify holds the share against Feldman's commitments: k_i·G = Σ i^j·A_j. Errors:
// ErrShare, ErrEncoding.
func (s *Share) Verify(commitments [][]byte) error {
	want, err := holderKey(commitments, s.index)
	if err != nil {
		return err
	}
	if !want.Equal(s.key.public.element) {
		return fmt.Errorf("%w: of holder %d", ErrShare, s.index)
	}
	return nil
}

// NewShareEvaluator returns the evaluator of one share. What it answers verifies
// under the holder's own key, and labels come of t such answers.
func NewShareEvaluator(s *Share) *Evaluator { return NewEvaluator(s.key) }

// A Sharing is a key cut into shares, with Feldman's commitments A_j = a_j·G to the
// coefficients of the polynomial ("A practical scheme for non-interactive verifiable
// secret sharing", 1987): with them each holder verifies his share, and everybody
// knows each holder's public key.
type Sharing struct {
	Commitments [][]byte // t of 32 bytes, the first is the public key
	Shares      []*Share // n, holder i at place i − 1
}

// Deal shares a key among n holders, of whom any t answer together: 1 ≤ t ≤ n ≤ 255.
// Whoever deals knows the key. Errors: ErrSet.
func Deal(key *PrivateKey, t, n int) (*Sharing, error) { return deal(key.k, t, n, system()) }

func deal(secret *group.Scalar, t, n int, random io.Reader) (*Sharing, error) {
	f, err := randomPolynomial(secret, t, n, random)
	if err != nil {
		return nil, err
	}
	s := &Sharing{Commitments: encodeAll(f.commitments())}
	for i := 1; i <= n; i++ {
		v := f.at(i)
		if v.IsZero() {
			// With probability 2^-252, and then another polynomial does.
			return deal(secret, t, n, random)
		}
		s.Shares = append(s.Shares, &Share{i, newPrivateKey(v)})
	}
	return s, nil
}

// coefficients are a_0 … a_{t−1} of a sharing polynomial.
type coefficients []*group.Scalar

// randomPolynomial has the secret as its constant term.
func randomPolynomial(secret *group.Scalar, t, n int, random io.Reader) (coefficients, error) {
	if t < 1 || t > n || n > maxEvaluators {
		return nil, fmt.Errorf("%w: %d of %d", ErrSet, t, n)
	}
	f := coefficients{secret}
	for range t - 1 {
		a, err := group.ReadScalar(random)
		if err != nil {
			return nil, fmt.Errorf("share: %w", err)
		}
		f = append(f, a)
	}
	return f, nil
}

// at is f(i), in a time that depends on the degree alone.
func (f coefficients) at(i int) *group.Scalar {
	x := group.ScalarFromUint64(uint64(i))
	v := f[len(f)-1]
	for j := len(f) - 2; j >= 0; j-- {
		v = v.Mul(x).Add(f[j])
	}
	return v
}

func (f coefficients) commitments() []*group.Element {
	out := make([]*group.Element, len(f))
	for j, a := range f {
		out[j] = group.MulBase(a)
	}
	return out
}

func encodeAll(list []*group.Element) [][]byte {
	out := make([][]byte, len(list))
	for i, e := range list {
		out[i] = e.Bytes()
	}
	return out
}

// holderKey is Σ i^j·A_j. Everything here is public. Errors: ErrEncoding, ErrShare
// for commitments under which the holder would hold nothing.
func holderKey(commitments [][]byte, index int) (*group.Element, error) {
	if index < 1 || index > maxEvaluators || len(commitments) < 1 || len(commitments) > maxEvaluators {
		return nil, fmt.Errorf("%w: holder %d under %d commitments", ErrSet, index, len(commitments))
	}
	elements, err := decodeAll(commitments)
	if err != nil {
		return nil, fmt.Errorf("commitments: %w", err)
	}
	return evaluateAt(elements, index)
}

func evaluateAt(commitments []*group.Element, index int) (*group.Element, error) {
	x, power := group.ScalarFromUint64(uint64(index)), group.ScalarFromUint64(1)
	scalars := make([]*group.Scalar, len(commitments))
	for j := range scalars {
		scalars[j] = power
		power = power.Mul(x)
	}
	e, err := group.VarTimeMultiMul(scalars, commitments)
	if err != nil {
		return nil, err
	}
	if e.IsIdentity() {
		return nil, fmt.Errorf("%w: holder %d holds zero", ErrShare, index)
	}
	return e, nil
}

// HolderKey is the key of holder i, from 1, under Feldman's commitments: Σ i^j·A_j.
// Errors: ErrSet, ErrEncoding, ErrShare for commitments that leave it nothing.
func HolderKey(commitments [][]byte, index int) (*PublicKey, error) {
	e, err := holderKey(commitments, index)
	if err != nil {
		return nil, err
	}
	return newPublicKey(e), nil
}
