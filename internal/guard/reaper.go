package guard

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptors that the reaper inherits beside 0 to 2.
const (
	reaperLinkFD   = 3
	reaperCgroupFD = 4 // the cgroup's directory; absent in ModeNamespace
)

// reaperConfig travels as the reaper's one argument; nothing in it is secret.
type reaperConfig struct {
	Run        string        `json:"run"`
	RecordDir  string        `json:"record_dir"`
	CgroupPath string        `json:"cgroup_path"` // empty in ModeNamespace
	Beat       time.Duration `json:"beat_ns"`
	Miss       time.Duration `json:"miss_ns"`
	KillWait   time.Duration `json:"kill_wait_ns"`
}

// reaper watches the keeper and holds the run. It has no keys and no network: what it sees it leaves on disk.
type reaper struct {
	reaperConfig
	clock Clock
	link  *link
	inbox chan received
	done  chan struct{}
	cg    *cgroup
	held  *target // nil until armed
}

func reaperMain(args []string) int {
	// A terminal's interrupt is the keeper's to handle; only its own death or the keeper's word ends the reaper.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP)
	if len(args) != 1 {
		return 1
	}
	r := &reaper{clock: SystemClock{}, inbox: make(chan received, 16), done: make(chan struct{})}
	if err := json.Unmarshal([]byte(args[0]), &r.reaperConfig); err != nil || r.Beat <= 0 || r.Miss <= r.Beat || r.KillWait <= 0 {
		return 1
	}
	if err := r.open(); err != nil {
		return 1
	}
	defer close(r.done)
	go r.link.pump(r.inbox, r.done)
	if err := r.link.send(message{verb: verbReady}, r.Miss); err != nil {
		return 1
	}
	if !r.arm() {
		return 0 // the keeper left before anything was started
	}
	r.watch()
	return 0
}

func (r *reaper) open() error {
	// Best effort: without privilege the kernel's out-of-memory killer may still choose the reaper; the keeper kills then.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-900"), 0)
	if err := undumpable(); err != nil {
		return err
	}
	unix.CloseOnExec(reaperLinkFD)
	l, err := openLink(os.NewFile(reaperLinkFD, "link"))
	if err != nil {
		return err
	}
	r.link = l
	if r.CgroupPath == "" {
		return nil
	}
	unix.CloseOnExec(reaperCgroupFD)
	r.cg, err = openCgroup(r.CgroupPath, os.NewFile(reaperCgroupFD, "cgroup"))
	return err
}

// arm waits for the root's pidfd. Until then the command is still behind its gate, which closes with the keeper.
func (r *reaper) arm() bool {
	for in := range r.inbox {
		switch {
		case in.err != nil || in.message.verb == verbRelease:
			r.clear()
			return false
		case in.message.verb == verbArm && in.fd >= 0:
			pid, err := strconv.Atoi(string(in.message.body))
			if err != nil {
				return false
			}
			r.held = &target{clock: r.clock, pid: pid, pidfd: in.fd, cg: r.cg}
			return r.link.send(message{verb: verbArmed}, r.Miss) == nil
		}
	}
	return false
}

// watch is G5's reaper side: it returns when the keeper released it or when the run was killed and the keeper is gone.
func (r *reaper) watch() {
	tick := time.NewTicker(r.Beat)
	defer tick.Stop()
	last := r.clock.Boot()
	var deadline time.Duration
	suspect := false
	for {
		select {
		case in := <-r.inbox:
			switch {
			case in.err != nil:
				r.kill(CauseKeeperDied)
				r.clear()
				return
			case in.message.verb == verbRelease:
				return // the keeper has seen the end and clears up
			case in.message.verb == verbBeat:
				last, deadline, suspect = r.clock.Boot(), in.message.when, false
			}
		case <-tick.C:
			// A full buffer is the keeper's silence, judged below; a closed link shows in the inbox.
			_ = r.link.send(message{verb: verbBeat, when: r.clock.Boot()}, r.Beat)
			now := r.clock.Boot()
			silent := now-last > r.Miss
			// The keeper acts at the deadline itself; one beat later it evidently does not.
			late := deadline > 0 && now > deadline+r.Beat
			switch {
			case late:
				r.killAndLinger(CauseLease)
				return
			case silent && suspect:
				r.killAndLinger(CauseKeeperSilent)
				return
			}
			// Two ticks in a row: whoever was starved itself first takes what has already arrived.
			suspect = silent
		}
	}
}

// killAndLinger kills while the keeper still exists, and stays until it is gone or has taken over, so that exactly one
// of them clears up.
func (r *reaper) killAndLinger(why Cause) {
	r.kill(why)
	for in := range r.inbox {
		if in.err != nil {
			r.clear()
			return
		}
		if in.message.verb == verbRelease {
			return
		}
	}
}

// kill makes sure: it tries until death was observed, and leaves each result durably on disk.
func (r *reaper) kill(why Cause) {
	// Said before the kill, so that the keeper never takes it for the command's own end.
	_ = r.link.send(message{verb: verbKilling, body: []byte(why)}, r.Beat)
	for first := true; ; first = false {
		e, err := stopAll(context.Background(), r.held.actuators(), r.KillWait, killRounds, nil)
		if first || err == nil {
			rec := Record{Run: r.Run, By: "reaper", Cause: why, Evidence: e}
			// A full disk must not keep the reaper from trying on; the link still carries the evidence.
			_ = writeRecord(r.RecordDir, rec)
			if b, encErr := rec.encode(); encErr == nil && err == nil {
				_ = r.link.send(message{verb: verbKilled, body: b}, r.Beat)
			}
		}
		if !errors.Is(err, ErrUnconfirmed) {
			return
		}
		time.Sleep(r.KillWait)
	}
}

func (r *reaper) clear() {
	if r.cg != nil {
		_ = r.cg.remove() // refused by the kernel while anything lives inside
	}
}
