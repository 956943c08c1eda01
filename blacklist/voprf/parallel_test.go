package voprf

import (
	"sync/atomic"
	"testing"
)

// TestParallelCallsEachOnce, for every number about the bounds of a share.
func TestParallelCallsEachOnce(t *testing.T) {
	for n := range 5*minShare + 2 {
		calls := make([]atomic.Int32, n)
		parallel(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Fatalf("%d of %d: called %d times", i, n, got)
			}
		}
	}
}
