package log

import (
	"fmt"

	"github.com/haltlog/haltlog/internal/dsse"
)

// Seal encodes a statement, has it signed, and prints the envelope: the bytes
// to submit. A statement that is larger than one leaf is returned whole (at
// most [dsse.MaxWhole] bytes); [Split] makes the parts. Errors are a
// [*SyntaxError] or the signer's.
func Seal(st Statement, signers ...Signer) ([]byte, error) {
	payload, err := Encode(st)
	if err != nil {
		return nil, err
	}
	e := dsse.Envelope{Payload: payload, PayloadType: st.Kind().Type()}
	pae := e.PAE()
	for _, s := range signers {
		sig, err := s.Sign(pae)
		if err != nil {
			return nil, fmt.Errorf("sign %s with %s: %w", st.Kind(), s.KeyID(), err)
		}
		e.Signatures = append(e.Signatures, dsse.Signature{KeyID: s.KeyID(), Sig: sig})
	}
	return Assemble(e)
}

// Assemble prints an envelope whose signatures were made elsewhere, in any
// order, such as by officers on machines of their own.
func Assemble(e dsse.Envelope) ([]byte, error) {
	dsse.Sort(e.Signatures)
	k, _ := kindOf(e.PayloadType)
	info, ok := Info(k)
	if !ok {
		return nil, refuse(k)
	}
	if err := checkSignatures(info, e.Signatures); err != nil {
		return nil, err
	}
	limit := dsse.MaxLeaf
	if info.Parts {
		limit = dsse.MaxWhole
	}
	leaf, err := e.Format(limit)
	if err != nil {
		return nil, &SyntaxError{Place: "envelope", Reason: err.Error(), Err: err}
	}
	return leaf, nil
}
