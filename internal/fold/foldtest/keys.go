package foldtest

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// A Key is an Ed25519 key that signs statements.
type Key struct {
	Name    string
	SPKI    []byte
	private ed25519.PrivateKey
}

// NewKey makes a key.
func NewKey(t testing.TB, name string) *Key {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{Name: name, SPKI: spki, private: private}
}

// KeyID is the key's identifier.
func (k *Key) KeyID() string { return log.KeyID(k.SPKI) }

// Sign signs a message.
func (k *Key) Sign(message []byte) ([]byte, error) { return ed25519.Sign(k.private, message), nil }

// Grant is the key in a role of a log, with its possession proof.
func (k *Key) Grant(origin string, role log.Role) log.KeyGrant {
	proof, err := log.Prove(k, origin, role, k.SPKI)
	if err != nil {
		panic(err) // Sign returns none
	}
	return log.KeyGrant{Role: role, Name: k.Name, SPKI: k.SPKI, Proof: proof}
}

// Guard is the key as a run's guard.
func (k *Key) Guard(origin string) log.Guard {
	g := k.Grant(origin, log.RoleGuard)
	return log.Guard{Name: g.Name, SPKI: g.SPKI, Proof: g.Proof}
}

// A Member has the two keys of one of a group.
type Member struct {
	Pseudonym string
	Checkin   *Key
	Ring      *ring.Secret
}

// NewMember makes a member.
func NewMember(t testing.TB, pseudonym string) *Member {
	t.Helper()
	secret, _, err := ring.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Member{Pseudonym: pseudonym, Checkin: NewKey(t, pseudonym), Ring: secret}
}

// Entry is the member in a group statement.
func (m *Member) Entry(origin, group string) log.Member {
	g := m.Checkin.Grant(origin, log.RoleMember)
	public := m.Ring.Public()
	return log.Member{
		Pseudonym: m.Pseudonym, Checkin: g.SPKI, CheckinProof: g.Proof, Ring: public[:],
		RingProof: ring.ProvePossession(m.Ring, log.RingContext(origin, group, m.Pseudonym)),
	}
}

// noteKey makes a key of the log or of a witness.
func noteKey(t testing.TB, typ byte, name string) checkpoint.Signer {
	t.Helper()
	secret, _, err := checkpoint.GenerateKey(typ, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newEscrow makes an X25519 key: the escrow, which signs nothing.
func newEscrow(t testing.TB) (*ecdh.PrivateKey, []byte) {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(k.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return k, spki
}
