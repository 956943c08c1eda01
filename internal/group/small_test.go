package group

import (
	"errors"
	"math"
	"testing"
)

func TestSmallMultiMul(t *testing.T) {
	t.Attr("invariant", "GA5")
	_, elements := random(t, 3)
	integer := func(v int64) *Scalar {
		if v < 0 {
			return ScalarFromUint64(-uint64(v)).Neg()
		}
		return ScalarFromUint64(uint64(v))
	}
	for _, s := range [][]int64{{0, 0, 0}, {1, 0, 0}, {3, -3, 1}, {-1, -2, 7}, {math.MaxInt64, math.MinInt64, 1}, {1 << 40, -5, 1 << 20}} {
		want, err := MultiMul([]*Scalar{integer(s[0]), integer(s[1]), integer(s[2])}, elements)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := VarTimeSmallMultiMul(s, elements); err != nil || !got.Equal(want) {
			t.Errorf("%v: %v", s, err)
		}
	}
	if sum, err := VarTimeSmallMultiMul(nil, nil); err != nil || !sum.IsIdentity() {
		t.Errorf("the empty sum: %v", err)
	}
	if _, err := VarTimeSmallMultiMul([]int64{1}, nil); !errors.Is(err, ErrMismatch) {
		t.Errorf("%v", err)
	}
}
