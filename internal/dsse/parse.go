package dsse

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// Parse reads an envelope of at most limit bytes ([MaxLeaf] or [MaxWhole]).
// It accepts exactly what [Envelope.Format] prints and verifies no signature.
// Errors are a [*SyntaxError] with the place, or [ErrTooLarge].
func Parse(raw []byte, limit int) (Envelope, error) {
	if len(raw) > limit {
		return Envelope{}, fmt.Errorf("%d bytes, at most %d: %w", len(raw), limit, ErrTooLarge)
	}
	p := parser{raw: raw}
	var e Envelope
	p.literal(head)
	e.Payload = p.base64()
	p.literal(afterLoad)
	typeAt := p.at
	e.PayloadType = string(p.upToQuote())
	if err := checkType(e.PayloadType); err != nil {
		p.failAt(typeAt, "payloadType")
	}
	p.literal(afterType)
	for p.err == nil && !p.peek(tail) {
		if len(e.Signatures) == MaxSignatures {
			p.fail("more signatures than allowed")
			break
		}
		if len(e.Signatures) > 0 {
			p.literal(",")
		}
		e.Signatures = append(e.Signatures, p.signature(e.Signatures))
	}
	p.literal(tail)
	if p.err == nil && p.at != len(raw) {
		p.fail("trailing data")
	}
	if p.err != nil {
		return Envelope{}, p.err
	}
	// The pieces above leave nothing open; printing again holds invariant 1
	// even if one of them is changed carelessly.
	again, err := e.Format(limit)
	if err != nil || !bytes.Equal(again, raw) {
		return Envelope{}, &SyntaxError{Offset: 0, Reason: "not the one encoding"}
	}
	return e, nil
}

type parser struct {
	raw []byte
	at  int
	err error
}

func (p *parser) fail(reason string) { p.failAt(p.at, reason) }

func (p *parser) failAt(at int, reason string) {
	if p.err == nil {
		p.err = &SyntaxError{Offset: at, Reason: reason}
	}
}

func (p *parser) peek(s string) bool { return bytes.HasPrefix(p.raw[p.at:], []byte(s)) }

// literal moves past s, or points at the first byte that differs from it.
func (p *parser) literal(s string) {
	if p.err != nil {
		return
	}
	for i := range len(s) {
		if p.at >= len(p.raw) || p.raw[p.at] != s[i] {
			p.fail("expected " + s)
			return
		}
		p.at++
	}
}

func (p *parser) upToQuote() []byte {
	if p.err != nil {
		return nil
	}
	n := bytes.IndexByte(p.raw[p.at:], '"')
	if n < 0 {
		p.fail("string does not end")
		return nil
	}
	s := p.raw[p.at : p.at+n]
	p.at += n
	return s
}

func (p *parser) base64() []byte {
	at := p.at
	s := p.upToQuote()
	if p.err != nil {
		return nil
	}
	// The decoder skips line ends, which the formatter never prints.
	if i := bytes.IndexAny(s, "\r\n"); i >= 0 {
		p.failAt(at+i, "line end in base64")
		return nil
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Strict().Decode(b, s)
	if err != nil {
		p.failAt(at, "padded standard base64")
		return nil
	}
	return b[:n]
}

func (p *parser) signature(before []Signature) Signature {
	var s Signature
	p.literal(sigHead)
	at := p.at
	s.KeyID = string(p.upToQuote())
	switch {
	case p.err != nil:
	case CheckKeyID(s.KeyID) != nil:
		p.failAt(at, "keyid")
	case len(before) > 0 && before[len(before)-1].KeyID >= s.KeyID:
		p.failAt(at, "keyids sorted, none twice")
	}
	p.literal(afterID)
	at = p.at
	s.Sig = p.base64()
	if p.err == nil && (len(s.Sig) == 0 || len(s.Sig) > MaxSignature) {
		p.failAt(at, "length of signature")
	}
	p.literal(sigTail)
	return s
}
