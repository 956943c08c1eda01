package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/guardian"
	"github.com/haltlog/haltlog/log"
)

// run is one run under guard with its members.
type run struct {
	w       *world
	id      string
	seed    uint64
	hostile bool
	prefix  []string // before the guard's command line: the namespace that it runs in

	guard   *Process
	members []*Process
	started chan struct{} // closed when the guard says that the program runs

	mu     sync.Mutex
	events []guardian.Event
	dead   []guardian.Event // of the guard, or of who delivered its receipts
	goneAt time.Time        // when the demo first saw the guarded process no more, if it looked
	born   string           // start time of the guarded process, as the kernel counts it
	result RunResult
}

func (r *run) dir(name string) string { return filepath.Join(r.w.dir, "files", r.id, name) }

// begin registers the run and starts its guard and its members.
func (r *run) begin(ctx context.Context, maxLife time.Duration) error {
	w := r.w
	r.result.Run, r.started = r.id, make(chan struct{})
	for _, d := range []string{"", "checkpoints", "members"} {
		if err := os.MkdirAll(r.dir(d), 0o755); err != nil {
			return err
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(r.dir("checkpoints"), childUID, childUID); err != nil {
			return err
		}
	}
	key, grant := w.key("guard-"+r.id), r.dir("guard.grant")
	if _, err := w.tool(ctx, "key", "new", "ed25519", key); err != nil {
		return err
	}
	if _, err := w.tool(ctx, "key", "prove", key, "--origin="+origin, "--role=guard", "--name=guard", "--out="+grant); err != nil {
		return err
	}
	args := append([]string{
		"run", "register", "--key=" + w.key("registrar"), "--run=" + r.id, "--class=" + class, "--task=a small model that learns in front of you",
		"--chain=" + chain, "--group=" + w.group, "--guard=" + grant,
	}, w.trust()...)
	if maxLife > 0 {
		args = append(args, "--max-life="+maxLife.String())
	}
	if _, err := w.tool(ctx, args...); err != nil {
		return err
	}
	w.tell(r.id, "run", "%s is registered: class %s, policy chain %s, a group of %d", r.id, class, chain, members)
	if err := r.startGuard(); err != nil {
		return err
	}
	return r.startMembers()
}

// trust is how every client of the log is told which log it is.
func (w *world) trust() []string {
	return []string{"--log=" + w.url, "--quorum=" + w.file("quorum"), "--genesis=" + w.genesis}
}

func (r *run) guardFlags() []string {
	return append([]string{
		"--output=json", "guard", "--run=" + r.id, "--key=" + r.w.key("guard-"+r.id), "--state=" + filepath.Join(r.w.dir, "data", "guard-"+r.id), "--drain=60s",
	}, r.w.trust()...)
}

func (r *run) startGuard() (err error) {
	w := r.w
	argv := append(slices.Clone(r.prefix), w.bin.Haltlog)
	argv = append(argv, r.guardFlags()...)
	argv = append(argv, "--checkpoints="+r.dir("checkpoints"), "--watch-every=300ms", "--mask="+filepath.Join(w.dir, "keys"))
	if os.Geteuid() != 0 {
		argv = append(argv, "--weak")
	}
	argv = append(argv, "--", w.bin.Haltlogd, "train", "--out="+r.dir("checkpoints"), fmt.Sprintf("--seed=%d", r.seed), fmt.Sprintf("--frozen-seed=%d", r.seed))
	if r.hostile {
		argv = append(argv, "--hostile")
	}
	r.guard, err = w.fleet.start("guard-"+r.id, argv, r.hear)
	return err
}

// hear takes a line of a guard.
func (r *run) hear(line string) {
	var e guardian.Event
	if json.Unmarshal([]byte(line), &e) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	switch e.Event {
	case guardian.EventStarted:
		r.born = born(e.Pid)
		close(r.started)
		r.w.at(time.UnixMilli(e.WallMS), r.id, "guard", "%s runs as pid %d, held by %s (%s), on leases", r.id, e.Pid, e.Mode, e.Strength)
	case guardian.EventDead:
		r.dead = append(r.dead, e)
		r.w.at(time.UnixMilli(e.WallMS), r.id, "dead", "%s observed dead by the %s, %.1f ms after the order (%s): %s", r.id, e.By, float64(e.BootNS-e.OrderedBootNS)/1e6, e.Cause, e.Evidence)
	case guardian.EventUnconfirmed:
		r.w.problem("the guard of %s could not confirm the end (%s)", r.id, e.Cause)
	}
}

// event is the guard's first event of a name.
func (r *run) event(name string) (guardian.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.events, func(e guardian.Event) bool { return e.Event == name })
	if i < 0 {
		return guardian.Event{}, false
	}
	return r.events[i], true
}

// born is when a process started, in the kernel's ticks since boot: with the pid
// it names a process for good. Empty if there is none.
func born(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 || f[0] == "Z" {
		return "" // a zombie runs nothing
	}
	return f[19]
}

