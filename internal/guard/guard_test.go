package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func inBothModes(t *testing.T, f func(t *testing.T, mode Mode)) {
	for _, mode := range bothModes {
		t.Run(string(mode), func(t *testing.T) { f(t, mode) })
	}
}

// sleeper is a run whose command sleeps for ever.
func sleeper(t *testing.T, mode Mode) (Config, string) {
	t.Helper()
	dir := openDir(t)
	c := testConfig(t, mode, "sleep", filepath.Join(dir, "ready"))
	return c, dir
}

func TestRunEnds(t *testing.T) {
	t.Attr("invariant", "G4")
	inBothModes(t, func(t *testing.T, mode Mode) {
		for arg, want := range map[string]int{"0": ExitEnded, "42": ExitFailed} {
			w := newWorld(time.Minute)
			out := runGuard(t, testConfig(t, mode, "exit", arg), w.deps()).wait(t)
			if out.Cause != CauseEnded || !out.Evidence.Confirmed() || out.ExitCode() != want || out.Mode != mode || out.Strength != StrengthFull {
				t.Errorf("exit %s: %+v", arg, out)
			}
			log := w.log()
			if len(log) != 1 || !strings.HasPrefix(log[0], fmt.Sprintf("close %s/0 ", arg)) || strings.Contains(log[0], "unconfirmed") {
				t.Errorf("log %q", log)
			}
		}
	})
}

