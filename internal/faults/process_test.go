package faults

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/rig"
)

// deadline bounds how long a test waits for another process.
const deadline = 90 * time.Second

// site is a log's keys and witnesses, and the settings of its daemon.
type site struct {
	*rig.Rig
	settings []string
	as       *syscall.Credential // nil: as this process
}

func newSite(t testing.TB, o rig.Options) *site {
	t.Helper()
	r, err := rig.New(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return &site{Rig: r, settings: r.Settings()}
}

// set adds settings over the former ones.
func (s *site) set(settings ...string) *site {
	s.settings = append(s.settings, settings...)
	return s
}

func (s *site) command(ctx context.Context, more ...string) *exec.Cmd {
	args := append([]string{"serve"}, more...)
	for _, x := range s.settings {
		args = append(args, "--set", x)
	}
	c := exec.CommandContext(ctx, binary(), args...)
	if s.as != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return c
}

// process is a running daemon.
type process struct {
	cmd    *exec.Cmd
	url    string
	stderr *bytes.Buffer // to be read after the end
	ended  chan error
}

// start starts the daemon and speaks to it from then on.
func (s *site) start(t testing.TB, more ...string) *process {
	t.Helper()
	p := &process{cmd: s.command(context.Background(), more...), stderr: new(bytes.Buffer), ended: make(chan error, 1)}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	for lines := bufio.NewScanner(out); p.url == "" && lines.Scan(); {
		p.url, _ = strings.CutPrefix(lines.Text(), "listening ")
		if !strings.HasPrefix(p.url, "http") {
			p.url = ""
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out); p.ended <- p.cmd.Wait() }()
	if p.url == "" {
		p.wait()
		t.Fatalf("the daemon did not start:\n%s", p.stderr)
	}
	if err := s.Attach(p.url); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait returns how the process ended, as often as it is asked.
func (p *process) wait() error {
	err := <-p.ended
	p.ended <- err
	return err
}

// kill ends it with SIGKILL, if it has not ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it has ended already
	_ = p.wait()
}

// stop ends it as an operator would.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
}

// refuses runs the daemon to its end and wants one clear sentence with all of
// words in it, and the exit code.
func (s *site) refuses(t testing.TB, code int, words ...string) {
	t.Helper()
	// One that should have refused would serve for ever.
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	c := s.command(ctx)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	text := stderr.String()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("exit %d, want %d:\n%s%s", got, code, stdout.String(), text)
	}
	if strings.Count(text, "\n") != 1 || strings.Contains(text, "goroutine") || !strings.HasPrefix(text, "haltlogd: ") {
		t.Errorf("not one sentence:\n%s", text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
	if stdout.Len() > 0 {
		t.Errorf("refused, and printed %s", stdout.String())
	}
}

// withConfig runs the daemon on a configuration file that it must refuse.
func (s *site) withConfig(t testing.TB, path string, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	text, err := exec.CommandContext(ctx, binary(), "serve", "-c", path).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 2 {
		t.Fatalf("%v:\n%s", err, text)
	}
	if strings.Count(string(text), "\n") != 1 {
		t.Errorf("not one sentence:\n%s", text)
	}
	for _, w := range words {
		if !strings.Contains(string(text), w) {
			t.Errorf("%q is not in:\n%s", w, text)
		}
	}
}
