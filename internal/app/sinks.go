package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/tesseralog"
	"github.com/haltlog/haltlog/log"
)

// submitter is admission as the engine and the lister see it.
type submitter struct{ *admission.Admission }

// Submit returns the index of the statement's first entry.
func (s submitter) Submit(ctx context.Context, leaf []byte) (uint64, error) {
	r, err := s.Admission.Submit(ctx, leaf)
	return r.Index, err
}

// published is the log as the engine sees it.
type published struct{ *tesseralog.Log }

// Consistency is engine.Published's.
func (p published) Consistency(ctx context.Context, from, to uint64) ([]log.Hash, error) {
	proof, err := p.Log.Consistency(ctx, from, to)
	out := make([]log.Hash, len(proof))
	for i, h := range proof {
		out[i] = log.Hash(h)
	}
	return out, err
}

// hear is the follower's one sink. The engine is last of those that matter to a
// stop: what it decides on must be readable by whoever it wakes.
func (d *Daemon) hear(e follow.Entry) {
	record, err := projection.RecordOf(e.Leaf, e.Step.Judged)
	if err == nil {
		d.indexMu.Lock()
		err = d.index.Apply(e.Step.Index, record)
		d.indexMu.Unlock()
	}
	if err != nil {
		// What is not flushed is kept and flushed with what follows; admission
		// stops when too much waits.
		d.deps.Logger.Error("index", "index", e.Step.Index, "err", err)
	}
	for _, effect := range e.Step.Effects {
		switch x := effect.(type) {
		case log.GenesisAccepted:
			d.quorum(e)
		case log.AuthorityInForce:
			if x.Quorum != nil {
				d.quorum(e)
			}
		case log.RunRegistered:
			if d.caughtUp.Load() {
				d.warm(x.Run.Group)
			}
		case log.AnchorAccepted:
			d.quorum(e) // a new quorum takes force at an anchor
		}
	}
	d.decisions.Hear(e)
	d.runs.Hear(e)
	d.hub.Hear(e, record.Run)
	if d.engine != nil {
		d.engine.Hear(e)
	}
	if d.lister != nil {
		d.lister.Hear(e)
	}
}

// flushIdle makes the index durable whenever the log has rested.
func (d *Daemon) flushIdle(ctx context.Context) error {
	tick := time.NewTicker(idleFlush)
	defer tick.Stop()
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		size := d.index.Size()
		if size == last {
			d.indexMu.Lock()
			err := d.index.Flush()
			d.indexMu.Unlock()
			if err != nil {
				d.deps.Logger.Error("index", "size", size, "err", err)
			}
		}
		last = size
	}
}

// warm prepares a group's ring beside the fold, so that the first vote against a
// run is verified as fast as any other.
func (d *Daemon) warm(g log.GroupInfo) {
	if g.Statement == nil {
		return
	}
	d.warming.Go(func() {
		if err := d.verifier.PrepareRing(g.Statement.Rings()); err != nil {
			d.deps.Logger.Error("prepare ring", "err", err)
		}
	})
}

// quorum tells the publisher of the quorum in force, if it is another.
func (d *Daemon) quorum(e follow.Entry) {
	var changed bool
	var err error
	d.follower.View(func(m *fold.Machine) {
		q := m.Ledger().Quorum()
		if q == nil || q == d.inForce {
			return
		}
		d.inForce, changed = q, true
		err = d.quorums.set(q)
	})
	if err != nil {
		d.deps.Logger.Error("quorum", "index", e.Step.Index, "err", err)
	}
	if changed {
		d.log.QuorumChanged()
	}
}

// lastCount is the sequence of the evaluator's last logged count.
func (d *Daemon) lastCount() uint64 {
	var n uint64
	q := projection.Query{Kind: string(log.KindEvaluations), Limit: projection.MaxLimit}
	for {
		page, err := d.index.Find(q)
		if err != nil {
			return n
		}
		for _, e := range page.Entries {
			for leaf, err := range d.log.Entries(context.Background(), e.Index, e.Index+1) {
				if err != nil {
					return n
				}
				if s, err := log.Parse(leaf); err == nil && s.Signer() == d.files.counts.KeyID() {
					if st, ok := s.Statement.(*log.Evaluations); ok {
						n = max(n, st.Sequence)
					}
				}
			}
		}
		if page.Next == "" {
			return n
		}
		q.Cursor = page.Next
	}
}

// ready says what keeps the daemon from serving everything.
func (d *Daemon) ready() error {
	lag := d.log.Lag()
	note, _ := d.log.Published()
	switch {
	case note == nil:
		return errors.New("no checkpoint is published yet: witnesses are missing")
	case lag.Entries > uint64(d.cfg.Log.MaxLag):
		return fmt.Errorf("%d entries wait for their checkpoint", lag.Entries)
	case d.follower.Size() < d.log.Size() && d.log.Size()-d.follower.Size() > uint64(d.cfg.Log.MaxLag):
		return fmt.Errorf("the fold is %d entries behind", d.log.Size()-d.follower.Size())
	}
	return nil
}

func (d *Daemon) gauges() {
	d.metrics.Gauge("haltlog_log_size", "Integrated entries.", func() float64 { return float64(d.log.Size()) })
	d.metrics.Gauge("haltlog_folded_size", "Folded entries.", func() float64 { return float64(d.follower.Size()) })
	d.metrics.Gauge("haltlog_published_lag_entries", "Entries that no published checkpoint covers (L7).", func() float64 { return float64(d.log.Lag().Entries) })
	d.metrics.Gauge("haltlog_published_age_seconds", "Age of the published checkpoint (L3).", func() float64 { return d.log.Lag().Age.Seconds() })
	d.metrics.Gauge("haltlog_armed_runs", "Runs that this daemon's engine has armed (E8).", func() (n float64) {
		if d.engine == nil {
			return 0
		}
		d.follower.View(func(m *fold.Machine) {
			if c := m.Chain(d.engine.KeyID()); c != nil {
				n = float64(len(c.Armed()))
			}
		})
		return n
	})
}
