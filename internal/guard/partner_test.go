package guard

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keeperProcess is a guard in a process of its own.
type keeperProcess struct {
	cmd     *exec.Cmd
	lines   *bufio.Scanner
	running Running
}

func startKeeper(t *testing.T, c Config, logState string, cred *syscall.Credential) *keeperProcess {
	t.Helper()
	k := launchKeeper(t, c, logState, cred)
	if !k.lines.Scan() {
		t.Fatal("keeper did not start its run")
	}
	if err := json.Unmarshal(k.lines.Bytes(), &k.running); err != nil {
		t.Fatal(err)
	}
	return k
}

// launchKeeper does not wait for the run to start.
func launchKeeper(t *testing.T, c Config, logState string, cred *syscall.Credential) *keeperProcess {
	t.Helper()
	role := c.arg0
	c.Stderr = nil
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeperProcess{cmd: &exec.Cmd{Path: c.Command[0], Args: []string{"test-keeper", string(b), role, logState}, Stderr: os.Stderr, Dir: "/"}}
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if k.cmd.ProcessState == nil {
			_ = k.cmd.Process.Kill()
			_ = k.cmd.Wait()
		}
	})
	k.lines = bufio.NewScanner(out)
	return k
}

// TestKeeperKilled: the reaper kills the run, leaves evidence, clears up, and a later guard hands the receipt on.
func TestKeeperKilled(t *testing.T) {
	t.Attr("invariant", "G4")
	t.Attr("invariant", "G5")
	inBothModes(t, func(t *testing.T, mode Mode) {
		for _, role := range []string{"sleep", "hostile"} {
			dir := openDir(t)
			arg := dir
			if role == "sleep" {
				arg = filepath.Join(dir, "ready")
			}
			c := testConfig(t, mode, role, arg)
			k := startKeeper(t, c, "up", nil)
			await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
			if err := k.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = k.cmd.Wait()
			await(t, "command dead", func() bool { return processesOf(t, dir) == 0 })
			await(t, "reaper gone", func() bool { return unix.Kill(k.running.Reaper, 0) != nil })
			records, err := readRecords(recordDir(c.StateDir))
			if err != nil || len(records) != 1 || records[0].record.Cause != CauseKeeperDied ||
				records[0].record.By != "reaper" || !records[0].record.Evidence.Confirmed() || records[0].record.Evidence.Mode != mode {
				t.Fatalf("records %+v, %v", records, err)
			}
			w := newWorld(time.Minute)
			if left, err := Deliver(t.Context(), c, w.deps()); left != 0 || err != nil {
				t.Errorf("left %d, %v", left, err)
			}
			if log := w.log(); len(log) != 1 || !strings.Contains(log[0], "reaper keeper-died pidfd of") {
				t.Errorf("log %q", log)
			}
			if records, _ := readRecords(recordDir(c.StateDir)); len(records) != 0 {
				t.Errorf("records left: %+v", records)
			}
		}
	})
}