// gone is the demo's own look at the guarded process, apart from any receipt.
func (r *run) gone() bool {
	e, ok := r.event(guardian.EventStarted)
	r.mu.Lock()
	defer r.mu.Unlock()
	return ok && born(e.Pid) != r.born
}

func (r *run) startMembers() error {
	for i := range members {
		name := memberName(i)
		p, err := r.w.fleet.start(r.id+"-"+name, append([]string{
			r.w.bin.Haltlog, "--output=json", "member", "checkin", "--run=" + r.id, "--key=" + filepath.Join(r.w.key(name), "checkin.key"),
			"--state=" + filepath.Join(r.dir("members"), name),
		}, r.w.trust()...), nil)
		if err != nil {
			return err
		}
		r.members = append(r.members, p)
	}
	return nil
}

// settle waits until the run is as a run should be: it trains and its loss has
// fallen, checkpoints are escrowed, all members have checked in.
func (r *run) settle(ctx context.Context) error {
	over := func() error {
		if r.guard.Exited() {
			return fmt.Errorf("the guard ended with %s\n%s", r.guard.state, tail(r.guard.Path))
		}
		return nil
	}
	if err := waitFor(ctx, "the guard starts the run", r.started, r.guard.done); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(r.guard.Path))
	}
	if err := until(ctx, "all members check in on "+r.id, stepWait, func() (bool, error) {
		n, err := r.checkins(ctx)
		return n == members, err
	}); err != nil {
		return err
	}
	r.w.tell(r.id, "members", "all %d members have checked in", members)
	if err := until(ctx, "the loss of "+r.id+" falls and checkpoints are escrowed", stepWait, func() (bool, error) {
		if err := over(); err != nil {
			return false, err
		}
		losses := r.losses()
		if len(losses) < 2 || losses[len(losses)-1] >= losses[0] {
			return false, nil
		}
		n, err := r.escrowed(ctx)
		r.result.FirstLoss, r.result.LastLoss = losses[0], losses[len(losses)-1]
		return n >= 2, err
	}); err != nil {
		return err
	}
	r.w.tell(r.id, "training", "the loss fell from %.3f to %.3f; labels of its checkpoints are escrowed", r.result.FirstLoss, r.result.LastLoss)
	if r.hostile {
		return r.attacked()
	}
	return nil
}

func waitFor(ctx context.Context, what string, done, lost <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-lost:
		return fmt.Errorf("%s: it ended before", what)
	case <-time.After(stepWait):
		return fmt.Errorf("%s: not within %v", what, stepWait)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkins is how many members' check-ins the log holds as valid.
func (r *run) checkins(ctx context.Context) (int, error) {
	seen := map[string]bool{}
	for e, err := range r.w.entries(ctx, r.id, log.KindCheckin) {
		if err != nil {
			return 0, err
		}
		if s, err := log.Parse(e.Leaf); err == nil && e.Validity == string(log.Valid) {
			seen[s.Signer()] = true
		}
	}
	return len(seen), nil
}

// escrowed is how many checkpoints the log holds labels of.
func (r *run) escrowed(ctx context.Context) (n uint64, err error) {
	for e, err := range r.w.entries(ctx, r.id, log.KindArtefact) {
		if err != nil {
			return n, err
		}
		if e.Validity == string(log.Valid) {
			n++
		}
	}
	return n, nil
}

// losses are what the trained program printed with its checkpoints, which the
// guard passes on.
func (r *run) losses() []float64 {
	b, err := os.ReadFile(r.guard.Path)
	if err != nil {
		return nil
	}
	var out []float64
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 6 && f[0] == "step" && f[2] == "loss" {
			if x, err := strconv.ParseFloat(f[3], 64); err == nil {
				out = append(out, x)
			}
		}
	}
	return out
}

// checkpoint is the folder whose labels were listed: of the newest artefact
// before the halt. Checkpoints are escrowed in the order of saving.
func (r *run) checkpoint(ctx context.Context, state api.Run) (string, error) {
	if state.Artefact == nil {
		return "", fmt.Errorf("nothing of %s was escrowed", r.id)
	}
	e, err := r.w.client.Entry(ctx, *state.Artefact)
	if err != nil {
		return "", err
	}
	s, err := log.Parse(e.Leaf)
	if err != nil {
		return "", err
	}
	a, ok := s.Statement.(*log.Artefact)
	if !ok {
		return "", fmt.Errorf("entry %d is no artefact but %s", *state.Artefact, s.Kind())
	}
	r.result.Artefacts = a.Number
	names, err := filepath.Glob(filepath.Join(r.dir("checkpoints"), "step-*"))
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	if a.Number == 0 || a.Number > uint64(len(names)) {
		return "", fmt.Errorf("artefact %d of %d checkpoints", a.Number, len(names))
	}
	return names[a.Number-1], nil
}

// end ends what is left of the run: members that still beep, a guard that still drains.
func (r *run) end() {
	for _, p := range append(slices.Clone(r.members), r.guard) {
		if p != nil && !p.Exited() {
			p.Stop()
		}
	}
}
