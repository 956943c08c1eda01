package voprf

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/internal/group"
)

// ErrRotation is returned for labels that are not the old ones under the new key.
var ErrRotation = errors.New("rotation does not verify")

// A Rotation carries labels from one key k to the next, k′ = Δ·k, without showing
// either: Y′ = Δ·Y. Δ is shared among holders, committed to as a key is (its public
// key is Δ·G), and destroyed afterwards. Where it were published, whoever has one key
// would have the other.
type Rotation struct {
	From, To Set
	Delta    [][]byte // Feldman commitments to Δ; as many holders answer for it
}

// A RotationPartial is one holder's part of a proof.
type RotationPartial struct {
	Index int    // from 1
	Z     []byte // 32 bytes: Δ_i·M
	Proof []byte // 64 bytes
}

// rotationBatch is what a proof is about: M = Σ d_i·Y_i and Z = Σ d_i·Y′_i with
// weights that nobody foresees, the public keys being the first pair.
type rotationBatch struct {
	m, z      *group.Element
	statement []byte
}

// batch hashes everything: both sets' keys and versions, Δ's commitments, the
// offset, every pair.
func (r Rotation) batch(offset uint64, old, fresh []Label) (*rotationBatch, error) {
	if err := errors.Join(r.From.Validate(), r.To.Validate()); err != nil {
		return nil, err
	}
	if r.From.Version >= r.To.Version || len(r.Delta) < 1 || len(r.Delta) > maxEvaluators {
		return nil, fmt.Errorf("%w: from version %d to %d by %d commitments", ErrRotation, r.From.Version, r.To.Version, len(r.Delta))
	}
	if len(old) != len(fresh) || len(old) < 1 || len(old) > MaxBatch-1 {
		return nil, fmt.Errorf("%w: %d labels for %d", ErrBatch, len(fresh), len(old))
	}
	h := sha512.New()
	h.Write([]byte(group.TagRotation))
	for _, n := range []uint64{r.From.Version, r.To.Version, offset, uint64(len(old)), uint64(len(r.Delta))} {
		h.Write(binary.BigEndian.AppendUint64(nil, n))
	}
	for _, d := range r.Delta {
		h.Write(prefixed(nil, d))
	}
	before := append([][]byte{r.From.PublicKey}, bytesOf(old)...)
	after := append([][]byte{r.To.PublicKey}, bytesOf(fresh)...)
	for i := range before {
		h.Write(before[i])
		h.Write(after[i])
	}
	seed := h.Sum(nil)
	c, err := decodeAll(before)
	if err != nil {
		return nil, fmt.Errorf("%w: old labels: %w", ErrRotation, err)
	}
	d, err := decodeAll(after)
	if err != nil {
		return nil, fmt.Errorf("%w: new labels: %w", ErrRotation, err)
	}
	weights := make([]*group.Scalar, len(c))
	parallel(len(c), func(i int) {
		weights[i] = group.HashToScalar(group.TagRotation, seed, binary.BigEndian.AppendUint64(nil, uint64(i)))
	})
	b := &rotationBatch{statement: seed}
	if b.m, err = composite(weights, c); err != nil {
		return nil, err
	}
	if b.z, err = composite(weights, d); err != nil {
		return nil, err
	}
	if b.m.IsIdentity() || b.z.IsIdentity() {
		return nil, fmt.Errorf("%w: composite is the identity", ErrRotation)
	}
	return b, nil
}

func bytesOf(list []Label) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i][:]
	}
	return out
}

// Prove makes a holder's part of the proof for up to 65,534 labels, with its share
// of Δ. The labels under the new key are combined beforehand, as those of a query
// are: each holder evaluates the old ones under its share of Δ.
func (r Rotation) Prove(share *Share, offset uint64, old, fresh []Label) (RotationPartial, error) {
	b, err := r.batch(offset, old, fresh)
	if err != nil {
		return RotationPartial{}, err
	}
	z := b.m.Mul(share.key.k)
	proof, err := b.pair(share.index, share.key.public.element, z).prove(share.key.k, system())
	if err != nil {
		return RotationPartial{}, err
	}
	return RotationPartial{share.index, z.Bytes(), proof}, nil
}

func (b *rotationBatch) pair(index int, holder, z *group.Element) pair {
	statement := binary.BigEndian.AppendUint16(append([]byte(nil), b.statement...), uint16(index))
	return pair{group.TagRotationProof, statement, group.Generator(), holder, b.m, z}
}

