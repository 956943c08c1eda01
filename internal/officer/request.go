package officer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/internal/dsse"
	"github.com/haltlog/haltlog/log"
)

// Errors of signing and combining.
var (
	// ErrNotOfficer is a key that the request does not name.
	ErrNotOfficer = errors.New("key is not one of the officers")
	// ErrSignature is a signature that does not fit its request.
	ErrSignature = errors.New("signature does not fit")
	// ErrThreshold is too few signatures.
	ErrThreshold = errors.New("threshold not reached")
)

// Officer is one who may sign a request.
type Officer struct {
	Name string `json:"name"`
	SPKI []byte `json:"spki"`
}

// Request is a statement that waits for its officers' signatures: a file that
// travels from machine to machine.
type Request struct {
	Format    string    `json:"format"`
	Kind      log.Kind  `json:"kind"`
	Payload   []byte    `json:"payload"`
	Threshold int       `json:"threshold"`
	Officers  []Officer `json:"officers"` // sorted by name
	// Against is the policy document before, whose hash the payload names: with it
	// each officer sees on their own machine what changes.
	Against []byte `json:"against,omitempty"`
}

// NewRequest makes the request for a statement that officers sign.
func NewRequest(st log.Statement, officers []log.KeyGrant, threshold int) (*Request, error) {
	payload, err := log.Encode(st)
	if err != nil {
		return nil, fmt.Errorf("draft %s: %w", st.Kind(), err)
	}
	r := &Request{Format: formatRequest, Kind: st.Kind(), Payload: payload, Threshold: threshold}
	for _, k := range officers {
		if k.Role == log.RoleOfficer {
			r.Officers = append(r.Officers, Officer{k.Name, k.SPKI})
		}
	}
	slices.SortFunc(r.Officers, func(a, b Officer) int { return strings.Compare(a.Name, b.Name) })
	return r, r.check()
}

// ParseRequest reads a request and the statement in it (OF1).
func ParseRequest(raw []byte) (*Request, error) {
	r := &Request{}
	if err := decode(raw, formatRequest, r); err != nil {
		return nil, err
	}
	return r, r.check()
}

func (r *Request) check() error {
	info, ok := log.Info(r.Kind)
	if !ok || info.Signing != log.SignedThreshold {
		return fmt.Errorf("%w: kind %q is not signed by officers", ErrFile, r.Kind)
	}
	if _, err := r.Statement(); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	if r.Threshold < 1 || r.Threshold > len(r.Officers) || len(r.Officers) > log.MaxOfficers {
		return fmt.Errorf("%w: threshold %d of %d officers", ErrFile, r.Threshold, len(r.Officers))
	}
	seen := map[string]bool{}
	for _, o := range r.Officers {
		id := log.KeyID(o.SPKI)
		if a, ok := log.CheckSPKI(o.SPKI); !ok || a == log.X25519 || !log.ValidName(o.Name) || seen[id] {
			return fmt.Errorf("%w: officer %q", ErrFile, o.Name)
		}
		seen[id] = true
	}
	return nil
}

// Marshal prints the file.
func (r *Request) Marshal() []byte { return encode(r) }

// Statement is what is to be signed.
func (r *Request) Statement() (log.Statement, error) { return log.Decode(r.Kind, r.Payload) }

// Digest is what officers compare with one another before they sign: lower-case
// hex SHA-256 of the bytes under the signatures.
func (r *Request) Digest() string {
	h := sha256.Sum256(r.pae())
	return hex.EncodeToString(h[:])
}

func (r *Request) pae() []byte { return dsse.PAE(r.Kind.Type(), r.Payload) }

// officer finds one by key ID.
func (r *Request) officer(keyID string) (Officer, bool) {
	for _, o := range r.Officers {
		if log.KeyID(o.SPKI) == keyID {
			return o, true
		}
	}
	return Officer{}, false
}

// Signature is one officer's signature of one request, apart from it.
type Signature struct {
	Format string   `json:"format"`
	Kind   log.Kind `json:"kind"`
	Digest string   `json:"digest"` // of the request
	KeyID  string   `json:"keyid"`
	Sig    []byte   `json:"sig"`
}

// ParseSignature reads a signature file; that it fits is seen by Combine.
func ParseSignature(raw []byte) (*Signature, error) {
	s := &Signature{}
	if err := decode(raw, formatSignature, s); err != nil {
		return nil, err
	}
	if dsse.CheckKeyID(s.KeyID) != nil || len(s.Sig) == 0 || len(s.Sig) > dsse.MaxSignature {
		return nil, fmt.Errorf("%w: %s: keyid or signature", ErrFile, formatSignature)
	}
	return s, nil
}

// Marshal prints the file.
func (s *Signature) Marshal() []byte { return encode(s) }

// Sign signs as one of the officers. The error is ErrNotOfficer or the signer's.
func (r *Request) Sign(s log.Signer) (*Signature, error) {
	if _, ok := r.officer(s.KeyID()); !ok {
		return nil, fmt.Errorf("%s: %w", s.KeyID(), ErrNotOfficer)
	}
	sig, err := s.Sign(r.pae())
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", r.Kind, err)
	}
	return &Signature{formatSignature, r.Kind, r.Digest(), s.KeyID(), sig}, nil
}

// Combine verifies the signatures and puts the statement together from the first
// threshold of them, in the order of key IDs (OF2): the leaf to submit, and the
// names of who signed it.
func (r *Request) Combine(v log.Verifier, sigs ...*Signature) (leaf []byte, names []string, err error) {
	pae := r.pae()
	found := map[string]dsse.Signature{}
	for _, s := range sigs {
		o, ok := r.officer(s.KeyID)
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("signature of %s: %w", s.KeyID, ErrNotOfficer)
		case s.Kind != r.Kind || s.Digest != r.Digest():
			return nil, nil, fmt.Errorf("signature of %s is of another request: %w", o.Name, ErrSignature)
		}
		if err := v.Verify(o.SPKI, pae, s.Sig); err != nil {
			return nil, nil, fmt.Errorf("signature of %s: %w: %w", o.Name, ErrSignature, err)
		}
		found[s.KeyID] = dsse.Signature{KeyID: s.KeyID, Sig: s.Sig}
	}
	if len(found) < r.Threshold {
		return nil, nil, fmt.Errorf("%d of %d officers signed, %d have to: %w", len(found), len(r.Officers), r.Threshold, ErrThreshold)
	}
	e := dsse.Envelope{Payload: r.Payload, PayloadType: r.Kind.Type()}
	for _, s := range found {
		e.Signatures = append(e.Signatures, s)
	}
	dsse.Sort(e.Signatures)
	e.Signatures = e.Signatures[:r.Threshold]
	for _, s := range e.Signatures {
		o, _ := r.officer(s.KeyID)
		names = append(names, o.Name)
	}
	leaf, err = log.Assemble(e)
	return leaf, names, err
}
