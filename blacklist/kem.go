package blacklist

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// SuiteThreshold wraps the data key to a key E = e·G of ristretto255 that
// evaluators share: the cryptosystem TDH2 of Shoup and Gennaro, "Securing Threshold
// Cryptosystems against Chosen Ciphertext Attack" (J. Cryptology 2002, section 4),
// whose label is the artefact's context. The wrap's bytes are
//
//	R = r·G ‖ R̄ = r·Ḡ ‖ e ‖ f ‖ AES-256-GCM of the data key, nonce in front
//
// under HKDF-SHA256 of r·E. (e, f) proves that R and R̄ have one logarithm, known to
// whoever made this ciphertext for this context; so a wrap that is copied into
// another artefact, or altered, is refused before any share touches it.
const SuiteThreshold = 2

// ErrContext: a wrap was not made for this artefact. Holders refuse it.
var ErrContext = errors.New("wrap is of another artefact, or altered")

const (
	wrapHead = 2*group.ElementSize + 2*group.ScalarSize
	wrapSize = wrapHead + 12 + dataKeySize + 16 // nonce and tag of AES-GCM
)

// ThresholdKeyID returns the ID of a shared escrow key of 32 bytes: lower-case hex
// SHA-256 over a tag and the key.
func ThresholdKeyID(public []byte) string {
	sum := tagged(tagEscrowKey, public)
	return hex.EncodeToString(sum[:])
}

// wrapped is a wrap of suite 2 taken apart.
type wrapped struct {
	r, bar    *group.Element
	e, f      *group.Scalar
	encodedR  []byte
	encrypted []byte
}

// wrapTo wraps a data key to E.
func wrapTo(public []byte, c Context, dataKey []byte) (Wrap, error) {
	key, err := group.DecodeElement(public)
	if err != nil {
		return Wrap{}, fmt.Errorf("escrow key: %w", err)
	}
	r, s := group.RandomScalar(), group.RandomScalar()
	w := wrapped{r: group.MulBase(r), bar: second().Mul(r)}
	w.encodedR = w.r.Bytes()
	aead, err := wrapCipher(key.Mul(r), w.encodedR, c)
	if err != nil {
		return Wrap{}, err
	}
	w.encrypted = aead.Seal(nil, nil, dataKey, c.additional())
	w.e = w.challenge(c, public, group.MulBase(s), second().Mul(s))
	w.f = s.Add(r.Mul(w.e))
	b := append(w.encodedR, w.bar.Bytes()...)
	b = append(append(b, w.e.Bytes()...), w.f.Bytes()...)
	return Wrap{SuiteThreshold, ThresholdKeyID(public), append(b, w.encrypted...)}, nil
}

// second is Ḡ, whose logarithm to G nobody knows.
func second() *group.Element { return group.HashToGroup(group.TagEscrowGenerator) }

// challenge is H2 of the paper: of the ciphertext, the label, u, w, ū, w̄.
func (w *wrapped) challenge(c Context, public []byte, t, bar *group.Element) *group.Scalar {
	sum := sha256.Sum256(w.encrypted)
	context := sha256.Sum256(c.additional())
	return group.HashToScalar(group.TagEscrowWrap, sum[:], context[:], public, w.encodedR, t.Bytes(), w.bar.Bytes(), bar.Bytes())
}

// parseWrap takes a wrap of suite 2 apart and verifies that it was made for this
// key and context. Errors: ErrWraps for its form, ErrContext.
func parseWrap(public []byte, c Context, w Wrap) (*wrapped, error) {
	if w.Suite != SuiteThreshold || w.KeyID != ThresholdKeyID(public) || len(w.Bytes) != wrapSize {
		return nil, fmt.Errorf("%w: suite %d of %d bytes", ErrWraps, w.Suite, len(w.Bytes))
	}
	out := &wrapped{encodedR: w.Bytes[:32], encrypted: w.Bytes[wrapHead:]}
	var errs [4]error
	out.r, errs[0] = group.DecodeElement(w.Bytes[:32])
	out.bar, errs[1] = group.DecodeElement(w.Bytes[32:64])
	out.e, errs[2] = group.DecodeScalar(w.Bytes[64:96])
	out.f, errs[3] = group.DecodeScalar(w.Bytes[96:128])
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWraps, err)
	}
	// w = f·G − e·u, w̄ = f·Ḡ − e·ū
	t := out.r.VarTimeMulBaseAdd(out.f, out.e.Neg())
	bar, err := group.VarTimeMultiMul([]*group.Scalar{out.f, out.e.Neg()}, []*group.Element{second(), out.bar})
	if err != nil {
		return nil, err
	}
	if !out.challenge(c, public, t, bar).Equal(out.e) {
		return nil, ErrContext
	}
	return out, nil
}

// wrapCipher is AES-256-GCM under HKDF-SHA256 of the shared point, with R and the
// context as info.
func wrapCipher(shared *group.Element, encodedR []byte, c Context) (cipher.AEAD, error) {
	info := append(append([]byte(tagEscrow+"\x00"), encodedR...), c.additional()...)
	key, err := hkdf.Key(sha256.New, shared.Bytes(), nil, string(info), dataKeySize)
	if err != nil {
		return nil, fmt.Errorf("wrap key: %w", err)
	}
	return dataCipher(key)
}

func newDataKey() []byte {
	key := make([]byte, dataKeySize)
	rand.Read(key) // never fails: crypto/rand aborts the process instead
	return key
}
