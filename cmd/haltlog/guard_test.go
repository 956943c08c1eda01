package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// guardBench is a served log whose run has a guard with its key in a file, and the real program.
type guardBench struct {
	site *guardiantest.Site
	bin  string
	dir  string
	args []string
}

// buildHaltlog makes the real program.
func buildHaltlog(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "haltlog")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bin
}

func newGuardBench(t *testing.T, bin string) *guardBench {
	t.Helper()
	b := &guardBench{bin: bin, dir: t.TempDir()}
	key, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.MarshalPrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	b.site = guardiantest.New(t, func(r *log.Run) {
		proof, err := log.Prove(signer, r.Origin, log.RoleGuard, signer.SPKI())
		if err != nil {
			t.Fatal(err)
		}
		r.Guards = []log.Guard{{Name: "guard", SPKI: signer.SPKI(), Proof: proof}}
	})
	for name, content := range map[string][]byte{"key.pem": text, "quorum": []byte(b.site.Quorum())} {
		if err := os.WriteFile(filepath.Join(b.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var engine string
	b.site.Do(func(l *foldtest.Log) { engine = l.Engines[0].KeyID() })
	b.args = []string{
		"guard", "--output", "json", "--run", guardiantest.Run, "--log", engine + "=" + b.site.Server.URL, "--quorum", filepath.Join(b.dir, "quorum"),
		"--genesis", b.site.Genesis().Hex(), "--key", filepath.Join(b.dir, "key.pem"), "--state", filepath.Join(b.dir, "state"),
		"--renew", "100ms", "--heartbeat", "100ms",
	}
	return b
}

// program is one run of the real program.
type program struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	events []guardian.Event
	stderr bytes.Buffer
}

func (b *guardBench) start(t *testing.T, more ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(b.bin, append(b.args, more...)...), done: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var e guardian.Event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("line %q: %v", lines.Bytes(), err)
			}
			p.mu.Lock()
			p.events = append(p.events, e)
			p.mu.Unlock()
		}
		_ = p.cmd.Wait() // the exit code is asked for by who needs it
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // gone already, mostly
		<-p.done
	})
	return p
}

func (p *program) event(name string) *guardian.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Event == name {
			return &e
		}
	}
	return nil
}

// poll waits for an event of another process; the deadline only ends a broken test.
func (b *guardBench) poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		b.site.Tick()
	}
}

func (b *guardBench) wait(t *testing.T, p *program) int {
	t.Helper()
	b.poll(t, "the program ends", func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	return p.cmd.ProcessState.ExitCode()
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

const stubborn = "trap '' TERM INT HUP; while :; do sleep 1; done"

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("holding a command with a uid of its own needs root")
	}
}

// TestGuardProgramObeysVote runs the real program to the end of a voted-down run.
func TestGuardProgramObeysVote(t *testing.T) {
	t.Attr("invariant", "G2")
	asRoot(t)
	bin := buildHaltlog(t)
	for _, mode := range []string{"cgroup", "pidns"} {
		t.Run(mode, func(t *testing.T) {
			b := newGuardBench(t, bin)
			p := b.start(t, "--mode", mode, "--", "/bin/sh", "-c", stubborn)
			b.poll(t, "command runs", func() bool { return p.event(guardian.EventStarted) != nil })
			b.site.Do(func(l *foldtest.Log) {
				l.Now = time.Now()
				l.Vote(guardiantest.Run, l.Members[2])
			})
			if code := b.wait(t, p); code != cli.No {
				t.Fatalf("exit code %d: %s", code, p.stderr.String())
			}
			e := p.event(guardian.EventDead)
			if e == nil || e.Mode != mode || e.OrderedBootNS == 0 || e.BootNS < e.OrderedBootNS {
				t.Errorf("dead: %+v", e)
			}
			if pid := p.event(guardian.EventStarted).Pid; alive(pid) {
				t.Errorf("process %d lives", pid)
			}
			if n := len(b.site.Kinds(log.KindActuation)); n != 1 {
				t.Errorf("%d receipts", n)
			}
			if o := p.event(guardian.EventOver); o == nil || o.ExitCode == nil || *o.ExitCode != cli.No || o.Left != 0 {
				t.Errorf("over: %+v", o)
			}
		})
	}
}

