package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errReaper is the reason when the reaper could not be brought up.
var errReaper = errors.New("reaper did not answer")

// pair is the keeper's view of a started run: the reaper, and the command behind its gate.
type pair struct {
	held   *target
	link   *link
	reaper *os.Process
	root   *os.Process
	gate   *os.File
	status *os.File
	// life is the write end of init's lifeline. The reaper holds another: when both are gone, init ends the run.
	life *os.File
	mode Mode
	// fallback says why there is no cgroup, when there is none.
	fallback error

	inbox   chan received
	done    chan struct{}
	running chan struct{} // closed when init reports the command's start
	ended   chan childEnd
	parted  chan error // the reaper's exit
}

// childEnd is what the keeper saw of the root's end.
type childEnd struct {
	exit    *Exit  // nil when init was killed before it could report
	problem string // init's own failure
	started bool
}

// startPair brings up cgroup, reaper and init, in the order in which no step leaves anything running unguarded:
// the command stays behind its gate until release. The reaper inherits lock (if not nil), so that the state stays
// taken until nobody holds the run any more.
func startPair(c Config, clock Clock, lock *os.File) (p *pair, err error) {
	p = &pair{
		mode: ModeNamespace, inbox: make(chan received, 16), done: make(chan struct{}),
		running: make(chan struct{}), ended: make(chan childEnd, 1), parted: make(chan error, 1),
	}
	p.held = &target{clock: clock, pidfd: -1}
	defer func() {
		if err != nil {
			p.abandon()
		}
	}()
	// What the guard itself inherited is neither the reaper's nor the command's. Go's own files are marked anyway.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return p, fmt.Errorf("mark inherited files: %w", err)
	}
	if c.Mode != ModeNamespace {
		cg, cgErr := makeCgroup(c.CgroupParent, func(path string) error { return noteCgroup(c.StateDir, path) })
		switch {
		case cgErr == nil:
			p.held.cg, p.mode = cg, ModeCgroup
		case c.Mode == ModeCgroup || !errors.Is(cgErr, ErrNoCgroup):
			return p, cgErr
		default:
			p.fallback = cgErr
		}
	}
	lifeline, life, err := os.Pipe()
	if err != nil {
		return p, err
	}
	defer lifeline.Close()
	p.life = life
	if err := p.startReaper(c, lock); err != nil {
		return p, err
	}
	if err := p.expect(verbReady, c.Miss); err != nil {
		return p, err
	}
	if err := p.startInit(c, lifeline); err != nil {
		return p, err
	}
	arm := message{verb: verbArm, body: []byte(strconv.Itoa(p.held.pid))}
	if err := p.link.send(arm, c.Miss, p.held.pidfd); err != nil {
		return p, fmt.Errorf("arm reaper: %w", err)
	}
	if err := p.expect(verbArmed, c.Miss); err != nil {
		return p, err
	}
	// Only now: before, an unprivileged keeper could not have written its child's uid map.
	if err := undumpable(); err != nil {
		return p, err
	}
	go p.link.pump(p.inbox, p.done)
	return p, nil
}

func (p *pair) startReaper(c Config, lock *os.File) error {
	rc := reaperConfig{Run: c.Run, RecordDir: recordDir(c.StateDir), Beat: c.Beat, Miss: c.Miss, KillWait: c.KillWait}
	l, far, err := linkPair()
	if err != nil {
		return err
	}
	defer far.Close()
	p.link = l
	files := []*os.File{nil, nil, nil, far}
	if p.held.cg != nil {
		rc.CgroupPath = p.held.cg.path
		files = append(files, p.held.cg.dir)
	}
	files = append(files, p.life) // only to be held, like the lock
	if lock != nil {
		files = append(files, lock)
	}
	arg, err := json.Marshal(rc)
	if err != nil {
		return err
	}
	// A session of its own: what a terminal sends to the keeper's group must not take both at once.
	p.reaper, err = os.StartProcess(selfExe, []string{argvReaper, string(arg)}, &os.ProcAttr{
		Env: []string{"GOMAXPROCS=1"}, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start reaper: %w", err)
	}
	go func() {
		_, err := p.reaper.Wait()
		p.parted <- err
	}()
	return nil
}

// selfExe is this binary whatever became of its name.
const selfExe = "/proc/self/exe"

func (p *pair) startInit(c Config, lifeline *os.File) error {
	gateIn, gate, err := os.Pipe()
	if err != nil {
		return err
	}
	defer gateIn.Close()
	p.gate = gate
	status, statusOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer statusOut.Close()
	p.status = status
	sys := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC,
		PidFD:      &p.held.pidfd,
		Setsid:     true, // no controlling terminal to push input into
	}
	if p.held.cg != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(p.held.cg.dir.Fd())
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		sys.Cloneflags |= unix.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		// Exec by a uid other than 0 would lose what confining needs.
		sys.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE}
	}
	p.root, err = os.StartProcess(selfExe, []string{argvInit}, &os.ProcAttr{
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, Files: []*os.File{c.Stdin, c.Stdout, c.Stderr, gateIn, statusOut, lifeline}, Sys: sys,
	})
	if err != nil {
		return fmt.Errorf("start init: %w", err)
	}
	p.held.pid = p.root.Pid
	if p.held.pidfd < 0 {
		return errors.New("start init: kernel gave no pidfd")
	}
	go p.watchRoot()
	return nil
}

