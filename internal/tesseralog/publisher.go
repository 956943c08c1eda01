package tesseralog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A publisher signs the integrated tree, asks the witnesses, and publishes what
// reached the quorum.
type publisher struct {
	log  *Log
	kick chan struct{} // holds one; the tree has grown
	news chan struct{} // holds one; the quorum changed

	renew atomic.Bool // a round is asked for although the tree has not grown

	late sync.WaitGroup // rounds that still collect late answers

	swap sync.Mutex // held over a change of the published file

	mu      sync.Mutex
	now     published
	changed chan struct{} // closed and replaced when now changes
	at      time.Time     // when now was published; zero if before this start
	behind  time.Time     // since when entries wait to be published; zero if none

	// Of run alone.
	witnesses map[string]*witness // by URL
	verifiers map[string]*checkpoint.Verifier
	failing   bool
}

func newPublisher(l *Log, note []byte) (*publisher, error) {
	p := &publisher{
		log:       l,
		kick:      make(chan struct{}, 1),
		news:      make(chan struct{}, 1),
		changed:   make(chan struct{}),
		witnesses: map[string]*witness{},
		verifiers: map[string]*checkpoint.Verifier{},
	}
	if note != nil {
		cp, err := openPublished(note, l.cfg)
		if err != nil {
			return nil, err
		}
		p.now = published{note: note, cp: cp}
	}
	if l.Size() > p.now.cp.Size {
		p.behind = l.deps.Now()
	}
	return p, nil
}

// poke tells the publisher that the tree has grown.
func (p *publisher) poke() {
	p.mu.Lock()
	if p.behind.IsZero() {
		p.behind = p.log.deps.Now()
	}
	p.mu.Unlock()
	signal(p.kick)
}

// again asks for a round although the tree has not grown.
func (p *publisher) again() {
	p.renew.Store(true)
	signal(p.kick)
}

