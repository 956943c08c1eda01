package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// The golden sealed artefact opens by the page's description of the escrow, and
// its labels make the root that it is bound to.
func TestEscrowByHand(t *testing.T) {
	var g struct {
		Key     []byte
		Context struct {
			Origin, Run string
			Number      int
			Root        [32]byte
		}
		Sealed []byte
		Wraps  []struct {
			Suite int
			Bytes []byte
		}
	}
	if err := json.Unmarshal([]byte(read(t, root+"/blacklist/testdata/escrow.json")), &g); err != nil {
		t.Fatal(err)
	}
	tag := "haltlog/blacklist/escrow/v1"
	ad := append([]byte(tag), 0)
	for _, s := range []string{g.Context.Origin, g.Context.Run} {
		ad = append(append(ad, u32(len(s))...), s...)
	}
	ad = append(append(ad, u64(g.Context.Number)...), g.Context.Root[:]...)

	x, err := ecdh.X25519().NewPrivateKey(g.Key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := hpke.NewDHKEMPrivateKey(x)
	if err != nil {
		t.Fatal(err)
	}
	wrap := g.Wraps[0].Bytes
	recipient, err := hpke.NewRecipient(wrap[:32], private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(tag))
	if err != nil {
		t.Fatal(err)
	}
	key, err := recipient.Open(ad, wrap[32:])
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, g.Sealed[:12], g.Sealed[12:], ad)
	if err != nil {
		t.Fatal(err)
	}

	var leaves []string
	for len(plain) > 0 {
		n := int(plain[0])
		kind := string(plain[1 : 1+n])
		count := int(binary.BigEndian.Uint32(plain[1+n:]))
		plain = plain[5+n:]
		for range count {
			leaves = append(leaves, sum("haltlog/blacklist/artefact-leaf/v1", byte(0), len(leaves), kind, byte(0), plain[:32]))
			plain = plain[32:]
		}
	}
	// An odd last node moves up unchanged.
	for len(leaves) > 1 {
		var up []string
		for i := 0; i < len(leaves); i += 2 {
			if i+1 == len(leaves) {
				up = append(up, leaves[i])
				continue
			}
			up = append(up, sum("haltlog/blacklist/node/v1", byte(0), leaves[i], leaves[i+1]))
		}
		leaves = up
	}
	if len(leaves) != 1 || leaves[0] != string(g.Context.Root[:]) {
		t.Errorf("the labels make the root %x, not %x", leaves, g.Context.Root)
	}
}
