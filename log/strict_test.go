package log_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
)

// TestOneEncoding alters the bytes of every kind's payload in each way that
// JSON would forgive, and sees each refused with its place.
func TestOneEncoding(t *testing.T) {
	t.Attr("invariant", "S1")
	for k, s := range samples(t) {
		good, err := log.Encode(s.st)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Decode(k, good); err != nil {
			t.Fatalf("%s: %v", k, err)
		}
		first := good[1 : 1+bytes.IndexByte(good[1:], ':')] // the first member's name
		for what, bad := range map[string][]byte{
			"leading blank":    append([]byte(" "), good...),
			"trailing newline": append(bytes.Clone(good), '\n'),
			"trailing data":    append(bytes.Clone(good), '0'),
			"inner blank":      bytes.Replace(good, []byte(":"), []byte(": "), 1),
			"escaped name":     bytes.Replace(good, []byte(`"origin"`), []byte(`"\u006frigin"`), 1),
			"escaped slash":    bytes.Replace(good, []byte(`example/`), []byte(`example\/`), 1),
			"unknown member":   bytes.Replace(good, []byte(`{`), []byte(`{"0":0,`), 1),
			"member twice":     bytes.Replace(good, []byte(`{`), []byte("{"+string(first)+":0,"), 1),
			"missing member":   bytes.Replace(good, []byte(`,"origin":"`+origin+`"`), nil, 1),
			"other case":       bytes.Replace(good, []byte(`"origin"`), []byte(`"Origin"`), 1),
			"null":             bytes.Replace(good, []byte(`"`+origin+`"`), []byte(`null`), 1),
			"number":           bytes.Replace(good, []byte(`"`+origin+`"`), []byte(`1`), 1),
			"empty":            {},
			"array":            []byte(`[]`),
			"reordered":        append([]byte(`{"origin":"`+origin+`",`), bytes.Replace(good, []byte(`,"origin":"`+origin+`"`), nil, 1)[1:]...),
		} {
			if bytes.Equal(bad, good) {
				continue // the sample holds no such place
			}
			_, err := log.Decode(k, bad)
			se, ok := errors.AsType[*log.SyntaxError](err)
			if !ok || !strings.HasPrefix(se.Place, "payload ") {
				t.Errorf("%s, %s: %v", k, what, err)
			}
		}
	}
}

// TestPlace shows what a refused client reads.
func TestPlace(t *testing.T) {
	s := samples(t)[log.KindRun]
	payload, err := log.Encode(s.st)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, place, reason string }{
		{`"name":"g0"`, `"name":0`, "payload guards[0].name (byte ", "integer, want string"},
		{`"name":"g0"`, `"name":"G0"`, "payload guards[0].name", "want [a-z0-9]"},
		{`"max_life_ms":3600000`, `"max_life_ms":3600000.0`, "payload byte ", "fraction"},
		{`"max_life_ms":3600000`, `"max_life_ms":-1`, "payload max_life_ms", "1 to "},
		{`"count":12`, `"count":-12`, "payload base.count (byte ", "negative"},
		{`"count":12`, `"cound":12`, "payload base.cound (byte ", "no such field"},
		{`"run":"run-1",`, ``, "payload run (byte ", "missing"},
		{`"policy":"`, `"policy":"!`, "payload policy (byte ", "base64"},
		{`"policy":"`, `"policy":"AAAA`, "payload policy (byte ", "32 bytes"},
	} {
		bad := strings.Replace(string(payload), c.from, c.to, 1)
		if bad == string(payload) {
			t.Fatalf("no %s in %s", c.from, payload)
		}
		_, err := log.Decode(log.KindRun, []byte(bad))
		se, ok := errors.AsType[*log.SyntaxError](err)
		if !ok || !strings.HasPrefix(se.Place, c.place) || !strings.Contains(se.Reason, c.reason) {
			t.Errorf("%s → %s: %v", c.from, c.to, err)
		}
	}
}

// TestSignatures holds how many sign which kind, and with what.
func TestSignatures(t *testing.T) {
	t.Attr("invariant", "S1")
	w := newWorld(t)
	ring := sampleRing{log.RingKeyID(hashOf("group")), 4}
	a, b := w.key("officer a"), w.key("officer b")
	for k, s := range samples(t) {
		i, _ := log.Info(k)
		for what, signers := range map[string][]log.Signer{
			"nobody": {}, "one": {a}, "two": {a, b}, "ring": {ring}, "ring and key": {ring, a}, "one twice": {a, a},
		} {
			want := false
			switch i.Signing {
			case log.SignedAlone, log.SignedWhole:
				want = what == "one"
			case log.SignedThreshold:
				want = what == "one" || what == "two"
			case log.SignedRing:
				want = what == "ring"
			case log.SignedNobody:
				want = what == "nobody"
			}
			_, err := log.Seal(s.st, signers...)
			if (err == nil) != want {
				t.Errorf("%s signed by %s: %v", k, what, err)
			}
			// The parser holds the same without the sealer's help.
			payload, _ := log.Encode(s.st)
			e := dsse.Envelope{Payload: payload, PayloadType: k.Type()}
			for _, x := range signers {
				sig, _ := x.Sign(nil)
				e.Signatures = append(e.Signatures, dsse.Signature{KeyID: x.KeyID(), Sig: sig})
			}
			dsse.Sort(e.Signatures)
			raw, err := e.Format(dsse.MaxLeaf)
			if err != nil {
				continue // a keyid twice has no form at all
			}
			if _, err := parse(k, raw); (err == nil) != want {
				t.Errorf("%s signed by %s parsed: %v", k, what, err)
			}
		}
	}
}

