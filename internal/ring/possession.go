package ring

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// ErrPossession is returned for a proof of possession that does not verify.
var ErrPossession = errors.New("invalid proof of possession")

// ProvePossession proves that whoever enrols a key holds its secret, in this
// context (the log's origin and the group, say) and no other: Schnorr's proof
// (c, z) with R = k·G, c = H(tag, P, context, R), z = k + c·x. Without it, a
// member could enrol a key computed from the others' keys. 64 bytes.
func ProvePossession(secret *Secret, context []byte) []byte {
	k := group.RandomScalar()
	c := possession(secret.public[:], context, group.MulBase(k))
	return append(c.Bytes(), k.Add(c.Mul(secret.x)).Bytes()...)
}

// VerifyPossession verifies what ProvePossession gave. The error is
// ErrPossession, or group's for a key or a number that is not canonical.
func VerifyPossession(public, context, proof []byte) error {
	if len(proof) != PossessionSize {
		return fmt.Errorf("%d bytes: %w", len(proof), ErrPossession)
	}
	p, err := group.DecodeElement(public)
	if err != nil {
		return fmt.Errorf("%w: key: %w", ErrPossession, err)
	}
	c, err := group.DecodeScalar(proof[:group.ScalarSize])
	if err != nil {
		return fmt.Errorf("%w: challenge: %w", ErrPossession, err)
	}
	z, err := group.DecodeScalar(proof[group.ScalarSize:])
	if err != nil {
		return fmt.Errorf("%w: response: %w", ErrPossession, err)
	}
	// R = z·G − c·P
	if !possession(public, context, p.VarTimeMulBaseAdd(z, c.Neg())).Equal(c) {
		return ErrPossession
	}
	return nil
}

func possession(public, context []byte, commitment *group.Element) *group.Scalar {
	length := binary.BigEndian.AppendUint64(nil, uint64(len(context)))
	return group.HashToScalar(group.TagRingPossession, public, length, context, commitment.Bytes())
}
