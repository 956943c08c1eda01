package officer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// ErrProof is a possession proof that does not verify.
var ErrProof = errors.New("possession proof does not verify")

// Grant is a public key with the proof that its holder takes a role in a log: a
// file that the holder makes and sends to the officers, or to the registrar.
type Grant struct {
	Format string   `json:"format"`
	Origin string   `json:"origin"`
	Role   log.Role `json:"role"`
	Name   string   `json:"name"`
	SPKI   []byte   `json:"spki"`
	Proof  []byte   `json:"proof"` // empty for the escrow, which signs nothing
}

// Prove makes a grant with the key's own signature.
func Prove(s log.Signer, spki []byte, origin string, role log.Role, name string) (*Grant, error) {
	g := &Grant{formatGrant, origin, role, name, spki, nil}
	if err := g.check(); err != nil {
		return nil, err
	}
	if role == log.RoleEscrow {
		return nil, fmt.Errorf("%w: a key that signs is no escrow key", ErrFile)
	}
	var err error
	if g.Proof, err = log.Prove(s, origin, role, spki); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return g, nil
}

// EscrowGrant is the grant of an X25519 key, which cannot sign: who brings it in
// answers for it.
func EscrowGrant(spki []byte, origin, name string) (*Grant, error) {
	if a, ok := log.CheckSPKI(spki); !ok || a != log.X25519 {
		return nil, fmt.Errorf("%w: the escrow's is an X25519 key", ErrFile)
	}
	g := &Grant{formatGrant, origin, log.RoleEscrow, name, spki, []byte{}}
	return g, g.check()
}

// ParseGrant reads a grant and verifies its proof for a log (OF3). An empty origin
// accepts any.
func ParseGrant(raw []byte, origin string, v log.Verifier) (*Grant, error) {
	g := &Grant{}
	if err := decode(raw, formatGrant, g); err != nil {
		return nil, err
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	if origin != "" && g.Origin != origin {
		return nil, fmt.Errorf("%w: grant of %s is for the log %q, not %q", ErrFile, g.Name, g.Origin, origin)
	}
	a, _ := log.CheckSPKI(g.SPKI)
	if g.Role == log.RoleEscrow {
		if a != log.X25519 || len(g.Proof) != 0 {
			return nil, fmt.Errorf("%w: the escrow's is an X25519 key without proof", ErrFile)
		}
		return g, nil
	}
	if err := v.Verify(g.SPKI, log.PossessionMessage(g.Origin, g.Role, g.SPKI), g.Proof); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %w", g.Role, g.Name, ErrProof, err)
	}
	return g, nil
}

func (g *Grant) check() error {
	_, ok := log.CheckSPKI(g.SPKI)
	roles := append(log.GrantedRoles(), log.RoleGuard)
	switch {
	case !ok:
		return fmt.Errorf("%w: not a public key", ErrFile)
	case !log.ValidOrigin(g.Origin):
		return fmt.Errorf("%w: origin %q", ErrFile, g.Origin)
	case !log.ValidName(g.Name):
		return fmt.Errorf("%w: name %q: want [a-z0-9][a-z0-9._-]{0,62}", ErrFile, g.Name)
	case !slices.Contains(roles, g.Role):
		return fmt.Errorf("%w: role %q: want one of %v", ErrFile, g.Role, roles)
	}
	return nil
}

// Marshal prints the file.
func (g *Grant) Marshal() []byte { return encode(g) }

// Key is the grant as it stands in genesis and authority.
func (g *Grant) Key() log.KeyGrant {
	proof := log.Bytes(g.Proof)
	if proof == nil {
		proof = log.Bytes{}
	}
	return log.KeyGrant{Role: g.Role, Name: g.Name, SPKI: g.SPKI, Proof: proof}
}

// Guard is the grant as it stands in a run.
func (g *Grant) Guard() (log.Guard, error) {
	if g.Role != log.RoleGuard {
		return log.Guard{}, fmt.Errorf("%w: grant of %s is for the role %s, not guard", ErrFile, g.Name, g.Role)
	}
	return log.Guard{Name: g.Name, SPKI: g.SPKI, Proof: g.Proof}, nil
}

// Grants sorts keys as statements hold them.
func Grants(gs []*Grant) []log.KeyGrant {
	keys := make([]log.KeyGrant, 0, len(gs))
	for _, g := range gs {
		keys = append(keys, g.Key())
	}
	slices.SortFunc(keys, func(a, b log.KeyGrant) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name))
	})
	return keys
}

// Enrolment is what a member sends to the officers who appoint a group: both
// public keys with both possession proofs.
type Enrolment struct {
	Format       string `json:"format"`
	Origin       string `json:"origin"`
	Group        string `json:"group"`
	Pseudonym    string `json:"pseudonym"`
	Checkin      []byte `json:"checkin"`
	CheckinProof []byte `json:"checkin_proof"`
	Ring         []byte `json:"ring"`
	RingProof    []byte `json:"ring_proof"`
}

// Enrol makes an enrolment with both keys.
func Enrol(s log.Signer, spki []byte, secret *ring.Secret, origin, group, pseudonym string) (*Enrolment, error) {
	public := secret.Public()
	e := &Enrolment{Format: formatEnrolment, Origin: origin, Group: group, Pseudonym: pseudonym, Checkin: spki, Ring: public[:]}
	if err := e.check(); err != nil {
		return nil, err
	}
	proof, err := log.Prove(s, origin, log.RoleMember, spki)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	e.CheckinProof = proof
	e.RingProof = ring.ProvePossession(secret, log.RingContext(origin, group, pseudonym))
	return e, nil
}

func (e *Enrolment) check() error {
	a, ok := log.CheckSPKI(e.Checkin)
	switch {
	case !ok || a == log.X25519:
		return fmt.Errorf("%w: check-in key", ErrFile)
	case !log.ValidOrigin(e.Origin):
		return fmt.Errorf("%w: origin %q", ErrFile, e.Origin)
	case !log.ValidName(e.Group) || !log.ValidName(e.Pseudonym):
		return fmt.Errorf("%w: group %q or pseudonym %q: want [a-z0-9][a-z0-9._-]{0,62}", ErrFile, e.Group, e.Pseudonym)
	}
	return nil
}

// ParseEnrolment reads an enrolment and verifies both proofs for a group of a log
// (OF3).
func ParseEnrolment(raw []byte, origin, group string, v log.Verifier) (*Enrolment, error) {
	e := &Enrolment{}
	if err := decode(raw, formatEnrolment, e); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	if e.Origin != origin || e.Group != group {
		return nil, fmt.Errorf("%w: enrolment of %s is for group %q of the log %q", ErrFile, e.Pseudonym, e.Group, e.Origin)
	}
	if err := v.Verify(e.Checkin, log.PossessionMessage(origin, log.RoleMember, e.Checkin), e.CheckinProof); err != nil {
		return nil, fmt.Errorf("check-in key of %s: %w: %w", e.Pseudonym, ErrProof, err)
	}
	if err := v.VerifyRingKeyProof(e.Ring, log.RingContext(origin, group, e.Pseudonym), e.RingProof); err != nil {
		return nil, fmt.Errorf("ring key of %s: %w: %w", e.Pseudonym, ErrProof, err)
	}
	return e, nil
}

// Marshal prints the file.
func (e *Enrolment) Marshal() []byte { return encode(e) }

// Member is the enrolment as it stands in a group.
func (e *Enrolment) Member() log.Member {
	return log.Member{Pseudonym: e.Pseudonym, Checkin: e.Checkin, CheckinProof: e.CheckinProof, Ring: e.Ring, RingProof: e.RingProof}
}
