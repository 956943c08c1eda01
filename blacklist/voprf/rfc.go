package voprf

import (
	"crypto/sha512"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/group"
)

// A Client is a client of RFC 9497, section 3.3, in any of its modes: it blinds
// multiplicatively and gives out Finalize's hash. haltlog's own queries are Query.
type Client struct {
	mode   Mode
	public *PublicKey // the key that proofs verify under, tweaked by info in POPRF
	info   []byte
}

// NewClient returns a client. The key is nil in ModeOPRF, which proves nothing;
// info is nil but in ModePOPRF. Errors: ErrMode, ErrInput.
func NewClient(mode Mode, public *PublicKey, info []byte) (*Client, error) {
	if mode > ModePOPRF || (public == nil) != (mode == ModeOPRF) || (info != nil && mode != ModePOPRF) {
		return nil, fmt.Errorf("%w: client in mode %d", ErrMode, mode)
	}
	c := &Client{mode: mode, public: public, info: info}
	if mode == ModePOPRF {
		m, err := infoScalar(info)
		if err != nil {
			return nil, err
		}
		// tweakedKey = G.ScalarMultGen(m) + pkS; if identity: raise InvalidInputError
		tweaked := group.MulBase(m).Add(public.element)
		if tweaked.IsIdentity() {
			return nil, fmt.Errorf("%w: info is the key's negative", ErrInput)
		}
		c.public = newPublicKey(tweaked)
	}
	return c, nil
}

// infoScalar is HashToScalar of "Info" || I2OSP(len(info), 2) || info.
func infoScalar(info []byte) (*group.Scalar, error) {
	if len(info) > MaxInput {
		return nil, fmt.Errorf("%w: info of %d bytes", ErrInput, len(info))
	}
	return group.HashToScalar(ModePOPRF.tags().HashToScalar, []byte(group.OPRFLabelInfo), prefixed(nil, info)), nil
}

// Blinded is a client's state between request and response.
type Blinded struct {
	client  *Client
	inputs  [][]byte
	blinds  []*group.Scalar
	blinded []*group.Element
	encoded [][]byte
}

// Blind blinds 1 to 65,535 inputs of at most 65,535 bytes each. Errors: ErrBatch,
// ErrInput.
func (c *Client) Blind(inputs [][]byte) (*Blinded, error) { return c.blind(inputs, system()) }

func (c *Client) blind(inputs [][]byte, random io.Reader) (*Blinded, error) {
	blinds := make([]*group.Scalar, len(inputs))
	for i := range blinds {
		var err error
		if blinds[i], err = group.ReadScalar(random); err != nil {
			return nil, fmt.Errorf("blind: %w", err)
		}
	}
	return c.blindWith(inputs, blinds)
}

func (c *Client) blindWith(inputs [][]byte, blinds []*group.Scalar) (*Blinded, error) {
	if len(inputs) < 1 || len(inputs) > MaxBatch {
		return nil, fmt.Errorf("blind: %w: %d", ErrBatch, len(inputs))
	}
	b := &Blinded{client: c, blinds: blinds}
	for i, x := range inputs {
		h, err := hashInput(c.mode, x)
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		e := h.Mul(blinds[i])
		b.inputs = append(b.inputs, append([]byte(nil), x...))
		b.blinded, b.encoded = append(b.blinded, e), append(b.encoded, e.Bytes())
	}
	return b, nil
}

// Elements returns the blinded elements, 32 bytes each, to be sent.
func (b *Blinded) Elements() [][]byte { return b.encoded }

// Finalize checks the proof (nil in ModeOPRF) and returns the outputs, 64 bytes
// each. Errors: ErrBatch, ErrEncoding, ErrProof.
func (b *Blinded) Finalize(evaluated [][]byte, proof []byte) ([][]byte, error) {
	if len(evaluated) != len(b.inputs) {
		return nil, fmt.Errorf("finalize: %w: %d", ErrBatch, len(evaluated))
	}
	elements, err := decodeAll(evaluated)
	if err != nil {
		return nil, fmt.Errorf("evaluated %w", err)
	}
	var check *batch
	switch b.client.mode {
	case ModeOPRF:
		if proof != nil {
			return nil, fmt.Errorf("finalize: %w: a proof in mode OPRF", ErrMode)
		}
	case ModeVOPRF:
		check = &batch{c: b.blinded, cEnc: b.encoded, d: elements, dEnc: evaluated}
	case ModePOPRF:
		// The key of POPRF is inverted: blinded = t·evaluated.
		check = &batch{c: elements, cEnc: evaluated, d: b.blinded, dEnc: b.encoded}
	}
	if check != nil {
		p := b.client.public
		if err := check.verify(b.client.mode, p.element, p.encoded[:], proof); err != nil {
			return nil, fmt.Errorf("finalize: %w", err)
		}
	}
	inverses, err := group.InvertAll(b.blinds)
	if err != nil {
		return nil, fmt.Errorf("finalize: %w", err)
	}
	out := make([][]byte, len(elements))
	for i, e := range elements {
		out[i] = output(b.client.mode, b.inputs[i], b.client.info, e.Mul(inverses[i]).Bytes())
	}
	return out, nil
}

