package voprf

import (
	"runtime"
	"sync"
)

// parallel calls work for every index below n, in shares on all cores. Work on
// one index must not depend on another's. Small batches stay on one core, where
// they are done before the others were awake.
func parallel(n int, work func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n/minShare)
	if workers < 2 {
		for i := range n {
			work(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				work(i)
			}
		})
	}
	wg.Wait()
}
