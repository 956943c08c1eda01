package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/haltlog/haltlog/internal/guardian"
)

// vote is one member's vote, and nobody can tell whose.
func vote(ctx context.Context, r *run) (time.Time, error) {
	w := r.w
	w.tell(r.id, "vote", "one of the %d members votes to halt %s", members, r.id)
	at := time.Now()
	if _, err := w.tool(ctx, "vote", "--run="+r.id, "--ring="+filepath.Join(w.key(memberName(4)), "ring.key"), "--group-file="+w.file("group.json"), "--to="+w.url, "--yes"); err != nil {
		return at, err
	}
	r.result.AcceptedMS = since(at, time.Now())
	w.tell(r.id, "vote", "the vote was accepted, %d ms after its process was started", *r.result.AcceptedMS)
	return at, nil
}

// killDaemon kills daemon and witnesses, waits until the guard has ended the run by
// itself and the policy's patience is over, and starts them again.
func killDaemon(ctx context.Context, r *run) (time.Time, error) {
	w := r.w
	at := time.Now()
	w.daemon.Kill()
	for _, p := range w.witness {
		p.proc.Kill()
	}
	w.tell(r.id, "kill", "daemon and witnesses got SIGKILL; nobody renews the lease any more")
	if err := r.awaitDead(ctx); err != nil {
		return at, err
	}
	select { // the policy says after how long a silence the run cannot have lived
	case <-time.After(time.Until(at.Add(lease + grace + 2*time.Second))):
	case <-ctx.Done():
		return at, context.Cause(ctx)
	}
	for _, p := range w.witness {
		if err := w.startWitness(ctx, p); err != nil {
			return at, err
		}
	}
	if err := w.startDaemon(ctx); err != nil {
		return at, err
	}
	w.tell(r.id, "restart", "daemon and witnesses run again, on the same stores")
	return at, nil
}

// awaitDead waits until the demo itself sees the guarded process no more.
func (r *run) awaitDead(ctx context.Context) error {
	if err := until(ctx, "the process of "+r.id+" is gone", stepWait, func() (bool, error) { return r.gone(), nil }); err != nil {
		return err
	}
	r.mu.Lock()
	r.goneAt = time.Now()
	r.mu.Unlock()
	r.w.tell(r.id, "gone", "the process of %s is gone, seen by the demo itself", r.id)
	return nil
}

// cut takes the guard's network away, and gives it back once the run is dead: for
// the receipt.
func cut(ctx context.Context, r *run) (time.Time, error) {
	w := r.w
	at := time.Now()
	if err := w.net.down(ctx); err != nil {
		return at, err
	}
	w.tell(r.id, "cut", "the guard's network is cut: it hears of nothing")
	if err := r.awaitDead(ctx); err != nil {
		return at, err
	}
	if err := until(ctx, "the halt of "+r.id, stepWait, func() (bool, error) {
		st, err := w.client.Run(ctx, r.id)
		return err == nil && st.Halt != nil, err
	}); err != nil {
		return at, err
	}
	if err := w.net.up(ctx); err != nil {
		return at, err
	}
	w.tell(r.id, "mend", "the engine has halted what it heard no more of; the network is back, for the guard's receipt")
	return at, nil
}

// silence ends every member's beeper.
func silence(_ context.Context, r *run) (time.Time, error) {
	at := time.Now()
	for _, p := range r.members {
		p.Kill()
	}
	r.w.tell(r.id, "silence", "all members fall silent: check-ins are missed from now on")
	return at, nil
}

// expire lets the officers sign a policy that ends soon: a tightening, in force at once.
func expire(ctx context.Context, r *run) (time.Time, error) {
	const rest = 8 * time.Second
	if err := r.w.amend(ctx, 2, "expires="+rest.String()); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	r.w.tell(r.id, "policy", "two officers signed policy 2: as before, but it ends about %v after its draft; a tightening, in force at once", rest)
	return at, nil
}

// hush kills one monitor.
func hush(_ context.Context, r *run) (time.Time, error) {
	at := time.Now()
	r.w.monitors[1].proc.Kill()
	r.w.tell(r.id, "monitor", "the second of three monitors got SIGKILL")
	return at, nil
}

// age does nothing: time does it.
func age(_ context.Context, r *run) (time.Time, error) {
	r.w.tell(r.id, "life", "nobody does anything: the run was registered for %v", r.w.scenario.life)
	return time.Now(), nil
}

// killGuard kills the keeper. The reaper ends the run, and what it saw is handed to
// the log by whoever runs the guard's machine.
func killGuard(ctx context.Context, r *run) (time.Time, error) {
	at := time.Now()
	r.guard.Kill()
	r.w.tell(r.id, "kill", "the guard's keeper got SIGKILL")
	if err := r.awaitDead(ctx); err != nil {
		return at, err
	}
	return at, r.deliver(ctx)
}

// deliver hands over what a dead guard left behind. The reaper writes it down after
// the kill, so that the first try may find nothing yet.
func (r *run) deliver(ctx context.Context) error {
	w := r.w
	return until(ctx, "the reaper's record is delivered", stepWait, func() (bool, error) {
		name := fmt.Sprintf("cmd-%03d-deliver", w.commands.Add(1))
		argv := append([]string{w.bin.Haltlog}, append(r.guardFlags(), "--deliver")...)
		out, code, err := w.fleet.command(ctx, name, argv)
		if err != nil || code != 0 {
			return false, errors.Join(err, fmt.Errorf("guard --deliver: exit code %d%s", code, w.said()))
		}
		for line := range strings.Lines(string(out)) {
			r.hear(strings.TrimSpace(line))
		}
		st, err := w.client.Run(ctx, r.id)
		if err == nil && st.ObservedDead != nil {
			w.tell(r.id, "deliver", "what the reaper wrote down was handed to the log")
		}
		return err == nil && st.ObservedDead != nil, err
	})
}

// stopKeeper stops the keeper, which can then neither renew nor kill nor speak. Once
// the run is halted it goes on, and finds the reaper's word.
func stopKeeper(ctx context.Context, r *run) (time.Time, error) {
	at := time.Now()
	if err := r.guard.Signal(syscall.SIGSTOP); err != nil {
		return at, err
	}
	r.w.tell(r.id, "stop", "the guard's keeper got SIGSTOP: it neither renews nor kills nor speaks")
	if err := r.awaitDead(ctx); err != nil {
		return at, err
	}
	if err := until(ctx, "the halt of "+r.id, stepWait, func() (bool, error) {
		st, err := r.w.client.Run(ctx, r.id)
		return err == nil && st.Halt != nil, err
	}); err != nil {
		return at, err
	}
	r.w.tell(r.id, "continue", "the keeper got SIGCONT, and finds what the reaper wrote down")
	return at, r.guard.Signal(syscall.SIGCONT)
}

// stopReaper stops the reaper: the keeper does not go on alone.
func stopReaper(ctx context.Context, r *run) (time.Time, error) {
	e, _ := r.event(guardian.EventStarted)
	at := time.Now()
	// The guard's own child, named by the guard that the demo started.
	if err := syscall.Kill(e.Reaper, syscall.SIGSTOP); err != nil {
		return at, fmt.Errorf("stop reaper %d: %w", e.Reaper, err)
	}
	r.w.tell(r.id, "stop", "the guard's reaper got SIGSTOP: the keeper does not go on alone")
	return at, r.awaitDead(ctx)
}
