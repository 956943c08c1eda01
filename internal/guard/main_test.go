package guard

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is its own guarded command, helper and hostile child: TestMain sorts them out by argv[0].
func TestMain(m *testing.M) {
	if code, helper := Main(os.Args); helper {
		os.Exit(code)
	}
	if role, ok := strings.CutPrefix(os.Args[0], "child-"); ok {
		os.Exit(childMain(role, os.Args[1:]))
	}
	if os.Args[0] == "test-keeper" {
		os.Exit(keeperMain(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// childMain is what the guard runs in tests. Hostile children report into a folder of their own what they achieved.
func childMain(role string, args []string) int {
	switch role {
	case "exit":
		code, err := strconv.Atoi(args[0])
		if err != nil {
			return 99
		}
		return code
	case "suicide":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "sleep":
		ready(args[0])
		time.Sleep(time.Hour)
	case "checkpoints":
		return saveCheckpoints(args[0])
	case "orphan":
		// Leaves a grandchild in a session of its own and ends.
		spawn(args[0], "sleep", filepath.Join(args[0], "grandchild"))
		waitFor(filepath.Join(args[0], "grandchild"))
		return 7
	case "nap":
		time.Sleep(time.Hour)
	case "spool":
		return spoolForever(args[0])
	case "nested":
		return nested(args[0])
	case "hostile":
		hostile(args[0])
	}
	return 99
}

func ready(path string) { _ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o644) }

func waitFor(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func spawn(dir, role string, args ...string) {
	p, err := os.StartProcess("/proc/self/exe", append([]string{"child-" + role}, args...),
		&os.ProcAttr{Files: []*os.File{nil, nil, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err == nil {
		_ = p.Release()
	}
}

// hostile tries everything against its guard, writes down each success, and then forks on for ever.
func hostile(dir string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	var won []string
	try := func(what string, err error) {
		if err == nil {
			won = append(won, what)
		}
	}
	for _, p := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		try("write "+p, os.WriteFile(filepath.Join(p, "cgroup.procs"), []byte("0"), 0o644))
		try("mkdir "+p, os.Mkdir(filepath.Join(p, "escape"), 0o755))
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		try("signal "+e.Name(), syscall.Kill(pid, syscall.SIGSTOP))
		try("ptrace "+e.Name(), syscall.PtraceAttach(pid))
	}
	try("unmount proc", unix.Unmount("/proc", unix.MNT_DETACH))
	try("unmount cgroup", unix.Unmount("/sys/fs/cgroup", unix.MNT_DETACH))
	try("unmount unified", unix.Unmount("/sys/fs/cgroup/unified", unix.MNT_DETACH))
	if os.Getuid() == 0 {
		won = append(won, "root")
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, fd := range fds {
			if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && fd.Name() != "2" &&
				(strings.Contains(to, "cgroup") || strings.Contains(to, "socket:") || strings.HasPrefix(to, "pipe:")) {
				won = append(won, "inherited "+to)
			}
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		key, val, _ := strings.Cut(strings.TrimSpace(line), ":")
		val = strings.TrimSpace(val)
		switch {
		case strings.HasPrefix(key, "Cap") && strings.Trim(val, "0") != "":
			won = append(won, line)
		case key == "NoNewPrivs" && val != "1":
			won = append(won, line)
		}
	}
	// A user namespace of its own gives it every capability over what it makes there, and nothing else.
	where := filepath.Join(dir, "nested")
	_ = os.Mkdir(where, 0o777)
	p, err := os.StartProcess("/proc/self/exe", []string{"child-nested", where}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}})
	if err == nil {
		state, err := p.Wait()
		if err != nil || !state.Success() {
			won = append(won, fmt.Sprintf("nested %v %v", state, err))
		}
	}
	_ = os.WriteFile(filepath.Join(dir, "won"), []byte(strings.Join(won, "\n")), 0o644)
	ready(filepath.Join(dir, "ready"))
	// A bounded fork storm: always new processes in new sessions, never more than some dozens at once.
	generation, _ := strconv.Atoi(os.Getenv("GENERATION"))
	_ = os.Setenv("GENERATION", strconv.Itoa(generation+1))
	for range 16 {
		spawn(dir, "sleep", filepath.Join(dir, fmt.Sprintf("fork-%d", generation)))
	}
	for {
		p, err := os.StartProcess("/proc/self/exe", []string{"child-exit", "0"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}})
		if err == nil {
			_, _ = p.Wait()
		}
	}
}

// nested has all capabilities in a user, mount and cgroup namespace of its own. Its exit code counts what it achieved.
func nested(dir string) int {
	won := 0
	ready(filepath.Join(dir, "ran"))
	_ = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	for _, p := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if unix.Unmount(p, unix.MNT_DETACH) == nil {
			won++
		}
	}
	_ = unix.Mount("none", dir, "cgroup2", 0, "") // its own view of the tree may be had; writing there may not
	for _, f := range []string{"cgroup.procs", "cgroup.kill", "cgroup.freeze"} {
		if f, err := os.OpenFile(filepath.Join(dir, f), os.O_WRONLY, 0); err == nil {
			_ = f.Close()
			won++
		}
	}
	if exists(filepath.Join(dir, "cgroup.procs")) && os.Mkdir(filepath.Join(dir, "escape"), 0o755) == nil {
		won++
	}
	if unix.Mount("none", "/proc", "proc", 0, "") == nil {
		won++ // only the PID namespace's owner may
	}
	return won
}

func saveCheckpoints(dir string) int {
	for i := range 2 {
		tmp := filepath.Join(dir, ".saving")
		if err := os.Mkdir(tmp, 0o755); err != nil {
			return 1
		}
		if err := os.WriteFile(filepath.Join(tmp, "model"), []byte{byte(i)}, 0o644); err != nil {
			return 2
		}
		if err := os.Rename(tmp, filepath.Join(dir, fmt.Sprintf("step-%d", i))); err != nil {
			return 3
		}
	}
	ready(filepath.Join(dir, ".ready"))
	time.Sleep(time.Hour)
	return 0
}