func TestHaltStopsAtOnce(t *testing.T) {
	t.Attr("invariant", "G2")
	t.Attr("invariant", "G3")
	for name, halt := range map[string]func(w *world, g *guarded) error{
		"answer": func(w *world, _ *guarded) error { w.with(func() { w.halt = []byte("halt 1") }); return nil },
		"push": func(_ *world, g *guarded) error {
			return g.Notify(context.Background(), Notice{NoticeHalt, []byte("halt 1")})
		},
		"vote": func(_ *world, g *guarded) error {
			return g.Notify(context.Background(), Notice{NoticeVote, []byte("vote 1")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBothModes(t, func(t *testing.T, mode Mode) {
				w := newWorld(time.Minute)
				c, dir := sleeper(t, mode)
				c.Renew = 50 * time.Millisecond
				g := runGuard(t, c, w.deps())
				<-g.running
				await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
				if err := g.Notify(t.Context(), Notice{NoticeVote, []byte("forged")}); err == nil {
					t.Error("forged vote taken")
				}
				if err := g.Notify(t.Context(), Notice{NoticeHalt, []byte("forged")}); err == nil {
					t.Error("forged halt taken")
				}
				if err := halt(w, g); err != nil {
					t.Fatal(err)
				}
				out := g.wait(t)
				want := CauseHalt
				if name == "vote" {
					want = CauseVote
				}
				if out.Cause != want || !out.Evidence.Confirmed() || out.ExitCode() != ExitHalted {
					t.Errorf("%+v", out)
				}
				if n := processesOf(t, dir); n != 0 {
					t.Errorf("%d processes left", n)
				}
				log := w.log()
				receipt := func(s string) bool {
					return strings.Contains(s, "keeper "+string(want)+" pidfd of") && strings.HasSuffix(s, "halt="+string(out.Halt))
				}
				if !slices.ContainsFunc(log, receipt) {
					t.Errorf("no receipt in %q", log)
				}
				if forwarded := slices.Contains(log, "vote 1"); forwarded != (name == "vote") {
					t.Errorf("vote forwarded %t: %q", forwarded, log)
				}

				// Final: the next guard does not even ask, whatever engines say now.
				if err := os.Remove(filepath.Join(dir, "ready")); err != nil {
					t.Fatal(err)
				}
				w = newWorld(time.Minute)
				out = runGuard(t, c, w.deps()).wait(t)
				if out.Cause != want || out.Started || out.ExitCode() != ExitHalted || len(w.requests) != 0 || exists(filepath.Join(dir, "ready")) {
					t.Errorf("after restart: %+v, %d requests", out, len(w.requests))
				}
			})
		})
	}
}

// TestHaltWithoutDisk: what cannot be written down still stops the run.
func TestHaltWithoutDisk(t *testing.T) {
	t.Attr("invariant", "G2")
	w := newWorld(time.Minute)
	c, _ := sleeper(t, ModeNamespace)
	g := runGuard(t, c, w.deps())
	<-g.running
	if err := os.Rename(c.StateDir, c.StateDir+".gone"); err != nil {
		t.Fatal(err)
	}
	if err := g.Notify(t.Context(), Notice{NoticeHalt, []byte("halt")}); err != nil {
		t.Fatal(err)
	}
	<-g.done
	if g.out.Cause != CauseHalt || !g.out.Evidence.Confirmed() {
		t.Errorf("%+v %v", g.out, g.err)
	}
}

// brief is a lease that is waited for, and that a busy machine still renews: five times in its length.
const brief = 5 * time.Second

func TestPartition(t *testing.T) {
	t.Attr("invariant", "G1")
	inBothModes(t, func(t *testing.T, mode Mode) {
		w := newWorld(brief)
		c, dir := sleeper(t, mode)
		shortLease(&c, brief)
		g := runGuard(t, c, w.deps())
		<-g.running
		await(t, "heartbeats", func() bool { return w.beats() >= 3 })
		var last LeaseRequest
		var cut time.Duration
		w.with(func() {
			w.silent["e1"], w.down = true, true
			last, cut = w.requests[len(w.requests)-1], w.clock.Boot()
		})
		await(t, "command dead", func() bool { return processesOf(t, dir) == 0 })
		w.with(func() { w.down = false }) // the receipt waits for the network
		out := g.wait(t)
		if out.Cause != CauseLease || !out.Evidence.Confirmed() || out.ExitCode() != ExitHalted {
			t.Errorf("%+v", out)
		}
		// The kill was ordered no later than the lease of the last answered request, which was sent before the cut.
		if late := out.Evidence.Ordered.Boot - (cut + brief); late > c.Miss {
			t.Errorf("ordered %s after the deadline (last answered %d)", late, last.Sequence)
		}
		if log := strings.Join(w.log(), "\n"); !strings.Contains(log, " lease pidfd of") {
			t.Errorf("log %q", log)
		}
	})
}

// TestQuorum: k of n, a liar among them.
func TestQuorumOfEngines(t *testing.T) {
	t.Attr("invariant", "G1")
	w := newWorld(brief)
	w.alter = func(l *Lease, _ *Checked) {
		if l.Engine == "e3" {
			l.Duration = time.Hour
		}
	}
	c, _ := sleeper(t, ModeNamespace)
	c.Engines, c.Quorum = []string{"e1", "e2", "e3"}, 2
	shortLease(&c, brief)
	g := runGuard(t, c, w.deps())
	<-g.running
	sequence := w.lastRequest()
	await(t, "renewals", func() bool { return w.lastRequest() > sequence+8 })
	select {
	case <-g.done:
		t.Fatalf("two honest engines are enough: %+v", g.out)
	default:
	}
	w.with(func() { w.silent["e2"] = true })
	if out := g.wait(t); out.Cause != CauseLease {
		t.Errorf("%+v", out)
	}
}

func TestReaperLost(t *testing.T) {
	t.Attr("invariant", "G5")
	for sig, want := range map[unix.Signal]Cause{unix.SIGKILL: CauseReaperDied, unix.SIGSTOP: CauseReaperSilent} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			inBothModes(t, func(t *testing.T, mode Mode) {
				w := newWorld(time.Minute)
				c, dir := sleeper(t, mode)
				if want == CauseReaperSilent { // only silence is waited for: a death is told at once
					c.Beat, c.Miss = 50*time.Millisecond, 2*time.Second
				}
				g := runGuard(t, c, w.deps())
				r := <-g.running
				await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
				if err := unix.Kill(r.Reaper, sig); err != nil {
					t.Fatal(err)
				}
				out := g.wait(t)
				if out.Cause != want || !out.Evidence.Confirmed() || out.ExitCode() != ExitError || processesOf(t, dir) != 0 {
					t.Errorf("%+v", out)
				}
				if unix.Kill(r.Reaper, 0) == nil {
					t.Error("reaper left")
				}
				if log := strings.Join(w.log(), "\n"); !strings.Contains(log, "keeper "+string(want)+" pidfd of") {
					t.Errorf("log %q", log)
				}
			})
		})
	}
}

