package evaluate

import (
	"errors"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// TestBlameAroundARefresh: what a holder answered with the share that it then held is
// right for ever. Only what is wrong under every sharing of the key is a lie.
func TestBlameAroundARefresh(t *testing.T) {
	s := signing(t)
	right := s.answer(t, s.old.Shares[0])
	v := keys.NewVerifier()
	if err := right.Blame(s.set(s.old), v); !errors.Is(err, voprf.ErrRight) {
		t.Errorf("%v", err)
	}
	if err := right.Blame(s.set(s.fresh), v, s.set(s.old)); !errors.Is(err, voprf.ErrRight) {
		t.Errorf("an honest answer of before a refresh is blamed: %v", err)
	}
	lie := right
	lie.Response = append(log.Bytes{}, right.Response...)
	lie.Response[len(lie.Response)-64] ^= 1
	lie = s.sign(t, lie)
	if err := lie.Blame(s.set(s.fresh), v, s.set(s.old)); err != nil {
		t.Errorf("a lie is not proven: %v", err)
	}
	// A set of another version says nothing of the answer, and is no judge.
	other := s.set(s.old)
	other.Version = 2
	if err := lie.Blame(s.set(s.fresh), v, other); !errors.Is(err, ErrAnswer) {
		t.Errorf("judged under another key version: %v", err)
	}
	// Under a set in which another holds that place, the answer is nobody's.
	moved := s.set(s.old)
	moved.Holders = []log.Holder{moved.Holders[1], moved.Holders[0]}
	if err := lie.Blame(s.set(s.fresh), v, moved); err != nil {
		t.Errorf("a set in which another held the place: %v", err)
	}
}

// TestSignedFields: each thing that an evaluator signs, wrong alone.
func TestSignedFields(t *testing.T) {
	s := signing(t)
	good := s.answer(t, s.old.Shares[0])
	set, v := s.set(s.old), keys.NewVerifier()
	if err := good.Verify(set, v); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Signed){
		"origin":    func(a *Signed) { a.Origin += "x" },
		"version":   func(a *Signed) { a.Version++ },
		"holder":    func(a *Signed) { a.Holder = 2 },
		"no holder": func(a *Signed) { a.Holder = 0 },
		"beyond":    func(a *Signed) { a.Holder = 3 },
		"key":       func(a *Signed) { a.SPKI = s.keys[1].SPKI },
		"request":   func(a *Signed) { a.Request = append(log.Bytes{}, a.Request[32:]...) },
		"response":  func(a *Signed) { a.Response = a.Response[1:] },
		"swapped":   func(a *Signed) { a.Request, a.Response = a.Response, a.Request },
		"signature": func(a *Signed) { a.Signature = append(log.Bytes{}, a.Signature...); a.Signature[5] ^= 1 },
	} {
		bad := good
		change(&bad)
		if err := bad.Verify(set, v); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The version is signed, and not only held against the set's.
	bad, next := good, set
	bad.Version, next.Version = 2, 2
	if err := bad.Verify(next, v); !errors.Is(err, ErrAnswer) {
		t.Errorf("version: %v", err)
	}
	// So is the holder: one key that held two places would have signed for one.
	both := set
	both.Holders = []log.Holder{set.Holders[0], set.Holders[0]}
	bad = good
	bad.Holder = 2
	if err := bad.Verify(both, v); !errors.Is(err, ErrAnswer) {
		t.Errorf("holder: %v", err)
	}
}

// signer holds a key that is shared twice, before and after a refresh, among two.
type signer struct {
	key        *voprf.PrivateKey
	old, fresh *voprf.Sharing
	keys       []*foldtest.Key
	query      *voprf.Query
}

func signing(t *testing.T) *signer {
	t.Helper()
	s := &signer{key: voprf.GenerateKey()}
	for _, to := range []**voprf.Sharing{&s.old, &s.fresh} {
		sharing, err := voprf.Deal(s.key, 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		*to = sharing
	}
	for _, name := range []string{"evaluator-1", "evaluator-2"} {
		s.keys = append(s.keys, foldtest.NewKey(t, name))
	}
	var err error
	if s.query, err = voprf.NewQuery(s.key.Public(), [][]byte{[]byte("a"), []byte("b")}); err != nil {
		t.Fatal(err)
	}
	return s
}

// set is the two holders under a sharing.
func (s *signer) set(of *voprf.Sharing) log.EvaluatorSet {
	e := log.EvaluatorSet{Version: 1, PublicKey: s.key.Public().Bytes(), T: 2, N: 2}
	for _, c := range of.Commitments {
		e.Commitments = append(e.Commitments, c)
	}
	for _, k := range s.keys {
		e.Holders = append(e.Holders, log.Holder{KeyID: k.KeyID()})
	}
	return e
}

// answer is what the first holder answers with a share, signed.
func (s *signer) answer(t *testing.T, share *voprf.Share) Signed {
	t.Helper()
	request := s.query.Requests()[0]
	response, err := voprf.NewShareEvaluator(share).Answer(request)
	if err != nil {
		t.Fatal(err)
	}
	return s.sign(t, Signed{Origin: "log.example/t", Version: 1, Holder: 1, SPKI: s.keys[0].SPKI, Request: request, Response: response})
}

func (s *signer) sign(t *testing.T, a Signed) Signed {
	t.Helper()
	header, err := a.Sign(s.keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, a.Signature, err = ParseHeader(header); err != nil {
		t.Fatal(err)
	}
	return a
}
