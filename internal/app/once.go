package app

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/haltlog/haltlog/log"
)

// maxVerified bounds the signatures that admission checked and the fold has not
// met yet: all that is between the two, many times over.
const maxVerified = 1 << 16

// once lets the fold spend a signature check that admission has paid for: each
// check that succeeds leaves one token, by the hash of everything checked, and the
// next one of the same spends it. A token is proof of a check by this very
// process; what is not there is verified.
type once struct {
	log.Verifier

	mu     sync.Mutex
	tokens map[[32]byte]struct{}
	oldest [][32]byte
}

func newOnce(v log.Verifier) *once { return &once{Verifier: v, tokens: map[[32]byte]struct{}{}} }

// Verify is log.Verifier's.
func (o *once) Verify(spki, message, sig []byte) error {
	return o.check(token("signature", spki, message, sig), func() error { return o.Verifier.Verify(spki, message, sig) })
}

// VerifyRing is log.Verifier's.
func (o *once) VerifyRing(keys [][]byte, message, sig []byte) error {
	parts := append([][]byte{message, sig}, keys...)
	return o.check(token("ring", parts...), func() error { return o.Verifier.VerifyRing(keys, message, sig) })
}

func (o *once) check(t [32]byte, verify func() error) error {
	o.mu.Lock()
	_, spent := o.tokens[t]
	delete(o.tokens, t)
	o.mu.Unlock()
	if spent {
		return nil
	}
	if err := verify(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.oldest) == maxVerified {
		delete(o.tokens, o.oldest[0])
		o.oldest = o.oldest[1:]
	}
	o.tokens[t] = struct{}{}
	o.oldest = append(o.oldest, t)
	return nil
}

// token hashes what was checked, each part with its length before it.
func token(what string, parts ...[]byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("haltlog/verified/v1\n" + what + "\n"))
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}
