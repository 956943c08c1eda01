package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

// view is a checkpoint of this log that a witness served.
type view struct {
	name string
	note []byte
	cp   checkpoint.Checkpoint
	at   time.Time // of the witness's cosignature
}

// fetchViews reads what each witness was shown, before the log's own
// checkpoint is read, and takes up those that were ahead the last time.
func (r *audit) fetchViews(ctx context.Context) error {
	if r.saved != nil {
		for _, v := range r.saved.Views {
			if cp, err := signedByLog(r.quorum, v.Note); err == nil {
				r.views = append(r.views, view{v.Witness, v.Note, cp, r.cosigned(v.Witness, v.Note)})
			}
		}
	}
	if r.deps.Views == nil || len(r.cfg.Witnesses) == 0 {
		return nil
	}
	origin := r.quorum.Logs()[0].Key.Name
	for _, w := range r.cfg.Witnesses {
		note, err := r.deps.Views.View(ctx, w.Prefix, origin)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrNoView):
			r.found.add("", Finding{Check: checkWitness, Severity: SeverityNote, Witness: w.Name, Text: fmt.Sprintf("witness %s never cosigned this log", w.Name)})
		case err != nil:
			r.found.add("", Finding{Check: checkWitness, Severity: SeverityNote, Witness: w.Name, Text: fmt.Sprintf("witness %s could not be asked: %v", w.Name, err)})
		default:
			r.takeView(w.Name, origin, note)
			r.takeKept(ctx, w, origin)
		}
	}
	return nil
}

// takeKept is A04 by a witness's own evidence. Pairs that prove nothing are
// nobody's word, and left.
func (r *audit) takeKept(ctx context.Context, w WitnessView, origin string) {
	all, err := r.deps.Views.Kept(ctx, w.Prefix, origin)
	if err != nil {
		r.found.add("", Finding{Check: checkWitness, Severity: SeverityNote, Witness: w.Name, Text: fmt.Sprintf("witness %s could not be asked for its evidence: %v", w.Name, err)})
		return
	}
	for _, k := range all {
		f := Finding{
			Check: checkSplit, Severity: SeverityFinding, Witness: w.Name,
			Evidence: Evidence{Quorum: string(r.cfg.Quorum), Checkpoints: []SignedNote{{w.Name, []byte(k.First)}, {w.Name, []byte(k.Second)}}},
		}
		first, err := signedByLog(r.quorum, []byte(k.First))
		if err != nil || first.Origin != origin {
			continue
		}
		f.Text = fmt.Sprintf("witness %s kept two checkpoints of size %d that the log signed", w.Name, first.Size)
		if p, err := Verify(r.cfg.Quorum, f, r.deps.Verifier); err == nil && p.Whole {
			r.found.add("", f)
		}
	}
}

// takeView is A05.
func (r *audit) takeView(name, origin string, note []byte) {
	cp, err := signedByLog(r.quorum, note)
	if err == nil && cp.Origin != origin {
		err = fmt.Errorf("it is of %q", cp.Origin)
	}
	if err == nil {
		for _, w := range r.quorum.Witnesses() {
			if w.Name == name {
				_, err = signedBy(note, w.Key)
			}
		}
	}
	if err != nil {
		r.found.add("", Finding{
			Check: checkWitness, Severity: SeverityFinding, Witness: name,
			Text:     fmt.Sprintf("witness %s serves a checkpoint that does not verify: %v", name, err),
			Evidence: Evidence{Quorum: string(r.cfg.Quorum), Checkpoints: []SignedNote{{name, note}}},
		})
		return
	}
	r.views = append(r.views, view{name, note, cp, r.cosigned(name, note)})
}

// cosigned is when a witness signed a note; zero for one that it did not sign.
func (r *audit) cosigned(name string, note []byte) time.Time {
	for _, w := range r.quorum.Witnesses() {
		if w.Name != name {
			continue
		}
		if _, at, err := signedAt(note, w.Key); err == nil && at > 0 {
			return time.Unix(int64(at), 0).UTC()
		}
	}
	return time.Time{}
}

// compareViews is A04: what a witness was shown is what was read.
func (r *audit) compareViews(ctx context.Context) {
	h := newHashes(r.deps.Log, r.cp.Size)
	for _, v := range r.views {
		if v.cp.Size > r.cp.Size {
			f := Finding{
				Check: checkSplit, Severity: SeverityNote, Witness: v.name,
				Text: fmt.Sprintf("witness %s cosigned size %d, which the log has not published; compared at the next audit with a state", v.name, v.cp.Size),
			}
			if late := r.deps.Now().Sub(v.at); !v.at.IsZero() && late > maxAheadFor {
				f.Severity, f.Evidence = SeverityCannotJudge, r.published()
				f.Evidence.Checkpoints = append(f.Evidence.Checkpoints, SignedNote{v.name, v.note})
				f.Text = fmt.Sprintf("witness %s cosigned size %d %s ago, and the log shows %d: its end is withheld, or too few witnesses sign", v.name, v.cp.Size, seconds(late), r.cp.Size)
			}
			r.found.add("", f)
			continue
		}
		root, ok := r.core.RootAt(v.cp.Size)
		if ok && root == v.cp.Root {
			r.report.Views = append(r.report.Views, v.name)
			continue
		}
		f := Finding{
			Check: checkSplit, Severity: SeverityFinding, Witness: v.name, Evidence: r.published(),
			Text: fmt.Sprintf("split view: witness %s was shown another log of size %d, signed with the log's key", v.name, v.cp.Size),
		}
		f.Evidence.Checkpoints = append(f.Evidence.Checkpoints, SignedNote{v.name, v.note})
		if v.cp.Size < r.cp.Size {
			if old, proof, err := r.rootAt(ctx, h, v.cp.Size); err != nil {
				f.Evidence.Missing = err.Error()
			} else {
				f.Evidence.Root = &OldRoot{Size: v.cp.Size, Root: log.Hash(old), Consistency: logHashes(proof)}
			}
		}
		r.found.add("", f)
	}
}
