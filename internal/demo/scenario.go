package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/haltlog/haltlog/internal/guardian"
)

// scenario is one way in which a run ends.
type scenario struct {
	name, about string
	policy      []string      // fields over those of basePolicy
	monitors    int           // keys of monitors in the genesis
	life        time.Duration // of the run; 0: the policy's
	hostile     bool
	netns       bool     // the guard has a network of its own
	causes      []string // of the halt, exactly
	spared      bool     // the policy does not list for it
	outages     int      // that the audit prints
	acts        []act    // one run each
}

// act ends a run from outside; it returns when it was done.
type act struct {
	name string
	do   func(ctx context.Context, r *run) (time.Time, error)
}

// lease and grace are those of basePolicy.
const (
	lease = 6 * time.Second
	grace = 3 * time.Second
)

// basePolicy is what the officers sign in every scenario: intervals of seconds,
// where a real run has minutes. They leave a loaded machine with two cores room.
func basePolicy() []string {
	return []string{
		"class." + class + "=8s", "dead_vote.threshold=3", "evaluation_period_ms=500ms", "max_gap_ms=4s",
		"lease.duration_ms=" + lease.String(), "lease.grace_ms=" + grace.String(),
		"witness.max_age_ms=30s", "guard_max_age_ms=45s", "listing_delay_ms=60s",
	}
}

// scenarios are all scenarios, the default first.
func scenarios() []scenario {
	one := func(do func(context.Context, *run) (time.Time, error)) []act { return []act{{do: do}} }
	return []scenario{
		{name: "vote", about: "one member votes", causes: []string{"live_vote"}, acts: one(vote)},
		{
			name: "daemon-killed", about: "daemon and witnesses are killed: the lease ends the run", causes: []string{"lease"}, outages: 1,
			policy: []string{"class." + class + "=2m"}, acts: one(killDaemon),
		},
		{name: "partition", about: "the guard is cut off", causes: []string{"lease"}, netns: true, acts: one(cut)},
		{name: "dead-vote", about: "the members fall silent", causes: []string{"dead_vote"}, acts: one(silence)},
		{name: "policy-expired", about: "the policy ends, and no other follows", causes: []string{"expiry"}, acts: one(expire)},
		{name: "monitor-silent", about: "one of three monitors falls silent", causes: []string{"monitors"}, monitors: 3, acts: one(hush)},
		{name: "life", about: "the run reaches its maximum life", causes: []string{"life"}, spared: true, life: 30 * time.Second, acts: one(age)},
		{name: "guard-killed", about: "the guard's keeper is killed", causes: []string{"lease"}, acts: one(killGuard)},
		{name: "guard-stopped", about: "keeper, then reaper, are stopped but not killed", causes: []string{"lease"}, acts: []act{{"keeper", stopKeeper}, {"reaper", stopReaper}}},
		{name: "hostile-child", about: "the program attacks its guard, and one member votes", causes: []string{"live_vote"}, hostile: true, acts: one(vote)},
	}
}

// Scenarios are the names of all scenarios, the default first.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

func scenarioOf(name string) (scenario, error) {
	all := scenarios()
	i := slices.IndexFunc(all, func(s scenario) bool { return s.name == name })
	if i < 0 {
		return scenario{}, fmt.Errorf("no scenario %q: there are %s", name, strings.Join(Scenarios(), ", "))
	}
	return all[i], nil
}

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

// network is a network namespace with one cable to the demo's own.
type network struct {
	name, cable string // the namespace, and the cable's end outside
	host        string
}

// newNetwork makes it. Addresses are of RFC 2544's range for tests of devices.
func newNetwork(ctx context.Context, pid int) (*network, error) {
	a, b := pid>>6&0xff, pid&0x3f<<2
	n := &network{name: fmt.Sprintf("haltlog-%d", pid), cable: fmt.Sprintf("hl%dh", pid), host: fmt.Sprintf("198.18.%d.%d", a, b+1)}
	inner := fmt.Sprintf("hl%dg", pid)
	if os.Geteuid() != 0 {
		return nil, errors.New("a network namespace takes root")
	}
	for _, args := range [][]string{
		{"netns", "add", n.name},
		{"link", "add", n.cable, "type", "veth", "peer", "name", inner, "netns", n.name},
		{"addr", "add", n.host + "/30", "dev", n.cable},
		{"link", "set", n.cable, "up"},
		{"-n", n.name, "addr", "add", fmt.Sprintf("198.18.%d.%d/30", a, b+2), "dev", inner},
		{"-n", n.name, "link", "set", inner, "up"},
		{"-n", n.name, "link", "set", "lo", "up"},
	} {
		if err := ip(ctx, args...); err != nil {
			n.remove(ctx)
			return nil, err
		}
	}
	return n, nil
}

func ip(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (n *network) down(ctx context.Context) error { return ip(ctx, "link", "set", n.cable, "down") }
func (n *network) up(ctx context.Context) error   { return ip(ctx, "link", "set", n.cable, "up") }

// inside is what a command line begins with to run there. Only the network is
// another one: ip-netns(8) would take away the view of the cgroup tree too.
func (n *network) inside() []string { return []string{"nsenter", "--net=/run/netns/" + n.name} }

// remove takes both away; the cable goes with the namespace, unless it never got there.
func (n *network) remove(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = ip(ctx, "link", "del", n.cable)
	_ = ip(ctx, "netns", "del", n.name)
}
