package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// Config says what is audited.
type Config struct {
	// Quorum is a C2SP tlog-policy: the log's key and the witnesses by which
	// the reader trusts it.
	Quorum []byte
	// Genesis is the pinned hash of entry 0; nil takes the state's, or trusts
	// on first use.
	Genesis *log.Hash
	// Leases are lease envelopes that guards kept.
	Leases [][]byte
	// Witnesses are those whose own view is compared.
	Witnesses []WitnessView
	// Patience is how long the log has to publish what a witness cosigned
	// already; 0 for one second.
	Patience time.Duration
}

// WitnessView is a witness and the prefix under which it serves what it
// cosigned. Name is that of the quorum.
type WitnessView struct {
	Name, Prefix string
}

// Deps are Run's ports. State, Views and Progress may be nil.
type Deps struct {
	Log      Source
	Views    Views
	State    State
	Verifier log.Verifier
	Now      func() time.Time
	// Progress is called now and then with the entries judged.
	Progress func(done, total uint64)
}

// audit is one run under way.
type audit struct {
	cfg     Config
	deps    Deps
	quorum  *checkpoint.Quorum
	core    *Auditor
	saved   *Saved
	views   []view
	found   findings // of what is not in the log: checkpoints and views
	report  *Report
	cp      checkpoint.Checkpoint
	note    []byte
	refused error // why the checkpoint does not verify under the given quorum
	broken  bool  // A02 or A03: what was read is not what is signed
}

