package ceremony

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// Errors of ceremonies.
var (
	// ErrNone is returned where the log holds no such ceremony.
	ErrNone = errors.New("no such ceremony")
	// ErrUnfinished is returned where too few dealings count.
	ErrUnfinished = errors.New("the ceremony is not finished")
)

// Ceremony is one as the log holds it.
type Ceremony struct {
	Origin  string
	Name    string
	Version uint64 // of the key that comes of it
	T, N    int
	Holders []log.Recipient // holder i at place i − 1

	present    log.EvaluatorSet // in force when it began
	dealt      []dealt          // by purpose and dealer
	complaints []*log.Complaint
}

// dealt is a dealing with its identity.
type dealt struct {
	identity log.Hash
	purpose  string
	dealing  *voprf.Dealing
}

// Read takes a ceremony out of a fold of the log. Errors: ErrNone.
func Read(l *log.Ledger, name string) (*Ceremony, error) {
	deals := l.Deals(name)
	if len(deals) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNone, name)
	}
	first := deals[0].Deal
	c := &Ceremony{
		Origin: first.Origin, Name: name, Version: first.Version, T: first.T, N: first.N, Holders: first.Seals,
		present: l.Before(name), complaints: l.Complaints(name),
	}
	for _, d := range deals {
		c.dealt = append(c.dealt, dealt{d.Identity, d.Deal.Purpose, DealingOf(d.Deal)})
	}
	return c, nil
}

// Terms are what dealings of a purpose are bound to.
func Terms(origin, name, purpose string, version uint64, t int, holders []log.Recipient) voprf.Ceremony {
	c := voprf.Ceremony{Origin: origin, Name: name, Purpose: purpose, Version: version, T: t, N: len(holders)}
	for _, h := range holders {
		c.Seals = append(c.Seals, h.Seal)
	}
	return c
}

// DealingOf is a statement as the arithmetic takes it.
func DealingOf(d *log.Deal) *voprf.Dealing {
	return &voprf.Dealing{
		Ceremony: Terms(d.Origin, d.Ceremony, d.Purpose, d.Version, d.T, d.Seals),
		Dealer:   d.Dealer, Commitments: raw(d.Commitments), Possession: d.Possession, Shares: raw(d.Shares),
	}
}

// StatementOf is the inverse of DealingOf.
func StatementOf(d *voprf.Dealing, holders []log.Recipient) *log.Deal {
	st := &log.Deal{
		Origin: d.Ceremony.Origin, Ceremony: d.Ceremony.Name, Purpose: d.Ceremony.Purpose, Version: d.Ceremony.Version,
		T: d.Ceremony.T, N: d.Ceremony.N, Dealer: d.Dealer, Possession: d.Possession, Seals: holders,
		Commitments: []log.Bytes{}, Shares: []log.Bytes{},
	}
	for _, c := range d.Commitments {
		st.Commitments = append(st.Commitments, c)
	}
	for _, s := range d.Shares {
		st.Shares = append(st.Shares, s)
	}
	return st
}

// Verdict is what is to be said of one dealing.
type Verdict struct {
	Purpose  string   `json:"purpose"`
	Dealer   int      `json:"dealer"` // 0 for one who holds nothing afterwards
	Identity log.Hash `json:"identity"`
	Counts   bool     `json:"counts"`
	Why      string   `json:"why,omitempty"`   // it does not count
	Liars    []int    `json:"liars,omitempty"` // holders that complained falsely
}

// Verdicts judge every dealing, by purpose and dealer (CE1).
func (c *Ceremony) Verdicts() []Verdict {
	out := make([]Verdict, 0, len(c.dealt))
	for _, d := range c.dealt {
		out = append(out, c.judge(d))
	}
	return out
}

// judge is the verdict on one dealing. That on a product asks for those on its factor.
func (c *Ceremony) judge(d dealt) Verdict {
	v := Verdict{Purpose: d.purpose, Dealer: d.dealing.Dealer, Identity: d.identity}
	if err := c.public(d); err != nil {
		v.Why = err.Error()
	}
	for _, complaint := range c.complaints {
		if complaint.Deal != d.identity || v.Why != "" {
			continue
		}
		err := d.dealing.Judge(&voprf.Complaint{Holder: complaint.Holder, Shared: complaint.Shared, Proof: complaint.Proof})
		switch {
		case err == nil:
			v.Why = fmt.Sprintf("holder %d shows that its share is bad", complaint.Holder)
		case errors.Is(err, voprf.ErrRight):
			v.Liars = append(v.Liars, complaint.Holder)
		}
	}
	v.Counts = v.Why == ""
	return v
}

// public judges a dealing by itself, and a product against what is multiplied.
func (c *Ceremony) public(d dealt) error {
	switch d.purpose {
	case log.PurposeRotateKey:
		delta, err := c.Commitments(log.PurposeRotateDelta)
		if err != nil {
			return err
		}
		return d.dealing.VerifyProduct(raw(c.present.Commitments), delta)
	case log.PurposeRefresh, log.PurposeRefreshEscrow:
		if !d.dealing.Zero() {
			return errors.New("does not deal zero")
		}
	default:
		if d.dealing.Zero() {
			return errors.New("deals zero")
		}
	}
	return d.dealing.Verify()
}

