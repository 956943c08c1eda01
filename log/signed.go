package log

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/dsse"
)

// Signed is a statement as it stands in the log.
type Signed struct {
	Envelope  dsse.Envelope
	Statement Statement
	Identity  Hash   // S2
	Index     uint64 // set by who read it from the log; [Parse] leaves 0
	Leaf      []byte // the exact bytes; for a whole, those of its parts together
}

// Kind is the statement's kind.
func (s *Signed) Kind() Kind { return s.Statement.Kind() }

// Signer is the first key ID; "" if nobody signed.
func (s *Signed) Signer() string {
	if len(s.Envelope.Signatures) == 0 {
		return ""
	}
	return s.Envelope.Signatures[0].KeyID
}

// Replay is the statement's replay key.
func (s *Signed) Replay() ReplayKey { return s.Statement.Replay(s.Signer()) }

// IdentityOf is a statement's identity (S2): it names what was said and by
// whom, not the signatures' bytes.
func IdentityOf(e dsse.Envelope) Hash {
	pae := e.PAE()
	h := sha256.New()
	h.Write([]byte(tagIdentity))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(pae))))
	h.Write(pae)
	for _, id := range e.KeyIDs() {
		h.Write([]byte(id + "\n"))
	}
	return Hash(h.Sum(nil))
}

// GenesisHash is what verifiers pin: over the exact bytes of entry 0.
func GenesisHash(leaf []byte) Hash { return tagged(tagGenesis, leaf) }

// GroupHash names a group by its statement's payload.
func GroupHash(payload []byte) Hash { return tagged(tagGroup, payload) }

// PolicyHash names a policy by its document.
func PolicyHash(document []byte) Hash { return tagged(tagPolicy, document) }

// WholeHash names a statement that is logged in parts, by its envelope.
func WholeHash(envelope []byte) Hash { return tagged(tagWhole, envelope) }

func tagged(tag string, data []byte) Hash {
	h := sha256.New()
	h.Write([]byte(tag))
	h.Write(data)
	return Hash(h.Sum(nil))
}

// Encode prints a statement's payload. Errors are a [*SyntaxError] with the
// field that is out of bounds.
func Encode(st Statement) ([]byte, error) {
	if err := st.Validate(); err != nil {
		return nil, err
	}
	return encode(st)
}

func encode(st Statement) ([]byte, error) {
	return encodeValue(nil, reflect.ValueOf(st).Elem(), "")
}

// Decode reads the payload of a kind. It accepts exactly what [Encode] prints.
func Decode(k Kind, payload []byte) (Statement, error) {
	info, ok := Info(k)
	if !ok {
		return nil, refuse(k)
	}
	n, err := readTree(payload)
	if err != nil {
		return nil, inPayload(err)
	}
	st := info.New()
	if n.kind != objectNode {
		return nil, &SyntaxError{Place: "payload byte " + strconv.Itoa(n.at), Reason: "want an object"}
	}
	if err := decodeStruct(reflect.ValueOf(st).Elem(), n, payload, ""); err != nil {
		return nil, inPayload(err)
	}
	again, err := encode(st)
	if err != nil {
		return nil, inPayload(err)
	}
	if !bytes.Equal(again, payload) {
		return nil, &SyntaxError{Place: "payload byte " + strconv.Itoa(difference(again, payload)), Reason: "not canonical JSON (RFC 8785)"}
	}
	if err := st.Validate(); err != nil {
		return nil, inPayload(err)
	}
	return st, nil
}

func refuse(k Kind) error {
	if slices.Contains(Refused(), k) {
		return &SyntaxError{Place: "payloadType", Reason: fmt.Sprintf("kind %s is not served by this version", k), Err: ErrRefusedKind}
	}
	return &SyntaxError{Place: "payloadType", Reason: "unknown kind"}
}

