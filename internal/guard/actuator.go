package guard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ErrUnconfirmed says that an actuator acted and death was not observed within its time.
var ErrUnconfirmed = errors.New("kill unconfirmed")

// Actuator stops a run. Stop acts at once, returns when death was observed or ctx ended, and may be called again and
// by several processes at once. Evidence is filled in either case; err is ErrUnconfirmed (possibly wrapped) when
// Evidence.Confirmed is false, and then the next actuator acts.
type Actuator interface {
	Name() string
	Stop(ctx context.Context) (Evidence, error)
}

// target is a started command as either partner holds it. pidfd and cg stay owned by whoever made the target.
type target struct {
	clock Clock
	pid   int
	pidfd int
	cg    *cgroup // nil in ModeNamespace
}

func (t *target) mode() Mode {
	if t.cg != nil {
		return ModeCgroup
	}
	return ModeNamespace
}

// exited asks the pidfd whether the root's whole thread group has exited, reaped or not.
func (t *target) exited() bool {
	fds := []unix.PollFd{{Fd: int32(t.pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err == nil && n == 1 && fds[0].Revents&unix.POLLIN != 0
	}
}

// observe waits until death is confirmed or ctx ends. The short poll slices only bound how late ctx is noticed;
// pidfd and cgroup.events wake it at once.
func (t *target) observe(ctx context.Context, name string, ordered Stamp) (Evidence, error) {
	e := Evidence{Actuator: name, Mode: t.mode(), Pid: t.pid, Ordered: ordered}
	for {
		var readErr error
		e.PidfdExited = t.exited()
		if t.cg != nil {
			alive, err := t.cg.populated()
			e.PopulatedZero, readErr = err == nil && !alive, err
		}
		e.Observed = stamp(t.clock)
		if e.Confirmed() {
			return e, nil
		}
		if ctx.Err() != nil {
			e.Problem = fmt.Sprintf("pidfd exited %t, populated 0 %t", e.PidfdExited, e.PopulatedZero)
			return e, errors.Join(ErrUnconfirmed, readErr)
		}
		var fds []unix.PollFd
		if !e.PidfdExited {
			fds = append(fds, unix.PollFd{Fd: int32(t.pidfd), Events: unix.POLLIN})
		}
		if t.cg != nil && !e.PopulatedZero && readErr == nil {
			fds = append(fds, unix.PollFd{Fd: int32(t.cg.events.Fd()), Events: unix.POLLPRI})
		}
		if _, err := unix.Poll(fds, 20); err != nil && !errors.Is(err, unix.EINTR) {
			e.Problem = err.Error()
			return e, errors.Join(ErrUnconfirmed, fmt.Errorf("poll: %w", err))
		}
	}
}

// actuators lists, strongest first, what can stop t.
func (t *target) actuators() []Actuator {
	var list []Actuator
	if t.cg != nil {
		list = append(list, cgroupKill{t})
	}
	return append(list, namespaceKill{t}, treeKill{t})
}

// cgroupKill freezes and kills the run's cgroup.
type cgroupKill struct{ t *target }

func (cgroupKill) Name() string { return "cgroup" }

func (a cgroupKill) Stop(ctx context.Context) (Evidence, error) {
	ordered := stamp(a.t.clock)
	killErr := a.t.cg.slay()
	if killErr != nil {
		// Nothing was sent: look once and let the next actuator act at once.
		done, cancel := context.WithCancel(ctx)
		cancel()
		ctx = done
	}
	e, err := a.t.observe(ctx, a.Name(), ordered)
	if err != nil {
		err = errors.Join(err, killErr)
	}
	return e, err
}

// namespaceKill kills the init of the run's PID namespace; the kernel then kills and reaps everything inside.
type namespaceKill struct{ t *target }

func (namespaceKill) Name() string { return "namespace" }

func (a namespaceKill) Stop(ctx context.Context) (Evidence, error) {
	ordered := stamp(a.t.clock)
	killErr := unix.PidfdSendSignal(a.t.pidfd, unix.SIGKILL, nil, 0)
	if errors.Is(killErr, unix.ESRCH) {
		killErr = nil // already dead: only the observation is left
	}
	e, err := a.t.observe(ctx, a.Name(), ordered)
	if err != nil {
		err = errors.Join(err, killErr)
	}
	return e, err
}

// treeKill kills every process of the run's PID namespace one by one, each through a pidfd so that a reused pid is
// never hit. It is the last resort when the kernel's own ways did not finish.
type treeKill struct{ t *target }

func (treeKill) Name() string { return "tree" }

func (a treeKill) Stop(ctx context.Context) (Evidence, error) {
	ordered := stamp(a.t.clock)
	killErr := a.killAll()
	e, err := a.t.observe(ctx, a.Name(), ordered)
	if err != nil {
		err = errors.Join(err, killErr)
	}
	return e, err
}

func (a treeKill) killAll() error {
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", a.t.pid))
	if err != nil {
		return err
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return err
	}
	if ns == own {
		return fmt.Errorf("pid %d is not in a namespace of its own", a.t.pid)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone meanwhile
		}
		// The namespace is read after the pidfd pins the process: a reused pid shows its own namespace.
		if in, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); err == nil && in == ns {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // the observation decides
		}
		_ = unix.Close(fd)
	}
	return nil
}

// stopAll lets one actuator after the other act, each for at most wait, in at most rounds rounds, until death is
// observed. It always returns the last evidence; report, if not nil, is told each unconfirmed attempt.
func stopAll(ctx context.Context, list []Actuator, wait time.Duration, rounds int, report func(Evidence, error)) (Evidence, error) {
	var last Evidence
	var first Stamp
	err := ErrUnconfirmed
	for range rounds {
		for _, a := range list {
			one, cancel := context.WithTimeout(ctx, wait)
			last, err = a.Stop(one)
			cancel()
			if first == (Stamp{}) {
				first = last.Ordered
			}
			last.Ordered = first
			if last.Confirmed() {
				return last, nil
			}
			if err == nil {
				err = ErrUnconfirmed
			}
			if report != nil {
				report(last, err)
			}
		}
	}
	return last, fmt.Errorf("stop run: %w", err)
}
