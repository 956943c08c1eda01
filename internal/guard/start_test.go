package guard

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// gateClock calls once when it is read while a guarded command waits behind its gate.
type gateClock struct {
	SystemClock
	at   func()
	done *atomic.Bool
}

func (c gateClock) Boot() time.Duration {
	if !c.done.Load() && waiting() && c.done.CompareAndSwap(false, true) {
		c.at()
	}
	return c.SystemClock.Boot()
}

// waiting says whether this process has a child that is a run's init.
func waiting() bool {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range paths {
		stat, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		rest := stat[bytes.LastIndexByte(stat, ')')+1:]
		var state string
		var parent int
		if _, err := fmt.Sscan(string(rest), &state, &parent); err != nil || parent != os.Getpid() {
			continue
		}
		if argv, err := os.ReadFile(filepath.Join(filepath.Dir(p), "cmdline")); err == nil && bytes.HasPrefix(argv, []byte(argvInit+"\x00")) {
			return true
		}
	}
	return false
}

// TestHaltDuringStart: a halt that arrives while keeper, reaper and init are brought up keeps the command from running
// at all.
func TestHaltDuringStart(t *testing.T) {
	t.Attr("invariant", "G2")
	w := newWorld(time.Minute)
	c, dir := sleeper(t, ModeNamespace)
	d := w.deps()
	var g *Guard
	d.Clock = gateClock{at: func() {
		if err := g.Notify(t.Context(), Notice{NoticeHalt, []byte("halt 1")}); err != nil {
			t.Error(err)
		}
	}, done: new(atomic.Bool)}
	started := false
	d.Started = func(Running) { started = true }
	g, err := New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Run(t.Context())
	if err != nil || out.Cause != CauseHalt || !out.Evidence.Confirmed() {
		t.Errorf("%+v %v", out, err)
	}
	if started || out.Started || exists(filepath.Join(dir, "ready")) {
		t.Error("the command ran after the halt")
	}
}