// VerifyLabels holds new labels against the old ones, in order: Σ λ_i·Z_i = Z for as
// many partials as Δ has commitments, each under its holder's share of Δ. The public
// keys are part of it. Errors: ErrRotation, ErrBatch, ErrSet.
func (r Rotation) VerifyLabels(offset uint64, old, fresh []Label, partials []RotationPartial) error {
	b, err := r.batch(offset, old, fresh)
	if err != nil {
		return err
	}
	if len(partials) != len(r.Delta) {
		return fmt.Errorf("%w: %d partials of %d", ErrRotation, len(partials), len(r.Delta))
	}
	var holders []int
	terms := make([]*group.Element, len(partials))
	for i, p := range partials {
		holders = append(holders, p.Index)
		holder, err := holderKey(r.Delta, p.Index)
		if err != nil {
			return fmt.Errorf("%w: partial of holder %d: %w", ErrRotation, p.Index, err)
		}
		if terms[i], err = group.DecodeElement(p.Z); err != nil {
			return fmt.Errorf("%w: partial of holder %d: %w", ErrRotation, p.Index, err)
		}
		if err := b.pair(p.Index, holder, terms[i]).verify(p.Proof); err != nil {
			return fmt.Errorf("%w: partial of holder %d: %w", ErrRotation, p.Index, err)
		}
	}
	weights, err := lagrange(holders)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRotation, err)
	}
	sum, err := group.VarTimeMultiMul(weights, terms)
	if err != nil {
		return err
	}
	if !sum.Equal(b.z) {
		return fmt.Errorf("%w: labels", ErrRotation)
	}
	return nil
}

// VerifyPublic is VerifyLabels where Δ itself was published, 32 bytes: allowed only
// while the old key is known to be safe. Errors: ErrRotation, ErrEncoding.
func (r Rotation) VerifyPublic(delta []byte, offset uint64, old, fresh []Label) error {
	k, err := group.DecodeSecretScalar(delta)
	if err != nil {
		return fmt.Errorf("%w: Δ: %w", ErrEncoding, err)
	}
	if len(r.Delta) != 1 || string(group.MulBase(k).Bytes()) != string(r.Delta[0]) {
		return fmt.Errorf("%w: Δ is not the one committed to", ErrRotation)
	}
	b, err := r.batch(offset, old, fresh)
	if err != nil {
		return err
	}
	if !b.m.Mul(k).Equal(b.z) {
		return fmt.Errorf("%w: labels", ErrRotation)
	}
	return nil
}

// Factor is Δ = k′/k of two keys that one person holds, 32 bytes: who sees it gets
// either key from the other. Errors: ErrRotation for equal keys, between which there is
// nothing to rotate.
func Factor(from, to *PrivateKey) ([]byte, error) {
	inverse, err := from.k.Invert()
	if err != nil {
		return nil, err
	}
	if from.k.Equal(to.k) {
		return nil, fmt.Errorf("%w: the keys are equal", ErrRotation)
	}
	return to.k.Mul(inverse).Bytes(), nil
}

// Rotate returns a label under the next key, where Δ was published: a lab's own
// labels follow without asking anybody. Errors: ErrEncoding.
func (l Label) Rotate(delta []byte) (Label, error) {
	k, err := group.DecodeSecretScalar(delta)
	if err != nil {
		return Label{}, fmt.Errorf("%w: Δ: %w", ErrEncoding, err)
	}
	e, err := group.DecodeElement(l[:])
	if err != nil {
		return Label{}, fmt.Errorf("%w: label: %w", ErrEncoding, err)
	}
	return Label(e.Mul(k).Bytes()), nil
}

// Labels makes the labels under the next key of what holders of Δ answered to the
// old ones: each evaluates them under its share of Δ as it evaluates a query
// (NewShareEvaluator, Answer), and is checked under Δ's commitments. lies are those
// that do not verify. Errors: ErrFewAnswers, ErrEncoding, ErrBatch.
func (r Rotation) Labels(old []Label, answers map[int][]byte) (fresh []Label, lies []*Misanswer, err error) {
	encoded := bytesOf(old)
	elements, err := decodeAll(encoded)
	if err != nil {
		return nil, nil, fmt.Errorf("old labels: %w", err)
	}
	var holders []int
	var good [][]*group.Element
	for _, i := range slices.Sorted(maps.Keys(answers)) {
		if len(holders) == len(r.Delta) {
			break
		}
		key, err := HolderKey(r.Delta, i)
		if errors.Is(err, ErrShare) {
			continue // who holds nothing is not counted
		}
		if err != nil {
			return nil, lies, err
		}
		evaluated, err := verifyAnswer(key, elements, encoded, answers[i])
		if err != nil {
			lies = append(lies, &Misanswer{Index: i, Request: join(encoded), Response: answers[i]})
			continue
		}
		holders, good = append(holders, i), append(good, evaluated)
	}
	if len(holders) < len(r.Delta) {
		return nil, lies, fmt.Errorf("%w: %d good of %d needed", ErrFewAnswers, len(holders), len(r.Delta))
	}
	combined, err := combineAll(holders, good)
	if err != nil {
		return nil, lies, err
	}
	fresh = make([]Label, len(old))
	parallel(len(old), func(l int) { fresh[l] = Label(combined[l].Bytes()) })
	return fresh, lies, nil
}
