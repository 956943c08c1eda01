package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var bothModes = []Mode{ModeCgroup, ModeNamespace}

// testConfig is a working configuration around the test binary as the command.
func testConfig(t *testing.T, mode Mode, role string, args ...string) Config {
	t.Helper()
	bin := openCopy(t)
	c := Config{
		Origin: "log.example/test", Run: "run-1", GuardKey: "guard", Engines: []string{"e1"}, Quorum: 1,
		MaxDuration: time.Minute, MaxAge: time.Minute, Skew: 2 * time.Second, Renew: time.Second,
		Heartbeat: time.Second, RequestTimeout: time.Second,
		StateDir: filepath.Join(t.TempDir(), "state"), Command: []string{bin}, Stderr: os.Stderr, Mode: mode,
		Env: []string{"PATH=/usr/bin:/bin"}, Beat: 200 * time.Millisecond, Miss: 20 * time.Second, KillWait: 20 * time.Second,
	}
	if mode != ModeNamespace {
		c.CgroupParent = testParent(t)
	}
	c.Command = append([]string{bin}, args...)
	c.arg0 = "child-" + role
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{c.StateDir, recordDir(c.StateDir), spoolDir(c.StateDir)} {
		if err := makeDir(d); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// openCopy is a copy of the test binary that the unprivileged child can run; the build's folder may be closed to it.
func openCopy(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(openDir(t), "cmd")
	if os.Link(exe, bin) == nil {
		return bin
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// openDir is a temporary folder that any uid may reach and write.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// await polls an event of another process; the deadline only ends a broken test.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// startReleased starts a pair and its command; the test ends with nothing left of either.
func startReleased(t *testing.T, c Config) *pair {
	t.Helper()
	p, err := startPair(c, SystemClock{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.release(c); err != nil {
		t.Fatal(err)
	}
	return p
}

// testParent is a cgroup that only this test works below. That it can be removed in the end is the proof that nothing
// was left in it.
func testParent(t *testing.T) string {
	t.Helper()
	own, err := ownCgroupDir()
	if err != nil {
		t.Fatal(err)
	}
	parent, err := os.MkdirTemp(own, "haltlog-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		await(t, "cgroups gone", func() bool {
			err := os.Remove(parent)
			return err == nil || errors.Is(err, fs.ErrNotExist)
		})
	})
	return parent
}

func leftCgroups(t *testing.T, c Config) []string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(c.CgroupParent, "haltlog-*"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestChildEndsByItself(t *testing.T) {
	t.Attr("invariant", "G4")
	for _, mode := range bothModes {
		for _, tc := range []struct {
			role string
			args []string
			want Exit
		}{
			{"exit", []string{"0"}, Exit{Code: 0}},
			{"exit", []string{"42"}, Exit{Code: 42}},
			{"suicide", nil, Exit{Code: 137, Signal: 9}},
		} {
			t.Run(fmt.Sprintf("%s/%s%v", mode, tc.role, tc.args), func(t *testing.T) {
				p := startReleased(t, testConfig(t, mode, tc.role, tc.args...))
				end := <-p.ended
				if end.problem != "" || end.exit == nil || *end.exit != tc.want {
					t.Errorf("end %+v %+v, want %+v", end, end.exit, tc.want)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if e, err := p.held.observe(ctx, "none", Stamp{}); err != nil || !e.Confirmed() {
					t.Errorf("evidence %+v: %v", e, err)
				}
				p.part()
			})
		}
	}
}

func TestMissingCommand(t *testing.T) {
	for _, mode := range bothModes {
		c := testConfig(t, mode, "exit", "0")
		c.Command[0] = "/nonexistent"
		p := startReleased(t, c)
		if end := <-p.ended; end.started || !strings.Contains(end.problem, "no such file") {
			t.Errorf("%s: %+v", mode, end)
		}
		p.part()
	}
}

// TestOrphans: what the command leaves behind, in sessions of its own, ends with it.
func TestOrphans(t *testing.T) {
	t.Attr("invariant", "G4")
	for _, mode := range bothModes {
		t.Run(string(mode), func(t *testing.T) {
			dir := openDir(t)
			p := startReleased(t, testConfig(t, mode, "orphan", dir))
			if end := <-p.ended; end.exit == nil || end.exit.Code != 7 {
				t.Errorf("end %+v", end)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := p.held.observe(ctx, "none", Stamp{}); err != nil {
				t.Error(err)
			}
			if n := processesOf(t, dir); n != 0 {
				t.Errorf("%d processes left", n)
			}
			p.part()
		})
	}
}

// processesOf counts live processes, keepers apart, whose command line names dir; a zombie has none.
func processesOf(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.Contains(string(b), dir) && !strings.HasPrefix(string(b), "test-keeper") {
			n++
		}
	}
	return n
}

func TestHostileChildIsStopped(t *testing.T) {
	t.Attr("invariant", "G4")
	t.Attr("invariant", "G5")
	for _, mode := range bothModes {
		t.Run(string(mode), func(t *testing.T) {
			dir := openDir(t)
			p := startReleased(t, testConfig(t, mode, "hostile", dir))
			await(t, "hostile child ready", func() bool { return exists(filepath.Join(dir, "ready")) && exists(filepath.Join(dir, "fork-0")) })
			e, err := stopAll(t.Context(), p.held.actuators(), 20*time.Second, 1, nil)
			if err != nil || !e.Confirmed() {
				t.Fatalf("evidence %+v: %v", e, err)
			}
			if want := map[Mode]string{ModeCgroup: "cgroup", ModeNamespace: "namespace"}[mode]; e.Actuator != want {
				t.Errorf("actuator %s, want %s", e.Actuator, want)
			}
			if n := processesOf(t, dir); n != 0 {
				t.Errorf("%d processes live after %v", n, e)
			}
			won, err := os.ReadFile(filepath.Join(dir, "won"))
			if err != nil || len(won) > 0 {
				t.Errorf("hostile child achieved %q, %v", won, err)
			}
			if !exists(filepath.Join(dir, "nested", "ran")) {
				t.Error("the attack from a user namespace was not even tried")
			}
			end := <-p.ended
			if end.exit != nil || !end.started {
				t.Errorf("a kill looks like the command's own end: %+v", end)
			}
			p.part()
		})
	}
}

// TestEveryActuator lets each act alone on a run of each mode.
func TestEveryActuator(t *testing.T) {
	t.Attr("invariant", "G4")
	for _, mode := range bothModes {
		for i := range 3 {
			dir := openDir(t)
			p := startReleased(t, testConfig(t, mode, "sleep", filepath.Join(dir, "ready")))
			list := p.held.actuators()
			if i >= len(list) {
				p.abandon()
				continue
			}
			await(t, "child ready", func() bool { return exists(filepath.Join(dir, "ready")) })
			a := list[i]
			t.Run(string(mode)+"/"+a.Name(), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if e, err := a.Stop(ctx); err != nil || !e.Confirmed() || e.Actuator != a.Name() {
					t.Errorf("%+v: %v", e, err)
				}
				if e, err := a.Stop(ctx); err != nil || !e.Confirmed() {
					t.Errorf("second stop: %+v: %v", e, err)
				}
			})
			p.part()
		}
	}
}

// blunt acts and is never confirmed.
type blunt struct{ target *target }

func (blunt) Name() string { return "blunt" }

func (b blunt) Stop(ctx context.Context) (Evidence, error) {
	done, cancel := context.WithCancel(ctx)
	cancel()
	return b.target.observe(done, "blunt", stamp(b.target.clock))
}

func TestNextActuatorActs(t *testing.T) {
	t.Attr("invariant", "G4")
	for _, mode := range bothModes {
		dir := openDir(t)
		p := startReleased(t, testConfig(t, mode, "sleep", filepath.Join(dir, "ready")))
		var told []string
		report := func(e Evidence, err error) {
			if e.Confirmed() || !errors.Is(err, ErrUnconfirmed) || e.String() != "unconfirmed" {
				t.Errorf("report %+v: %v", e, err)
			}
			told = append(told, e.Actuator)
		}
		e, err := stopAll(t.Context(), []Actuator{blunt{p.held}}, time.Second, 2, report)
		if !errors.Is(err, ErrUnconfirmed) || e.Confirmed() || len(told) != 2 {
			t.Errorf("%s: nobody killed, yet %+v %v %v", mode, e, err, told)
		}
		e, err = stopAll(t.Context(), append([]Actuator{blunt{p.held}}, p.held.actuators()...), 20*time.Second, 1, report)
		if err != nil || !e.Confirmed() || e.Actuator == "blunt" || len(told) != 3 {
			t.Errorf("%s: %+v %v %v", mode, e, err, told)
		}
		p.part()
	}
}

// TestGateClosesWithKeeper: nothing runs when the keeper leaves before it has armed the reaper.
func TestAbandonedStart(t *testing.T) {
	t.Attr("invariant", "G5")
	for _, mode := range bothModes {
		dir := openDir(t)
		p, err := startPair(testConfig(t, mode, "sleep", filepath.Join(dir, "ready")), SystemClock{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = p.gate.Close()
		p.gate = nil
		if end := <-p.ended; end.started || end.problem == "" {
			t.Errorf("%s: %+v", mode, end)
		}
		p.part()
		if exists(filepath.Join(dir, "ready")) {
			t.Errorf("%s: command ran without its reaper", mode)
		}
	}
}

func TestFallbackSaysSo(t *testing.T) {
	c := testConfig(t, ModeAuto, "exit", "0")
	c.CgroupParent = t.TempDir() // no cgroup file system
	p := startReleased(t, c)
	<-p.ended
	if p.mode != ModeNamespace || !errors.Is(p.fallback, ErrNoCgroup) {
		t.Errorf("mode %s, fallback %v", p.mode, p.fallback)
	}
	p.part()
	c.Mode = ModeCgroup
	if _, err := startPair(c, SystemClock{}, nil); !errors.Is(err, ErrNoCgroup) {
		t.Errorf("forced cgroup: %v", err)
	}
	if _, err := os.ReadDir(c.CgroupParent); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
