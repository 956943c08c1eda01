package log_test

import (
	"crypto"
	"testing"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// The ports are kept by the key store.
var (
	_ log.Verifier = (*keys.Verifier)(nil)
	_ log.Signer   = (*keys.Signer)(nil)
	_ log.Signer   = (*ring.Voter)(nil)
)

// TestKeyStore seals with real keys of both algorithms and verifies what was
// parsed; a possession proof holds for its log, role and key only.
func TestKeyStore(t *testing.T) {
	t.Attr("invariant", "S2")
	v := keys.NewVerifier()
	for _, a := range []keys.Algorithm{keys.Ed25519, keys.P256} {
		k, err := keys.Generate(a)
		if err != nil {
			t.Fatal(err)
		}
		s, err := keys.NewSigner(k)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := log.CheckSPKI(s.SPKI()); !ok || string(got) != string(a) || log.KeyID(s.SPKI()) != s.KeyID() {
			t.Errorf("%s: key is read as %q, %s", a, got, log.KeyID(s.SPKI()))
		}
		leaf, err := log.Seal(samples(t)[log.KindRun].st, s)
		if err != nil {
			t.Fatal(err)
		}
		x, err := log.Parse(leaf)
		if err != nil {
			t.Fatal(err)
		}
		sig := x.Envelope.Signatures[0].Sig
		if err := v.Verify(s.SPKI(), x.Envelope.PAE(), sig); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if err := v.Verify(s.SPKI(), x.Envelope.Payload, sig); err == nil {
			t.Errorf("%s: verifies the payload alone", a)
		}
		proof, err := log.Prove(s, origin, log.RoleEngine, s.SPKI())
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(s.SPKI(), log.PossessionMessage(origin, log.RoleEngine, s.SPKI()), proof); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		other := append([]byte(nil), s.SPKI()...)
		other[len(other)-1] ^= 1
		for what, message := range map[string][]byte{
			"role":   log.PossessionMessage(origin, log.RoleOfficer, s.SPKI()),
			"origin": log.PossessionMessage("other.example", log.RoleEngine, s.SPKI()),
			"key":    log.PossessionMessage(origin, log.RoleEngine, other),
		} {
			if err := v.Verify(s.SPKI(), message, proof); err == nil {
				t.Errorf("%s: proof holds for another %s", a, what)
			}
		}
	}
	escrow, err := keys.Generate(keys.X25519)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := keys.SPKI(escrow.(interface{ Public() crypto.PublicKey }).Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := log.CheckSPKI(spki); !ok || got != log.X25519 || log.KeyID(spki) != keys.ID(spki) {
		t.Errorf("escrow key is read as %q", got)
	}
}

// TestRingVote seals a live vote by a real ring.
func TestRingVote(t *testing.T) {
	t.Attr("invariant", "S1")
	var ringKeys [][]byte
	var secret *ring.Secret
	for range 4 {
		s, p, err := ring.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		secret, ringKeys = s, append(ringKeys, p[:])
	}
	st := samples(t)[log.KindLiveVote].st.(*log.LiveVote)
	s, err := keys.NewRingSigner(log.RingKeyID(st.Group), ringKeys, secret)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := log.Seal(st, s)
	if err != nil {
		t.Fatal(err)
	}
	x, err := log.Parse(leaf)
	if err != nil {
		t.Fatal(err)
	}
	v := keys.NewVerifier()
	if err := v.VerifyRing(ringKeys, x.Envelope.PAE(), x.Envelope.Signatures[0].Sig); err != nil {
		t.Error(err)
	}
	// Each field of the message wrong alone.
	for what, change := range map[string]func(*log.LiveVote){
		"origin": func(l *log.LiveVote) { l.Origin = "other.example" },
		"run":    func(l *log.LiveVote) { l.Run = "run-2" },
		"group":  func(l *log.LiveVote) { l.Group[0] ^= 1 },
		"expiry": func(l *log.LiveVote) { l.Expires++ },
		"nonce":  func(l *log.LiveVote) { l.Nonce = noise("other", 32) },
	} {
		y := *st
		change(&y)
		payload, err := log.Encode(&y)
		if err != nil {
			t.Fatal(err)
		}
		e := x.Envelope
		e.Payload = payload
		if err := v.VerifyRing(ringKeys, e.PAE(), e.Signatures[0].Sig); err == nil {
			t.Errorf("the vote holds with another %s", what)
		}
	}
}