// output is Hash(I2OSP(len(input), 2) || input || [I2OSP(len(info), 2) || info ||]
// I2OSP(len(unblinded), 2) || unblinded || "Finalize"), info in POPRF only.
func output(mode Mode, input, info, unblinded []byte) []byte {
	transcript := prefixed(nil, input)
	if mode == ModePOPRF {
		transcript = prefixed(transcript, info)
	}
	transcript = prefixed(transcript, unblinded)
	sum := sha512.Sum512(append(transcript, group.OPRFLabelFinalize...))
	return sum[:]
}

// A Server is a server of RFC 9497, section 3.3, in any of its modes. haltlog's
// own is Evaluator.
type Server struct {
	mode   Mode
	key    *PrivateKey
	random io.Reader
}

// NewServer returns a server. The error is ErrMode.
func NewServer(mode Mode, key *PrivateKey) (*Server, error) {
	if mode > ModePOPRF {
		return nil, fmt.Errorf("%w: server in mode %d", ErrMode, mode)
	}
	return &Server{mode: mode, key: key, random: system()}, nil
}

// BlindEvaluate evaluates 1 to 65,535 blinded elements; the proof is nil in
// ModeOPRF, info is nil but in ModePOPRF. Errors: ErrBatch, ErrEncoding, ErrMode,
// ErrInput.
func (s *Server) BlindEvaluate(blinded [][]byte, info []byte) (evaluated [][]byte, proof []byte, err error) {
	if info != nil && s.mode != ModePOPRF {
		return nil, nil, fmt.Errorf("evaluate: %w: info in mode %d", ErrMode, s.mode)
	}
	elements, err := decodeAll(blinded)
	if err != nil {
		return nil, nil, fmt.Errorf("blinded %w", err)
	}
	if s.mode != ModePOPRF {
		b := multiply(s.key.k, blinded, elements)
		if s.mode == ModeVOPRF {
			proof, err = b.prove(s.mode, s.key.k, s.key.public.encoded[:], s.random)
		}
		return b.dEnc, proof, err
	}
	t, inverse, err := s.tweak(info)
	if err != nil {
		return nil, nil, err
	}
	b := multiply(inverse, blinded, elements)
	b.c, b.d, b.cEnc, b.dEnc = b.d, b.c, b.dEnc, b.cEnc
	proof, err = b.prove(s.mode, t, group.MulBase(t).Bytes(), s.random)
	return b.cEnc, proof, err
}

// tweak returns t = skS + m and its inverse; zero is the RFC's InverseError, met
// only by whoever knows the key.
func (s *Server) tweak(info []byte) (t, inverse *group.Scalar, err error) {
	m, err := infoScalar(info)
	if err != nil {
		return nil, nil, err
	}
	t = s.key.k.Add(m)
	if inverse, err = t.Invert(); err != nil {
		return nil, nil, fmt.Errorf("%w: info is the key's negative: %w", ErrInput, err)
	}
	return t, inverse, nil
}

// Evaluate computes the output for an input that the server knows (RFC 9497,
// Evaluate of each mode). Errors: ErrInput, ErrMode.
func (s *Server) Evaluate(input, info []byte) ([]byte, error) {
	if info != nil && s.mode != ModePOPRF {
		return nil, fmt.Errorf("evaluate: %w: info in mode %d", ErrMode, s.mode)
	}
	h, err := hashInput(s.mode, input)
	if err != nil {
		return nil, err
	}
	k := s.key.k
	if s.mode == ModePOPRF {
		if _, k, err = s.tweak(info); err != nil {
			return nil, err
		}
	}
	return output(s.mode, input, info, h.Mul(k).Bytes()), nil
}
