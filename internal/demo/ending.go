package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/log"
)

func (w *world) entries(ctx context.Context, run string, kind log.Kind) iter.Seq2[api.Entry, error] {
	return w.client.Entries(ctx, client.Filter{Run: run, Kind: kind})
}

// published is the size of the published checkpoint.
func (w *world) published(ctx context.Context) (uint64, error) {
	note, err := w.client.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		return 0, err
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	return c.Size, err
}

// over waits until a run is over in every sense: halted in the log, its process
// gone and observed dead, its labels published, all of it witnessed. acted is when
// what ends it was done.
func (r *run) over(ctx context.Context, acted time.Time) error {
	w, res := r.w, &r.result
	var st api.Run
	err := until(ctx, "the end of "+r.id, stepWait, func() (bool, error) {
		if res.DeadMS == nil && r.gone() {
			res.DeadMS = since(acted, time.Now())
			if dead, ok := r.deadAt(); ok {
				res.DeadMS = since(acted, dead)
			}
		}
		var err error
		if st, err = w.client.Run(ctx, r.id); err != nil {
			return false, err
		}
		if st.Halt != nil && res.HaltedMS == nil {
			res.Halt, res.HaltedMS = *st.Halt, since(acted, time.Now())
			w.tell(r.id, "halt", "the halt of %s is logged at entry %d: %s", r.id, *st.Halt, strings.Join(tripwires(st.Causes), ", "))
		}
		if st.Fingerprints != nil && res.LabelledMS == nil {
			res.Fingerprints, res.LabelledMS = *st.Fingerprints, since(acted, time.Now())
			if err := r.labels(ctx, *st.Fingerprints); err != nil {
				return false, err
			}
		}
		if st.ObservedDead != nil && res.ObservedDead == 0 {
			if err := r.receipt(ctx, *st.ObservedDead); err != nil {
				return false, err
			}
			res.ObservedDead = *st.ObservedDead
		}
		if size, err := w.published(ctx); err == nil && st.Halt != nil && size > *st.Halt && res.WitnessedMS == nil {
			res.WitnessedMS = since(acted, time.Now())
			w.tell(r.id, "witnessed", "a checkpoint of size %d with the halt of %s has its %d of %d cosignatures", size, r.id, 2, witnesses)
		}
		return res.DeadMS != nil && res.HaltedMS != nil && res.LabelledMS != nil && res.WitnessedMS != nil && res.ObservedDead != 0, nil
	})
	if err != nil {
		return err
	}
	res.Causes = tripwires(st.Causes)
	why, err := toolInto[api.Why](ctx, w, "run", "why", r.id, "--log="+w.url)
	if err != nil {
		return err
	}
	res.Why = why.Sentence
	w.tell(r.id, "why", "%s", res.Why)
	return r.proven(ctx)
}

// deadAt is when the end was seen first: by the guard or by the demo itself.
func (r *run) deadAt() (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.goneAt
	for _, e := range r.dead {
		if seen := time.UnixMilli(e.WallMS); at.IsZero() || seen.Before(at) {
			at = seen
		}
	}
	return at, !at.IsZero()
}

func tripwires(cs []log.Cause) []string {
	out := []string{}
	for _, c := range cs {
		out = append(out, c.Tripwire)
	}
	return out
}

// statement reads an entry's statement.
func statement[T log.Statement](ctx context.Context, w *world, index uint64) (T, error) {
	var none T
	e, err := w.client.Entry(ctx, index)
	if err != nil {
		return none, err
	}
	s, err := log.Parse(e.Leaf)
	if err != nil {
		return none, err
	}
	st, ok := s.Statement.(T)
	if !ok {
		return none, fmt.Errorf("entry %d is a %s", index, s.Kind())
	}
	return st, nil
}

func (r *run) labels(ctx context.Context, index uint64) error {
	st, err := statement[*log.Fingerprints](ctx, r.w, index)
	if err != nil {
		return err
	}
	r.result.Labels = len(st.Labels)
	text := fmt.Sprintf("%d labels of %s are published at entry %d", len(st.Labels), r.id, index)
	if len(st.Labels) == 0 {
		text = fmt.Sprintf("no label of %s is published, says entry %d", r.id, index)
		if len(st.Excluded) > 0 {
			text += ": " + st.Excluded[0].Reason
		}
	}
	r.w.tell(r.id, "labels", "%s", text)
	return nil
}

