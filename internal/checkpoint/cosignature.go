package checkpoint

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"strconv"

	"filippo.io/mldsa"
)

// A Verifier checks signature lines of one key over checkpoints. It is safe
// for concurrent use; it exists apart from [VKey] because an ML-DSA-44 key is
// expanded once for many verifications.
type Verifier struct {
	key VKey
	pq  *mldsa.PublicKey // nil for Ed25519
}

// NewVerifier prepares a key for verification.
func NewVerifier(key VKey) (*Verifier, error) {
	// The value may have been put together by hand; what ParseVKey refuses is
	// refused here too.
	k, err := NewVKey(key.Name, key.Type, key.Key)
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	if k.ID != key.ID {
		return nil, fmt.Errorf("verifier: key ID is not that of the key: %w", ErrKey)
	}
	v := &Verifier{key: k}
	if k.Type == TypeMLDSA44Cosignature {
		if v.pq, err = mldsa.NewPublicKey(mldsa.MLDSA44(), k.Key); err != nil {
			return nil, fmt.Errorf("verifier: %w", ErrKey)
		}
	}
	return v, nil
}

// VKey is the key that the verifier checks.
func (v *Verifier) VKey() VKey { return v.key }

// Matches reports whether a line claims to be of this key: its name and its
// key ID, both.
func (v *Verifier) Matches(s NoteSig) bool { return v.key.matches(s) }

// Verify checks a signature (what follows the key ID in a line) over the
// checkpoint. The time is the cosignature's in seconds since 1970, and 0 for
// plain note signatures. Any failure is [ErrSignature].
func (v *Verifier) Verify(c Checkpoint, sig []byte) (time uint64, err error) {
	refuse := func(why string) (uint64, error) {
		return 0, fmt.Errorf("%s: %s: %w", v.key.Name, why, ErrSignature)
	}
	if v.key.Type == TypeEd25519 {
		if len(sig) != ed25519.SignatureSize {
			return refuse("signature length")
		}
		if !ed25519.Verify(v.key.Key, []byte(c.String()), sig) {
			return refuse("note signature")
		}
		return 0, nil
	}
	// tlog-cosignature: "The signature MUST be a timestamped_signature
	// structure."
	if len(sig) < 8 {
		return refuse("signature length")
	}
	time, raw := binary.BigEndian.Uint64(sig), sig[8:]
	// "It MUST NOT exceed 2^63 - 1"
	if time > MaxTime {
		return refuse("time")
	}
	switch v.key.Type {
	case TypeEd25519Cosignature:
		if len(raw) != ed25519.SignatureSize {
			return refuse("signature length")
		}
		if !ed25519.Verify(v.key.Key, ed25519CosignedMessage(c, time), raw) {
			return refuse("Ed25519 cosignature")
		}
	case TypeMLDSA44Cosignature:
		if len(raw) != mldsa.MLDSA44SignatureSize {
			return refuse("signature length")
		}
		m, err := mldsaCosignedMessage(v.key.Name, time, c.Origin, 0, c.Size, c.Root)
		if err != nil {
			return refuse("origin length")
		}
		if mldsa.Verify(v.pq, m, raw, nil) != nil {
			return refuse("ML-DSA-44 cosignature")
		}
	}
	return time, nil
}

// ed25519CosignedMessage is what an Ed25519 cosigner signs: "two newline
// terminated lines (one header line and one timestamp line) followed by the
// whole note body of the cosigned checkpoint". It does not bind the cosigner's
// name.
func ed25519CosignedMessage(c Checkpoint, time uint64) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatUint(time, 10) + "\n" + c.String())
}

// mldsaCosignedMessage is tlog-cosignature's cosigned_message: label, name
// with a length of one byte, time, origin with a length of one byte, start,
// end, hash. Extension lines are not part of it.
func mldsaCosignedMessage(name string, time uint64, origin string, start, end uint64, hash Hash) ([]byte, error) {
	if name == "" || len(name) > MaxName || origin == "" || len(origin) > MaxName {
		return nil, fmt.Errorf("cosigned message: name or origin length: %w", ErrMalformed)
	}
	// "If start is not zero, timestamp MUST be zero."
	if start != 0 && time != 0 {
		return nil, fmt.Errorf("cosigned message: time with a subtree: %w", ErrMalformed)
	}
	m := []byte("subtree/v1\n\x00")
	m = append(m, byte(len(name)))
	m = append(m, name...)
	m = binary.BigEndian.AppendUint64(m, time)
	m = append(m, byte(len(origin)))
	m = append(m, origin...)
	m = binary.BigEndian.AppendUint64(m, start)
	m = binary.BigEndian.AppendUint64(m, end)
	return append(m, hash[:]...), nil
}