// watchRoot collects init's reports and its end.
func (p *pair) watchRoot() {
	var end childEnd
	dec := json.NewDecoder(io.LimitReader(p.status, maxStatus))
	for {
		var s initStatus
		if err := dec.Decode(&s); err != nil {
			break // the pipe closes with init
		}
		if s.Started && !end.started {
			end.started = true
			close(p.running)
		}
		if s.Problem != "" {
			end.problem = s.Problem
		}
		if s.Ended != nil {
			end.exit = s.Ended
		}
	}
	state, err := p.root.Wait()
	if ws, ok := sysStatus(state); err == nil && ok && !ws.Exited() {
		end.exit = nil // killed from outside after it reported: the report is no longer the end of the story
	}
	p.ended <- end
}

func sysStatus(s *os.ProcessState) (syscall.WaitStatus, bool) {
	if s == nil {
		return 0, false
	}
	ws, ok := s.Sys().(syscall.WaitStatus)
	return ws, ok
}

// expect reads the reaper's next message before the pump runs.
func (p *pair) expect(v verb, within time.Duration) error {
	if err := p.link.conn.SetReadDeadline(time.Now().Add(max(within, DefaultKillWait))); err != nil {
		return err
	}
	for {
		m, _, err := p.link.receive()
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", errReaper, err)
		case m.verb == v:
			return p.link.conn.SetReadDeadline(time.Time{})
		case m.verb != verbBeat:
			return fmt.Errorf("%w: said %d instead of %d", errReaper, m.verb, v)
		}
	}
}

// release opens the gate: from here on the command runs.
func (p *pair) release(c Config) error {
	root := os.Geteuid() == 0
	args := slices.Clone(c.Command)
	if c.arg0 != "" {
		args[0] = c.arg0
	}
	b, err := json.Marshal(initConfig{
		Path: c.Command[0], Args: args, Env: c.Env, Dir: c.Dir, Masks: append([]string{c.StateDir}, c.Masks...),
		SwitchUser: root, UID: c.UID, GID: c.GID,
	})
	if err != nil {
		return err
	}
	_, err = p.gate.Write(b)
	if cerr := p.gate.Close(); err == nil {
		err = cerr
	}
	p.gate = nil
	if err != nil {
		return fmt.Errorf("open gate: %w", err)
	}
	return nil
}

// abandon undoes a start that did not get as far as a running command, or clears up after the run is known dead.
func (p *pair) abandon() {
	if p.gate != nil {
		_ = p.gate.Close()
	}
	if p.root != nil {
		_ = unix.PidfdSendSignal(p.held.pidfd, unix.SIGKILL, nil, 0)
		<-p.ended
	}
	p.part()
}

// part lets the reaper go and closes everything. The run is dead, or was never started.
func (p *pair) part() {
	close(p.done)
	if p.link != nil {
		_ = p.link.send(message{verb: verbRelease}, DefaultBeat)
		_ = p.link.close()
	}
	if p.reaper != nil {
		// It has been released or is stopped or wedged; either way nothing is left for it to do.
		_ = p.reaper.Kill()
		<-p.parted
	}
	for _, f := range []*os.File{p.status, p.life} {
		if f != nil {
			_ = f.Close()
		}
	}
	if p.held.pidfd >= 0 {
		_ = unix.Close(p.held.pidfd)
	}
	if p.held.cg != nil {
		_ = p.held.cg.remove()
		p.held.cg.close()
	}
}

// cleanEnv is the environment without what configures haltlog itself: keys' places are none of the command's business.
func cleanEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, "HALTLOG_") {
			out = append(out, kv)
		}
	}
	return out
}
