package listsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Errors of a synchronisation.
var (
	// ErrSources is no source that served a list that verifies.
	ErrSources = errors.New("no source serves the list")
	// ErrRollback is an older list than the one held, everywhere.
	ErrRollback = errors.New("every source serves an older list than the one held")
	// ErrNoEpoch is a log that has listed nothing yet.
	ErrNoEpoch = errors.New("the log has no epoch yet")
)

// Config says what to keep and what to believe.
type Config struct {
	Dir     string
	Genesis *log.Hash // pinned; nil trusts the first one seen
	Quorum  []byte    // tlog-policy; nil takes the one of the genesis
	// MaxAge is how old the newest witnessed checkpoint may be; 0 for any age.
	MaxAge time.Duration
	// LookupOnly keeps lookup lists instead of full ones: a fifth of the size.
	LookupOnly bool
	// Polynomials keeps every part's polynomial too.
	Polynomials bool
	Now         func() time.Time
	// Progress is told of each part; may be nil.
	Progress func(done, total uint64)
}

// syncer is one synchronisation.
type syncer struct {
	cfg      Config
	sources  []Source
	store    trust.Store
	objects  Objects
	report   Report
	mu       sync.Mutex // over report, while objects are fetched at once
	held     *head      // nil if there is none
	proven   Proven
	state    blacklist.State // of held
	firstUse bool
}

// Sync brings a folder to the newest witnessed epoch that any source serves. The
// report stands also beside an error; sources that lie or lag behind are in it, and
// are no error while another one serves.
func Sync(ctx context.Context, cfg Config, sources []Source) (Report, error) {
	if len(sources) == 0 || cfg.Dir == "" || cfg.Now == nil {
		return Report{}, errors.New("listsync: folder, sources or clock is missing")
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "objects"), 0o755); err != nil {
		return Report{}, err
	}
	store, err := trust.OpenFile(filepath.Join(cfg.Dir, "trust.json"))
	if err != nil {
		return Report{}, err
	}
	defer store.Close()
	if err := durable.Sweep(cfg.Dir); err != nil { // ours alone: the lock is held
		return Report{}, err
	}
	s := &syncer{cfg: cfg, sources: sources, store: store, objects: objectsIn(cfg.Dir)}
	s.report.Sources = make([]SourceReport, len(sources))
	if err := s.load(); err != nil {
		return s.report, err
	}
	err = s.run(ctx)
	s.finish()
	return s.report, err
}

// load reads what is held. A damaged list is no list: it is fetched anew.
func (s *syncer) load() error {
	l, err := Open(s.cfg.Dir)
	switch {
	case errors.Is(err, ErrNoList):
		return nil
	case errors.Is(err, ErrDamaged) || errors.Is(err, ErrHead):
		return nil
	case err != nil:
		return err
	}
	if s.cfg.Genesis != nil && l.GenesisHash() != *s.cfg.Genesis {
		return fmt.Errorf("%s holds the list of another log, with genesis %s: %w", s.cfg.Dir, l.GenesisHash().Hex(), trust.ErrGenesis)
	}
	s.held, s.proven, s.state = new(l.head), l.proven, l.state
	return nil
}

func (s *syncer) run(ctx context.Context) error {
	for try := 1; ; try++ {
		best, err := s.choose(ctx)
		if err != nil {
			return err
		}
		err = s.install(ctx, best)
		// The list moved on while it was read: the newest one is asked for again.
		if err == nil || !errors.Is(err, errGone) || try == maxTries {
			return err
		}
		if err := pause(ctx, time.Duration(try)*retryPause); err != nil {
			return err
		}
	}
}

// choose consults every source and compares what they serve (LS3).
func (s *syncer) choose(ctx context.Context) (*candidate, error) {
	var all []*candidate
	var errs []error
	for i := range s.sources {
		r := &s.report.Sources[i]
		blamed := r.Standing == StandingRefused // before, by an object
		*r = SourceReport{Name: s.sources[i].Name, Standing: r.Standing, Reason: r.Reason, Evidence: r.Evidence}
		c, err := s.consult(ctx, &s.sources[i], r)
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, err))
			if !blamed {
				s.blame(r, err, nil)
			}
			continue
		}
		all = append(all, c)
	}
	var best *candidate
	for _, c := range all {
		if c.proven.Statement != nil && (best == nil || c.evidence.Epoch.Index > best.evidence.Epoch.Index) {
			best = c
		}
	}
	newest := uint64(0)
	if best != nil {
		newest = best.evidence.Epoch.Index
	}
	if s.held != nil {
		newest = max(newest, s.held.Evidence.Epoch.Index)
	}
	for _, c := range all {
		s.place(c, newest)
	}
	switch {
	case best == nil && len(all) == 0:
		return nil, errors.Join(append([]error{ErrSources}, errs...)...)
	case best == nil && s.held == nil:
		return nil, ErrNoEpoch
	case best == nil || best.evidence.Epoch.Index < newest:
		return nil, ErrRollback
	}
	// Of those that serve the same, the one whose checkpoint is newest.
	for _, c := range all {
		if c.evidence.Epoch.Index == newest && c.note.MinTime > best.note.MinTime {
			best = c
		}
	}
	return best, nil
}

