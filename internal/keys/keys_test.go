package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/ring"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func spkiOf(t *testing.T, pub any) []byte {
	t.Helper()
	b, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rfc8032 are tests 1 to 3 and SHA(abc) of RFC 8032 section 7.1.
var rfc8032 = []struct{ secret, public, message, sig string }{
	{
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
	},
	{
		"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
	},
	{
		"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
	},
	{
		"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
		"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		"dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
	},
}

func TestRFC8032(t *testing.T) {
	for i, v := range rfc8032 {
		key := ed25519.NewKeyFromSeed(unhex(t, v.secret))
		s, err := keys.NewSigner(key)
		if err != nil {
			t.Fatal(err)
		}
		msg, sig := unhex(t, v.message), unhex(t, v.sig)
		got, err := s.Sign(msg)
		if err != nil || !bytes.Equal(got, sig) {
			t.Errorf("test %d: %x, %v", i, got, err)
		}
		spki := spkiOf(t, ed25519.PublicKey(unhex(t, v.public)))
		if !bytes.Equal(spki, s.SPKI()) || s.KeyID() != keys.ID(spki) {
			t.Errorf("test %d: another public key", i)
		}
		if err := keys.Verify(spki, msg, sig); err != nil {
			t.Errorf("test %d: %v", i, err)
		}
	}
	abc := sha512.Sum512([]byte("abc"))
	if hex.EncodeToString(abc[:]) != rfc8032[3].message {
		t.Error("SHA(abc) is not the vector's message")
	}
}

