package dsse_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/internal/dsse"
)

var (
	idA = strings.Repeat("a", 64)
	idB = strings.Repeat("b", 64)
)

func sample() dsse.Envelope {
	return dsse.Envelope{
		Payload: []byte(`{"a":1}`), PayloadType: "application/vnd.haltlog.test.v1+json",
		Signatures: []dsse.Signature{{KeyID: idA, Sig: []byte{1, 2}}, {KeyID: idB, Sig: []byte{3}}},
	}
}

// TestPAE is the example of the DSSE protocol document.
func TestPAE(t *testing.T) {
	got := dsse.PAE("http://example.com/HelloWorld", []byte("hello world"))
	if want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := dsse.PAE("", nil); string(got) != "DSSEv1 0  0 " {
		t.Errorf("%q", got)
	}
}

func TestTemplate(t *testing.T) {
	t.Attr("invariant", "S1")
	raw, err := sample().Format(dsse.MaxLeaf)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"payload":"eyJhIjoxfQ==","payloadType":"application/vnd.haltlog.test.v1+json","signatures":[` +
		`{"keyid":"` + idA + `","sig":"AQI="},{"keyid":"` + idB + `","sig":"Aw=="}]}`
	if string(raw) != want {
		t.Fatalf("%s\nwant\n%s", raw, want)
	}
	got, err := dsse.Parse(raw, dsse.MaxLeaf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
	// Any JSON reader sees the same.
	var m struct {
		Payload     []byte
		PayloadType string
		Signatures  []struct {
			KeyID string
			Sig   []byte
		}
	}
	if err := json.Unmarshal(raw, &m); err != nil || string(m.Payload) != `{"a":1}` || len(m.Signatures) != 2 || m.Signatures[1].KeyID != idB {
		t.Errorf("%+v, %v", m, err)
	}
	empty, err := dsse.Envelope{PayloadType: "x"}.Format(dsse.MaxLeaf)
	if err != nil || string(empty) != `{"payload":"","payloadType":"x","signatures":[]}` {
		t.Errorf("%s, %v", empty, err)
	}
	if _, err := dsse.Parse(empty, dsse.MaxLeaf); err != nil {
		t.Error(err)
	}
}

// TestRefused alters the template in each way that JSON or base64 would
// forgive.
func TestRefused(t *testing.T) {
	t.Attr("invariant", "S1")
	raw, err := sample().Format(dsse.MaxLeaf)
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	for _, c := range []struct{ what, from, to string }{
		{"blank", `":"`, `": "`},
		{"leading blank", `{"payload`, ` {"payload`},
		{"no padding", `fQ==`, `fQ`},
		{"bits under the padding", `fQ==`, `fR==`},
		{"line end in base64", `eyJh`, "eyJh\n"},
		{"carriage return in base64", `eyJh`, "eyJh\r"},
		{"URL alphabet", `eyJh`, `-_Jh`},
		{"escape", `"keyid":"a`, `"keyid":"\u0061`},
		{"escaped slash", `application/vnd`, `application\/vnd`},
		{"other order", `"payloadType"`, `"signatures"`},
		{"upper hex", `"keyid":"a`, `"keyid":"A`},
		{"short keyid", `"keyid":"a`, `"keyid":"`},
		{"unsorted", `"keyid":"a`, `"keyid":"c`},
		{"twice", idB, idA},
		{"another prefix", `"keyid":"a`, `"keyid":"rung:a`},
		{"empty signature", `"sig":"AQI="`, `"sig":""`},
		{"empty type", `application/vnd.haltlog.test.v1+json`, ``},
		{"null", `[{`, `[null,{`},
		{"comma", `}]}`, `},]}`},
		{"no comma", `},{`, `}{`},
		{"unknown member", `"sig":"Aw=="`, `"sig":"Aw==","x":1`},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Fatalf("%s: no change", c.what)
		}
		_, err := dsse.Parse([]byte(bad), dsse.MaxLeaf)
		s, ok := errors.AsType[*dsse.SyntaxError](err)
		if !ok || !errors.Is(err, dsse.ErrMalformed) || s.Offset < 0 || s.Offset > len(bad) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for _, bad := range []string{"", "{}", "[]", good + "\n", good + "}", good[1:]} {
		if _, err := dsse.Parse([]byte(bad), dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	for i := range len(good) {
		if _, err := dsse.Parse([]byte(good[:i]), dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
			t.Fatalf("first %d bytes: %v", i, err)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Attr("invariant", "S1")
	e := sample()
	raw, err := e.Format(dsse.MaxLeaf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Format(len(raw)); err != nil {
		t.Error(err)
	}
	if _, err := e.Format(len(raw) - 1); !errors.Is(err, dsse.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := dsse.Parse(raw, len(raw)-1); !errors.Is(err, dsse.ErrTooLarge) {
		t.Error(err)
	}
	// The largest payload in a leaf, and one step more.
	e.Payload = make([]byte, 48900)
	for ; err == nil; e.Payload = append(e.Payload, 0, 0, 0) {
		_, err = e.Format(dsse.MaxLeaf)
	}
	if !errors.Is(err, dsse.ErrTooLarge) {
		t.Error(err)
	}
	e = sample()
	e.Signatures[1].Sig = make([]byte, dsse.MaxSignature+1)
	if _, err := e.Format(dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
		t.Error(err)
	}
	e = sample()
	e.Signatures = nil
	for i := range dsse.MaxSignatures + 1 {
		e.Signatures = append(e.Signatures, dsse.Signature{KeyID: dsse.RingPrefix + strings.Repeat(string("0123456789abcdef"[i/16]), 63) + string("0123456789abcdef"[i%16]), Sig: []byte{1}})
	}
	if _, err := e.Format(dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
		t.Error(err)
	}
	e.Signatures = e.Signatures[:dsse.MaxSignatures]
	full, err := e.Format(dsse.MaxLeaf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dsse.Parse(full, dsse.MaxLeaf); err != nil {
		t.Error(err)
	}
	over := bytes.Replace(full, []byte(`]}`), []byte(`,{"keyid":"`+idA+`","sig":"AQ=="}]}`), 1)
	if _, err := dsse.Parse(over, dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
		t.Error(err)
	}
}

func TestSort(t *testing.T) {
	e := sample()
	e.Signatures[0], e.Signatures[1] = e.Signatures[1], e.Signatures[0]
	if _, err := e.Format(dsse.MaxLeaf); !errors.Is(err, dsse.ErrMalformed) {
		t.Errorf("unsorted is printed: %v", err)
	}
	dsse.Sort(e.Signatures)
	if diff := cmp.Diff([]string{idA, idB}, e.KeyIDs()); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse holds that whatever is accepted is printed again, byte for byte.
func FuzzParse(f *testing.F) {
	raw, err := sample().Format(dsse.MaxLeaf)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"payload":"","payloadType":"x","signatures":[]}`))
	f.Add(bytes.Replace(raw, []byte("fQ=="), []byte("fR=="), 1))
	f.Add(bytes.Replace(raw, []byte(idA), []byte(dsse.RingPrefix+idA), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := dsse.Parse(raw, dsse.MaxLeaf)
		if err != nil {
			return
		}
		again, err := e.Format(dsse.MaxLeaf)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("accepted %q, printed %q, %v", raw, again, err)
		}
		if !json.Valid(raw) {
			t.Fatalf("accepted %q, no JSON", raw)
		}
	})
}
