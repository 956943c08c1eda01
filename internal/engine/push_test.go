package engine

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
)

// TestAllArePushedBeforeOneIsKept: a journal that fails at the first halt of many
// keeps no guard from hearing of its own: the record holds them all.
func TestAllArePushedBeforeOneIsKept(t *testing.T) {
	t.Attr("invariant", "L6")
	t.Attr("invariant", "G2")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		j := new(memJournal)
		r := w.start(w.l.Engines[0], j)
		w.do(func(l *foldtest.Log) {
			for i := range 3 {
				l.Run(fmt.Sprintf("run-%d", i))
			}
		})
		time.Sleep(2 * time.Second)
		r.stop() // so that the next life folds all votes before its first decision
		j.mu.Lock()
		j.fail = func(step string) (before, after error) {
			if step == "keep" {
				return errors.New("disk"), nil
			}
			return nil, nil
		}
		j.mu.Unlock()
		w.do(func(l *foldtest.Log) {
			for i := range 3 {
				l.Vote(fmt.Sprintf("run-%d", i), l.Members[i])
			}
		})
		r = w.start(w.l.Engines[0], j)
		<-r.done
		for i := range 3 {
			if r.push(fmt.Sprintf("run-%d", i)) == nil {
				t.Errorf("run-%d was not told of its halt", i)
			}
		}
	})
}
