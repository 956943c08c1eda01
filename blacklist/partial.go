package blacklist

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/group"
)

// Errors of partial openings.
var (
	// ErrPartial: a partial opening does not verify under its holder's key.
	ErrPartial = errors.New("partial opening does not verify")
	// ErrFewPartials: fewer than the threshold verify.
	ErrFewPartials = errors.New("too few partial openings")
)

// PartialOpening is one holder's part of the opening of one artefact: S = e_i·R,
// and a proof that the holder's own share of the escrow key made it (Chaum and
// Pedersen, CRYPTO '92). It opens nothing else: another artefact has another R. The
// escrow key itself is never put together.
type PartialOpening struct {
	Index int      // of the holder, from 1
	S     [32]byte // element
	Proof [64]byte // challenge and response
}

// Partial makes a holder's part of the opening of the artefact with that context.
// public is the shared escrow key. The wrap is held against the context first: who
// would have another artefact opened under this one's name gets [ErrContext].
func Partial(share *voprf.Share, public []byte, c Context, w Wrap) (PartialOpening, error) {
	parsed, err := parseWrap(public, c, w)
	if err != nil {
		return PartialOpening{}, err
	}
	e, err := group.DecodeSecretScalar(share.Key().Bytes())
	if err != nil {
		return PartialOpening{}, fmt.Errorf("escrow share: %w", err)
	}
	s, t := parsed.r.Mul(e), group.RandomScalar()
	x := partialChallenge(c, share.Index(), share.Key().Public().Bytes(), parsed.encodedR, s, group.MulBase(t), parsed.r.Mul(t))
	p := PartialOpening{Index: share.Index(), S: [32]byte(s.Bytes())}
	copy(p.Proof[:], append(x.Bytes(), t.Sub(x.Mul(e)).Bytes()...))
	return p, nil
}

func partialChallenge(c Context, index int, holder, encodedR []byte, s, t1, t2 *group.Element) *group.Scalar {
	context := sha256.Sum256(c.additional())
	return group.HashToScalar(group.TagEscrowPartial, context[:], []byte{byte(index >> 8), byte(index)}, holder, encodedR, s.Bytes(), t1.Bytes(), t2.Bytes())
}

// Verify holds a partial opening against the holder's key, which follows from the
// escrow key's commitments. The error is [ErrPartial], or says what is malformed.
func (p PartialOpening) Verify(commitments [][]byte, c Context, w Wrap) error {
	_, err := p.verify(commitments, c, w)
	return err
}

func (p PartialOpening) verify(commitments [][]byte, c Context, w Wrap) (*group.Element, error) {
	if len(commitments) == 0 {
		return nil, fmt.Errorf("%w: no commitments", ErrPartial)
	}
	parsed, err := parseWrap(commitments[0], c, w)
	if err != nil {
		return nil, err
	}
	key, err := voprf.HolderKey(commitments, p.Index)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPartial, err)
	}
	public, err := group.DecodeElement(key.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPartial, err)
	}
	s, err := group.DecodeElement(p.S[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPartial, err)
	}
	x, err := group.DecodeScalar(p.Proof[:32])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPartial, err)
	}
	y, err := group.DecodeScalar(p.Proof[32:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPartial, err)
	}
	// t1 = y·G + x·E_i, t2 = y·R + x·S
	t1 := public.VarTimeMulBaseAdd(y, x)
	t2, err := group.VarTimeMultiMul([]*group.Scalar{y, x}, []*group.Element{parsed.r, s})
	if err != nil {
		return nil, err
	}
	if !partialChallenge(c, p.Index, key.Bytes(), parsed.encodedR, s, t1, t2).Equal(x) {
		return nil, fmt.Errorf("%w: of holder %d", ErrPartial, p.Index)
	}
	return s, nil
}

// OpenThreshold opens sealed labels with partial openings under the escrow key's
// commitments, as many as there are commitments, and holds them against the
// context's root (B5). liars are holders whose partial openings do not verify,
// whether or not it opens. Errors: [ErrUnopenable], [ErrFewPartials], [ErrContext],
// [ErrSealed].
func OpenThreshold(commitments [][]byte, c Context, sealed []byte, wraps []Wrap, partials []PartialOpening) (labels []Entry, liars []int, err error) {
	if err := ValidateWraps(wraps); err != nil {
		return nil, nil, err
	}
	if len(commitments) == 0 {
		return nil, nil, fmt.Errorf("%w: no commitments", ErrUnopenable)
	}
	at := slices.IndexFunc(wraps, func(w Wrap) bool {
		return w.Suite == SuiteThreshold && w.KeyID == ThresholdKeyID(commitments[0])
	})
	if at < 0 {
		return nil, nil, ErrUnopenable
	}
	parsed, err := parseWrap(commitments[0], c, wraps[at])
	if err != nil {
		return nil, nil, err
	}
	good := make(map[int]*group.Element)
	for _, p := range partials {
		s, err := p.verify(commitments, c, wraps[at])
		if err != nil {
			liars = append(liars, p.Index)
			continue
		}
		good[p.Index] = s
	}
	holders := slices.Sorted(maps.Keys(good))
	if len(holders) < len(commitments) {
		return nil, liars, fmt.Errorf("%w: %d good of %d", ErrFewPartials, len(holders), len(commitments))
	}
	holders = holders[:len(commitments)]
	weights, err := voprf.Lagrange(holders)
	if err != nil {
		return nil, liars, err
	}
	terms := make([]*group.Element, len(holders))
	for i, h := range holders {
		terms[i] = good[h]
	}
	shared, err := group.MultiMul(weights, terms)
	if err != nil {
		return nil, liars, err
	}
	aead, err := wrapCipher(shared, parsed.encodedR, c)
	if err != nil {
		return nil, liars, err
	}
	dataKey, err := aead.Open(nil, nil, parsed.encrypted, c.additional())
	if err != nil {
		return nil, liars, fmt.Errorf("%w: data key: %w", ErrSealed, err)
	}
	labels, err = unseal(dataKey, c, sealed)
	return labels, liars, err
}
