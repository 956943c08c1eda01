package ring

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
)

// A Cache keeps the rings that are verified against most recently, so that a
// group's keys are decoded once and not per vote, and are precomputed when the
// group is met again. It may be used by several goroutines at once; the zero
// value is ready.
type Cache struct {
	mu    sync.Mutex
	rings map[[sha256.Size]byte]*list.Element
	order list.List // of *cached, the last used in front
}

type cached struct {
	name [sha256.Size]byte
	ring *Ring
}

// Ring returns the ring of these keys, as NewRing does. The errors are NewRing's;
// what is no ring is not kept.
func (c *Cache) Ring(keys [][]byte) (*Ring, error) {
	// The name takes in the lengths, so that nothing that is no ring finds one.
	h := sha256.New()
	for _, key := range keys {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(key))))
		h.Write(key)
	}
	name := [sha256.Size]byte(h.Sum(nil))

	if r := c.get(name); r != nil {
		// Outside the lock: others verify meanwhile, without tables.
		r.Precompute()
		return r, nil
	}
	r, err := NewRing(keys)
	if err != nil {
		return nil, err
	}
	return c.put(name, r), nil
}

// Prepare readies the ring of these keys before the first vote, whose signature is
// then verified as fast as any other. The errors are NewRing's.
func (c *Cache) Prepare(keys [][]byte) error {
	r, err := c.Ring(keys)
	if err == nil {
		r.Precompute()
	}
	return err
}

func (c *Cache) get(name [sha256.Size]byte) *Ring {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.rings[name]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).ring
}

func (c *Cache) put(name [sha256.Size]byte, r *Ring) *Ring {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.rings[name]; ok {
		return e.Value.(*cached).ring // another goroutine was first
	}
	if c.rings == nil {
		c.rings = make(map[[sha256.Size]byte]*list.Element)
	}
	c.rings[name] = c.order.PushFront(&cached{name: name, ring: r})
	if c.order.Len() > maxCached {
		last := c.order.Remove(c.order.Back()).(*cached)
		delete(c.rings, last.name)
	}
	return r
}

// VerifyRing verifies a signature of message by one of the keys' holders. Errors:
// NewRing's, ErrSignature.
func (c *Cache) VerifyRing(keys [][]byte, message, sig []byte) error {
	r, err := c.Ring(keys)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return r.Verify(message, sig)
}

// VerifyRingKeyProof is VerifyPossession, for whoever takes both as a port.
func (c *Cache) VerifyRingKeyProof(key, context, proof []byte) error {
	return VerifyPossession(key, context, proof)
}
