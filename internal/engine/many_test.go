package engine

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// register registers a run with a guard key of its own; its name is as long as names get.
func register(l *foldtest.Log, t *testing.T, i int) log.Validity {
	st := l.RunStatement(fmt.Sprintf("%s-%04d", strings.Repeat("r", 58), i))
	st.Guards = []log.Guard{foldtest.NewKey(t, "guard").Guard(l.Origin)}
	return l.Put(st, l.Registrar).Validity
}

// TestAllRunsAtOnce registers as many runs as the log takes, and lets all of them
// trip in one moment, by as many tripwires as that brings: one decision holds it.
func TestAllRunsAtOnce(t *testing.T) {
	t.Attr("invariant", "E6")
	if testing.Short() {
		t.Skip("a thousand runs take a while")
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		w.do(func(l *foldtest.Log) {
			for i := range log.MaxLiveRuns {
				if v := register(l, t, i); v != log.Valid {
					t.Fatalf("run %d is %s", i, v)
				}
			}
			if v := register(l, t, log.MaxLiveRuns); v != log.Void {
				t.Errorf("one run more is %s", v)
			}
		})
		r := w.start(w.l.Engines[0], new(memJournal))
		defer r.stop()
		time.Sleep(24 * time.Hour) // nobody says anything: leases, check-ins and lives end
		if n := w.kinds(log.KindHalt); n != log.MaxLiveRuns {
			t.Errorf("%d halts, want %d", n, log.MaxLiveRuns)
		}
		w.do(func(l *foldtest.Log) {
			if v := register(l, t, log.MaxLiveRuns); v != log.Valid {
				t.Errorf("with room again a run is %s", v)
			}
		})
	})
}

// TestFitting: what is more than one decision holds is cut at a smaller size.
func TestFitting(t *testing.T) {
	t.Attr("invariant", "E1")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, foldtest.Options{})
		for i := range 8 {
			w.do(func(l *foldtest.Log) { register(l, t, i) })
		}
		c := w.l.Machine.Chain(w.l.Engines[0].KeyID())
		whole, err := fitting(c, w.l.Size(), 0, maxPayload, time.Now())
		if err != nil || whole.Decision.To != w.l.Size() || len(whole.Decision.Changed) != 8 {
			t.Fatalf("%+v, %v", whole.Decision, err)
		}
		payload, err := log.Encode(whole.Decision)
		if err != nil {
			t.Fatal(err)
		}
		part, err := fitting(c, w.l.Size(), 0, len(payload)-1, time.Now())
		if err != nil || part.Decision.To >= w.l.Size() || len(part.Decision.Changed) >= 8 {
			t.Errorf("%+v, %v", part.Decision, err)
		}
		if _, err := fitting(c, w.l.Size(), 0, 10, time.Now()); err == nil {
			t.Error("a decision without room")
		}
	})
}
