package log

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/dsse"
)

// Part carries a slice of an envelope that is larger than one leaf. The whole
// is judged at the index of the last missing part. Signed by one key that also
// signs the whole.
type Part struct {
	Origin string `json:"origin"`
	Of     Kind   `json:"of"`
	Number int    `json:"number"` // from 0
	Count  int    `json:"count"`
	Whole  Hash   `json:"whole"` // [WholeHash] of the whole envelope
	Data   Bytes  `json:"data"`  // [MaxPartData] bytes, fewer in the last
}

// Kind is [KindPart].
func (s *Part) Kind() Kind { return KindPart }

func (s *Part) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Part) Validate() error {
	var c checks
	c.origin(s.Origin)
	i, ok := Info(s.Of)
	c.that(ok && i.Parts, "of", "no kind that comes in parts")
	c.between("count", int64(s.Count), 2, MaxParts)
	c.between("number", int64(s.Number), 0, int64(s.Count)-1)
	if s.Number < s.Count-1 {
		c.size("data", s.Data, MaxPartData, MaxPartData)
	} else {
		c.size("data", s.Data, 1, MaxPartData)
	}
	return c.err
}

// Replay is the whole, the signer and the part's number, once.
func (s *Part) Replay(signer string) ReplayKey {
	return ReplayKey{Scope: fmt.Sprintf("part/%s/%s/%d", s.Whole.Hex(), signer, s.Number)}
}

// Void: it fits the parts of its whole that wait, and there is room for it.
func (s *Part) Void(v View, _ Signed) error { return v.CheckPart(s) }

// Split cuts a sealed statement into signed parts, in order; one that fits a
// leaf comes back as it is. The signer is one that signed the whole.
func Split(whole []byte, signer Signer) ([][]byte, error) {
	if len(whole) <= dsse.MaxLeaf {
		return [][]byte{whole}, nil
	}
	s, err := ParseWhole(whole)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(s.Envelope.KeyIDs(), signer.KeyID()) {
		return nil, &SyntaxError{Place: "signatures", Reason: "the parts' signer did not sign the whole"}
	}
	chunks := slices.Collect(slices.Chunk(whole, MaxPartData))
	leaves := make([][]byte, len(chunks))
	for i, data := range chunks {
		p := &Part{Origin: OriginOf(s.Statement), Of: s.Kind(), Number: i, Count: len(chunks), Whole: WholeHash(whole), Data: data}
		if leaves[i], err = Seal(p, signer); err != nil {
			return nil, fmt.Errorf("part %d: %w", i, err)
		}
	}
	return leaves, nil
}

// Join puts all parts of one whole together, in any order, and reads it. It
// holds that they belong together, that the hash is right, that the kind and
// the origin are those that the parts name, and that each was signed by one
// key that also signed the whole.
func Join(parts []*Signed) (*Signed, error) {
	bad := func(reason string) (*Signed, error) { return nil, &SyntaxError{Place: "parts", Reason: reason} }
	if len(parts) == 0 {
		return bad("none")
	}
	first, ok := parts[0].Statement.(*Part)
	if !ok || first.Count != len(parts) {
		return bad("not as many as they say")
	}
	data := make([][]byte, first.Count)
	for _, s := range parts {
		p, ok := s.Statement.(*Part)
		switch {
		case !ok || p.Origin != first.Origin || p.Of != first.Of || p.Count != first.Count || p.Whole != first.Whole:
			return bad("not of one whole")
		case s.Signer() != parts[0].Signer():
			return bad("not of one signer")
		case p.Number >= len(data) || data[p.Number] != nil:
			return bad("one stands twice")
		}
		data[p.Number] = p.Data
	}
	whole := bytes.Join(data, nil)
	if WholeHash(whole) != first.Whole {
		return bad("hash of the whole")
	}
	// Fitting a leaf, it would have two forms in the log.
	if len(whole) <= dsse.MaxLeaf {
		return bad("the whole fits one leaf")
	}
	s, err := ParseWhole(whole)
	switch {
	case err != nil:
		return nil, err
	case s.Kind() != first.Of:
		return bad("the whole is of kind " + string(s.Kind()))
	case OriginOf(s.Statement) != first.Origin:
		return bad("the whole is of another log")
	case !slices.Contains(s.Envelope.KeyIDs(), parts[0].Signer()):
		return bad("the parts' signer did not sign the whole")
	}
	return s, nil
}
