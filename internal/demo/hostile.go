package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// hostileForks is how many processes the hostile program leaves in sessions of
// their own before it goes on training, and hostileDepth how often each of them
// forks on.
const (
	hostileForks = 4
	hostileDepth = 3
)

// Attack does what a program may try that does not want to be stopped: it leaves
// processes in sessions of their own, which fork on; it signals everything that it
// can see, its parent first; it writes into every cgroup tree that it finds. Each
// attempt is printed with what came of it.
func Attack(ctx context.Context, self string, stdout io.Writer) {
	for range hostileForks {
		fmt.Fprintf(stdout, "attack setsid: %s\n", outcome(leave(ctx, self, hostileDepth)))
	}
	for _, a := range []struct {
		what string
		pid  int
		sig  syscall.Signal
	}{
		{"SIGSTOP to parent", os.Getppid(), syscall.SIGSTOP},
		{"SIGKILL to parent", os.Getppid(), syscall.SIGKILL},
		{"SIGKILL to init", 1, syscall.SIGKILL},
		{"SIGUSR1 to everything", -1, syscall.SIGUSR1}, // spares its own helpers, which ignore it
	} {
		fmt.Fprintf(stdout, "attack %s: %s\n", a.what, outcome(syscall.Kill(a.pid, a.sig)))
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		for _, file := range []string{"cgroup.procs", "cgroup.freeze", "cgroup.kill", "cgroup.subtree_control"} {
			err := os.WriteFile(filepath.Join(root, file), []byte("0"), 0)
			fmt.Fprintf(stdout, "attack write %s: %s\n", filepath.Join(root, file), outcome(err))
		}
		fmt.Fprintf(stdout, "attack mkdir in %s: %s\n", root, outcome(os.Mkdir(filepath.Join(root, "mine"), 0o755)))
	}
	fmt.Fprintf(stdout, "attack ptrace parent: %s\n", outcome(syscall.PtraceAttach(os.Getppid())))
	fmt.Fprintf(stdout, "attack umount: %s\n", outcome(syscall.Unmount("/sys/fs/cgroup", 0)))
}

// harmless are the attempts that may succeed: what they reach is inside.
func harmless(attempt string) bool {
	return attempt == "setsid" || attempt == "SIGUSR1 to everything"
}

// attacked reports what the hostile program printed, and holds it against G5.
func (r *run) attacked() error {
	b, err := os.ReadFile(r.guard.Path)
	if err != nil {
		return err
	}
	refused, forks := 0, 0
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "attack ")
		if !ok {
			continue
		}
		switch attempt, result, _ := strings.Cut(rest, ": "); {
		case result != "done":
			refused++
		case !harmless(attempt):
			r.w.problem("the program could do what it must not: %s", attempt)
		case attempt == "setsid":
			forks++
		}
	}
	if forks == 0 || refused == 0 {
		r.w.problem("the program did not attack: %d forks, %d refusals", forks, refused)
	}
	r.w.tell(r.id, "attack", "the program left %d processes in sessions of their own, which fork on; its %d attacks on guard and cgroup tree were refused", forks, refused)
	return nil
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "done"
}

// leave starts a process that outlives this one in a session of its own.
func leave(ctx context.Context, self string, depth int) error {
	c := exec.Command(self, "linger", fmt.Sprintf("--depth=%d", depth)) // not of ctx: it is to stay
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	return c.Process.Release()
}

// Linger is what the hostile program leaves behind: it forks on, and then stays.
func Linger(ctx context.Context, self string, depth int) {
	if depth > 0 {
		_ = leave(ctx, self, depth-1) // it stays all the same
	}
	for {
		time.Sleep(time.Minute)
	}
}
