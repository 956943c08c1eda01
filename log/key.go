package log

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// Role says what a key may sign.
type Role string

// Roles that officers grant (genesis, authority).
const (
	RoleOfficer   Role = "officer"
	RoleRegistrar Role = "registrar"
	RoleEngine    Role = "engine"
	RoleMonitor   Role = "monitor"
	RoleActuator  Role = "actuator"
	RoleEvaluator Role = "evaluator"
	RoleEscrow    Role = "escrow" // an X25519 key that labels are sealed to; signs nothing
)

// Roles that other statements give.
const (
	RoleGuard  Role = "guard"  // of a run, by its registration
	RoleMember Role = "member" // of a group: the check-in key
)

// GrantedRoles are the roles that genesis and authority give, in order.
func GrantedRoles() []Role {
	return []Role{RoleActuator, RoleEngine, RoleEscrow, RoleEvaluator, RoleMonitor, RoleOfficer, RoleRegistrar}
}

// KeyGrant gives a key a role.
type KeyGrant struct {
	Role  Role   `json:"role"`
	Name  string `json:"name"`
	SPKI  Bytes  `json:"spki"`  // DER SubjectPublicKeyInfo, see [CheckSPKI]
	Proof Bytes  `json:"proof"` // signature by the key over [PossessionMessage]; empty for escrow
}

// KeyID is the lower-case hex SHA-256 of a key's SPKI.
func KeyID(spki []byte) string {
	h := sha256.Sum256(spki)
	return hex.EncodeToString(h[:])
}

// Algorithm is what a public key is for.
type Algorithm string

const (
	Ed25519 Algorithm = "ed25519"    // signs (RFC 8032)
	P256    Algorithm = "ecdsa-p256" // signs, with SHA-256 and low S alone
	X25519  Algorithm = "x25519"     // an escrow's: labels are sealed to it, it signs nothing
)

// The fixed heads of DER SubjectPublicKeyInfo: RFC 8410 section 4 for the
// first two, RFC 5480 (named curve, uncompressed point) for the third. Behind
// each stand exactly the key's bytes, so that a key has one encoding, and one
// key ID.
var (
	headEd25519 = []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}
	headX25519  = []byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00}
	headP256    = []byte{
		0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
	}
)

// CheckSPKI says which algorithm a public key is for, by its exact form. That
// the point is on the curve, and not one of small order, is for who verifies
// with it.
func CheckSPKI(spki []byte) (Algorithm, bool) {
	switch {
	case len(spki) == len(headEd25519)+32 && bytes.HasPrefix(spki, headEd25519):
		return Ed25519, true
	case len(spki) == len(headX25519)+32 && bytes.HasPrefix(spki, headX25519):
		return X25519, true
	case len(spki) == len(headP256)+64 && bytes.HasPrefix(spki, headP256):
		return P256, true
	}
	return "", false
}

// PossessionMessage is what a key signs to show that its holder takes a role
// in a log: nobody can bring in another's key as his own.
func PossessionMessage(origin string, role Role, spki []byte) []byte {
	b := []byte(tagProof)
	b = append(b, origin...)
	b = append(b, '\n')
	b = append(b, role...)
	b = append(b, '\n')
	return append(b, spki...)
}

// RingContext is what a ring key's possession proof is bound to.
func RingContext(origin, group, pseudonym string) []byte {
	return []byte(tagRingKey + origin + "\n" + group + "\n" + pseudonym + "\n")
}

// Signer signs statements; it is implemented by the key store, and by a ring
// signer. Sign takes the whole message, not a hash of it.
type Signer interface {
	KeyID() string
	Sign(message []byte) ([]byte, error)
}

// Prove makes the possession proof for a key in a role.
func Prove(s Signer, origin string, role Role, spki []byte) (Bytes, error) {
	return s.Sign(PossessionMessage(origin, role, spki))
}

// Verifier checks signatures. Implementations hold no state, are safe for
// concurrent use, and return an error for anything but a valid signature.
type Verifier interface {
	// Verify checks an Ed25519 signature (RFC 8032, strict) or an ECDSA P-256
	// one (SHA-256, DER, low S) by a key in SPKI form over message.
	Verify(spki, message, sig []byte) error
	// VerifyRing checks a ring signature over message by one of the keys, 32
	// bytes each, in the group's order.
	VerifyRing(keys [][]byte, message, sig []byte) error
	// VerifyRingKeyProof checks a ring key's possession proof, bound to a
	// context (see [RingContext]).
	VerifyRingKeyProof(key, context, proof []byte) error
}
