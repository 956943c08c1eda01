package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/log"
)

// plant is one fault, made with the real keys, and the check that has to find it.
type plant struct {
	name, want string
	// make serves the fault and says what was done; the flags are the audit's.
	make func(ctx context.Context, w *world, f *forgery) (served *served, flags []string, what string, err error)
}

func plants() []plant {
	return []plant{
		{"leaf", "A02", plantLeaf},
		{"witness", "A04", plantWitness},
		{"relabel", "A20", plantRelabel},
		{"skip", "A11", plantSkip},
		{"clock", "A14", plantClock},
	}
}

// Plants are the names of all plants.
func Plants() []string {
	var names []string
	for _, p := range plants() {
		names = append(names, p.name)
	}
	return names
}

func validPlant(name, scenario string) error {
	switch {
	case name == "":
		return nil
	case name != "all" && !slices.Contains(Plants(), name):
		return fmt.Errorf("no plant %q: there are %v", name, Plants())
	case scenario != "vote":
		return fmt.Errorf("a plant alters the log of the scenario vote, not of %s", scenario)
	}
	return nil
}

// plant makes a fault, or all of them one after the other, and lets the auditor
// judge each.
func (w *world) plant(ctx context.Context, name string) error {
	f, err := w.forge(ctx)
	if err != nil {
		return err
	}
	for _, p := range plants() {
		if name != "all" && name != p.name {
			continue
		}
		if err := w.tryPlant(ctx, p, f); err != nil {
			return fmt.Errorf("plant %s: %w", p.name, err)
		}
	}
	return nil
}

func (w *world) tryPlant(ctx context.Context, p plant, f *forgery) error {
	s, flags, what, err := p.make(ctx, w, f)
	if err != nil {
		return err
	}
	defer s.close()
	w.tell("", "plant", "%s: %s", p.name, what)
	url := s.url
	if s.view != nil {
		url = w.url // the log is honest, the witness is not
	}
	findings := w.file("findings-" + p.name)
	a, err := w.audit(ctx, url, append(flags, "--findings="+findings)...)
	if err != nil {
		return err
	}
	found := PlantFound{Plant: p.name, What: what, Want: p.want, Audit: a, Found: a.ExitCode == 3}
	text := []string{fmt.Sprintf("exit code %d, %d of %d entries verified", a.ExitCode, a.Verified, a.Size)}
	for _, x := range a.of("finding") {
		text = append(text, fmt.Sprintf("%s %s: %s", x.Check, x.Severity, x.Text))
		found.Found = found.Found && x.Check == p.want
	}
	found.Found = found.Found && len(a.of("finding")) > 0
	if found.Offline, err = w.evidence(ctx, findings); err != nil {
		return err
	}
	if found.Offline {
		text = append(text, "its evidence verifies offline, from the file and the quorum alone")
	}
	w.mu.Lock()
	w.doc.Plants = append(w.doc.Plants, found)
	w.mu.Unlock()
	w.tell("", "audit", "%s", strings.Join(text, "\n"))
	if !found.Found {
		w.problem("the audit did not find %s as %s, and nothing else", p.name, p.want)
	}
	if !found.Offline {
		w.problem("the evidence of %s does not verify offline", p.name)
	}
	return nil
}

// evidence lets a stranger verify every finding of an audit from its file.
func (w *world) evidence(ctx context.Context, dir string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return false, err
	}
	_, code, err := w.ask(ctx, append([]string{"verify", "--quorum=" + w.file("quorum")}, files...)...)
	return code == 0, err
}

// plantLeaf serves another entry where the vote stands; tree and checkpoint are
// the real ones.
func plantLeaf(ctx context.Context, w *world, f *forgery) (*served, []string, string, error) {
	i, _, err := newest(f, uint64(len(f.leaves)), func(*log.LiveVote) bool { return true })
	if err != nil {
		return nil, nil, "", err
	}
	note, err := f.note(f.leaves, time.Now())
	if err != nil {
		return nil, nil, "", err
	}
	shown := slices.Clone(f.leaves)
	shown[i] = f.leaves[i-1]
	s, err := serve(ctx, forged{leaves: f.leaves, shown: shown, note: note})
	return s, []string{"--no-views"}, fmt.Sprintf("entry %d, the vote, is served as another entry", i), err
}

