package clearance

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	"github.com/haltlog/haltlog/internal/group"
)

// Errors of proving and verifying.
var (
	// ErrListed is returned where the label is on the list: there is no proof.
	ErrListed = errors.New("label is listed")
	// ErrProof is returned for a proof that does not verify.
	ErrProof = errors.New("clearance does not verify")
	// ErrFormat is returned for bytes that are no proof or no commitment.
	ErrFormat = errors.New("malformed clearance")
	// ErrStatement is returned for a statement that nothing can be proven of.
	ErrStatement = errors.New("malformed statement of a clearance")
)

// Statement is what a proof speaks of: one part of the list, or what was added to
// it. Prover and verifier each make it from the witnessed list (BG2).
type Statement struct {
	Origin     string
	Size       uint64 // of the log, at the epoch
	From       uint64 // size at the older epoch, for an extension; 0 for the whole list
	KeyVersion uint64
	Part       blacklist.Part
	// ListHash is the commitment of the full list, or the hash of the delta from
	// From to Size.
	ListHash   blacklist.Hash
	Polynomial *polynomial.Polynomial // of that list's scalars
}

func (s *Statement) check() error {
	switch {
	case s.Polynomial == nil || s.Polynomial.D() > MaxD:
		return fmt.Errorf("%w: polynomial", ErrStatement)
	case s.Origin == "" || len(s.Origin) > maxOrigin:
		return fmt.Errorf("%w: origin", ErrStatement)
	case s.From >= s.Size:
		return fmt.Errorf("%w: from %d to %d", ErrStatement, s.From, s.Size)
	case s.KeyVersion == 0:
		return fmt.Errorf("%w: key version 0", ErrStatement)
	}
	if err := s.Part.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return nil
}

// first are the moves of the prover that the challenge is the hash of.
type first struct {
	C, F, E, D []*group.Element // C_0…C_d, F_0…F_d, E_0…E_{d−1}, D_0…D_d
	V, A       *group.Element
}

// challenge is x = HashToScalar of: u32 length and origin; u64 size; u64 from; u64
// key version; u32 length and part; the list's hash; u32 d; C, F, E, V, D, A.
func (s *Statement) challenge(m *first) *group.Scalar {
	b := make([]byte, 0, 512+32*(len(m.C)+len(m.F)+len(m.E)+len(m.D)+2))
	text := func(t string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	text(s.Origin)
	b = binary.BigEndian.AppendUint64(b, s.Size)
	b = binary.BigEndian.AppendUint64(b, s.From)
	b = binary.BigEndian.AppendUint64(b, s.KeyVersion)
	text(s.Part.String())
	b = append(b, s.ListHash[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.Polynomial.D()))
	for _, list := range [][]*group.Element{m.C, m.F, m.E, {m.V}, m.D, {m.A}} {
		for _, e := range list {
			b = append(b, e.Bytes()...)
		}
	}
	return group.HashToScalar(group.TagClearanceChallenge, b)
}

// second is H, the generator whose logarithm to G nobody knows.
func second() *group.Element { return group.HashToGroup(group.TagClearanceH) }