func (r *run) receipt(ctx context.Context, index uint64) error {
	st, err := statement[*log.Actuation](ctx, r.w, index)
	if err != nil {
		return err
	}
	r.result.Receipt = Receipt{State: string(st.State), Cause: st.Cause, Mode: string(st.Evidence.Mode), ElapsedUS: st.Evidence.ElapsedUS}
	r.w.tell(r.id, "receipt", "entry %d holds the guard's receipt: %s (%s), %s", index, st.State, st.Cause, st.Evidence.Mode)
	return nil
}

// proven lets a stranger verify the halt's receipt.
func (r *run) proven(ctx context.Context) error {
	w := r.w
	args := append([]string{"proof", fmt.Sprint(r.result.Halt), "--out=" + r.dir("halt.proof"), "--leaf=" + r.dir("halt.json")}, w.trust()...)
	p, err := toolInto[struct {
		Size uint64 `json:"size"`
	}](ctx, w, args...)
	if err != nil {
		return err
	}
	w.tell(r.id, "proof", "the halt's receipt verifies offline, by the quorum file alone, at size %d", p.Size)
	return nil
}

// listed waits until an epoch after the labels is under the published checkpoint.
func (w *world) listed(ctx context.Context, after uint64) error {
	return until(ctx, "an epoch of the blacklist after entry "+fmt.Sprint(after), stepWait, func() (bool, error) {
		e, err := w.client.Epoch(ctx)
		if err != nil || e.Index < after {
			return false, err
		}
		size, err := w.published(ctx)
		return err == nil && size > e.Index, err
	})
}

// check asks as a lab whether a model is listed.
func (w *world) check(ctx context.Context, run, model, path, want string) error {
	out, code, err := w.ask(ctx, append([]string{"check", path}, w.trust()...)...)
	if err != nil {
		return err
	}
	var answers []struct {
		Verdict string `json:"verdict"`
		Matches []struct {
			Run      string `json:"run"`
			Tensors  int    `json:"tensors"`
			Bands    int    `json:"bands"`
			Elements uint64 `json:"elements"`
			Proven   bool   `json:"proven"`
		} `json:"matches"`
		Parameters uint64 `json:"parameters"`
	}
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != 1 {
		return fmt.Errorf("haltlog check: exit code %d%s", code, w.said())
	}
	a := answers[0]
	c := Check{Run: run, Model: model, Want: want, Got: a.Verdict, Detail: "shares nothing with a halted run"}
	for _, m := range a.Matches {
		if m.Tensors == 0 && m.Bands > 0 {
			c.Detail = fmt.Sprintf("no tensor as it was; %d bands of its tensors' sketches are those of %s, for a person to look at", m.Bands, m.Run)
			continue
		}
		noun := "tensors"
		if m.Tensors == 1 {
			noun = "tensor"
		}
		c.Detail = fmt.Sprintf("shares %d %s, %.0f %% of its parameters, with %s", m.Tensors, noun, 100*float64(m.Elements)/float64(a.Parameters), m.Run)
	}
	w.mu.Lock()
	w.doc.Checks = append(w.doc.Checks, c)
	w.mu.Unlock()
	w.tell(run, "check", "%s: %s (%s)", model, c.Got, c.Detail)
	wantCode := map[string]int{"listed": 3, "likely copy": 4}[want]
	if c.Got != want || code != wantCode {
		w.problem("check of %s says %s with exit code %d, not %s", model, c.Got, code, want)
	}
	return nil
}

// lab makes the models that a lab asks about beside a halted one: one of equal
// architecture, and one that shares the frozen layer.
func (w *world) lab(ctx context.Context, r *run) error {
	for name, frozen := range map[string]uint64{"other": r.seed + 5000, "cousin": r.seed} {
		argv := []string{
			w.bin.Haltlogd, "train", "--out=" + filepath.Join(w.dir, "lab"), fmt.Sprintf("--seed=%d", r.seed+9000), fmt.Sprintf("--frozen-seed=%d", frozen),
			"--steps=5", "--every=5", "--pause=0s", "--name=" + r.id + "-" + name,
		}
		if _, code, err := w.fleet.command(ctx, fmt.Sprintf("cmd-%03d-lab", w.commands.Add(1)), argv); err != nil || code != 0 {
			return fmt.Errorf("train %s: exit code %d: %w", name, code, err)
		}
	}
	return nil
}