// difference is the first byte at which two texts differ.
func difference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func inPayload(err error) error {
	if s, ok := errors.AsType[*SyntaxError](err); ok {
		return &SyntaxError{Place: "payload " + s.Place, Reason: s.Reason, Err: s.Err}
	}
	return err
}

// Parse reads a leaf of the log, or a statement that is to become one. It
// verifies no signature. Errors are a [*SyntaxError] with the place.
func Parse(leaf []byte) (*Signed, error) { return parse(leaf, dsse.MaxLeaf, true) }

// ParseWhole reads a statement that was put together from parts.
func ParseWhole(whole []byte) (*Signed, error) {
	s, err := parse(whole, dsse.MaxWhole, true)
	if err != nil {
		return nil, err
	}
	if i, _ := Info(s.Kind()); !i.Parts {
		return nil, &SyntaxError{Place: "payloadType", Reason: fmt.Sprintf("kind %s is never split into parts", s.Kind())}
	}
	return s, nil
}

// ParseMessage reads a lease request or a lease: same encoding, never logged.
func ParseMessage(raw []byte) (*Signed, error) { return parse(raw, dsse.MaxLeaf, false) }

func parse(raw []byte, limit int, logged bool) (*Signed, error) {
	env, err := dsse.Parse(raw, limit)
	if err != nil {
		place := "envelope"
		if s, ok := errors.AsType[*dsse.SyntaxError](err); ok {
			return nil, &SyntaxError{Place: "envelope byte " + strconv.Itoa(s.Offset), Reason: s.Reason, Err: err}
		}
		return nil, &SyntaxError{Place: place, Reason: err.Error(), Err: err}
	}
	k, ok := kindOf(env.PayloadType)
	if !ok {
		return nil, &SyntaxError{Place: "payloadType", Reason: "not " + TypePrefix + "<kind>" + TypeSuffix}
	}
	info, ok := Info(k)
	switch {
	case !ok:
		return nil, refuse(k)
	case logged && info.Lane == LaneOff:
		return nil, &SyntaxError{Place: "payloadType", Reason: fmt.Sprintf("kind %s is never logged", k)}
	case !logged && info.Lane != LaneOff:
		return nil, &SyntaxError{Place: "payloadType", Reason: fmt.Sprintf("kind %s is for the log only", k)}
	}
	if err := checkSignatures(info, env.Signatures); err != nil {
		return nil, err
	}
	st, err := Decode(k, env.Payload)
	if err != nil {
		return nil, err
	}
	return &Signed{Envelope: env, Statement: st, Identity: IdentityOf(env), Leaf: bytes.Clone(raw)}, nil
}

// kindOf takes the kind out of a payload type.
func kindOf(payloadType string) (Kind, bool) {
	name, ok := strings.CutPrefix(payloadType, TypePrefix)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, TypeSuffix)
	return Kind(name), ok
}

// checkSignatures holds the number and form that a kind asks for.
func checkSignatures(info KindInfo, sigs []dsse.Signature) error {
	bad := func(reason string) error { return &SyntaxError{Place: "signatures", Reason: reason} }
	ring := 0
	for _, s := range sigs {
		if strings.HasPrefix(s.KeyID, dsse.RingPrefix) {
			ring++
		}
	}
	switch {
	case info.Signing == SignedNobody && len(sigs) != 0:
		return bad("kind " + string(info.Kind) + " is signed by nobody")
	case info.Signing == SignedRing && (len(sigs) != 1 || ring != 1):
		return bad("want exactly one ring signature")
	case info.Signing != SignedRing && ring != 0:
		return bad("kind " + string(info.Kind) + " takes no ring signature")
	case (info.Signing == SignedAlone || info.Signing == SignedWhole) && len(sigs) != 1:
		return bad("want exactly one signature")
	case info.Signing == SignedThreshold && (len(sigs) == 0 || len(sigs) > MaxOfficers):
		return bad("want as many signatures as the officers' threshold")
	}
	return nil
}