func TestOperatorStops(t *testing.T) {
	w := newWorld(time.Minute)
	c, _ := sleeper(t, ModeAuto)
	c.CgroupParent = "" // below the guard's own, as in real use
	g := runGuard(t, c, w.deps())
	if r := <-g.running; r.Mode != ModeCgroup || r.Strength != StrengthFull {
		t.Errorf("%+v", r)
	}
	g.cancel()
	if out := g.wait(t); out.Cause != CauseOperator || !out.Evidence.Confirmed() || out.ExitCode() != ExitError {
		t.Errorf("%+v", out)
	}
}

func TestCommandCannotStart(t *testing.T) {
	inBothModes(t, func(t *testing.T, mode Mode) {
		w := newWorld(time.Minute)
		c := testConfig(t, mode, "exit", "0")
		c.Command[0] = "/nonexistent"
		g := runGuard(t, c, w.deps())
		<-g.done
		if g.err == nil || g.out.Started || g.out.Cause != CauseError || g.out.ExitCode() != ExitError || len(w.log()) != 0 {
			t.Errorf("%+v, %v, log %q", g.out, g.err, w.log())
		}
	})
}

// TestNothingWithoutLease: no lease, no run.
func TestNothingWithoutLease(t *testing.T) {
	t.Attr("invariant", "G1")
	w := newWorld(time.Minute)
	w.alter = func(l *Lease, _ *Checked) { l.Nonce[0] ^= 1 }
	c, dir := sleeper(t, ModeAuto)
	c.Renew = 10 * time.Millisecond
	g := runGuard(t, c, w.deps())
	await(t, "requests", func() bool { return w.lastRequest() > 10 })
	g.cancel()
	if out := g.wait(t); out.Started || exists(filepath.Join(dir, "ready")) {
		t.Errorf("%+v", out)
	}
	// G3: every sequence is new, also for the next guard.
	last := w.lastRequest()
	w2 := newWorld(time.Minute)
	g = runGuard(t, c, w2.deps())
	<-g.running
	w2.with(func() {
		if first := w2.requests[0].Sequence; first <= last {
			t.Errorf("sequence %d after %d", first, last)
		}
	})
}

// jumpClock is the system's clock with a wall that can be set.
type jumpClock struct {
	SystemClock
	w *world
	d *time.Duration
}

func (c jumpClock) Wall() time.Time {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.SystemClock.Wall().Add(*c.d)
}

func TestClockJump(t *testing.T) {
	t.Attr("invariant", "G1")
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		w := newWorld(time.Minute)
		var d time.Duration
		deps := w.deps()
		deps.Clock = jumpClock{w: w, d: &d}
		c, _ := sleeper(t, ModeAuto)
		g := runGuard(t, c, deps)
		<-g.running
		w.with(func() { d = jump; w.silent["e1"] = true })
		if out := g.wait(t); out.Cause != CauseClock || !out.Evidence.Confirmed() {
			t.Errorf("%+v", out)
		}
	}
}

func TestCheckpointsAreHandedOn(t *testing.T) {
	w := newWorld(time.Minute)
	dir := openDir(t)
	c := testConfig(t, ModeAuto, "checkpoints", dir)
	c.Checkpoints, c.WatchEvery = dir, 10*time.Millisecond
	d := w.deps()
	failed := false
	d.Artefact = func(_ context.Context, path string, n uint64) ([][]byte, error) {
		if !failed {
			failed = true
			return nil, errors.New("busy")
		}
		b, err := os.ReadFile(filepath.Join(path, "model"))
		return [][]byte{fmt.Appendf(nil, "artefact %d %s %d", n, filepath.Base(path), b)}, err
	}
	g := runGuard(t, c, d)
	await(t, "two artefacts", func() bool { return len(w.log()) == 2 })
	if err := g.Notify(t.Context(), Notice{NoticeHalt, []byte("halt")}); err != nil {
		t.Fatal(err)
	}
	g.wait(t)
	if log := w.log(); log[0] != "artefact 0 step-0 [0]" || log[1] != "artefact 1 step-1 [1]" {
		t.Errorf("log %q", log)
	}
}

func TestConfigProblemsAtOnce(t *testing.T) {
	_, err := New(Config{Command: []string{"relative"}, Mode: "odd"}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrConfig) {
		t.Fatal(err)
	}
	for _, want := range []string{"origin", "engines", "quorum", "max duration", "skew", "absolute path", "state directory", "mode", "no clock", "no submit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}
