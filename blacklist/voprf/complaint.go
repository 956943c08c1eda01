package voprf

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// A Complaint says that a sealed share is bad. It reveals the point that dealer and
// holder share, and proves it, so that everybody opens the sealed share and sees
// who of both lied. It shows that one share, which the holder holds to be worthless;
// that it shows no other is what the sealed share's own proof is for.
type Complaint struct {
	Holder int
	Shared []byte // 32 bytes
	Proof  []byte // 64 bytes: Shared = a·R where Seal = a·G
}

// Complain makes the complaint of a holder. Of a dealing that is out in any case, as
// everybody sees by Verify, none is made. Errors: ErrDealing.
func (d *Dealing) Complain(holder int, seal *PrivateKey) (*Complaint, error) {
	s, err := d.sealed(holder)
	if err != nil {
		return nil, err
	}
	shared := s.ephemeral.Mul(seal.k)
	proof, err := d.complaintPair(holder, seal.public.element, s.ephemeral, shared).prove(seal.k, system())
	if err != nil {
		return nil, err
	}
	return &Complaint{holder, shared.Bytes(), proof}, nil
}

func (d *Dealing) complaintPair(holder int, seal, ephemeral, shared *group.Element) pair {
	statement := append(d.Ceremony.statement(d.Dealer, holder), d.Shares[holder-1]...)
	return pair{group.TagComplaint, statement, group.Generator(), seal, ephemeral, shared}
}

// Judge says who lied: nil if the dealing is bad, so that the dealer is out;
// ErrRight if the share is good, so that the complaint is the lie; ErrProof or
// ErrEncoding for a complaint that proves nothing; ErrDealing where the dealing is
// out without it.
func (d *Dealing) Judge(c *Complaint) error {
	s, err := d.sealed(c.Holder)
	if err != nil {
		return err
	}
	seal, err := group.DecodeElement(d.Ceremony.Seals[c.Holder-1])
	if err != nil {
		return fmt.Errorf("%w: seal: %w", ErrDealing, err)
	}
	shared, err := group.DecodeElement(c.Shared)
	if err != nil {
		return fmt.Errorf("%w: complaint: %w", ErrEncoding, err)
	}
	if err := d.complaintPair(c.Holder, seal, s.ephemeral, shared).verify(c.Proof); err != nil {
		return fmt.Errorf("complaint: %w", err)
	}
	switch _, err := d.open(c.Holder, s, shared); {
	case err == nil:
		return fmt.Errorf("%w: the share of holder %d is good", ErrRight, c.Holder)
	case errors.Is(err, ErrSealedShare):
		return nil
	default:
		return err
	}
}