// place says how a source compares with the newest list.
func (s *syncer) place(c *candidate, newest uint64) {
	if c.report.Standing == StandingRefused {
		return
	}
	if c.proven.Statement != nil && c.evidence.Epoch.Index == newest || newest == 0 {
		c.report.Standing = StandingNewest
		return
	}
	c.report.Standing = StandingBehind
	age := s.cfg.Now().Sub(time.Unix(int64(c.note.MinTime), 0))
	c.report.Reason = fmt.Sprintf("serves epoch %d, and another one stands in the log at entry %d", c.evidence.Epoch.Number, newest)
	if s.cfg.MaxAge > 0 && age > s.cfg.MaxAge {
		c.report.Standing = StandingStale
		c.report.Reason += fmt.Sprintf("; its checkpoint is of %v ago", age.Round(time.Second))
	}
	b := blame{Source: c.source.Name, At: s.cfg.Now(), Reason: c.report.Reason, Served: map[string]any{"checkpoint": string(c.note.Raw), "head": c.evidence.Epoch}}
	if s.held != nil {
		b.Other = s.held.Evidence.Epoch
	}
	s.noteEvidence(c.report, b)
}

// blame notes why a source is not believed.
func (s *syncer) blame(r *SourceReport, err error, served any) {
	r.Standing, r.Reason = StandingUnreachable, err.Error()
	if !blames(err) {
		return
	}
	r.Standing = StandingRefused
	b := blame{Source: r.Name, At: s.cfg.Now(), Reason: err.Error(), Served: served}
	if fork, ok := errors.AsType[*trust.ForkError](err); ok {
		b.Served, b.Other = string(fork.Shown), string(fork.Seen)
	} else if served == nil {
		b.Served = s.asServed(r.Name)
	}
	s.noteEvidence(r, b)
}

// asServed is what a source answers by which it was judged, as far as it answers.
func (s *syncer) asServed(name string) map[string]any {
	out := map[string]any{}
	for i := range s.sources {
		if s.sources[i].Name != name {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if b, err := s.sources[i].Log.Client.Checkpoint(ctx); err == nil {
			out["checkpoint"] = string(b)
		}
		if b, err := s.sources[i].Log.Genesis(ctx); err == nil {
			out["genesis"] = string(b)
		}
		if h, err := s.sources[i].Log.Client.Head(ctx); err == nil {
			out["head"] = h
		}
	}
	return out
}

func (s *syncer) noteEvidence(r *SourceReport, b blame) {
	path, err := keep(s.cfg.Dir, b)
	if err != nil {
		r.Reason += fmt.Sprintf(" (evidence: %v)", err)
		return
	}
	r.Evidence = append(r.Evidence, path)
}

// finish fills in what is held at the end.
func (s *syncer) finish() {
	s.report.FirstUse = s.firstUse
	if s.held == nil {
		return
	}
	e := s.held.Evidence
	s.report.Origin, s.report.Genesis = s.proven.Origin, log.GenesisHash(e.Genesis).Hex()
	s.report.Number, s.report.Index, s.report.Size = e.Epoch.Number, e.Epoch.Index, e.Epoch.Size
	s.report.Count = 0
	for _, p := range s.state.Parts {
		s.report.Count += p.Count
	}
	if q, err := checkpoint.ParseQuorum([]byte(e.Quorum)); err == nil {
		if v, err := q.Verify(s.held.Checkpoint); err == nil {
			s.report.Seen = time.Unix(int64(v.MinTime), 0).UTC()
			age := max(0, s.cfg.Now().Sub(s.report.Seen))
			s.report.AgeMS, s.report.Old = age.Milliseconds(), s.cfg.MaxAge > 0 && age > s.cfg.MaxAge
		}
	}
}