// TestIdentity holds S2: the identity hangs on what was said and who signed,
// not on the signatures' bytes or the order of collecting them.
func TestIdentity(t *testing.T) {
	t.Attr("invariant", "S2")
	s := samples(t)[log.KindFreeze]
	leaf := s.seal(t)
	other, err := log.Seal(s.st, s.signers[1], s.signers[0])
	if err != nil || !bytes.Equal(leaf, other) {
		t.Errorf("order of signers changes the envelope: %v", err)
	}
	x, err := log.Parse(leaf)
	if err != nil {
		t.Fatal(err)
	}
	e := x.Envelope
	e.Signatures = []dsse.Signature{{KeyID: e.Signatures[0].KeyID, Sig: []byte{1}}, {KeyID: e.Signatures[1].KeyID, Sig: []byte{2}}}
	if log.IdentityOf(e) != x.Identity {
		t.Error("signature bytes change the identity")
	}
	seen := map[log.Hash]string{x.Identity: "itself"}
	for what, y := range map[string]dsse.Envelope{
		"one signer less": {Payload: e.Payload, PayloadType: e.PayloadType, Signatures: e.Signatures[:1]},
		"other payload":   {Payload: append(bytes.Clone(e.Payload), ' '), PayloadType: e.PayloadType, Signatures: e.Signatures},
		"other type":      {Payload: e.Payload, PayloadType: e.PayloadType + "x", Signatures: e.Signatures},
	} {
		id := log.IdentityOf(y)
		if seen[id] != "" {
			t.Errorf("%s has the identity of %s", what, seen[id])
		}
		seen[id] = what
	}
	// The value that another program computed from the recorded sample.
	const want = "24d90583a580bbb5051e8209784ee96417016569ad92036b7e58b9416c97aac4"
	if x.Identity.Hex() != want {
		t.Errorf("identity %s, want %s", x.Identity.Hex(), want)
	}
}

// TestValues round-trips the value types' forms.
func TestValues(t *testing.T) {
	for _, s := range []string{"1970-01-01T00:00:00.000Z", "2026-11-21T02:03:04.567Z", "9999-12-31T23:59:59.999Z"} {
		x, err := log.ParseTime(s)
		if err != nil || x.String() != s || log.TimeOf(x.Time()) != x {
			t.Errorf("%s: %v, %v", s, x, err)
		}
	}
	for _, s := range []string{
		"", "1969-12-31T23:59:59.999Z", "2026-11-21T02:03:04Z", "2026-11-21T02:03:04.5Z", "2026-11-21T02:03:04.5670Z", "2026-11-21T02:03:04,567Z",
		"2026-11-21t02:03:04.567z", "2026-11-21T02:03:04.567+00:00", "2026-02-30T02:03:04.567Z", "2026-11-21T24:00:00.000Z", "2026-11-21T02:03:60.000Z", "10000-01-01T00:00:00.000Z",
	} {
		if x, err := log.ParseTime(s); !errors.Is(err, log.ErrSyntax) {
			t.Errorf("%s is %v, %v", s, x, err)
		}
	}
	h := hashOf("x")
	if y, err := log.ParseHash(h.String()); err != nil || y != h {
		t.Error(y, err)
	}
	if y, err := log.ParseHex(h.Hex()); err != nil || y != h {
		t.Error(y, err)
	}
	for _, s := range []string{"", h.String() + "\n", strings.TrimRight(h.String(), "="), h.String()[:40], strings.Replace(h.String(), "=", "==", 1)} {
		if _, err := log.ParseHash(s); !errors.Is(err, log.ErrSyntax) {
			t.Errorf("%q is a hash", s)
		}
	}
	for _, s := range []string{"", strings.ToUpper(h.Hex()), h.Hex()[:62], h.Hex() + "00"} {
		if _, err := log.ParseHex(s); !errors.Is(err, log.ErrSyntax) {
			t.Errorf("%q is a hash", s)
		}
	}
	var back log.Hash
	text, _ := h.MarshalText()
	if err := back.UnmarshalText(text); err != nil || back != h {
		t.Error(cmp.Diff(h, back), err)
	}
}
