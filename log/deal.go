package log

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Purposes of a ceremony's dealings. What is dealt for one is nothing for another.
const (
	PurposeLabels        = "labels"         // the label key
	PurposeEscrow        = "escrow"         // the key that opens artefacts
	PurposeRefresh       = "refresh"        // zero, added to the shares of the label key
	PurposeRefreshEscrow = "refresh-escrow" // zero, added to those of the escrow key
	PurposeRotateDelta   = "rotate-delta"   // the factor from one label key to the next
	PurposeRotateKey     = "rotate-key"     // shares of the next label key
)

// Purposes lists them.
func Purposes() []string {
	return []string{PurposeEscrow, PurposeLabels, PurposeRefresh, PurposeRefreshEscrow, PurposeRotateDelta, PurposeRotateKey}
}

// Deal is one dealer's part in a ceremony among evaluators, for which the log is
// the broadcast channel: Feldman commitments to a polynomial, and each holder's
// share sealed to it. Signed by the dealer, a key of role evaluator.
type Deal struct {
	Origin   string `json:"origin"`
	Ceremony string `json:"ceremony"` // a name that all of its dealings share
	Purpose  string `json:"purpose"`  // what is dealt: labels, escrow, refresh, refresh-escrow, rotate-delta, rotate-key
	Version  uint64 `json:"version"`  // of the key that comes of it
	T        int    `json:"t"`
	N        int    `json:"n"`
	// Dealer is the holder that deals, from 1; 0 for a dealer who holds nothing
	// afterwards and deals alone.
	Dealer int `json:"dealer"`
	// Commitments are T of 32 bytes; of a refresh T−1: the first is the identity,
	// and absent.
	Commitments []Bytes     `json:"commitments"`
	Possession  Bytes       `json:"possession"` // proof for the first commitment; empty for a refresh
	Seals       []Recipient `json:"seals"`      // N of them, by index
	Shares      []Bytes     `json:"shares"`     // N of them, sealed to the recipients
}

// Recipient is a holder-to-be: who complains, and to whom shares are sealed.
type Recipient struct {
	Name  string `json:"name"`
	KeyID string `json:"keyid"` // of its signing key, of role evaluator
	Seal  Bytes  `json:"seal"`  // 32 bytes, ristretto255
}

// refreshes reports a dealing of zero.
func (s *Deal) refreshes() bool {
	return s.Purpose == PurposeRefresh || s.Purpose == PurposeRefreshEscrow
}

// Kind is [KindDeal].
func (s *Deal) Kind() Kind { return KindDeal }

func (s *Deal) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Deal) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("ceremony", s.Ceremony)
	c.that(slices.Contains(Purposes(), s.Purpose), "purpose", "no purpose of a dealing")
	c.that(s.Version >= 1, "version", "from 1")
	c.between("n", int64(s.N), 1, MaxEvaluators)
	c.between("t", int64(s.T), 1, int64(s.N))
	c.between("dealer", int64(s.Dealer), 0, int64(s.N))
	want := s.T
	if s.refreshes() {
		want--
		c.that(len(s.Possession) == 0, "possession", "empty for a dealing of zero")
	} else {
		c.size("possession", s.Possession, 64, MaxPossession)
	}
	c.that(len(s.Commitments) == want, "commitments", fmt.Sprintf("want %d", want))
	for i, x := range s.Commitments {
		c.size(fmt.Sprintf("commitments[%d]", i), x, 32, 32)
	}
	c.that(len(s.Seals) == s.N, "seals", "want as many as n")
	for i, r := range s.Seals {
		at := fmt.Sprintf("seals[%d]", i)
		c.name(at+".name", r.Name)
		c.keyID(at+".keyid", r.KeyID)
		c.size(at+".seal", r.Seal, 32, 32)
		for _, o := range s.Seals[:i] {
			c.that(o.Name != r.Name && o.KeyID != r.KeyID && !bytes.Equal(o.Seal, r.Seal), at, "recipient stands twice")
		}
	}
	c.that(len(s.Shares) == s.N, "shares", "want as many as n")
	for i, x := range s.Shares {
		c.size(fmt.Sprintf("shares[%d]", i), x, 1, MaxSealedShare)
	}
	return c.err
}

// Replay is the ceremony, the purpose and the dealer, once.
func (s *Deal) Replay(string) ReplayKey {
	return ReplayKey{Scope: fmt.Sprintf("deal/%s/%s/%d", s.Ceremony, s.Purpose, s.Dealer)}
}

// Void: the ceremony is over (officers installed a set of its version), or other holders or another key are dealt for in it;
// the dealer is not who it says; there is no room for another ceremony. Whether
// the commitments and shares are good is judged by whoever holds one, and by the
// complaints.
func (s *Deal) Void(v View, e Signed) error {
	if v.Frozen() {
		return void(Conflict, "the log is frozen")
	}
	if s.Dealer > 0 && s.Seals[s.Dealer-1].KeyID != e.Signer() {
		return voidf(Forbidden, "holder %d deals by another key", s.Dealer)
	}
	return v.CheckDeal(s, e.Signer())
}

// terms is what all dealings of a ceremony agree on.
func (s *Deal) terms() Hash {
	h := sha256.New()
	fmt.Fprintf(h, "%s%s\n%d %d %d\n", tagCeremony, s.Ceremony, s.Version, s.T, s.N)
	for _, r := range s.Seals {
		fmt.Fprintf(h, "%s %s %s\n", r.Name, r.KeyID, r.Seal)
	}
	return Hash(h.Sum(nil))
}

// Complaint shows that a dealing is bad, or that its complainer lies: the point
// that dealer and holder share is revealed with a proof, so that everybody opens
// the sealed share alike. Signed by that holder.
type Complaint struct {
	Origin   string `json:"origin"`
	Ceremony string `json:"ceremony"` // whose dealing is complained of
	Deal     Hash   `json:"deal"`     // identity of the dealing
	Holder   int    `json:"holder"`   // from 1
	Shared   Bytes  `json:"shared"`   // 32 bytes
	Proof    Bytes  `json:"proof"`    // that Shared is the point, 64 bytes
}

// Kind is [KindComplaint].
func (s *Complaint) Kind() Kind { return KindComplaint }

func (s *Complaint) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Complaint) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("ceremony", s.Ceremony)
	c.between("holder", int64(s.Holder), 1, MaxEvaluators)
	c.size("shared", s.Shared, 32, 32)
	c.size("proof", s.Proof, 64, 64)
	return c.err
}

// Replay is the dealing and the holder, once.
func (s *Complaint) Replay(string) ReplayKey {
	return ReplayKey{Scope: fmt.Sprintf("complaint/%s/%d", s.Deal.Hex(), s.Holder)}
}

// Void: the ceremony is over or has no such dealing, or the signer is not the holder that
// complains. Who of both lied is judged from the log by everybody alike.
func (s *Complaint) Void(v View, e Signed) error {
	d, ok := v.Deal(s.Ceremony, s.Deal)
	switch {
	case !ok:
		return voidf(Unknown, "no such dealing in ceremony %s", s.Ceremony)
	case s.Holder > d.N:
		return voidf(Unknown, "no holder %d of %d", s.Holder, d.N)
	case d.Seals[s.Holder-1].KeyID != e.Signer():
		return voidf(Forbidden, "holder %d complains by another key", s.Holder)
	}
	return nil
}

func compareDeals(a, b *Deal) int {
	if c := strings.Compare(a.Purpose, b.Purpose); c != 0 {
		return c
	}
	return a.Dealer - b.Dealer
}
