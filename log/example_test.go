package log_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// exampleSigner is a key that signs statements; programs take theirs from a
// file or a KMS.
type exampleSigner struct{ key ed25519.PrivateKey }

func (s exampleSigner) KeyID() string {
	spki, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		panic(err)
	}
	return log.KeyID(spki)
}

func (s exampleSigner) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

func ExampleSeal() {
	member := exampleSigner{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	leaf, err := log.Seal(&log.Checkin{
		Origin: "haltlog.example", Run: "run-1", Sequence: 1,
		Anchor: log.AnchorRef{Index: 12, Root: sha256.Sum256([]byte("root"))},
	}, member)
	if err != nil {
		panic(err)
	}
	s, err := log.Parse(leaf)
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Kind(), log.OriginOf(s.Statement))
	fmt.Printf("%s\n", s.Envelope.Payload)
	// Output:
	// checkin haltlog.example
	// {"anchor":{"index":12,"root":"SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I="},"origin":"haltlog.example","run":"run-1","sequence":1}
}

// A receipt is verified offline, by a tlog-policy file alone.
func ExampleVerifyReceipt() {
	// What a log and its witness do: one entry, its tree, a cosigned checkpoint.
	member := exampleSigner{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))}
	leaf, err := log.Seal(&log.Checkin{Origin: "haltlog.example", Run: "run-1", Sequence: 1}, member)
	if err != nil {
		panic(err)
	}
	logKey := exampleKey(checkpoint.TypeEd25519, "haltlog.example")
	witness := exampleKey(checkpoint.TypeEd25519Cosignature, "witness.example")
	first := checkpoint.LeafHash([]byte("entry 0"))
	cp := checkpoint.Checkpoint{Origin: "haltlog.example", Size: 2, Root: checkpoint.NodeHash(first, checkpoint.LeafHash(leaf))}
	var note strings.Builder
	note.WriteString(cp.String() + "\n")
	for _, k := range []checkpoint.Signer{logKey, witness} {
		line, err := k.Sign(cp, 1790000000)
		if err != nil {
			panic(err)
		}
		note.WriteString(line)
	}
	proof := checkpoint.Proof{Index: 1, Hashes: []checkpoint.Hash{first}, Checkpoint: []byte(note.String())}.Format()

	// What anyone does with it.
	quorum := "log " + logKey.VKey().String() + "\n" +
		"witness w " + witness.VKey().String() + "\n" +
		"quorum w\n"
	r, err := log.VerifyReceipt([]byte(quorum), leaf, proof)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s at %d of %d in %s, witnessed %s\n", r.Signed.Kind(), r.Signed.Index, r.Size, r.Origin, r.Earliest.Format(time.RFC3339))

	other := bytes.Replace(leaf, []byte(`"sig":"`), []byte(`"sig":"AAAA`), 1)
	_, err = log.VerifyReceipt([]byte(quorum), other, proof)
	fmt.Println(err != nil)
	// Output:
	// checkin at 1 of 2 in haltlog.example, witnessed 2026-09-21T14:13:20Z
	// true
}

func exampleKey(typ byte, name string) checkpoint.Signer {
	skey, _, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(bytes.Repeat([]byte(name), 8)))
	if err != nil {
		panic(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		panic(err)
	}
	return s
}
