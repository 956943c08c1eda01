package clearance

import (
	"encoding/binary"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/group"
)

// UnblindSize is the length of a proof of unblinding in bytes: challenge and
// response.
const UnblindSize = 2 * group.ScalarSize

// Unblinding is what the pseudonymous form shows of one label: that Y is what the
// evaluators' Z for the asked B unblinds to, Y = Z − s·pk, by an s that the prover
// knows. Then Y = k·(B − s·G), the label of what B commits to.
type Unblinding struct {
	Origin     string
	Genesis    [32]byte // hash of the log's
	Size       uint64   // of the log, at the epoch
	KeyVersion uint64
	Kind       string
	Public     [32]byte // pk
	B, Z, Y    [32]byte
}

// Prove is Schnorr's proof of s with Z − Y = s·pk, 64 bytes: c, then k − c·s.
// Errors: ErrFormat.
func (u Unblinding) Prove(s []byte) ([]byte, error) {
	secret, err := group.DecodeSecretScalar(s)
	if err != nil {
		return nil, fmt.Errorf("%w: s: %w", ErrFormat, err)
	}
	pk, difference, err := u.elements()
	if err != nil {
		return nil, err
	}
	if !pk.Mul(secret).Equal(difference) {
		return nil, fmt.Errorf("%w: s does not unblind it", ErrProof)
	}
	k := group.RandomScalar()
	c := u.challenge(pk.Mul(k))
	return append(c.Bytes(), k.Sub(c.Mul(secret)).Bytes()...), nil
}

// Verify checks the proof. Errors: ErrFormat, ErrProof.
func (u Unblinding) Verify(proof []byte) error {
	if len(proof) != UnblindSize {
		return fmt.Errorf("%w: proof of %d bytes", ErrFormat, len(proof))
	}
	c, err := group.DecodeScalar(proof[:group.ScalarSize])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	r, err := group.DecodeScalar(proof[group.ScalarSize:])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	pk, difference, err := u.elements()
	if err != nil {
		return err
	}
	commitment, err := group.VarTimeMultiMul([]*group.Scalar{r, c}, []*group.Element{pk, difference})
	if err != nil {
		return err
	}
	if !u.challenge(commitment).Equal(c) {
		return ErrProof
	}
	return nil
}

// elements are pk and Z − Y. Y = Z would be s = 0: a B that hides nothing.
func (u Unblinding) elements() (pk, difference *group.Element, err error) {
	var out [4]*group.Element
	for i, b := range [][32]byte{u.Public, u.B, u.Z, u.Y} {
		if out[i], err = group.DecodeElement(b[:]); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	difference = out[2].Sub(out[3])
	if difference.IsIdentity() {
		return nil, nil, fmt.Errorf("%w: nothing was blinded", ErrFormat)
	}
	return out[0], difference, nil
}

// challenge is HashToScalar of: u32 length and origin; the genesis' hash; u64 size;
// u64 key version; u32 length and kind; pk, B, Z, Y and k·pk.
func (u Unblinding) challenge(commitment *group.Element) *group.Scalar {
	var b []byte
	text := func(t string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	text(u.Origin)
	b = append(b, u.Genesis[:]...)
	b = binary.BigEndian.AppendUint64(b, u.Size)
	b = binary.BigEndian.AppendUint64(b, u.KeyVersion)
	text(u.Kind)
	for _, e := range [][32]byte{u.Public, u.B, u.Z, u.Y} {
		b = append(b, e[:]...)
	}
	return group.HashToScalar(group.TagClearancePseudonym, b, commitment.Bytes())
}

// Label is the pseudonym.
func (u Unblinding) Label() blacklist.Label { return u.Y }
