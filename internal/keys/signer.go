package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// Signer signs whole messages with one key. It is safe for concurrent use.
type Signer struct {
	inner signature.Signer
	pub   crypto.PublicKey
	spki  []byte
	id    string
	kms   bool
}

// KeyID is the lower-case hex SHA-256 of the key's SPKI.
func (s *Signer) KeyID() string { return s.id }

// SPKI is the public key as DER SubjectPublicKeyInfo.
func (s *Signer) SPKI() []byte { return bytes.Clone(s.spki) }

// Sign signs a message and verifies what it made: a fault in the machine, or
// a KMS that holds another key than it says, yields an error and no signature.
func (s *Signer) Sign(message []byte) ([]byte, error) {
	var opts []signature.SignOption
	if s.kms {
		ctx, cancel := context.WithTimeout(context.Background(), kmsTimeout)
		defer cancel()
		opts = append(opts, options.WithContext(ctx))
	}
	sig, err := s.inner.SignMessage(bytes.NewReader(message), opts...)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.id, err)
	}
	if _, ok := s.pub.(*ecdsa.PublicKey); ok {
		if sig, err = lowS(sig); err != nil {
			return nil, fmt.Errorf("sign with %s: %w", s.id, err)
		}
	}
	if err := Verify(s.spki, message, sig); err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.id, err)
	}
	return sig, nil
}

// NewSigner takes an ed25519.PrivateKey or a P-256 *ecdsa.PrivateKey.
func NewSigner(key crypto.PrivateKey) (*Signer, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		inner, err := signature.LoadED25519Signer(k)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return newSigner(inner, k.Public(), false)
	case *ecdsa.PrivateKey:
		inner, err := signature.LoadECDSASigner(k, crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return newSigner(inner, k.Public(), false)
	}
	return nil, fmt.Errorf("key of type %T signs nothing: %w", key, ErrKey)
}

func newSigner(inner signature.Signer, pub crypto.PublicKey, kms bool) (*Signer, error) {
	spki, err := SPKI(pub)
	if err != nil {
		return nil, err
	}
	return &Signer{inner: inner, pub: pub, spki: spki, id: ID(spki), kms: kms}, nil
}

// Open finds a signer by reference: the path of a PEM file, or
// "<provider>://<resource>" for a key in a KMS, which runs the executable
// sigstore-kms-<provider> from PATH for each signature.
func Open(ctx context.Context, ref string) (*Signer, error) {
	if !strings.Contains(ref, "://") {
		return Load(ref)
	}
	ctx, cancel := context.WithTimeout(ctx, kmsTimeout)
	defer cancel()
	// The deadline would be kept for the key's whole life: it is given with
	// each call instead.
	kms, err := cliplugin.LoadSignerVerifier(context.WithoutCancel(ctx), ref, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("open KMS key %s: %w", ref, err)
	}
	pub, err := kms.PublicKey(options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("open KMS key %s: %w", ref, err)
	}
	s, err := newSigner(kms, pub, true)
	if err != nil {
		return nil, fmt.Errorf("open KMS key %s: %w", ref, err)
	}
	return s, nil
}
