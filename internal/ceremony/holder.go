package ceremony

import (
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// A Holder takes part in ceremonies with its seal key, and what it holds.
type Holder struct {
	Index int
	Seal  *voprf.PrivateKey
	// Labels and Escrow are its present shares; nil for a new holder.
	Labels, Escrow *voprf.Share
}

// BadShare is a dealing whose share for this holder is bad: it complains.
type BadShare struct {
	Deal      log.Hash
	Complaint *voprf.Complaint
}

// Error names the dealing.
func (b *BadShare) Error() string { return fmt.Sprintf("dealing %x holds a bad share", b.Deal[:8]) }

// Statement is the complaint as it is logged.
func (b *BadShare) Statement(c *Ceremony) *log.Complaint {
	return &log.Complaint{
		Origin: c.Origin, Ceremony: c.Name, Deal: b.Deal, Holder: b.Complaint.Holder, Shared: b.Complaint.Shared, Proof: b.Complaint.Proof,
	}
}

// portions opens a purpose's dealings for the holder. A bad share is a [*BadShare].
func (c *Ceremony) portions(purpose string, h Holder) ([]*voprf.Portion, error) {
	taken, err := c.taken(purpose)
	if err != nil {
		return nil, err
	}
	var out []*voprf.Portion
	for _, d := range taken {
		p, err := d.Open(h.Index, h.Seal)
		if errors.Is(err, voprf.ErrSealedShare) {
			return nil, c.complain(d, h)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (c *Ceremony) complain(d *voprf.Dealing, h Holder) error {
	complaint, err := d.Complain(h.Index, h.Seal)
	if err != nil {
		return err
	}
	for _, x := range c.dealt {
		if x.dealing == d {
			return &BadShare{x.identity, complaint}
		}
	}
	return ErrNone
}

// Finish are a holder's shares of what the ceremony gave (CE2); those that it does
// not change stay. Errors: [*BadShare], ErrUnfinished.
func (c *Ceremony) Finish(h Holder) (labels, escrow *voprf.Share, err error) {
	if h.Index < 1 || h.Index > c.N {
		return nil, nil, fmt.Errorf("%w: holder %d of %d", ErrNone, h.Index, c.N)
	}
	if labels, err = c.share(c.keyPurpose(), h, h.Labels); err != nil {
		return nil, nil, err
	}
	if p := c.escrowPurpose(); p != "" {
		escrow, err = c.share(p, h, h.Escrow)
		return labels, escrow, err
	}
	return labels, h.Escrow, nil
}

// Delta is a holder's share of the factor between two keys.
func (c *Ceremony) Delta(h Holder) (*voprf.Share, error) {
	return c.share(log.PurposeRotateDelta, h, nil)
}

func (c *Ceremony) share(purpose string, h Holder, old *voprf.Share) (*voprf.Share, error) {
	commitments, err := c.Commitments(purpose)
	if err != nil {
		return nil, err
	}
	portions, err := c.portions(purpose, h)
	if err != nil {
		return nil, err
	}
	switch purpose {
	case log.PurposeRefresh, log.PurposeRefreshEscrow:
		if old == nil {
			return nil, errors.New("a refresh needs the present share")
		}
		return old.RefreshedShare(commitments, portions)
	case log.PurposeRotateKey:
		return voprf.ProductShare(commitments, portions)
	}
	return voprf.SumShare(commitments, portions)
}

// Deal makes a dealing. A product needs the holder's label share and the finished
// factor; secret is for a dealer alone, nil for a fresh one.
func Deal(terms voprf.Ceremony, h Holder, secret *voprf.PrivateKey, c *Ceremony) (*voprf.Dealing, error) {
	switch terms.Purpose {
	case log.PurposeRefresh, log.PurposeRefreshEscrow:
		return voprf.NewZeroDealing(terms, h.Index)
	case log.PurposeRotateKey:
		if c == nil || h.Labels == nil {
			return nil, errors.New("a product needs the present share and a finished factor")
		}
		delta, err := c.Delta(h)
		if err != nil {
			return nil, err
		}
		return voprf.NewProductDealing(terms, h.Labels, delta)
	}
	return voprf.NewDealing(terms, h.Index, secret)
}
