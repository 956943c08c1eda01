package voprf

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/haltlog/haltlog/internal/group"
)

// SealedShareSize is the length of a sealed share in bytes:
//
//	R = r·G ‖ R̄ = r·Ḡ ‖ proof ‖ AES-256-GCM of the share, nonce in front
//
// under HKDF-SHA256 of r·Seal. The proof shows that R and R̄ have one logarithm, bound
// to ceremony, dealer, holder and ciphertext (TDH2: Shoup and Gennaro, "Securing
// threshold cryptosystems against chosen ciphertext attack", J. Cryptology 2002). It
// is there because a complaint publishes a·R, the holder's secret times what the
// dealer sent: a dealer who copied another's R would have the holder open the
// other's share for everybody. A copied R has no proof, and no complaint is made.
const SealedShareSize = sealHead + 12 + group.ScalarSize + 16

const sealHead = 2*group.ElementSize + ProofSize

// A sealedShare is one taken apart, whose proof holds.
type sealedShare struct {
	ephemeral *group.Element // R
	encoded   []byte         // R's encoding
	encrypted []byte
}

// sealSecond is Ḡ, whose logarithm to G nobody knows.
func sealSecond() *group.Element { return group.HashToGroup(group.TagSealGenerator) }

// seal encrypts a holder's value, 32 bytes, to its seal key.
func (d *Dealing) seal(holder int, value []byte) ([]byte, error) {
	to, err := group.DecodeElement(d.Ceremony.Seals[holder-1])
	if err != nil {
		return nil, err
	}
	r := group.RandomScalar()
	return d.sealWith(holder, r, to.Mul(r), value)
}

func (d *Dealing) sealWith(holder int, r *group.Scalar, shared *group.Element, value []byte) ([]byte, error) {
	ephemeral, bar := group.MulBase(r), sealSecond().Mul(r)
	encoded := ephemeral.Bytes()
	aead, err := d.cipher(holder, encoded, shared)
	if err != nil {
		return nil, err
	}
	encrypted := aead.Seal(nil, nil, value, nil)
	proof, err := d.sealPair(holder, ephemeral, bar, encrypted).prove(r, system())
	if err != nil {
		return nil, err
	}
	out := append(encoded, bar.Bytes()...)
	return append(append(out, proof...), encrypted...), nil
}

func (d *Dealing) sealPair(holder int, ephemeral, bar *group.Element, encrypted []byte) pair {
	sum := sha256.Sum256(encrypted)
	statement := append(d.Ceremony.statement(d.Dealer, holder), sum[:]...)
	return pair{group.TagSealedShare, statement, group.Generator(), ephemeral, sealSecond(), bar}
}

// sealed takes a holder's sealed share apart and holds its proof, before anything
// secret touches it. Everybody can. Errors: ErrDealing.
func (d *Dealing) sealed(holder int) (*sealedShare, error) {
	if holder < 1 || holder > len(d.Shares) || holder > len(d.Ceremony.Seals) {
		return nil, fmt.Errorf("%w: holder %d", ErrDealing, holder)
	}
	b := d.Shares[holder-1]
	if len(b) != SealedShareSize {
		return nil, fmt.Errorf("%w: sealed share %d of %d bytes", ErrDealing, holder, len(b))
	}
	ephemeral, err := group.DecodeElement(b[:group.ElementSize])
	if err != nil {
		return nil, fmt.Errorf("%w: sealed share %d: %w", ErrDealing, holder, err)
	}
	bar, err := group.DecodeElement(b[group.ElementSize : 2*group.ElementSize])
	if err != nil {
		return nil, fmt.Errorf("%w: sealed share %d: %w", ErrDealing, holder, err)
	}
	s := &sealedShare{ephemeral, b[:group.ElementSize], b[sealHead:]}
	if err := d.sealPair(holder, ephemeral, bar, s.encrypted).verify(b[2*group.ElementSize : sealHead]); err != nil {
		return nil, fmt.Errorf("%w: sealed share %d: %w", ErrDealing, holder, err)
	}
	return s, nil
}

// cipher is AES-256-GCM under HKDF-SHA256 of the shared point, with the ceremony,
// dealer, holder and R as info.
func (d *Dealing) cipher(holder int, ephemeral []byte, shared *group.Element) (cipher.AEAD, error) {
	info := append([]byte(group.TagSealKey+"\x00"), d.Ceremony.statement(d.Dealer, holder)...)
	key, err := hkdf.Key(sha256.New, shared.Bytes(), nil, string(append(info, ephemeral...)), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Open opens a holder's sealed share and holds it against the commitments. The
// error is ErrSealedShare where the holder should complain, ErrDealing for what
// everybody sees to be no dealing.
func (d *Dealing) Open(holder int, seal *PrivateKey) (*Portion, error) {
	s, err := d.sealed(holder)
	if err != nil {
		return nil, err
	}
	return d.open(holder, s, s.ephemeral.Mul(seal.k))
}

// open is Open with the point that dealer and holder share.
func (d *Dealing) open(holder int, s *sealedShare, shared *group.Element) (*Portion, error) {
	commitments, err := d.commitments()
	if err != nil {
		return nil, err
	}
	aead, err := d.cipher(holder, s.encoded, shared)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, s.encrypted, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealedShare, err)
	}
	value, err := group.DecodeScalar(plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealedShare, err)
	}
	want, err := sumAt(commitments, holder)
	if err != nil {
		return nil, err
	}
	if !group.MulBase(value).Equal(want) {
		return nil, fmt.Errorf("%w: not the one committed to", ErrSealedShare)
	}
	return &Portion{d.Dealer, holder, value}, nil
}
