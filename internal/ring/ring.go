// Package ring makes and verifies the signatures of which nobody can tell which
// member of a group made them: the ring signatures of Abe, Ohkubo and Suzuki
// (ASIACRYPT 2002, the discrete-logarithm case) in ristretto255, and their keys
// with proofs of possession. What is signed is bytes: for a live vote the
// pre-authentication encoding of its envelope, whose payload type is the tag and
// whose payload names the log, the run, the group, the expiry and a nonce.
//
// With keys P[0…n−1], x the secret behind P[π], and G the generator:
//
//	c[j+1] = H(tag, ring, message, j+1, s[j]·G + c[j]·P[j])      indices modulo n
//	s[π]   = α − c[π]·x        where c[π+1] was made from α·G
//
// A signature is c[0], s[0], …, s[n−1], 32·(n+1) bytes. To the byte, with
// expand and HashToScalar those of package group, tags by name, and integers
// big-endian:
//
//	ring hash  = expand(32 bytes, TagRingHash, u32 n ‖ P[0] ‖ … ‖ P[n−1])
//	digest     = expand(64 bytes, TagRingMessage, ring hash ‖ u64 length ‖ message)
//	c[j]       = HashToScalar(TagRingChallenge, digest ‖ u32 j ‖ s[j−1]·G + c[j−1]·P[j−1])
//	possession = c ‖ z, c = HashToScalar(TagRingPossession, P ‖ u64 length ‖ context ‖ z·G − c·P)
//
// testdata/vectors.json holds signatures for every size.
//
// Invariants:
//
//   - RS1: what verifies was made with the secret of one of the ring's keys, for
//     this ring in this order, for this message.
//   - RS2: a signature has one encoding: exact length, canonical scalars.
//   - RS3: no branch and no address in signing depends on the signer's position.
//   - RS4: α and every s[j], j ≠ π, come straight from the system's randomness,
//     never from the key, so that all members' keys together reveal no signer.
//   - RS5: no ring holds the identity, a non-canonical key or a key twice, and
//     its size is a power of two from 2 to 64.
//   - RS6: a proof of possession binds key and context, and is no signature.
package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/haltlog/haltlog/internal/group"
)

var (
	// ErrSize is returned for a ring whose size is no power of two from 2 to 64.
	ErrSize = errors.New("ring size is not a power of two from 2 to 64")
	// ErrDuplicateKey is returned for a ring that holds a key twice.
	ErrDuplicateKey = errors.New("duplicate key")
	// ErrNotMember is returned to a signer whose key the ring does not hold.
	ErrNotMember = errors.New("key is not in the ring")
	// ErrSignature is returned for a ring signature that does not verify, for
	// whatever reason.
	ErrSignature = errors.New("invalid ring signature")
)

// A Ring is an ordered set of public keys. It is immutable and may be used by
// several goroutines at once.
type Ring struct {
	encoded [][]byte
	keys    []*group.Element
	hash    [HashSize]byte
	tables  func() []*group.VarTimeTable
	ready   atomic.Bool
}

// NewRing reads a ring's keys, canonical encodings of 32 bytes each, in the
// order that the group statement gives; another order is another ring. Errors:
// ErrSize, ErrDuplicateKey, and those of group.DecodeElement, with the place.
func NewRing(keys [][]byte) (*Ring, error) {
	n := len(keys)
	if n < MinSize || n > MaxSize || n&(n-1) != 0 {
		return nil, fmt.Errorf("ring of %d keys: %w", n, ErrSize)
	}
	r := &Ring{encoded: make([][]byte, n), keys: make([]*group.Element, n)}
	seen := make(map[Public]int, n)
	// The number of keys stands before them, so that no ring's transcript
	// continues another's.
	transcript := binary.BigEndian.AppendUint32(nil, uint32(n))
	for i, key := range keys {
		element, err := group.DecodeElement(key)
		if err != nil {
			return nil, fmt.Errorf("ring key %d: %w", i, err)
		}
		if first, ok := seen[Public(key)]; ok {
			return nil, fmt.Errorf("ring keys %d and %d: %w", first, i, ErrDuplicateKey)
		}
		seen[Public(key)] = i
		r.encoded[i], r.keys[i] = append([]byte(nil), key...), element
		transcript = append(transcript, key...)
	}
	hash, err := group.ExpandMessage(HashSize, group.TagRingHash, transcript)
	if err != nil {
		return nil, fmt.Errorf("ring hash: %w", err)
	}
	copy(r.hash[:], hash)
	r.tables = sync.OnceValue(func() []*group.VarTimeTable {
		tables := make([]*group.VarTimeTable, n)
		for i, key := range r.keys {
			tables[i] = key.VarTimeTable()
		}
		return tables
	})
	return r, nil
}

// Precompute makes tables of the keys, after which Verify takes half of the time.
// They cost as much as three verifications and take 20 KB a key: for a group whose
// votes are awaited, before the first one comes.
func (r *Ring) Precompute() {
	r.tables()
	r.ready.Store(true)
}

// Size is the number of keys.
func (r *Ring) Size() int { return len(r.keys) }

// SignatureSize is the length of this ring's signatures in bytes: 32·(n+1).
func (r *Ring) SignatureSize() int { return group.ScalarSize * (len(r.keys) + 1) }

// Hash names the ring: keys and order.
func (r *Ring) Hash() [HashSize]byte { return r.hash }

// digest condenses ring and message once for all steps of a chain, so that a
// long message does not cost n times. SHA-512's collision resistance carries
// over what the challenge hash promises.
func (r *Ring) digest(message []byte) []byte {
	length := binary.BigEndian.AppendUint64(nil, uint64(len(message)))
	digest, err := group.ExpandMessage(digestSize, group.TagRingMessage, r.hash[:], length, message)
	if err != nil {
		panic("ring: a digest of constant length: " + err.Error())
	}
	return digest
}

// challenge is c[index] = H(tag, digest, index, point). All parts have constant
// lengths, so their concatenation is unambiguous. The index is data here, and
// may be secret.
func challenge(digest []byte, index int, point *group.Element) *group.Scalar {
	var at [4]byte
	binary.BigEndian.PutUint32(at[:], uint32(index))
	return group.HashToScalar(group.TagRingChallenge, digest, at[:], point.Bytes())
}