// signal leaves word for a loop that may be busy.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (p *publisher) run(ctx context.Context) {
	defer p.late.Wait()
	pause := retryFirst
	for ctx.Err() == nil {
		var wait <-chan time.Time
		if due, in := p.due(); due {
			began := time.Now()
			err := p.round(ctx)
			p.report(err)
			if err == nil {
				pause = retryFirst
				// An entry on an idle log does not wait; under load, rounds back
				// to back would take the processors from the entries.
				t := time.NewTimer(max(roundEvery, p.log.cfg.Interval) - time.Since(began))
				select {
				case <-t.C:
				case <-ctx.Done():
				}
				t.Stop()
				continue
			}
			// The pause is not cut short by entries: it is what keeps a log
			// without its quorum from asking as fast as it is written to.
			t := time.NewTimer(pause)
			pause = min(2*pause, retryLast)
			select {
			case <-t.C:
			case <-p.news:
				pause = retryFirst
			case <-ctx.Done():
			}
			t.Stop()
			continue
		} else if in > 0 {
			wait = time.After(in)
		}
		select {
		case <-p.kick:
		case <-p.news:
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// due reports whether a round is due, or otherwise in how long; 0 for not
// before the tree grows.
func (p *publisher) due() (due bool, in time.Duration) {
	size := p.log.Size()
	now := p.current()
	if size == 0 {
		return false, 0
	}
	if p.renew.Swap(false) || size > now.cp.Size || now.verified.Raw == nil {
		return true, 0
	}
	refresh := p.log.cfg.Refresh
	if refresh == 0 {
		return false, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	in = refresh - p.log.deps.Now().Sub(p.at)
	return in <= 0, in
}

// report says once that the quorum is gone, and once that it is back.
func (p *publisher) report(err error) {
	if p.log.cfg.Quorum() == nil {
		return // the entries that name it are still being read, at every start
	}
	l := p.log.deps.Logger
	switch {
	case err != nil && !p.failing:
		l.Warn("checkpoints are not published", "err", err, "size", p.log.Size())
	case err == nil && p.failing:
		l.Info("checkpoints are published again", "size", p.current().cp.Size)
	}
	p.failing = err != nil
}

// current is what is published. A note from before the start is held against
// the quorum as soon as one is known.
func (p *publisher) current() published {
	p.mu.Lock()
	now := p.now
	p.mu.Unlock()
	if now.note == nil || now.verified.Raw != nil {
		return now
	}
	q := p.log.cfg.Quorum()
	if q == nil {
		return now
	}
	v, err := q.Verify(now.note)
	if err != nil {
		// Published under another quorum; a round under this one is due.
		return now
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(p.now.note, now.note) {
		p.now.verified = v
	}
	return p.now
}

// put publishes a note: durable first, seen after. It never goes back to a
// smaller size, and never to another root (L3, L6).
func (p *publisher) put(next published) error {
	p.swap.Lock()
	defer p.swap.Unlock()
	p.mu.Lock()
	old := p.now
	p.mu.Unlock()
	if next.cp.Size < old.cp.Size || next.cp.Size == old.cp.Size && old.note != nil && next.cp.Root != old.cp.Root {
		return fmt.Errorf("publish size %d after %d: %w", next.cp.Size, old.cp.Size, ErrRollback)
	}
	if err := swapPublished(p.log.cfg.Dir, p.log.deps.dirs, old.note, next.note); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.log.deps.Now()
	p.now, p.at = next, now
	p.behind = time.Time{}
	if p.log.Size() > next.cp.Size {
		p.behind = now
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return nil
}

// A round is one size, put before all witnesses at once.
type round struct {
	p      *publisher
	quorum *checkpoint.Quorum
	cp     checkpoint.Checkpoint
	own    []checkpoint.NoteSig          // the log's lines
	cosigs map[string]checkpoint.NoteSig // by public key's vkey
	errs   []error
}

type answer struct {
	w     *witness
	lines []checkpoint.NoteSig
	err   error
}

// round puts the integrated tree before the witnesses and publishes it as soon
// as the quorum is reached. Answers that come later are added to what is
// published, if nothing larger is by then.
func (p *publisher) round(ctx context.Context) error {
	q := p.log.cfg.Quorum()
	if q == nil {
		return fmt.Errorf("no quorum is known yet: %w", ErrNoQuorum)
	}
	head := p.log.Head()
	r := &round{p: p, quorum: q, cosigs: map[string]checkpoint.NoteSig{}}
	r.cp = checkpoint.Checkpoint{Origin: p.log.cfg.Origin, Size: head.Size, Root: head.Root}
	for _, s := range p.log.cfg.Signers {
		line, err := s.Sign(r.cp, uint64(p.log.deps.Now().Unix()))
		if err != nil {
			return fmt.Errorf("sign checkpoint: %w", err)
		}
		sigs, err := checkpoint.ParseSignatures(line)
		if err != nil {
			return fmt.Errorf("sign checkpoint: %w", err)
		}
		r.own = append(r.own, sigs...)
	}
	ctx, cancel := context.WithTimeout(ctx, p.log.cfg.WitnessTimeout)
	answers, left := r.ask(ctx)
	next, err := r.published()
	for ; err != nil && left > 0; left-- {
		if r.take(<-answers) {
			next, err = r.published()
		}
	}
	if err != nil {
		cancel()
		return errors.Join(append([]error{fmt.Errorf("size %d: %w: %w", r.cp.Size, ErrNoQuorum, err)}, r.errs...)...)
	}
	if left == 0 {
		cancel()
		return p.put(next)
	}
	if err := p.put(next); err != nil {
		cancel()
		return err
	}
	p.late.Go(func() {
		defer cancel()
		r.collect(answers, left)
	})
	return nil
}

// collect takes the answers after the quorum, and publishes again with what
// they add.
func (r *round) collect(answers <-chan answer, left int) {
	more := false
	for range left {
		more = r.take(<-answers) || more
	}
	if now := r.p.current(); !more || now.cp.Size != r.cp.Size {
		return
	}
	next, err := r.published()
	if err == nil {
		err = r.p.put(next)
	}
	// A larger one was published just now: nothing is lost.
	if err != nil && !errors.Is(err, ErrRollback) {
		r.p.log.deps.Logger.Warn("late cosignatures", "err", err, "size", r.cp.Size)
	}
}

// ask starts one request for each URL, however many keys are behind it.
func (r *round) ask(ctx context.Context) (answers <-chan answer, n int) {
	p := r.p
	signed := checkpoint.Note{Text: r.cp.String(), Sigs: r.own}.Bytes()
	urls := map[string]bool{}
	for _, w := range r.quorum.Witnesses() {
		if w.URL != "" {
			urls[w.URL] = true
		}
	}
	c := make(chan answer, len(urls))
	for _, url := range slices.Sorted(maps.Keys(urls)) {
		w, ok := p.witnesses[url]
		if !ok {
			w = newWitness(url, p.log.deps.HTTP, p.current().cp.Size)
			p.witnesses[url] = w
		}
		p.late.Go(func() {
			lines, err := w.ask(ctx, signed, r.cp.Size, func(ctx context.Context, from uint64) ([]Hash, error) {
				return p.log.Consistency(ctx, from, r.cp.Size)
			})
			c <- answer{w, lines, err}
		})
	}
	return c, len(urls)
}

// take keeps every good cosignature of an answer and reports whether there was
// a new one.
func (r *round) take(a answer) bool {
	err := a.err
	more := false
	for _, line := range a.lines {
		key, ok, lerr := r.check(line)
		err = errors.Join(err, lerr)
		if _, twice := r.cosigs[key]; ok && !twice {
			r.cosigs[key] = line
			more = true
		}
	}
	if err == nil && len(a.lines) > 0 && !more {
		err = errors.New("no cosignature of a known key")
	}
	if err != nil {
		err = fmt.Errorf("witness %s: %w", a.w.url, err)
		r.errs = append(r.errs, err)
	}
	l := r.p.log.deps.Logger
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil && a.w.changed(err.Error()):
		l.Warn("witness", "err", err, "size", r.cp.Size)
	case err == nil && a.w.changed(""):
		l.Info("witness answers", "url", a.w.url, "size", r.cp.Size)
	}
	return more
}

// check verifies one line of an answer. A line of an unknown key is ignored; a
// line of a known one that does not verify, or whose time is further than the
// skew from the own clock (E2), is left out with a reason.
func (r *round) check(line checkpoint.NoteSig) (key string, ok bool, err error) {
	for _, w := range r.quorum.Witnesses() {
		if w.Key.Name != line.Name || w.Key.ID != line.ID {
			continue
		}
		key = w.Key.String()
		v, err := r.p.verifier(key, w.Key)
		if err != nil {
			return "", false, err
		}
		t, err := v.Verify(r.cp, line.Sig)
		if err != nil {
			return "", false, err
		}
		now := r.p.log.deps.Now()
		if d := time.Unix(int64(t), 0).Sub(now); t == 0 || d.Abs() > r.p.log.cfg.Skew {
			return "", false, fmt.Errorf("%s: time %d is further than %v from this clock's %d", w.Key.Name, t, r.p.log.cfg.Skew, now.Unix())
		}
		return key, true, nil
	}
	return "", false, nil
}

// verifier keeps prepared keys: an ML-DSA-44 key takes long to expand.
func (p *publisher) verifier(key string, k checkpoint.VKey) (*checkpoint.Verifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.verifiers[key]; ok {
		return v, nil
	}
	v, err := checkpoint.NewVerifier(k)
	if err != nil {
		return nil, err
	}
	p.verifiers[key] = v
	return v, nil
}

// published assembles the note with every cosignature at hand, in the policy's
// order, and holds it against the quorum. This is the only way to something
// that can be published (L3).
func (r *round) published() (published, error) {
	n := checkpoint.Note{Text: r.cp.String(), Sigs: slices.Clone(r.own)}
	for _, w := range r.quorum.Witnesses() {
		if line, ok := r.cosigs[w.Key.String()]; ok {
			n.Sigs = append(n.Sigs, line)
		}
	}
	note := n.Bytes()
	v, err := r.quorum.Verify(note)
	if err != nil {
		return published{}, err
	}
	return published{note: note, cp: r.cp, verified: v}, nil
}