// TestGuardProgramEnds tells a command's own ends apart.
func TestGuardProgramEnds(t *testing.T) {
	t.Attr("invariant", "G4")
	asRoot(t)
	bin := buildHaltlog(t)
	for script, want := range map[string]int{"exit 0": cli.OK, "exit 3": cli.Look, "kill -9 $$": cli.Look} {
		b := newGuardBench(t, bin)
		if code := b.wait(t, b.start(t, "--", "/bin/sh", "-c", script)); code != want {
			t.Errorf("%s: exit code %d, want %d", script, code, want)
		}
		if n := len(b.site.Kinds(log.KindClose)); n != 1 {
			t.Errorf("%s: %d closes", script, n)
		}
	}
}

// TestGuardProgramKilled kills the keeper: the reaper ends the run, and its record reaches the log by --deliver.
func TestGuardProgramKilled(t *testing.T) {
	t.Attr("invariant", "G5")
	t.Attr("invariant", "G4")
	asRoot(t)
	b := newGuardBench(t, buildHaltlog(t))
	p := b.start(t, "--", "/bin/sh", "-c", stubborn)
	b.poll(t, "command runs", func() bool { return p.event(guardian.EventStarted) != nil })
	pid := p.event(guardian.EventStarted).Pid
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	b.poll(t, "command is dead", func() bool { return !alive(pid) })
	var left *program
	b.poll(t, "the record is in the log", func() bool {
		// The reaper holds the state until it has written its record.
		left = b.start(t, "--deliver")
		<-left.done
		return len(b.site.Kinds(log.KindActuation)) == 1
	})
	if code := left.cmd.ProcessState.ExitCode(); code != cli.OK {
		t.Errorf("exit code %d: %s", code, left.stderr.String())
	}
	st := b.site.Kinds(log.KindActuation)[0].Statement.(*log.Actuation)
	if st.State != log.ActuationObservedDead || st.Cause != "keeper-died" || !st.Evidence.Dead() {
		t.Errorf("receipt %+v", st)
	}
}

// TestGuardProgramRefuses shows a clear sentence and the right code for what is wrong at the start.
func TestGuardProgramRefuses(t *testing.T) {
	b := newGuardBench(t, "")
	args := strings.Join(b.args, "\x00")
	for name, tc := range map[string]struct {
		args string
		more []string
		want int
		says string
	}{
		"no command":      {args, nil, cli.Usage, "no command"},
		"no program":      {args, []string{"--", "/nonexistent/program"}, cli.Error, "cannot be run"},
		"root":            {args, []string{"--uid", "0", "--", "/bin/true"}, cli.Usage, "never run as root"},
		"other genesis":   {strings.Replace(args, b.site.Genesis().Hex(), strings.Repeat("0", 64), 1), []string{"--", "/bin/true"}, cli.No, "genesis"},
		"bad genesis":     {strings.Replace(args, b.site.Genesis().Hex(), "xyz", 1), []string{"--", "/bin/true"}, cli.Usage, "--genesis"},
		"no checkpoints":  {args, []string{"--checkpoints", filepath.Join(b.dir, "none"), "--", "/bin/true"}, cli.Error, "not there"},
		"no cgroup":       {args, []string{"--mode", "cgroup", "--cgroup-parent", b.dir, "--", "/bin/true"}, cli.Error, "cgroup v2"},
		"other engine":    {strings.Replace(args, "=http", "0=http", 1), []string{"--", "/bin/true"}, cli.No, "engine"},
		"deliver and run": {args, []string{"--deliver", "--", "/bin/true"}, cli.Usage, "--deliver"},
		"port in use":     {args, []string{"--listen", strings.TrimPrefix(b.site.Server.URL, "http://"), "--", "/bin/true"}, cli.Error, "own address"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), append(strings.Split(tc.args, "\x00"), tc.more...), nil, &out, &errs)
			if code != tc.want || !strings.Contains(errs.String(), tc.says) {
				t.Errorf("exit code %d, want %d: %s", code, tc.want, errs.String())
			}
		})
	}
}