// TestKeeperStopped: a keeper that is held fast cannot keep the run alive; when it goes on, it reports what happened.
func TestKeeperStopped(t *testing.T) {
	t.Attr("invariant", "G5")
	inBothModes(t, func(t *testing.T, mode Mode) {
		c, dir := sleeper(t, mode)
		c.Beat, c.Miss = 50*time.Millisecond, 2*time.Second
		k := startKeeper(t, c, "up", nil)
		await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
		if err := k.cmd.Process.Signal(unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		await(t, "command dead", func() bool { return processesOf(t, dir) == 0 })
		await(t, "record", func() bool {
			r, err := readRecords(recordDir(c.StateDir))
			return err == nil && len(r) == 1 && r[0].record.Cause == CauseKeeperSilent && r[0].record.Evidence.Confirmed()
		})
		if err := k.cmd.Process.Signal(unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		var out Outcome
		if !k.lines.Scan() {
			t.Fatal("keeper says nothing")
		}
		if err := json.Unmarshal(k.lines.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		_ = k.cmd.Wait()
		// Whichever of its own silence or the reaper's word it notices first, it never takes this for the command's end.
		if out.Cause == CauseEnded || !out.Evidence.Confirmed() || out.ExitCode() == ExitEnded || k.cmd.ProcessState.ExitCode() != out.ExitCode() {
			t.Errorf("%+v, %v", out, k.cmd.ProcessState)
		}
		await(t, "reaper gone", func() bool { return unix.Kill(k.running.Reaper, 0) != nil })
	})
}

// TestStoppedKeeperMeetsDeadline: the reaper enforces the lease by itself, before it finds the keeper silent.
func TestStoppedKeeperMeetsDeadline(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "G5")
	c, dir := sleeper(t, ModeAuto)
	shortLease(&c, 2*time.Second)
	c.Beat, c.Miss = 500*time.Millisecond, 50*time.Second
	k := startKeeper(t, c, "up", nil)
	await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
	if err := k.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "lease record", func() bool {
		r, err := readRecords(recordDir(c.StateDir))
		return err == nil && len(r) == 1 && r[0].record.Cause == CauseLease && r[0].record.Evidence.Confirmed()
	})
	if n := processesOf(t, dir); n != 0 {
		t.Errorf("%d processes left", n)
	}
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = k.cmd.Wait()
	await(t, "cgroup gone", func() bool { return len(leftCgroups(t, c)) == 0 })
}

// TestBothKilled: with keeper and reaper gone at once nobody can report, but init ends the run all the same, and the
// next guard clears what is left.
func TestBothKilled(t *testing.T) {
	t.Attr("invariant", "G5")
	inBothModes(t, func(t *testing.T, mode Mode) {
		dir := openDir(t)
		c := testConfig(t, mode, "hostile", dir)
		k := startKeeper(t, c, "up", nil)
		await(t, "command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
		// Stopped first, so that neither sees the other die.
		for _, pid := range []int{k.cmd.Process.Pid, k.running.Reaper} {
			if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := openStore(c.StateDir, c.Origin, c.Run); !errors.Is(err, ErrStateBusy) {
			t.Errorf("state free while the run is held: %v", err)
		}
		for _, pid := range []int{k.cmd.Process.Pid, k.running.Reaper} {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		_ = k.cmd.Wait()
		await(t, "command dead", func() bool { return processesOf(t, dir) == 0 })
		await(t, "state cleared by the next guard", func() bool {
			st, err := openStore(c.StateDir, c.Origin, c.Run)
			if err != nil {
				return false
			}
			return st.close() == nil
		})
	})
}

// TestKeeperKilledAnyMoment: from before the reaper exists until the command runs, nothing stays behind.
func TestKeeperKilledAnyMoment(t *testing.T) {
	t.Attr("invariant", "G5")
	inBothModes(t, func(t *testing.T, mode Mode) {
		dir := openDir(t)
		c := testConfig(t, mode, "sleep", filepath.Join(dir, "ready"))
		child := func(k *keeperProcess, argv0 string) bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", k.cmd.Process.Pid, k.cmd.Process.Pid))
			if err != nil {
				return false
			}
			for pid := range strings.FieldsSeq(string(b)) {
				if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && strings.HasPrefix(string(line), argv0) {
					return true
				}
			}
			return false
		}
		for name, reached := range map[string]func(k *keeperProcess, state string) bool{
			"launched":   func(*keeperProcess, string) bool { return true },
			"state":      func(_ *keeperProcess, s string) bool { return exists(filepath.Join(s, lockFile)) },
			"remembered": func(_ *keeperProcess, s string) bool { return exists(filepath.Join(s, memoryFile)) },
			"cgroup": func(_ *keeperProcess, s string) bool {
				return mode != ModeCgroup || exists(filepath.Join(s, cgroupFile))
			},
			"reaper": func(k *keeperProcess, _ string) bool {
				return child(k, argvReaper) || exists(filepath.Join(dir, "ready"))
			},
			"init": func(k *keeperProcess, _ string) bool {
				return child(k, argvInit) || exists(filepath.Join(dir, "ready"))
			},
			"command": func(*keeperProcess, string) bool { return exists(filepath.Join(dir, "ready")) },
		} {
			for round := range 3 {
				c.StateDir = filepath.Join(t.TempDir(), "state")
				k := launchKeeper(t, c, "up", nil)
				await(t, name, func() bool { return reached(k, c.StateDir) })
				if err := k.cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = k.cmd.Wait()
				await(t, "state free", func() bool {
					st, err := openStore(c.StateDir, c.Origin, c.Run)
					return err == nil && st.close() == nil
				})
				if n := processesOf(t, dir); n != 0 {
					t.Errorf("%s, round %d: %d processes left", name, round, n)
				}
				if left := leftCgroups(t, c); len(left) != 0 {
					t.Errorf("%s, round %d: cgroups left: %v", name, round, left)
				}
				_ = os.Remove(filepath.Join(dir, "ready"))
			}
		}
	})
}

// TestUndeliveredSurvives: receipts of a guard whose log was away, and that then was killed, reach the log later.
func TestUndeliveredSurvives(t *testing.T) {
	t.Attr("invariant", "G4")
	c := testConfig(t, ModeAuto, "exit", "3")
	c.Drain = 10 * time.Millisecond
	k := startKeeper(t, c, "down", nil)
	for k.lines.Scan() {
		var out Outcome
		if err := json.Unmarshal(k.lines.Bytes(), &out); err != nil || out.Cause != CauseEnded || out.Undelivered != 1 {
			t.Errorf("%+v, %v", out, err)
		}
	}
	_ = k.cmd.Wait()
	if k.cmd.ProcessState.ExitCode() != ExitFailed {
		t.Error(k.cmd.ProcessState)
	}
	w := newWorld(time.Minute)
	if left, err := Deliver(t.Context(), c, w.deps()); left != 0 || err != nil {
		t.Errorf("left %d, %v", left, err)
	}
	if log := w.log(); len(log) != 1 || !strings.HasPrefix(log[0], "close 3/0") {
		t.Errorf("log %q", log)
	}
}

// TestUnprivileged: without root the run is held in a user namespace; the command shares the guard's uid and still
// reaches nothing. That is weak and has to be asked for.
func TestUnprivileged(t *testing.T) {
	t.Attr("invariant", "G5")
	const uid = 65534
	dir := openDir(t)
	c := testConfig(t, ModeAuto, "hostile", dir)
	c.StateDir = filepath.Join(openDir(t), "state")
	c.Weak = true
	k := startKeeper(t, c, "up", &syscall.Credential{Uid: uid, Gid: uid})
	if k.running.Mode != ModeNamespace || k.running.Strength != StrengthWeak {
		t.Errorf("%+v", k.running)
	}
	await(t, "hostile command ready", func() bool { return exists(filepath.Join(dir, "ready")) })
	// With the same uid it may send init signals; the kernel keeps SIGKILL and SIGSTOP from a namespace's own init, and
	// init catches the rest. It goes on to be killed below.
	won, err := os.ReadFile(filepath.Join(dir, "won"))
	if err != nil || string(won) != "signal 1" {
		t.Errorf("hostile command achieved %q, %v", won, err)
	}
	if exists(filepath.Join(dir, "nested", "ran")) {
		t.Error("the command made a user namespace below its own")
	}
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = k.cmd.Wait()
	await(t, "command dead", func() bool { return processesOf(t, dir) == 0 })
	await(t, "reaper gone", func() bool { return unix.Kill(k.running.Reaper, 0) != nil })
	records, err := readRecords(recordDir(c.StateDir))
	if err != nil || len(records) != 1 || !records[0].record.Evidence.Confirmed() {
		t.Errorf("records %+v, %v", records, err)
	}
}