// plantWitness lets a witness show a second history of the same size, without the
// vote: signed by the log, cosigned by the witness.
func plantWitness(ctx context.Context, w *world, f *forgery) (*served, []string, string, error) {
	i, _, err := newest(f, uint64(len(f.leaves)), func(*log.LiveVote) bool { return true })
	if err != nil {
		return nil, nil, "", err
	}
	other := slices.Clone(f.leaves)
	other[i] = f.leaves[i-1]
	note, err := f.note(other, time.Now())
	if err != nil {
		return nil, nil, "", err
	}
	s, err := serve(ctx, forged{view: note})
	if err != nil {
		return nil, nil, "", err
	}
	name := w.witness[0].name
	return s, []string{"--witness=" + name + "=" + s.url}, fmt.Sprintf("witness %s was shown, and cosigned, another history of size %d, in which entry %d is no vote", name, len(other), i), nil
}

// plantRelabel logs the halt with another cause than its decision has.
func plantRelabel(ctx context.Context, _ *world, f *forgery) (*served, []string, string, error) {
	i, halt, err := newest(f, uint64(len(f.leaves)), func(*log.Halt) bool { return true })
	if err != nil {
		return nil, nil, "", err
	}
	lie := *halt
	lie.Causes = slices.Clone(halt.Causes)
	was := lie.Causes[0].Tripwire
	lie.Causes[0].Tripwire, lie.Causes[0].Lists = "life", false
	leaf, err := log.Seal(&lie, f.engine)
	if err != nil {
		return nil, nil, "", err
	}
	s, err := f.serve(ctx, append(f.cut(i), leaf))
	return s, []string{"--no-views"}, fmt.Sprintf("the halt at entry %d says life instead of %s, which would spare the model the list", i, was), err
}

// plantSkip leaves one decision out, and signs the next one again so that numbers
// and hashes fit.
func plantSkip(ctx context.Context, _ *world, f *forgery) (*served, []string, string, error) {
	last, _, err := newest(f, uint64(len(f.leaves)), func(d *log.Decision) bool { return d.Armed > 0 && d.Previous != nil && len(d.Changed) == 0 })
	if err != nil {
		return nil, nil, "", err
	}
	skipped, before, err := newest(f, last, func(*log.Decision) bool { return true })
	if err != nil {
		return nil, nil, "", err
	}
	leaves := f.cut(skipped)
	for i := skipped + 1; i < last; i++ {
		if _, is := f.parsed[i].Statement.(*log.Anchor); !is { // it would vouch for the tree that was
			leaves = append(leaves, f.leaves[i])
		}
	}
	next := *f.parsed[last].Statement.(*log.Decision)
	next.Sequence, next.Previous, next.To = before.Sequence, before.Previous, uint64(len(leaves))
	leaf, err := log.Seal(&next, f.engine)
	if err != nil {
		return nil, nil, "", err
	}
	s, err := f.serve(ctx, append(leaves, leaf))
	return s, []string{"--no-views"}, fmt.Sprintf("the decision at entry %d is left out, and the next one is signed again to follow the one before", skipped), err
}

// plantClock lets the engine decide a minute ahead, everything else as it replays.
func plantClock(ctx context.Context, _ *world, f *forgery) (*served, []string, string, error) {
	i := slices.IndexFunc(f.parsed, func(s *log.Signed) bool { return s.Kind() == log.KindDecision })
	if i < 0 {
		return nil, nil, "", fmt.Errorf("the log holds no decision")
	}
	honest := f.parsed[i].Statement.(*log.Decision)
	leaves := f.cut(uint64(i))
	chain := machine(leaves).Chain(f.engine.KeyID())
	if chain == nil {
		return nil, nil, "", fmt.Errorf("the engine has no chain")
	}
	lie := chain.Expect(honest.To, log.TimeOf(honest.AsOf.Time().Add(time.Minute)))
	leaf, err := log.Seal(lie.Decision, f.engine)
	if err != nil {
		return nil, nil, "", err
	}
	leaves = append(leaves, leaf)
	anchor, err := f.anchor(leaves, honest.AsOf.Time().Add(2*time.Second))
	if err != nil {
		return nil, nil, "", err
	}
	s, err := f.serve(ctx, append(leaves, anchor))
	return s, []string{"--no-views"}, fmt.Sprintf("the decision at entry %d says %s, a minute ahead of the witnesses", i, lie.Decision.AsOf), err
}

// serve serves leaves under a checkpoint that the liars sign.
func (f *forgery) serve(ctx context.Context, leaves [][]byte) (*served, error) {
	note, err := f.note(leaves, time.Now())
	if err != nil {
		return nil, err
	}
	return serve(ctx, forged{leaves: leaves, shown: leaves, note: note})
}
