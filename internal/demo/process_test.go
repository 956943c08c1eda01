package demo

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommand(t *testing.T) {
	f := newFleet(t.TempDir())
	out, code, err := f.command(t.Context(), "sh", []string{"sh", "-c", "echo one; echo two; echo trouble >&2; exit 3"})
	if err != nil || code != 3 || string(out) != "one\ntwo\n" {
		t.Errorf("got %q, %d, %v", out, code, err)
	}
	if log := tail(f.all[0].Path); !strings.Contains(log, "trouble") || !strings.Contains(log, "two") {
		t.Errorf("the log holds %q", log)
	}
	if _, _, err := f.command(t.Context(), "nothing", []string{"./no-such-program"}); err == nil {
		t.Error("a program that is not there was started")
	}
}

// TestStop shows D2: the demo ends what it started, also what ignores SIGTERM or is
// stopped, and nothing else.
func TestStop(t *testing.T) {
	bystander := exec.CommandContext(t.Context(), "sleep", "600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	f := newFleet(t.TempDir())
	ready := make(chan string, 1)
	p, err := f.start("plain", []string{"sh", "-c", "echo ready; exec sleep 600"}, func(s string) { ready <- s })
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	stopped, err := f.start("stopped", []string{"sleep", "600"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := stopped.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	id := born(p.Pid)
	if id == "" || id != born(p.Pid) {
		t.Errorf("a living process was born at %q", id)
	}
	f.stop()
	if !p.Exited() || !stopped.Exited() || born(p.Pid) == id {
		t.Error("a process of the demo is left")
	}
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process that the demo did not start was ended: %v", err)
	}
	_ = bystander.Process.Kill()
	if err := bystander.Wait(); err == nil {
		t.Error("the bystander ended by itself")
	}
}

func TestUntil(t *testing.T) {
	want := errors.New("not there yet")
	err := until(t.Context(), "a thing", 50*time.Millisecond, func() (bool, error) { return false, want })
	if !errors.Is(err, want) || !strings.Contains(err.Error(), "a thing") {
		t.Errorf("got %v", err)
	}
	n := 0
	if err := until(t.Context(), "a thing", time.Minute, func() (bool, error) { n++; return n == 3, want }); err != nil {
		t.Error(err)
	}
}

func TestBinariesNeedACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := checkout(); !errors.Is(err, errNoBinaries) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile("go.mod", []byte(module+"\ngo 1.26\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	want, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("a/b")
	if got, err := checkout(); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