// Run audits a log as it is published now. A report is what was found; an
// error is that the audit could not be done: the log could not be reached, the
// quorum is none, the state is damaged.
func Run(ctx context.Context, cfg Config, d Deps) (*Report, error) {
	if d.Log == nil || d.Verifier == nil || d.Now == nil {
		return nil, errors.New("audit: a required dependency is missing")
	}
	q, err := checkpoint.ParseQuorum(cfg.Quorum)
	if err != nil {
		return nil, fmt.Errorf("audit: read quorum: %w", err)
	}
	if q.Rule() == checkpoint.None || len(q.Logs()) == 0 {
		return nil, errors.New("audit: the quorum names no log, or asks for no cosignature")
	}
	r := &audit{cfg: cfg, deps: d, quorum: q, found: newFindings(), report: &Report{ReadAt: d.Now().UTC(), Findings: []Finding{}, Views: []string{}}}
	if err := r.load(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := r.read(ctx); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return r.report, nil
}

// load takes up an earlier audit.
func (r *audit) load() error {
	if r.deps.State != nil {
		var err error
		if r.saved, err = r.deps.State.Load(); err != nil {
			return err
		}
	}
	r.report.Trust = TrustFirstUse
	if r.saved != nil && r.cfg.Genesis == nil {
		r.cfg.Genesis, r.report.Trust = new(r.saved.Genesis), TrustState
	} else if r.cfg.Genesis != nil {
		r.report.Trust = TrustPinned
	}
	if r.saved == nil {
		return nil
	}
	if *r.cfg.Genesis != r.saved.Genesis {
		return fmt.Errorf("%w: its genesis is %s", ErrOtherLog, r.saved.Genesis.Hex())
	}
	cp, err := checkpointOf(r.saved.Checkpoint)
	if err != nil || cp.Size != r.saved.Size || cp.Origin != r.saved.Origin {
		return fmt.Errorf("%w: its checkpoint is not the one it names", ErrDamaged)
	}
	r.report.Resumed = r.saved.Size
	return nil
}

// read is the audit itself.
func (r *audit) read(ctx context.Context) error {
	if err := r.fetchViews(ctx); err != nil {
		return err
	}
	if err := r.fetchCheckpoint(ctx); err != nil {
		return err
	}
	r.report.Origin, r.report.Size, r.report.Root, r.report.Checkpoint = r.cp.Origin, r.cp.Size, log.Hash(r.cp.Root), r.note
	cp, err := signedByLog(r.quorum, r.note)
	if err != nil {
		// Nothing under it is anybody's word.
		r.found.add("", Finding{Check: checkCheckpoint, Severity: SeverityFinding, Text: fmt.Sprintf("the published checkpoint: %v", err), Evidence: r.published()})
		return r.finish(ctx, nil)
	}
	r.cp = cp
	v, err := r.quorum.Verify(r.note)
	r.refused = err
	if err == nil {
		r.report.Witnessed = time.Unix(int64(v.MaxTime), 0).UTC()
	}
	if done, err := r.history(); err != nil || done {
		return errors.Join(err, r.finish(ctx, nil))
	}
	if err := r.judge(ctx); err != nil {
		return err
	}
	root := r.core.Root()
	if root != r.cp.Root {
		if err := r.locate(ctx); err != nil {
			return err
		}
		return r.finish(ctx, nil)
	}
	r.report.Verified = r.core.Size()
	r.quorumInForce()
	r.compareViews(ctx)
	r.core.Finish(r.deps.Now(), r.report.Witnessed)
	return r.finish(ctx, r.core.Findings())
}

// published is the evidence of the checkpoint alone.
func (r *audit) published() Evidence {
	return Evidence{Quorum: string(r.cfg.Quorum), Checkpoints: []SignedNote{{"log", r.note}}}
}

// fetchCheckpoint reads the newest checkpoint; while a witness is ahead of it,
// it is read again.
func (r *audit) fetchCheckpoint(ctx context.Context) error {
	var ahead uint64
	for _, v := range r.views {
		ahead = max(ahead, v.cp.Size)
	}
	patience := r.cfg.Patience
	if patience == 0 {
		patience = aheadTries * aheadWait
	}
	for i := range aheadTries {
		note, err := r.deps.Log.Checkpoint(ctx)
		if err != nil {
			return fmt.Errorf("read checkpoint: %w", err)
		}
		r.note = note
		cp, err := checkpointOf(note)
		r.cp = cp
		if err != nil || cp.Size >= ahead || i == aheadTries-1 {
			return nil
		}
		select {
		case <-time.After(patience / aheadTries):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// judge folds every entry below the checkpoint's size.
func (r *audit) judge(ctx context.Context) error {
	var sizes []uint64
	for _, v := range r.views {
		sizes = append(sizes, v.cp.Size)
	}
	var err error
	r.core, err = NewAuditor(AuditorConfig{Genesis: r.cfg.Genesis, Leases: r.cfg.Leases, Sizes: sizes}, AuditorDeps{Verifier: r.deps.Verifier})
	if err != nil {
		return err
	}
	if err := r.refold(ctx); err != nil {
		return err
	}
	for leaves, err := range bundles(ctx, r.deps.Log, r.core.Size(), r.cp.Size) {
		if err != nil {
			return err
		}
		for _, leaf := range leaves {
			r.entry(leaf)
			if r.deps.State != nil {
				if err := r.deps.State.Append(leaf); err != nil {
					return err
				}
			}
		}
		r.progress()
	}
	return nil
}

// refold folds the entries of the state.
func (r *audit) refold(ctx context.Context) error {
	if r.saved == nil {
		return nil
	}
	for leaf, err := range r.deps.State.Entries() {
		if err != nil {
			return err
		}
		r.entry(leaf)
		if r.core.Size()%tileWidth == 0 {
			r.progress()
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	cp, err := checkpointOf(r.saved.Checkpoint)
	if err != nil || r.core.Size() != cp.Size || r.core.Root() != cp.Root {
		return fmt.Errorf("%w: its entries do not make the root of its checkpoint", ErrDamaged)
	}
	return nil
}

func (r *audit) entry(leaf []byte) {
	if r.core.Size() == 0 {
		r.report.Genesis = log.GenesisHash(leaf).Hex()
	}
	r.core.Entry(leaf)
}

func (r *audit) progress() {
	if r.deps.Progress != nil {
		r.deps.Progress(r.core.Size(), r.cp.Size)
	}
}

// quorumInForce is A01 for a checkpoint that the given quorum does not accept:
// the officers may have changed the quorum since.
func (r *audit) quorumInForce() {
	if r.refused == nil {
		return
	}
	f := Finding{Check: checkCheckpoint, Severity: SeverityFinding, Text: fmt.Sprintf("the published checkpoint: %v", r.refused), Evidence: r.published()}
	if l := r.core.Machine().Ledger(); l.Genesis() != nil {
		if v, err := l.QuorumAt(r.cp.Size).Verify(r.note); err == nil {
			f.Severity = SeverityNote
			f.Text = "the officers changed the quorum: the checkpoint verifies under the log's present one, not under the file given"
			r.report.Witnessed = time.Unix(int64(v.MaxTime), 0).UTC()
		}
	}
	r.found.add("", f)
}

// finish attaches evidence, and saves what held.
func (r *audit) finish(ctx context.Context, judged []Finding) error {
	r.report.Findings = append(r.report.Findings, r.found.list...)
	r.report.Findings = append(r.report.Findings, judged...)
	if r.core != nil && !r.broken {
		r.report.Stats = r.core.Stats()
	}
	r.attach(ctx)
	if r.deps.State == nil || r.core == nil || r.broken || r.refusedForGood() || r.core.Machine().Ledger().Genesis() == nil {
		return nil
	}
	genesis, err := log.ParseHex(r.report.Genesis)
	if err != nil {
		return err
	}
	s := Saved{Origin: r.cp.Origin, Genesis: genesis, Size: r.cp.Size, Checkpoint: r.note, Views: []SavedView{}}
	for _, v := range r.views {
		if v.cp.Size > r.cp.Size && len(s.Views) < maxViews {
			s.Views = append(s.Views, SavedView{v.name, v.note})
		}
	}
	return r.deps.State.Save(s)
}

// refusedForGood reports a checkpoint without a quorum: it is not what the
// next audit may build on.
func (r *audit) refusedForGood() bool {
	for _, f := range r.found.list {
		if f.Check == checkCheckpoint && f.Severity == SeverityFinding {
			return true
		}
	}
	return false
}