// TestEd25519Refused alters signature and key as Wycheproof does.
func TestEd25519Refused(t *testing.T) {
	v := rfc8032[2]
	spki := spkiOf(t, ed25519.PublicKey(unhex(t, v.public)))
	msg, sig := unhex(t, v.message), unhex(t, v.sig)
	// S + L, the group's order: the same point, another signature.
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	le := slices.Clone(sig[32:])
	slices.Reverse(le)
	sum := new(big.Int).Add(new(big.Int).SetBytes(le), order).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	for what, bad := range map[string][]byte{
		"S + L":       append(slices.Clone(sig[:32]), sum...),
		"R altered":   append([]byte{sig[0] ^ 1}, sig[1:]...),
		"S altered":   append(slices.Clone(sig[:63]), sig[63]^1),
		"short":       sig[:63],
		"long":        append(slices.Clone(sig), 0),
		"empty":       nil,
		"zero":        make([]byte, 64),
		"huge":        make([]byte, 1<<16),
		"R not below": append(append([]byte{0xed}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...), sig[32:]...),
	} {
		if err := keys.Verify(spki, msg, bad); !errors.Is(err, keys.ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := keys.Verify(spki, append(msg, 0), sig); !errors.Is(err, keys.ErrSignature) {
		t.Errorf("other message: %v", err)
	}
}

// TestWeakEd25519Keys holds that public keys of small order, under which one
// signature is valid for many messages, and non-canonical encodings are
// refused, and that the standard library would take the former.
func TestWeakEd25519Keys(t *testing.T) {
	t.Attr("invariant", "S2")
	small := []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	for _, s := range small {
		pub := ed25519.PublicKey(unhex(t, s))
		// R the identity, S zero: valid whenever 8 divides the challenge.
		sig := make([]byte, 64)
		sig[0] = 1
		var msg []byte
		forged := false
		for i := 0; i < 1000 && !forged; i++ {
			msg = big.NewInt(int64(i)).Bytes()
			forged = ed25519.Verify(pub, msg, sig)
		}
		if !forged {
			t.Errorf("%s is not of small order", s)
		}
		if err := keys.Verify(spkiOf(t, pub), msg, sig); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 0 as p
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1 as p+1
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 3 as p+3
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000080", // x = 0 with a sign
	} {
		if _, err := keys.ParseSPKI(spkiOf(t, ed25519.PublicKey(unhex(t, s)))); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// TestLowS holds S2's rule for ECDSA on both sides.
func TestLowS(t *testing.T) {
	t.Attr("invariant", "S2")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N
	half := new(big.Int).Rsh(n, 1)
	msg := []byte("message")
	type rs struct{ R, S *big.Int }
	var e rs
	var sig []byte
	for range 64 { // half of what a library makes is high
		if sig, err = s.Sign(msg); err != nil {
			t.Fatal(err)
		}
		if _, err := asn1.Unmarshal(sig, &e); err != nil || e.S.Cmp(half) > 0 {
			t.Fatalf("high s was signed: %v", err)
		}
		if err := keys.Verify(s.SPKI(), msg, sig); err != nil {
			t.Fatal(err)
		}
	}
	der := func(r, s *big.Int) []byte {
		b, err := asn1.Marshal(rs{r, s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	high := der(e.R, new(big.Int).Sub(n, e.S))
	raw := append(e.R.FillBytes(make([]byte, 32)), e.S.FillBytes(make([]byte, 32))...)
	long := append([]byte{0x30, 0x81, sig[1]}, sig[2:]...)
	for what, bad := range map[string][]byte{
		"high s":               high,
		"r and s without DER":  raw,
		"long form of length":  long,
		"trailing byte":        append(slices.Clone(sig), 0),
		"truncated":            sig[:len(sig)-1],
		"zero r":               der(new(big.Int), e.S),
		"zero s":               der(e.R, new(big.Int)),
		"negative s":           der(e.R, new(big.Int).Neg(e.S)),
		"r plus the order":     der(new(big.Int).Add(e.R, n), e.S),
		"other s":              der(e.R, new(big.Int).Xor(e.S, big.NewInt(1))),
		"Ed25519's length":     make([]byte, 64),
		"empty":                {},
		"sequence of nothing":  {0x30, 0x00},
		"much too long":        make([]byte, 1<<16),
		"of another message":   mustSign(t, s, []byte("other")),
		"third integer inside": append([]byte{0x30, sig[1] + 3}, append(slices.Clone(sig[2:]), 0x02, 0x01, 0x01)...),
	} {
		if err := keys.Verify(s.SPKI(), msg, bad); !errors.Is(err, keys.ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The library takes both, so the rule is ours.
	if !ecdsa.VerifyASN1(&key.PublicKey, sha256Of(msg), high) {
		t.Error("the high form does not verify at all")
	}
	// Another hash of the same message is another message.
	wrong, err := ecdsa.SignASN1(rand.Reader, key, sha512Of(msg)[:32])
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(s.SPKI(), msg, wrong); !errors.Is(err, keys.ErrSignature) {
		t.Errorf("wrong hash: %v", err)
	}
}

// TestKeyKinds holds which keys are taken, and that each has one encoding.
func TestKeyKinds(t *testing.T) {
	t.Attr("invariant", "S1")
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []any{p384, rsaKey} {
		if _, err := keys.NewSigner(k); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%T: %v", k, err)
		}
		if _, err := keys.MarshalPrivate(k); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%T: %v", k, err)
		}
		pub := k.(interface{ Public() crypto.PublicKey }).Public()
		if _, err := keys.ParseSPKI(spkiOf(t, pub)); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%T: %v", pub, err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ParsePrivate(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%T: %v", k, err)
		}
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := spkiOf(t, &ec.PublicKey)
	x := slices.Clone(good)
	x[len(x)-1] ^= 1 // off the curve
	compressed := append(slices.Clone(good[:26]), elliptic.MarshalCompressed(elliptic.P256(), ec.X, ec.Y)...)
	compressed[1], compressed[24] = byte(len(compressed)-2), 34
	for what, bad := range map[string][]byte{"off the curve": x, "compressed": compressed, "trailing": append(slices.Clone(good), 0), "empty": nil, "long": make([]byte, 1<<16)} {
		if _, err := keys.ParseSPKI(bad); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
		if err := keys.Verify(bad, nil, []byte{1}); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	escrow, err := keys.Generate(keys.X25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.NewSigner(escrow); !errors.Is(err, keys.ErrKey) {
		t.Errorf("an escrow key signs: %v", err)
	}
	spki := spkiOf(t, escrow.(interface{ Public() crypto.PublicKey }).Public())
	if _, err := keys.ParseSPKI(spki); err != nil {
		t.Error(err)
	}
	if err := keys.Verify(spki, nil, make([]byte, 64)); !errors.Is(err, keys.ErrKey) {
		t.Errorf("an escrow key verifies: %v", err)
	}
	if _, err := keys.Generate("rsa"); !errors.Is(err, keys.ErrKey) {
		t.Error(err)
	}
}

// TestRingSigner signs as each member and verifies through the port.
func TestRingSigner(t *testing.T) {
	var secrets []*ring.Secret
	var ringKeys [][]byte
	for range 4 {
		s, p, err := ring.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		secrets, ringKeys = append(secrets, s), append(ringKeys, p[:])
	}
	v := keys.NewVerifier()
	for i, s := range secrets {
		r, err := keys.NewRingSigner("ring:x", ringKeys, s)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := r.Sign([]byte("message"))
		if err != nil || r.KeyID() != "ring:x" {
			t.Fatal(err)
		}
		if err := v.VerifyRing(ringKeys, []byte("message"), sig); err != nil {
			t.Error(err)
		}
		if err := v.VerifyRing(ringKeys, []byte("other"), sig); err == nil {
			t.Error("verifies another message")
		}
		proof := ring.ProvePossession(s, []byte("context"))
		if err := v.VerifyRingKeyProof(ringKeys[i], []byte("context"), proof); err != nil {
			t.Error(err)
		}
		if err := v.VerifyRingKeyProof(ringKeys[i], []byte("other"), proof); err == nil {
			t.Error("proves possession elsewhere")
		}
	}
}

// FuzzVerify holds that no signature but the signer's own bytes verifies.
func FuzzVerify(f *testing.F) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	s, err := keys.NewSigner(ec)
	if err != nil {
		f.Fatal(err)
	}
	sig, err := s.Sign([]byte("message"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sig)
	f.Add([]byte{0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01})
	f.Fuzz(func(t *testing.T, x []byte) {
		if keys.Verify(s.SPKI(), []byte("message"), x) == nil && !bytes.Equal(x, sig) {
			t.Fatalf("%x verifies beside %x", x, sig)
		}
	})
}

func mustSign(t *testing.T, s *keys.Signer, msg []byte) []byte {
	t.Helper()
	sig, err := s.Sign(msg)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func sha256Of(b []byte) []byte { h := sha256.Sum256(b); return h[:] }
func sha512Of(b []byte) []byte { h := sha512.Sum512(b); return h[:] }
