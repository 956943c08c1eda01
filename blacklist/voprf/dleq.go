package voprf

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/haltlog/haltlog/internal/group"
)

// A batch is the two lists of a proof: D[i] = k·C[i] for every i. The encodings
// are kept beside the elements, as all of them are hashed and most came from the
// wire.
type batch struct {
	c, d       []*group.Element
	cEnc, dEnc [][]byte
}

// weights are the d_i of RFC 9497, section 2.2.1 (ComputeComposites): a random
// combination of the batch that the prover cannot foresee.
func (b *batch) weights(mode Mode, key []byte) ([]*group.Scalar, error) {
	if len(b.c) < 1 || len(b.c) > MaxBatch {
		// i is I2OSP(i, 2): VO3.
		return nil, fmt.Errorf("%w: batch of %d", ErrBatch, len(b.c))
	}
	tags := mode.tags()
	// seedTranscript = I2OSP(len(Bm), 2) || Bm || I2OSP(len(seedDST), 2) || seedDST
	seed := sha512.Sum512(prefixed(prefixed(nil, key), []byte(tags.Seed)))
	head := prefixed(nil, seed[:])
	out := make([]*group.Scalar, len(b.c))
	parallel(len(out), func(i int) {
		// compositeTranscript = I2OSP(len(seed), 2) || seed || I2OSP(i, 2) ||
		//   I2OSP(len(Ci), 2) || Ci || I2OSP(len(Di), 2) || Di || "Composite"
		transcript := binary.BigEndian.AppendUint16(append([]byte(nil), head...), uint16(i))
		transcript = prefixed(transcript, b.cEnc[i])
		transcript = prefixed(transcript, b.dEnc[i])
		out[i] = group.HashToScalar(tags.HashToScalar, transcript, []byte(group.OPRFLabelComposite))
	})
	return out, nil
}

// prove is GenerateProof of RFC 9497, section 2.2.1, with A the generator and key
// the encoding of B = k·G. The nonce is drawn from random.
func (b *batch) prove(mode Mode, k *group.Scalar, key []byte, random io.Reader) ([]byte, error) {
	weights, err := b.weights(mode, key)
	if err != nil {
		return nil, err
	}
	// M = Σ d_i·C_i. All of it is on the wire, so its time may depend on it.
	m, err := composite(weights, b.c)
	if err != nil {
		return nil, err
	}
	z := m.Mul(k)
	r, err := group.ReadScalar(random)
	if err != nil {
		return nil, err
	}
	c := challenge(mode, key, m, z, group.MulBase(r), m.Mul(r))
	s := r.Sub(c.Mul(k))
	return append(c.Bytes(), s.Bytes()...), nil
}

// verify is VerifyProof of RFC 9497, section 2.2.2. The error is ErrProof, or
// ErrBatch, or ErrEncoding.
func (b *batch) verify(mode Mode, public *group.Element, key, proof []byte) error {
	if len(proof) != ProofSize {
		return fmt.Errorf("%w: proof of %d bytes", ErrEncoding, len(proof))
	}
	c, err := group.DecodeScalar(proof[:group.ScalarSize])
	if err != nil {
		return fmt.Errorf("%w: proof: %w", ErrEncoding, err)
	}
	s, err := group.DecodeScalar(proof[group.ScalarSize:])
	if err != nil {
		return fmt.Errorf("%w: proof: %w", ErrEncoding, err)
	}
	weights, err := b.weights(mode, key)
	if err != nil {
		return err
	}
	m, err := composite(weights, b.c)
	if err != nil {
		return err
	}
	z, err := composite(weights, b.d)
	if err != nil {
		return err
	}
	// t2 = s·A + c·B, t3 = s·M + c·Z
	t2 := public.VarTimeMulBaseAdd(s, c)
	t3, err := group.VarTimeMultiMul([]*group.Scalar{s, c}, []*group.Element{m, z})
	if err != nil {
		return err
	}
	if !challenge(mode, key, m, z, t2, t3).Equal(c) {
		return ErrProof
	}
	return nil
}

// composite is Σ weights[i]·elements[i], in parts on all cores.
func composite(weights []*group.Scalar, elements []*group.Element) (*group.Element, error) {
	parts := (len(elements) + compositePart - 1) / compositePart
	sums, errs := make([]*group.Element, parts), make([]error, parts)
	var wg sync.WaitGroup
	for p := range parts {
		from, to := p*len(elements)/parts, (p+1)*len(elements)/parts
		wg.Go(func() { sums[p], errs[p] = group.VarTimeMultiMul(weights[from:to], elements[from:to]) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sum := sums[0]
	for _, s := range sums[1:] {
		sum = sum.Add(s)
	}
	return sum, nil
}

// challenge hashes I2OSP(len(Bm), 2) || Bm || I2OSP(len(a0), 2) || a0 || … || a3 ||
// "Challenge".
func challenge(mode Mode, key []byte, points ...*group.Element) *group.Scalar {
	transcript := prefixed(nil, key)
	for _, p := range points {
		transcript = prefixed(transcript, p.Bytes())
	}
	return group.HashToScalar(mode.tags().HashToScalar, transcript, []byte(group.OPRFLabelChallenge))
}

// prefixed appends b after its length in two bytes. Nothing longer comes here.
func prefixed(out, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
}
