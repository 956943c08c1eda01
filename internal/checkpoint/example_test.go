package checkpoint_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// exampleKey is a key from a fixed seed; real keys take nil for the randomness.
func exampleKey(typ byte, name string, seed byte) checkpoint.Signer {
	skey, _, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		log.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func exampleSign(s checkpoint.Signer, c checkpoint.Checkpoint, time uint64) string {
	line, err := s.Sign(c, time)
	if err != nil {
		log.Fatal(err)
	}
	return line
}

func ExampleParseNote() {
	n, err := checkpoint.ParseNote([]byte("Ognuno sta solo sul cuor della terra\n\n\u2014 quasimodo.example/salvatore AQIDBAU=\n"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n%s %08x %x\n", n.Text, n.Sigs[0].Name, n.Sigs[0].ID, n.Sigs[0].Sig)
	// Output:
	// "Ognuno sta solo sul cuor della terra\n"
	// quasimodo.example/salvatore 01020304 05
}

func ExampleParseCheckpoint() {
	c, err := checkpoint.ParseCheckpoint("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Origin, c.Size)
	_, err = checkpoint.ParseCheckpoint("example.com/behind-the-sofa\n020852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
	fmt.Println(err)
	// Output:
	// example.com/behind-the-sofa 20852163
	// checkpoint: size: not a decimal number without leading zeros: malformed
}

func ExampleVerifier_Verify() {
	w := exampleKey(checkpoint.TypeMLDSA44Cosignature, "witness.example/w1", 1)
	c := checkpoint.Checkpoint{Origin: "example.com/log", Size: 1, Root: checkpoint.LeafHash([]byte("hello"))}
	line := exampleSign(w, c, 1679315147)

	v, err := checkpoint.NewVerifier(w.VKey())
	if err != nil {
		log.Fatal(err)
	}
	sigs, err := checkpoint.ParseSignatures(line)
	if err != nil {
		log.Fatal(err)
	}
	time, err := v.Verify(c, sigs[0].Sig)
	fmt.Println(time, err)
	c.Size++
	_, err = v.Verify(c, sigs[0].Sig)
	fmt.Println(err)
	// Output:
	// 1679315147 <nil>
	// witness.example/w1: ML-DSA-44 cosignature: signature does not verify
}

func ExampleParseQuorum() {
	w1 := exampleKey(checkpoint.TypeEd25519Cosignature, "witness.example/w1", 1)
	w2 := exampleKey(checkpoint.TypeEd25519Cosignature, "witness.example/w2", 2)
	q, err := checkpoint.ParseQuorum(fmt.Appendf(nil, "witness X1 %s\nwitness X2 %s\n# either will do\ngroup X any X1 X2\nquorum X\n", w1.VKey(), w2.VKey()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(q.Rule(), q.Groups())
	_, err = checkpoint.ParseQuorum(fmt.Appendf(nil, "witness X1 %s\ngroup X 0 X1\nquorum X\n", w1.VKey()))
	fmt.Println(err)
	// Output:
	// X [{X 1 [X1 X2]}]
	// tlog-policy: line 2: threshold "0" of 1: malformed
}

func ExampleProof_Verify() {
	l := exampleKey(checkpoint.TypeEd25519, "example.com/log", 3)
	w := exampleKey(checkpoint.TypeEd25519Cosignature, "witness.example/w1", 1)
	a, b := checkpoint.LeafHash([]byte("a")), checkpoint.LeafHash([]byte("b"))
	c := checkpoint.Checkpoint{Origin: "example.com/log", Size: 2, Root: checkpoint.NodeHash(a, b)}
	receipt := checkpoint.Proof{
		Index:      1,
		Hashes:     []checkpoint.Hash{a},
		Checkpoint: []byte(c.String() + "\n" + exampleSign(l, c, 0) + exampleSign(w, c, 1679315147)),
	}.Format()

	q, err := checkpoint.ParseQuorum(fmt.Appendf(nil, "log %s\nwitness w1 %s\nquorum w1\n", l.VKey(), w.VKey()))
	if err != nil {
		log.Fatal(err)
	}
	p, err := checkpoint.ParseProof(receipt)
	if err != nil {
		log.Fatal(err)
	}
	v, err := p.Verify(q, []byte("b"))
	fmt.Println(v.Checkpoint.Size, v.Cosigned[0].Name, v.MinTime, err)
	_, err = p.Verify(q, []byte("c"))
	fmt.Println(err)
	// Output:
	// 2 w1 1679315147 <nil>
	// tlog-proof: inclusion of 1 in 2: proof does not verify
}

func ExampleVerifyInclusion() {
	a, b := checkpoint.LeafHash([]byte("a")), checkpoint.LeafHash([]byte("b"))
	root := checkpoint.NodeHash(a, b)
	fmt.Println(checkpoint.VerifyInclusion(0, 2, a, []checkpoint.Hash{b}, root))
	fmt.Println(checkpoint.VerifyInclusion(1, 2, a, []checkpoint.Hash{b}, root))
	// Output:
	// <nil>
	// inclusion of 1 in 2: proof does not verify
}

func ExampleVerifyConsistency() {
	a, b := checkpoint.LeafHash([]byte("a")), checkpoint.LeafHash([]byte("b"))
	fmt.Println(checkpoint.VerifyConsistency(1, 2, a, checkpoint.NodeHash(a, b), []checkpoint.Hash{b}))
	fmt.Println(checkpoint.VerifyConsistency(1, 2, b, checkpoint.NodeHash(a, b), []checkpoint.Hash{a}))
	// Output:
	// <nil>
	// consistency of 1 with 2: proof does not verify
}
