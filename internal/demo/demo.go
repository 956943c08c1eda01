package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what is shown, and to whom.
type Options struct {
	Scenario string
	Plant    string    // a plant, or "all"; needs the scenario "vote"
	Out      io.Writer // reads along, as it happens; nil: nobody
	// Stay keeps everything running after the end, until the context ends.
	Stay bool
	// Keep leaves the folder there, with every process's log.
	Keep bool
}

// Run shows one scenario. The document says what was seen, also if the demo could
// not be brought to its end; the error says that it could not.
func Run(ctx context.Context, o Options) (*Document, error) {
	s, err := scenarioOf(o.Scenario)
	if err != nil {
		return nil, err
	}
	if err := validPlant(o.Plant, s.name); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "haltlog-demo-")
	if err != nil {
		return nil, err
	}
	doc := &Document{
		Scenario: s.name, Plant: o.Plant, Origin: origin, Addresses: map[string]string{}, Started: time.Now().UTC().Round(time.Millisecond),
		Timeline: []Event{}, Runs: []RunResult{}, Checks: []Check{}, Problems: []string{},
	}
	w := &world{teller: &teller{doc: doc, out: o.Out, start: time.Now()}, dir: dir, host: "127.0.0.1", scenario: s, fleet: newFleet(filepath.Join(dir, "logs"))}
	err = w.show(ctx, o)
	doc.Seconds = time.Since(w.start).Round(time.Millisecond).Seconds()
	if err != nil {
		w.problem("%v", err)
	}
	slices.SortStableFunc(doc.Timeline, func(a, b Event) int { return cmp.Compare(a.AtMS, b.AtMS) }) // a guard's word may come late
	doc.OK = len(doc.Problems) == 0 && o.Plant == ""
	if o.Stay && err == nil {
		w.stay(ctx)
	}
	w.fleet.stop()
	if w.net != nil {
		w.net.remove(ctx)
	}
	interrupted := err != nil && ctx.Err() != nil // whoever does that does not look for a cause
	if o.Keep || len(doc.Problems) > 0 && !interrupted {
		doc.Folder = dir
		return doc, err
	}
	return doc, errors.Join(err, os.RemoveAll(dir))
}

// show is the session.
func (w *world) show(ctx context.Context, o Options) error {
	if err := w.folders(); err != nil {
		return err
	}
	var err error
	w.bin, err = findBinaries(ctx, filepath.Join(w.dir, "bin"), func(root string) {
		w.tell("", "build", "building haltlogd, haltlog and haltwitness from the checkout in %s", root)
	})
	if err != nil {
		return err
	}
	w.doc.Binaries = w.bin
	w.start = time.Now() // building is not part of the session
	if err := w.open(ctx); err != nil {
		return err
	}
	for i, a := range w.scenario.acts {
		if err := w.play(ctx, i, a); err != nil {
			return err
		}
	}
	a, err := w.audit(ctx, w.url)
	if err != nil {
		return err
	}
	w.judge(a, w.scenario.outages)
	if o.Plant == "" || len(w.doc.Problems) > 0 {
		return nil
	}
	return w.plant(ctx, o.Plant)
}

