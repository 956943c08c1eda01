package api

import (
	"encoding/binary"

	"github.com/haltlog/haltlog/log"
)

// RouteEscrowOpen is an evaluator's: a part of the opening of one artefact.
const RouteEscrowOpen = "/v1/escrow/open"

// EscrowRequest asks an evaluator for its part of one artefact's opening. It brings
// nothing to be opened: that is what the log holds. An engine signs it, so that
// labels which the policy keeps off the list stay with who judges them.
type EscrowRequest struct {
	Origin    string `json:"origin"`
	Run       string `json:"run"`
	Artefact  uint64 `json:"artefact"` // its number
	Holder    int    `json:"holder"`   // who is asked, from 1
	KeyID     string `json:"keyid"`    // of the engine
	Signature []byte `json:"signature"`
}

// tagEscrowRequest begins what an engine signs.
const tagEscrowRequest = "haltlog/escrow-request/v1\n"

// Message is what the engine signs: the tag, origin and run each after its length
// as four bytes, the artefact's number as eight, the holder as four, all
// big-endian.
func (r EscrowRequest) Message() []byte {
	b := []byte(tagEscrowRequest)
	for _, s := range []string{r.Origin, r.Run} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, r.Artefact)
	return binary.BigEndian.AppendUint32(b, uint32(r.Holder))
}

// Sign signs the request.
func (r *EscrowRequest) Sign(s log.Signer) (err error) {
	r.KeyID = s.KeyID()
	r.Signature, err = s.Sign(r.Message())
	return err
}

// EscrowAnswer is one holder's part of the opening, see blacklist.PartialOpening.
type EscrowAnswer struct {
	Holder int       `json:"holder"`
	S      log.Bytes `json:"s"`
	Proof  log.Bytes `json:"proof"`
}
