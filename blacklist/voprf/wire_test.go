package voprf

import (
	"bytes"
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/group"
)

func TestWireIsStrict(t *testing.T) {
	t.Attr("invariant", "VO4")
	key := GenerateKey()
	q, response := ask(t, key, 2)
	request := q.Requests()[0]
	identity := make([]byte, 32)
	notCanonical := bytes.Repeat([]byte{255}, 32)
	for name, test := range map[string]struct {
		body []byte
		want error
	}{
		"empty":         {nil, ErrBatch},
		"cut":           {request[:63], ErrEncoding},
		"one more byte": {append(bytes.Clone(request), 0), ErrEncoding},
		"identity":      {append(bytes.Clone(request), identity...), ErrEncoding},
		"not canonical": {append(bytes.Clone(request), notCanonical...), ErrEncoding},
	} {
		if _, err := ParseRequest(test.body); !errors.Is(err, test.want) {
			t.Errorf("request, %s: %v", name, err)
		}
		if _, err := NewEvaluator(key).Answer(test.body); !errors.Is(err, test.want) {
			t.Errorf("answer, %s: %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		body []byte
		want error
	}{
		"empty":            {nil, ErrEncoding},
		"proof alone":      {response[64:], ErrBatch},
		"cut":              {response[:len(response)-1], ErrEncoding},
		"one more byte":    {append(bytes.Clone(response), 0), ErrEncoding},
		"identity":         {append(bytes.Clone(identity), response[32:]...), ErrEncoding},
		"not canonical":    {append(bytes.Clone(notCanonical), response[32:]...), ErrEncoding},
		"challenge beyond": {append(append(bytes.Clone(response[:64]), notCanonical...), response[96:]...), ErrEncoding},
		"response beyond":  {append(bytes.Clone(response[:96]), notCanonical...), ErrEncoding},
	} {
		if _, _, err := ParseResponse(test.body); !errors.Is(err, test.want) {
			t.Errorf("response, %s: %v", name, err)
		}
	}
	// The formatters print nothing that the parsers refuse.
	good := group.Generator().Bytes()
	for _, list := range [][][]byte{nil, {identity}, {notCanonical}, {good, good[:31]}} {
		if _, err := FormatRequest(list); err == nil {
			t.Errorf("request of %x", list)
		}
		if _, err := FormatResponse(list, response[64:]); err == nil {
			t.Errorf("response of %x", list)
		}
	}
	for _, proof := range [][]byte{nil, response[64:127], append(bytes.Clone(notCanonical), response[96:]...)} {
		if _, err := FormatResponse([][]byte{good}, proof); err == nil {
			t.Errorf("response with the proof %x", proof)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	good := group.Generator().Bytes()
	f.Add(good)
	f.Add(bytes.Repeat(good, 3))
	f.Add(make([]byte, 32))
	f.Add(good[:31])
	f.Fuzz(func(t *testing.T, body []byte) {
		elements, err := ParseRequest(body)
		if err != nil {
			return
		}
		again, err := FormatRequest(elements)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("prints otherwise: %v", err)
		}
		for _, b := range elements {
			if e, err := group.DecodeElement(b); err != nil || !bytes.Equal(e.Bytes(), b) || e.IsIdentity() {
				t.Fatalf("element %x: %v", b, err)
			}
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	good := group.Generator().Bytes()
	f.Add(append(bytes.Clone(good), make([]byte, 64)...))
	f.Add(append(bytes.Repeat(good, 2), bytes.Repeat([]byte{255}, 64)...))
	f.Add(make([]byte, 96))
	f.Add(make([]byte, 64))
	key, err := DeriveKey(ModeVOPRF, []byte("fuzz"), nil)
	if err != nil {
		f.Fatal(err)
	}
	e := NewEvaluator(key)
	response, err := e.Answer(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(response)
	f.Fuzz(func(t *testing.T, body []byte) {
		elements, proof, err := ParseResponse(body)
		if err != nil {
			return
		}
		again, err := FormatResponse(elements, proof)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("prints otherwise: %v", err)
		}
	})
}

// FuzzLabels: a response gives the one right label or none.
func FuzzLabels(f *testing.F) {
	key, err := DeriveKey(ModeVOPRF, []byte("fuzz"), nil)
	if err != nil {
		f.Fatal(err)
	}
	want, err := key.Label([]byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	q, err := newQuery(key.Public(), [][]byte{[]byte("x")}, bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	if err != nil {
		f.Fatal(err)
	}
	response, err := NewEvaluator(key).Answer(q.Requests()[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(response)
	f.Add(response[:95])
	f.Add(append(bytes.Clone(response[:32]), make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		labels, err := q.Labels([][]byte{body})
		if err == nil && (len(labels) != 1 || labels[0] != want) {
			t.Fatal("a wrong label with a proof")
		}
	})
}
