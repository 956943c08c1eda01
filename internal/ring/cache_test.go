package ring

import (
	"bytes"
	"errors"
	"sync"
	"testing"
)

// TestPrecomputedVerifiesAlike: with tables and without, the same signatures
// verify and the same do not.
func TestPrecomputedVerifiesAlike(t *testing.T) {
	t.Attr("invariant", "RS1")
	message := []byte("m")
	for _, n := range sizes {
		plain, secrets, keys := newRing(t, n)
		fast, err := NewRing(keys)
		if err != nil {
			t.Fatal(err)
		}
		fast.Precompute()
		fast.Precompute()
		for position := 0; position < n; position += max(1, n/4) {
			sig := sign(t, fast, secrets[position], message)
			if err := fast.Verify(message, sig); err != nil {
				t.Errorf("position %d of %d: %v", position, n, err)
			}
			if err := plain.Verify(message, sig); err != nil {
				t.Errorf("position %d of %d, plain: %v", position, n, err)
			}
			sig[32*(position+1)] ^= 1
			if fast.Verify(message, sig) == nil || plain.Verify(message, sig) == nil {
				t.Errorf("position %d of %d: altered", position, n)
			}
		}
	}
}

func TestCache(t *testing.T) {
	t.Attr("invariant", "RS5")
	var c Cache
	r, secrets, keys := newRing(t, 4)
	message := []byte("m")
	sig := sign(t, r, secrets[0], message)
	for range 3 {
		if err := c.VerifyRing(keys, message, sig); err != nil {
			t.Fatal(err)
		}
		if err := c.VerifyRing(keys, []byte("n"), sig); !errors.Is(err, ErrSignature) {
			t.Errorf("other message: %v", err)
		}
	}
	// The same bytes cut elsewhere are no ring, nor are the keys in another order
	// the same one.
	all := bytes.Join(keys, nil)
	if err := c.VerifyRing([][]byte{all[:31], all[31:64], all[64:96], all[96:]}, message, sig); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("cut elsewhere: %v", err)
	}
	if err := c.VerifyRing([][]byte{keys[1], keys[0], keys[2], keys[3]}, message, sig); !errors.Is(err, ErrSignature) {
		t.Errorf("other order: %v", err)
	}
	if _, err := c.Ring(nil); !errors.Is(err, ErrSize) {
		t.Errorf("no keys: %v", err)
	}
	proof := ProvePossession(secrets[0], []byte("context"))
	if err := c.VerifyRingKeyProof(keys[0], []byte("context"), proof); err != nil {
		t.Error(err)
	}
	if err := c.VerifyRingKeyProof(keys[1], []byte("context"), proof); !errors.Is(err, ErrPossession) {
		t.Errorf("other key: %v", err)
	}
}

// TestPrepare: a prepared ring has its tables before anything is verified.
func TestPrepare(t *testing.T) {
	_, _, keys := newRing(t, 4)
	var c Cache
	if err := c.Prepare(keys); err != nil {
		t.Fatal(err)
	}
	for _, e := range c.rings {
		if !e.Value.(*cached).ring.ready.Load() {
			t.Error("no tables")
		}
	}
	if len(c.rings) != 1 {
		t.Errorf("%d rings", len(c.rings))
	}
	if err := c.Prepare(keys[:1]); err == nil {
		t.Error("one key was taken for a ring")
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c Cache
	_, keys := members(t, 64)
	pair := func(i int) [][]byte { return [][]byte{keys[i%64], keys[(i+1+i/64)%64]} }
	for i := range 3 * maxCached {
		if _, err := c.Ring(pair(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Ring(pair(0)); err != nil { // always in use, never dropped
			t.Fatal(err)
		}
	}
	if len(c.rings) != maxCached || c.order.Len() != maxCached {
		t.Errorf("%d rings, %d in order", len(c.rings), c.order.Len())
	}
	first, err := c.Ring(pair(0))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Ring(pair(0)); err != nil || again != first || !first.ready.Load() {
		t.Errorf("the ring in use was dropped: %v", err)
	}
}

func TestCacheIsShared(t *testing.T) {
	var c Cache
	r, secrets, keys := newRing(t, 2)
	sig := sign(t, r, secrets[1], nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 8 {
				if err := c.VerifyRing(keys, nil, sig); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
