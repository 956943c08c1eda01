package fold

import (
	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// verifyRotation holds a rotation's proof against both keys.
func verifyRotation(st *log.Rotation, from, to log.EvaluatorSet, old, next []blacklist.Label) error {
	r := voprf.Rotation{From: shared(from), To: shared(to), Delta: raw(st.Delta)}
	if len(st.PublicDelta) > 0 {
		return r.VerifyPublic(st.PublicDelta, st.Offset, old, next)
	}
	partials := make([]voprf.RotationPartial, len(st.Partials))
	for i, p := range st.Partials {
		partials[i] = voprf.RotationPartial{Index: p.Index, Z: p.Z, Proof: p.Proof}
	}
	return r.VerifyLabels(st.Offset, old, next, partials)
}

func shared(e log.EvaluatorSet) voprf.Set {
	return voprf.Set{Version: e.Version, PublicKey: e.PublicKey, T: e.T, N: e.N, Commitments: raw(e.Commitments)}
}

func raw(list []log.Bytes) [][]byte {
	out := make([][]byte, len(list))
	for i, b := range list {
		out[i] = b
	}
	return out
}