// open makes keys, and starts the log with everybody around it.
func (w *world) open(ctx context.Context) error {
	s := w.scenario
	w.tell("", "demo", "%s: %s", s.name, s.about)
	if os.Geteuid() != 0 {
		w.tell("", "demo", "you are not root: where no cgroup can be had, the guard holds its run with less than full strength, and says so")
	}
	if s.netns {
		var err error
		if w.net, err = newNetwork(ctx, os.Getpid()); err != nil {
			return err
		}
		w.host = w.net.host
	}
	if err := errors.Join(w.makeKeys(ctx, s.monitors), w.enrol(ctx)); err != nil {
		return err
	}
	w.tell("", "keys", "made on the spot: %d officers, registrar, engine, log, %d evaluators, %d members with two keys each", officers, holders, members)
	if err := w.startWitnesses(ctx); err != nil {
		return err
	}
	if err := errors.Join(w.deal(), w.makeGenesis(ctx)); err != nil {
		return err
	}
	w.tell("", "genesis", "%d of %d officers signed the genesis %s", threshold, officers, w.genesis)
	if err := w.startDaemon(ctx); err != nil {
		return err
	}
	w.tell("", "log", "the daemon serves %s at %s; %d of %d witnesses cosign, one of them with ML-DSA-44", origin, w.url, 2, witnesses)
	if err := w.startHolders(ctx); err != nil {
		return err
	}
	policy := append(basePolicy(), s.policy...)
	if s.monitors > 0 {
		var ids []string
		for _, m := range w.monitors {
			ids = append(ids, m.keyID)
		}
		slices.Sort(ids)
		policy = append(policy, "monitors.mode=enforce", "monitors.dwell_ms=6s", "monitors.keys="+strings.Join(ids, ","))
	}
	if err := w.appoint(ctx, policy); err != nil {
		return err
	}
	w.tell("", "policy", "%d of %d officers signed policy 1, and appointed a group of %d", threshold, officers, members)
	return w.startMonitors()
}

// play lets one run live, and ends it.
func (w *world) play(ctx context.Context, n int, a act) error {
	s := w.scenario
	r := &run{w: w, id: "run-1", seed: uint64(100 * (n + 1)), hostile: s.hostile}
	if a.name != "" {
		r.id = "run-" + a.name
	}
	if w.net != nil {
		r.prefix = w.net.inside()
	}
	defer r.end()
	err := r.begin(ctx, s.life)
	if err == nil {
		err = r.settle(ctx)
	}
	var acted time.Time
	if err == nil {
		w.loseHolder()
		acted, err = a.do(ctx, r)
	}
	if err == nil {
		err = r.over(ctx, acted)
	}
	if err == nil {
		r.expect()
		err = r.checks(ctx, !s.spared)
	}
	if err == nil && s.lab {
		err = r.labWay(ctx)
	}
	w.mu.Lock()
	w.doc.Runs = append(w.doc.Runs, r.result)
	w.mu.Unlock()
	return err
}

// expect holds the end of a run against the scenario (D3).
func (r *run) expect() {
	w, s, res := r.w, r.w.scenario, r.result
	if !slices.Equal(res.Causes, s.causes) {
		w.problem("%s was halted for %v, not for %v", r.id, res.Causes, s.causes)
	}
	if res.Receipt.State != "observed-dead" {
		w.problem("the receipt of %s says %s", r.id, res.Receipt.State)
	}
	if (res.Labels == 0) != s.spared {
		w.problem("%d labels of %s were published", res.Labels, r.id)
	}
	if alive := w.left(r); len(alive) > 0 {
		w.problem("processes of %s are left: %v", r.id, alive)
	}
}

// left are processes of the guarded program that still run: found by the folder
// that only this demo's programs are started from.
func (w *world) left(r *run) []string {
	var out []string
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // it ended meanwhile
		}
		args := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
		if len(args) < 2 || args[0] != w.bin.Haltlogd {
			continue
		}
		if args[1] == "linger" || args[1] == "train" && slices.Contains(args, "--out="+r.dir("checkpoints")) {
			out = append(out, fmt.Sprintf("%s (%s)", filepath.Base(filepath.Dir(p)), args[1]))
		}
	}
	return out
}

// stay keeps the log open to visitors.
func (w *world) stay(ctx context.Context) {
	env, err := w.visit()
	if err != nil {
		w.problem("%v", err)
	}
	w.tell("", "stay", "everything keeps running until you interrupt it\ndaemon   %s\ngenesis  %s\nquorum   %s\nlab      %s\nfolder   %s", w.url, w.genesis, w.file("quorum"), env, w.dir)
	<-ctx.Done()
}
