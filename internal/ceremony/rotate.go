package ceremony

import (
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// Rotation is what the ceremony moves labels by: from the set before to its own.
func (c *Ceremony) Rotation() (voprf.Rotation, error) {
	delta, err := c.Commitments(log.PurposeRotateDelta)
	if err != nil {
		return voprf.Rotation{}, err
	}
	to, err := c.Set()
	if err != nil {
		return voprf.Rotation{}, err
	}
	return voprf.Rotation{From: setOf(c.present), To: setOf(to), Delta: delta}, nil
}

func setOf(e log.EvaluatorSet) voprf.Set {
	return voprf.Set{Version: e.Version, PublicKey: e.PublicKey, T: e.T, N: e.N, Commitments: raw(e.Commitments)}
}

// A Batch is labels on their way to the next key, as holders and engine pass it
// around: first with answers, then with the new labels, then with their proof.
type Batch struct {
	Offset  uint64
	Old     []voprf.Label
	Fresh   []voprf.Label
	Answers map[int]log.Bytes // by holder
	Parts   []Part            // by holder
}

// Part is a holder's part of a batch's proof.
type Part struct {
	Index int       `json:"index"`
	Z     log.Bytes `json:"z"`
	Proof log.Bytes `json:"proof"`
}

// maxPublic labels take 47 bytes each in a statement, twice encoded less than an entry.
const maxPublic = 768

// MaxBatch is the most labels of one batch: they fit one statement in parts.
const MaxBatch = 16384

// Next is the next batch that is to be moved; nil when nothing is left.
func Next(set *blacklist.Set, from, to uint64) *Batch { return next(set, from, to, MaxBatch) }

// NextPublic is a batch that fits one entry of the log with the factor in the clear: a
// lab finds the factor by the entries' kind.
func NextPublic(set *blacklist.Set, from, to uint64) *Batch { return next(set, from, to, maxPublic) }

func next(set *blacklist.Set, from, to uint64, most int) *Batch {
	offset := set.Rotated(from, to)
	order := set.Order(from, offset, most)
	if len(order) == 0 {
		return nil
	}
	b := &Batch{Offset: offset}
	for _, e := range order {
		b.Old = append(b.Old, e.Label)
	}
	return b
}

// Answer adds a holder's evaluation of the old labels under its share of the factor.
func (b *Batch) Answer(delta *voprf.Share) error {
	request := make([]byte, 0, voprf.ElementSize*len(b.Old))
	for _, l := range b.Old {
		request = append(request, l[:]...)
	}
	answer, err := voprf.NewShareEvaluator(delta).Answer(request)
	if err != nil {
		return fmt.Errorf("evaluate old labels: %w", err)
	}
	if b.Answers == nil {
		b.Answers = map[int]log.Bytes{}
	}
	b.Answers[delta.Index()] = answer
	return nil
}

// Combine makes the new labels of the answers. Liars are named in the error where
// too few are right, and otherwise returned.
func (b *Batch) Combine(r voprf.Rotation) ([]*voprf.Misanswer, error) {
	answers := make(map[int][]byte, len(b.Answers))
	for i, a := range b.Answers {
		answers[i] = a
	}
	fresh, lies, err := r.Labels(b.Old, answers)
	if err != nil {
		return lies, err
	}
	b.Fresh, b.Answers = fresh, nil
	return lies, nil
}

// Prove adds a holder's part of the proof.
func (b *Batch) Prove(r voprf.Rotation, delta *voprf.Share) error {
	p, err := r.Prove(delta, b.Offset, b.Old, b.Fresh)
	if err != nil {
		return err
	}
	b.Parts = append(b.Parts, Part{p.Index, p.Z, p.Proof})
	return nil
}

// Statement is the rotation as an engine logs it, verified.
func (b *Batch) Statement(origin string, r voprf.Rotation) (*log.Rotation, error) {
	st := &log.Rotation{Origin: origin, From: r.From.Version, To: r.To.Version, Delta: bytesOf(r.Delta), Offset: b.Offset}
	for _, l := range b.Fresh {
		st.Labels = append(st.Labels, l[:])
	}
	var parts []voprf.RotationPartial
	for _, p := range b.Parts {
		st.Partials = append(st.Partials, log.RotationPartial(p))
		parts = append(parts, voprf.RotationPartial{Index: p.Index, Z: p.Z, Proof: p.Proof})
	}
	if err := r.VerifyLabels(b.Offset, b.Old, b.Fresh, parts); err != nil {
		return nil, err
	}
	return st, nil
}

// Is reports whether a batch that somebody passes on is the one that the list has next:
// a holder answers no other, since an answer to what others chose would be one by the
// factor of the two keys.
func (b *Batch) Is(next *Batch) bool {
	return next != nil && b.Offset == next.Offset && slices.Equal(b.Old, next.Old)
}

// Public is the rotation by a factor that is shown: allowed only while the old key is
// known to be safe.
func (b *Batch) Public(origin string, from, to log.EvaluatorSet, delta []byte) (*log.Rotation, error) {
	k, err := voprf.ParsePrivateKey(delta)
	if err != nil {
		return nil, fmt.Errorf("factor: %w", err)
	}
	st := &log.Rotation{
		Origin: origin, From: from.Version, To: to.Version, Delta: []log.Bytes{k.Public().Bytes()}, PublicDelta: delta,
		Offset: b.Offset, Partials: []log.RotationPartial{},
	}
	for _, l := range b.Old {
		fresh, err := l.Rotate(delta)
		if err != nil {
			return nil, err
		}
		b.Fresh = append(b.Fresh, fresh)
		st.Labels = append(st.Labels, fresh[:])
	}
	r := voprf.Rotation{From: setOf(from), To: setOf(to), Delta: raw(st.Delta)}
	return st, r.VerifyPublic(delta, b.Offset, b.Old, b.Fresh)
}
