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

// TestAbsent: a member that joined a kind later is left out when it says nothing,
// and is read in no other form, so that what was signed before stays as it was.
func TestAbsent(t *testing.T) {
	t.Attr("invariant", "S1")
	e := &log.Epoch{Origin: origin, Number: 1, Size: 1, Semantics: 1, Parts: []log.EpochPart{}}
	old, err := log.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(old, []byte("state")) {
		t.Errorf("absent, and printed: %s", old)
	}
	null := bytes.Replace(old, []byte(`"size":1`), []byte(`"size":1,"state":null`), 1)
	if se, ok := errors.AsType[*log.SyntaxError](errOf(log.Decode(log.KindEpoch, null))); !ok || !strings.Contains(se.Place, "state") {
		t.Errorf("null was taken for absent: %v", se)
	}
	e.Semantics, e.State = 2, &log.Hash{1}
	b, err := log.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := log.Decode(log.KindEpoch, b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(log.Statement(e), back); d != "" {
		t.Error(d)
	}
	pk := bytes.Repeat([]byte{7}, 32)
	a := &log.Authority{
		Origin: origin, Number: 1, Add: []log.KeyGrant{}, Revoke: []string{},
		Evaluators: &log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}},
	}
	b, err = log.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	empty := bytes.Replace(b, []byte(`"n":1`), []byte(`"holders":[],"n":1`), 1)
	if bytes.Equal(empty, b) {
		t.Fatalf("no place in %s", b)
	}
	if _, err := log.Decode(log.KindAuthority, empty); err == nil {
		t.Error("an empty list was taken for absent")
	}
}

func errOf(_ log.Statement, err error) error { return err }

// TestHolders: who shares a key is named in full, once each, and apart from the
// escrow's key.
func TestHolders(t *testing.T) {
	set := func(change func(*log.EvaluatorSet)) error {
		key := func(b byte) log.Bytes { return bytes.Repeat([]byte{b}, 32) }
		id := func(b byte) string { return strings.Repeat(string("0123456789abcdef"[b]), 64) }
		e := &log.EvaluatorSet{
			Version: 2, PublicKey: key(1), T: 2, N: 3, Commitments: []log.Bytes{key(1), key(2)}, Escrow: []log.Bytes{key(3), key(4)},
		}
		for i := range byte(3) {
			e.Holders = append(e.Holders, log.Holder{Name: "e" + string('0'+rune(i)), KeyID: id(i), Address: "https://e.example", Seal: key(10 + i)})
		}
		change(e)
		return (&log.Authority{Origin: origin, Number: 1, Evaluators: e}).Validate()
	}
	if err := set(func(*log.EvaluatorSet) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*log.EvaluatorSet){
		"none of several":    func(e *log.EvaluatorSet) { e.Holders = nil },
		"too few":            func(e *log.EvaluatorSet) { e.Holders = e.Holders[:2] },
		"name twice":         func(e *log.EvaluatorSet) { e.Holders[1].Name = e.Holders[0].Name },
		"key twice":          func(e *log.EvaluatorSet) { e.Holders[1].KeyID = e.Holders[0].KeyID },
		"seal key twice":     func(e *log.EvaluatorSet) { e.Holders[1].Seal = e.Holders[0].Seal },
		"seal key short":     func(e *log.EvaluatorSet) { e.Holders[1].Seal = e.Holders[1].Seal[1:] },
		"address":            func(e *log.EvaluatorSet) { e.Holders[1].Address = "ftp://e.example" },
		"address with slash": func(e *log.EvaluatorSet) { e.Holders[1].Address = "http://e.example/" },
		"address is a path":  func(e *log.EvaluatorSet) { e.Holders[1].Address = "http:///x" },
		"escrow of one":      func(e *log.EvaluatorSet) { e.Escrow = e.Escrow[:1] },
		"one key for both":   func(e *log.EvaluatorSet) { e.Escrow[0] = e.PublicKey },
	} {
		if err := set(change); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestLabelKinds: a band's label names its index in one form.
func TestLabelKinds(t *testing.T) {
	for kind, ok := range map[string]bool{
		"manifest": true, "tensor": true, "band": true, "bandp": true, "band-0": true, "band-15": true, "bandp-7": true,
		"band-16": false, "band-": false, "band-01": false, "band-+1": false, "bandp--1": false, "tensor-0": false, "": false, "bands-1": false,
	} {
		st := &log.Strike{Origin: origin, Sequence: 1, LabelKind: kind, Label: bytes.Repeat([]byte{1}, 32), Reason: "x"}
		if err := st.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", kind, err)
		}
	}
}