// checks asks about the halted model under other names and in other shards, and
// about the lab's own.
func (r *run) checks(ctx context.Context, lists bool) error {
	w := r.w
	st, err := w.client.Run(ctx, r.id)
	if err != nil {
		return err
	}
	from, err := r.checkpoint(ctx, st)
	if err != nil {
		return err
	}
	if err := w.listed(ctx, r.result.Fingerprints); err != nil {
		return err
	}
	if err := w.lab(ctx, r); err != nil {
		return err
	}
	copied := filepath.Join(w.dir, "lab", r.id+"-renamed")
	if err := Disguise(from, copied, 300_000); err != nil {
		return err
	}
	quantised := filepath.Join(w.dir, "lab", r.id+"-something-else.gguf")
	if err := Quantise(from, quantised); err != nil {
		return err
	}
	want := []string{"listed", "lead", "likely copy"}
	if !lists {
		want = []string{"clear", "clear", "clear"}
	}
	for _, c := range []struct{ model, path, want string }{
		{"the model of " + r.id + " under other names and in other shards", copied, want[0]},
		{"one of equal architecture with other weights", filepath.Join(w.dir, "lab", r.id+"-other"), "clear"},
		{"one that shares the frozen layer", filepath.Join(w.dir, "lab", r.id+"-cousin"), want[1]},
		{"the model of " + r.id + " as GGUF in Q4_0 under another name", quantised, want[2]},
	} {
		if err := w.check(ctx, r.id, c.model, c.path, c.want); err != nil {
			return err
		}
	}
	return nil
}

// audit lets a stranger audit a log at a URL.
func (w *world) audit(ctx context.Context, url string, more ...string) (Audit, error) {
	args := append([]string{"audit", url, "--quorum=" + w.file("quorum"), "--genesis=" + w.genesis}, more...)
	out, code, err := w.ask(ctx, args...)
	if err != nil {
		return Audit{}, err
	}
	a := Audit{ExitCode: code}
	if err := json.Unmarshal(out, &a); err != nil {
		return a, fmt.Errorf("haltlog audit: exit code %d: %w%s", code, err, w.said())
	}
	return a, nil
}

// judge holds the audit against what is expected: no finding, nothing that cannot
// be judged, and exactly so many outages.
func (w *world) judge(a Audit, outages int) {
	w.mu.Lock()
	w.doc.Audit = &a
	w.mu.Unlock()
	text := []string{fmt.Sprintf("from outside, with the pinned genesis: %d of %d entries verified and replayed", a.Verified, a.Size)}
	for _, f := range a.Findings {
		if f.Severity == "note" {
			continue
		}
		text = append(text, fmt.Sprintf("%s %s: %s", f.Check, f.Severity, f.Text))
	}
	if len(a.of("note")) > 0 {
		text = append(text, "notes for people: "+notesOf(a))
	}
	w.tell("", "audit", "%s", strings.Join(text, "\n"))
	if a.ExitCode != 0 || len(a.of("finding"))+len(a.of("cannot-judge")) > 0 {
		w.problem("the audit ends with exit code %d: %d findings, %d points that cannot be judged", a.ExitCode, len(a.of("finding")), len(a.of("cannot-judge")))
	}
	if n := len(a.of("outage")); n != outages {
		w.problem("the audit prints %d outages, not %d", n, outages)
	}
	if a.Verified != a.Size || a.Size == 0 {
		w.problem("the audit verified %d of %d entries", a.Verified, a.Size)
	}
}

// notesOf counts notes by check.
func notesOf(a Audit) string {
	var order []string
	count := map[string]uint64{}
	for _, f := range a.of("note") {
		if !slices.Contains(order, f.Check) {
			order = append(order, f.Check)
		}
		count[f.Check] += max(1, f.Count)
	}
	var words []string
	for _, c := range order {
		what := map[string]string{"A08": "entries that are void or stale", "A10": "a group that officers appointed", "A04": "a witness ahead of the log", "A05": "witnesses"}[c]
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s × %d %s", c, count[c], what)))
	}
	return strings.Join(words, ", ")
}
