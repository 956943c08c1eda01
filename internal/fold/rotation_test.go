package fold

import (
	"errors"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// TestVerifyRotation shows that labels under the next key stand by their proof, of
// one holder of Δ, and not without.
func TestVerifyRotation(t *testing.T) {
	t.Attr("invariant", "S3")
	k, d := voprf.GenerateKey(), voprf.GenerateKey()
	// k′ = Δ·k: Δ carries the public key as it carries labels.
	pk2, err := voprf.Label(k.Public().Bytes()).Rotate(d.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	set := func(v uint64, pk []byte) log.EvaluatorSet {
		return log.EvaluatorSet{Version: v, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}
	from, to := set(1, k.Public().Bytes()), set(2, pk2[:])
	y, err := k.Label([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := y.Rotate(d.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	old, next := []blacklist.Label{blacklist.Label(y)}, []blacklist.Label{blacklist.Label(z)}
	share, err := voprf.NewShare(1, d.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := voprf.Rotation{From: shared(from), To: shared(to), Delta: [][]byte{d.Public().Bytes()}}
	p, err := r.Prove(share, 0, old, next)
	if err != nil {
		t.Fatal(err)
	}
	st := &log.Rotation{From: 1, To: 2, Delta: []log.Bytes{d.Public().Bytes()}, Partials: []log.RotationPartial{{Index: 1, Z: p.Z, Proof: p.Proof}}}
	if err := verifyRotation(st, from, to, old, next); err != nil {
		t.Error(err)
	}
	if err := verifyRotation(st, from, to, old, old); !errors.Is(err, voprf.ErrRotation) {
		t.Errorf("other labels: %v", err)
	}
	st.Offset = 1
	if err := verifyRotation(st, from, to, old, next); !errors.Is(err, voprf.ErrRotation) {
		t.Errorf("another place: %v", err)
	}
	st.Offset, st.Partials, st.PublicDelta = 0, nil, d.Bytes()
	if err := verifyRotation(st, from, to, old, next); err != nil {
		t.Errorf("public: %v", err)
	}
}
