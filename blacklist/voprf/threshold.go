package voprf

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/haltlog/haltlog/internal/group"
)

// HolderKey is the key that holder i's answers verify under, from 1 to N: it
// follows from the commitments. Errors: ErrSet.
func (s Set) HolderKey(i int) (*PublicKey, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if i < 1 || i > s.N {
		return nil, fmt.Errorf("%w: holder %d of %d", ErrSet, i, s.N)
	}
	e, err := holderKey(s.Commitments, i)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSet, err)
	}
	return newPublicKey(e), nil
}

// Combine makes labels of t holders' answers to Requests, by holder, each in the
// requests' order (2HashTDH: Jarecki, Kiayias, Krawczyk, Xu, "TOPPSS", 2017, here
// with a proof for each answer): Z = Σ λ_i·Z_i, Y = Z − s·pk. Each answer is
// checked under its holder's own key (VO2); lies are those that do not verify,
// with what proves it, whether or not there are labels. More good answers than t
// change nothing, and who holds nothing under the commitments is not counted. Errors: ErrSet, ErrKeyOfSet for a query to another key,
// ErrFewAnswers where fewer than t are good.
func (q *Query) Combine(set Set, answers map[int][][]byte) (labels []Label, lies []*Misanswer, err error) {
	if err := set.Validate(); err != nil {
		return nil, nil, err
	}
	if string(q.public.encoded[:]) != string(set.PublicKey) {
		return nil, nil, ErrKeyOfSet
	}
	requests := q.Requests()
	var holders []int
	var good [][]*group.Element // evaluated elements of those holders
	for _, i := range slices.Sorted(maps.Keys(answers)) {
		if len(holders) == set.T {
			break
		}
		key, err := set.HolderKey(i)
		if errors.Is(err, ErrShare) {
			continue // nothing verifies under it
		}
		if err != nil {
			return nil, lies, err
		}
		elements, lie := q.check(key, requests, answers[i])
		if lie != nil {
			lie.Index = i
			lies = append(lies, lie)
			continue
		}
		holders, good = append(holders, i), append(good, elements)
	}
	if len(holders) < set.T {
		return nil, lies, fmt.Errorf("%w: %d good of %d needed", ErrFewAnswers, len(holders), set.T)
	}
	evaluated, err := combineAll(holders, good)
	if err != nil {
		return nil, lies, err
	}
	return q.unblind(evaluated), lies, nil
}

// combineAll adds up what each holder made of the same elements. Errors: ErrSet.
func combineAll(holders []int, evaluated [][]*group.Element) ([]*group.Element, error) {
	add, err := weigh(holders)
	if err != nil {
		return nil, err
	}
	out := make([]*group.Element, len(evaluated[0]))
	errs := make([]error, len(out))
	parallel(len(out), func(e int) {
		terms := make([]*group.Element, len(evaluated))
		for h := range evaluated {
			terms[h] = evaluated[h][e]
		}
		out[e], errs[e] = add(terms)
	})
	return out, errors.Join(errs...)
}

// check verifies one holder's answers to all requests.
func (q *Query) check(key *PublicKey, requests, responses [][]byte) ([]*group.Element, *Misanswer) {
	out := make([]*group.Element, 0, q.Len())
	for r, request := range requests {
		if r >= len(responses) {
			return nil, &Misanswer{Request: request}
		}
		from := r * MaxBatch
		to := min(from+MaxBatch, q.Len())
		elements, err := verifyAnswer(key, q.blinded[from:to], q.encoded[from:to], responses[r])
		if err != nil {
			return nil, &Misanswer{Request: request, Response: responses[r]}
		}
		out = append(out, elements...)
	}
	return out, nil
}

// verifyAnswer checks a response to one request under a key. Errors: ErrBatch,
// ErrEncoding, ErrProof.
func verifyAnswer(key *PublicKey, blinded []*group.Element, encoded [][]byte, response []byte) ([]*group.Element, error) {
	evaluated, elements, proof, err := splitResponse(response)
	if err != nil {
		return nil, err
	}
	if len(elements) != len(blinded) {
		return nil, fmt.Errorf("%d elements to %d: %w", len(elements), len(blinded), ErrBatch)
	}
	b := &batch{c: blinded, cEnc: encoded, d: elements, dEnc: evaluated}
	if err := b.verify(ModeVOPRF, key.element, key.encoded[:], proof); err != nil {
		return nil, err
	}
	return elements, nil
}

// A Misanswer is a holder's response that does not verify under its key, and what
// it was asked: anybody judges it offline. That the response is the holder's own
// word shows its signature, which travels beside it.
type Misanswer struct {
	Index    int
	Request  []byte // body of the request
	Response []byte // body of the response; empty for none, which proves nothing
}

// Error names the holder.
func (m *Misanswer) Error() string {
	if len(m.Response) == 0 {
		return fmt.Sprintf("holder %d did not answer", m.Index)
	}
	return fmt.Sprintf("holder %d answered wrongly", m.Index)
}

// Verify judges the evidence under the set that the log names: nil if the response
// is proven wrong. Errors: ErrRight where it is right or there is none; ErrSet;
// ErrEncoding or ErrBatch for a request that no holder has to answer.
func (m *Misanswer) Verify(set Set) error {
	key, err := set.HolderKey(m.Index)
	if err != nil {
		return err
	}
	encoded, blinded, err := split(m.Request)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if len(m.Response) == 0 {
		return fmt.Errorf("%w: there is none", ErrRight)
	}
	if _, err := verifyAnswer(key, blinded, encoded, m.Response); err == nil {
		return ErrRight
	}
	return nil
}
