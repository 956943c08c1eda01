package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptors that init inherits beside 0 to 2, in the order of os.ProcAttr.Files.
const (
	initGateFD   = 3 // the configuration; end of file before it is whole means that the keeper died
	initStatusFD = 4 // what init reports; closed on exec, so the command cannot write it
	initLifeFD   = 5 // end of file when keeper and reaper are both gone
)

// initFailed is init's own exit code, seen only when it could not even report.
const initFailed = 125

// initConfig is what the keeper sends through the gate once the reaper is armed. Nothing runs before.
type initConfig struct {
	Path  string   `json:"path"`
	Args  []string `json:"args"`
	Env   []string `json:"env"`
	Dir   string   `json:"dir"`
	Masks []string `json:"masks"`
	// SwitchUser is false inside a user namespace with a single mapped uid.
	SwitchUser bool   `json:"switch_user"`
	UID        uint32 `json:"uid"`
	GID        uint32 `json:"gid"`
}

// initStatus is one report of init: a failure before the command ran, its start, or its end.
type initStatus struct {
	Problem string `json:"problem,omitempty"`
	Started bool   `json:"started,omitempty"`
	Ended   *Exit  `json:"ended,omitempty"`
}

// Exit is how the command ended by itself.
type Exit struct {
	Code   int `json:"code"`   // its exit code, or 128 plus the signal as shells say it
	Signal int `json:"signal"` // the signal that ended it, or 0
}

// initMain is pid 1 of the run's PID namespace. It confines the view, starts the command with nothing to spare, reaps
// what is orphaned, and ends with the command: the kernel then kills whatever the command left behind.
func initMain() int {
	// Credentials are per thread: the command must be forked from the very thread that gave them up.
	runtime.LockOSThread()
	unix.CloseOnExec(initGateFD)
	unix.CloseOnExec(initStatusFD)
	unix.CloseOnExec(initLifeFD)
	go func() {
		// Nobody ever writes. When both holders are dead, nobody guards the run: end it (the kernel kills the namespace).
		_, _ = io.Copy(io.Discard, os.NewFile(initLifeFD, "life"))
		os.Exit(initFailed)
	}()
	gate, status := os.NewFile(initGateFD, "gate"), os.NewFile(initStatusFD, "status")
	report := json.NewEncoder(status)
	pid, err := initStart(gate)
	if err != nil {
		_ = report.Encode(initStatus{Problem: err.Error()}) // the exit code says the same
		return initFailed
	}
	if err := report.Encode(initStatus{Started: true}); err != nil {
		return initFailed // the keeper is gone; leaving kills the command
	}
	exit, err := initWait(pid)
	if err != nil {
		_ = report.Encode(initStatus{Problem: err.Error()})
		return initFailed
	}
	_ = report.Encode(initStatus{Ended: &exit})
	return exit.Code
}

func initStart(gate *os.File) (int, error) {
	b, err := io.ReadAll(io.LimitReader(gate, maxInitConfig+1))
	if err != nil {
		return 0, fmt.Errorf("read gate: %w", err)
	}
	var c initConfig
	if len(b) > maxInitConfig {
		return 0, errors.New("read gate: too long")
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return 0, fmt.Errorf("read gate: %w", err)
	}
	_ = gate.Close()
	if err := undumpable(); err != nil {
		return 0, err
	}
	// Caught, not ignored: an ignored signal would stay ignored in the command. Pid 1 outlives what the command sends.
	signal.Notify(make(chan os.Signal, 1))
	if err := confineView(c.Masks); err != nil {
		return 0, fmt.Errorf("confine view: %w", err)
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
	if c.SwitchUser {
		if c.UID == 0 || c.GID == 0 {
			return 0, errors.New("G5: the command may not be root")
		}
		attr.Sys.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID}
	} else if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		// Inside a user namespace of its own this bounds only what is made below it.
		return 0, fmt.Errorf("forbid user namespaces: %w", err)
	}
	if err := surrender(); err != nil {
		return 0, fmt.Errorf("surrender: %w", err)
	}
	pid, err := syscall.ForkExec(c.Path, c.Args, attr)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return pid, nil
}

// initWait reaps everything that ends in the namespace until the command itself does.
func initWait(pid int) (Exit, error) {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return Exit{}, fmt.Errorf("wait: %w", err)
		case got != pid:
		case ws.Exited():
			return Exit{Code: ws.ExitStatus()}, nil
		case ws.Signaled():
			return Exit{Code: 128 + int(ws.Signal()), Signal: int(ws.Signal())}, nil
		}
	}
}