// Counting are the dealings of a purpose that count, by dealer.
func (c *Ceremony) Counting(purpose string) []*voprf.Dealing {
	var out []*voprf.Dealing
	for _, d := range c.dealt {
		if d.purpose == purpose && c.judge(d).Counts {
			out = append(out, d.dealing)
		}
	}
	slices.SortFunc(out, func(a, b *voprf.Dealing) int { return cmp.Compare(a.Dealer, b.Dealer) })
	return out
}

// taken are the dealings that make up a purpose's sharing: one alone from a dealer
// who holds nothing (of a fresh key only: what is refreshed, and a factor, nobody may
// know whole), else those of at least t holders, and of a product exactly the
// first 2t − 1. A dealer who holds nothing knows the whole, and any evaluator's key
// may sign as one: where holders deal, he counts for nothing, or one of them would
// put his own key in the place of what they all dealt. Errors: ErrUnfinished.
func (c *Ceremony) taken(purpose string) ([]*voprf.Dealing, error) {
	d := c.Counting(purpose)
	if len(d) > 0 && d[0].Dealer == 0 {
		if len(d) == 1 && (purpose == log.PurposeLabels || purpose == log.PurposeEscrow) {
			return d, nil
		}
		d = d[1:]
	}
	need := c.T
	if purpose == log.PurposeRotateKey {
		need = 2*c.T - 1
	}
	if len(d) < need {
		return nil, fmt.Errorf("%w: %d of %d dealings for %s count", ErrUnfinished, len(d), need, purpose)
	}
	if purpose == log.PurposeRotateKey {
		d = d[:need]
	}
	return d, nil
}

// Commitments are those of a purpose's sharing, as everybody computes them.
func (c *Ceremony) Commitments(purpose string) ([][]byte, error) {
	d, err := c.taken(purpose)
	if err != nil {
		return nil, err
	}
	switch purpose {
	case log.PurposeRefresh:
		return voprf.Refresh(raw(c.present.Commitments), d)
	case log.PurposeRefreshEscrow:
		return voprf.Refresh(raw(c.present.Escrow), d)
	case log.PurposeRotateKey:
		return voprf.Product(d)
	}
	return voprf.Sum(d)
}

// deals reports whether anything was dealt for a purpose.
func (c *Ceremony) deals(purpose string) bool {
	return slices.ContainsFunc(c.dealt, func(d dealt) bool { return d.purpose == purpose })
}

// keyPurpose is what the ceremony makes the label key by.
func (c *Ceremony) keyPurpose() string {
	for _, p := range []string{log.PurposeRotateKey, log.PurposeRefresh} {
		if c.deals(p) {
			return p
		}
	}
	return log.PurposeLabels
}

// escrowPurpose is what it makes the escrow key by; empty where that stays.
func (c *Ceremony) escrowPurpose() string {
	for _, p := range []string{log.PurposeEscrow, log.PurposeRefreshEscrow} {
		if c.deals(p) {
			return p
		}
	}
	return ""
}

// Set is what officers install: addresses are for them to add. Errors:
// ErrUnfinished, voprf.ErrDealing.
func (c *Ceremony) Set() (log.EvaluatorSet, error) {
	labels, err := c.Commitments(c.keyPurpose())
	if err != nil {
		return log.EvaluatorSet{}, err
	}
	set := log.EvaluatorSet{Version: c.Version, PublicKey: labels[0], T: c.T, N: c.N, Commitments: bytesOf(labels)}
	switch p := c.escrowPurpose(); {
	case p != "":
		escrow, err := c.Commitments(p)
		if err != nil {
			return log.EvaluatorSet{}, err
		}
		set.Escrow = bytesOf(escrow)
	case c.present.T == c.T && c.present.N == c.N:
		set.Escrow = c.present.Escrow
	}
	for _, h := range c.Holders {
		set.Holders = append(set.Holders, log.Holder{Name: h.Name, KeyID: h.KeyID, Seal: h.Seal})
	}
	return set, nil
}

// Gave reports whether a set is what the ceremony gave, addresses aside (CE3).
func (c *Ceremony) Gave(set log.EvaluatorSet) error {
	want, err := c.Set()
	if err != nil {
		return err
	}
	if len(set.Holders) == len(want.Holders) {
		for i := range want.Holders {
			want.Holders[i].Address = set.Holders[i].Address
		}
	}
	a, err := log.Encode(&log.Authority{Origin: c.Origin, Number: 1, Add: []log.KeyGrant{}, Revoke: []string{}, Evaluators: &set})
	if err != nil {
		return err
	}
	b, err := log.Encode(&log.Authority{Origin: c.Origin, Number: 1, Add: []log.KeyGrant{}, Revoke: []string{}, Evaluators: &want})
	if err != nil {
		return err
	}
	if string(a) != string(b) {
		return fmt.Errorf("the set is not the one that ceremony %s gave", c.Name)
	}
	return nil
}

func raw(list []log.Bytes) [][]byte {
	out := make([][]byte, len(list))
	for i, b := range list {
		out[i] = b
	}
	return out
}

func bytesOf(list [][]byte) []log.Bytes {
	out := make([]log.Bytes, len(list))
	for i, b := range list {
		out[i] = b
	}
	return out
}
