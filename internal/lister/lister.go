// Package lister owns what follows a halt on the blacklist: it opens the labels
// that the run's guard escrowed before the halt, logs every one of them or its
// exclusion with a reason, and then the epoch that commits to the list.
//
// It works from the log alone and from the beginning: what is missing when it
// starts is made up for, in the order of the halts, so a daemon that died between
// halt and labels leaves no gap. Labels are published only for a run whose halt
// is in the log, and each statement is the same bytes however often it is made.
package lister

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/log"
)

// Submitter puts a statement into the log, see engine.Submitter.
type Submitter interface {
	Submit(ctx context.Context, leaf []byte) (index uint64, err error)
}

// Reasons of an exclusion beside blacklist.ReasonAllowList, and of an empty listing.
const (
	// ReasonNoArtefact stands where nothing was escrowed before the halt.
	ReasonNoArtefact = "no artefact was escrowed before the halt"
	// reasonNotListed begins the reason where the policy lists for none of the causes.
	reasonNotListed = "the policy does not list for: "
	// reasonNoneListed stands for more causes than a reason holds.
	reasonNoneListed = "the policy does not list for any of the halt's causes"
)

// Config are a lister's settings.
type Config struct {
	// Retry is how long it waits after the log refused; 0 for 200 ms.
	Retry time.Duration
}

// Deps are a lister's ports. Escrow or Part may be missing, all else is required.
type Deps struct {
	Follower *follow.Follower
	Submit   Submitter
	Signer   log.Signer       // an engine's key
	Escrow   *ecdh.PrivateKey // of suite 1
	// Part asks a holder at an address for its part of an artefact's opening,
	// suite 2.
	Part   func(ctx context.Context, address string, r api.EscrowRequest) (api.EscrowAnswer, error)
	Logger *slog.Logger
}

// Lister publishes the labels of halted runs. Hear must be among the follower's sinks.
type Lister struct {
	cfg  Config
	deps Deps
	wake chan struct{}

	mu        sync.Mutex
	artefacts map[string]*log.Artefact // newest of each run that may still be listed
	due       []halted                 // not listed yet, oldest first
	changed   uint64                   // entries below it hold every change of the list
	committed uint64                   // entries below it are what the last epoch commits to
	refused   bool                     // the last run's labels were not taken: an epoch that waits goes first
}

// halted is a run with its first valid halt.
type halted struct {
	run      string
	identity log.Hash
	causes   []log.Cause
}

// New is a lister that has heard of nothing yet.
func New(cfg Config, d Deps) (*Lister, error) {
	if d.Follower == nil || d.Submit == nil || d.Signer == nil || d.Escrow == nil && d.Part == nil || d.Logger == nil {
		return nil, errors.New("lister: a required dependency is missing")
	}
	if cfg.Retry == 0 {
		cfg.Retry = 200 * time.Millisecond
	}
	return &Lister{cfg: cfg, deps: d, wake: make(chan struct{}, 1), artefacts: map[string]*log.Artefact{}}, nil
}

// Hear is the lister's follow.Sink.
func (l *Lister) Hear(e follow.Entry) {
	s := e.Step
	if s.Validity != log.Valid || s.Signed == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch st := s.Signed.Statement.(type) {
	case *log.Artefact:
		l.artefacts[st.Run] = st
	case *log.Halt:
		if s.Halt != nil && s.Halt.First {
			l.due = append(l.due, halted{st.Run, s.Signed.Identity, st.Causes})
		}
	case *log.Fingerprints:
		l.done(st.Run)
		l.changed = s.Index + 1
	case *log.Rotation:
		l.changed = s.Index + 1
	case *log.Decision:
		for _, v := range st.Changed {
			if v.State == log.StateClosed {
				delete(l.artefacts, v.Run)
			}
		}
		return
	case *log.Epoch:
		// Not all that stands before it: labels of another lister may have come in
		// between its making and its entry, and still want one of their own.
		l.committed = st.Size
	default:
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Lister) done(run string) {
	delete(l.artefacts, run)
	for i, r := range l.due {
		if r.run == run {
			l.due = append(l.due[:i:i], l.due[i+1:]...)
			return
		}
	}
}

// next is the oldest run to be listed, with its artefact, or that an epoch is due:
// when no run is, or after one that the log refused.
func (l *Lister) next() (h halted, a *log.Artefact, epoch bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stale := l.changed > l.committed
	turn := l.refused && stale
	l.refused = false
	if len(l.due) > 0 && !turn {
		return l.due[0], l.artefacts[l.due[0].run], false
	}
	return halted{}, nil, stale
}

// Run lists until the context ends; the error is never nil. What cannot be listed
// is said in the log line and left: the audit finds it, and nothing else waits for it.
func (l *Lister) Run(ctx context.Context) error {
	for {
		h, artefact, epoch := l.next()
		switch {
		case h.run != "":
			l.list(ctx, h, artefact)
		case epoch:
			l.epoch(ctx)
		default:
			select {
			case <-l.wake:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// list publishes one run's labels.
func (l *Lister) list(ctx context.Context, h halted, artefact *log.Artefact) {
	var st *log.Fingerprints
	opened, err := l.together(ctx, h, artefact)
	if errors.Is(err, errHolders) {
		// They come again, or were not shown the halt yet: it is asked for later.
		l.deps.Logger.Warn("labels wait for evaluators", "run", h.run, "err", err)
		l.later(ctx, h)
		return
	}
	if err == nil {
		l.deps.Follower.View(func(m *fold.Machine) { st, err = l.statement(m, h, artefact, opened) })
	}
	if err != nil {
		l.deps.Logger.Error("labels cannot be published", "run", h.run, "err", err)
	}
	if st == nil {
		l.mu.Lock()
		l.done(h.run)
		l.mu.Unlock()
		return
	}
	if l.submit(ctx, st) {
		return
	}
	l.behind(h)
}

// later is behind, after a while.
func (l *Lister) later(ctx context.Context, h halted) {
	l.behind(h)
	select {
	case <-ctx.Done():
	case <-time.After(l.cfg.Retry):
	}
}

// behind lets a run whose labels cannot be logged now, or ever, hold up no other
// run and no epoch: it comes again after them.
func (l *Lister) behind(h halted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = true
	if len(l.due) > 1 && l.due[0].run == h.run {
		l.due = append(l.due[1:len(l.due):len(l.due)], l.due[0])
	}
}

// statement is what is published of a halted run; nil if that is done, or with an error.
func (l *Lister) statement(m *fold.Machine, h halted, artefact *log.Artefact, labels []blacklist.Entry) (*log.Fingerprints, error) {
	info, ok := m.Ledger().Run(h.run)
	if !ok || !info.Halted || info.Fingerprinted {
		return nil, nil
	}
	st := &log.Fingerprints{
		Origin: m.Ledger().Origin(), Run: h.run, Halt: h.identity, Labels: []log.Label{}, Excluded: []log.Exclusion{},
	}
	if info.Artefact == nil {
		st.Reason = ReasonNoArtefact
		return st, nil
	}
	if artefact == nil || artefact.Number != info.Artefact.Number {
		return nil, fmt.Errorf("artefact %d was not heard of", info.Artefact.Number)
	}
	if labels == nil {
		if l.deps.Escrow == nil {
			return nil, blacklist.ErrUnopenable
		}
		var err error
		if labels, err = blacklist.Open(l.deps.Escrow, contextOf(st.Origin, artefact), artefact.Sealed, wraps(artefact.Wraps)); err != nil {
			return nil, err
		}
	}
	if uint64(len(labels)) != artefact.Count {
		return nil, fmt.Errorf("artefact %d holds %d labels and says %d", artefact.Number, len(labels), artefact.Count)
	}
	st.Artefact, st.KeyVersion = new(artefact.Number), artefact.KeyVersion
	published, excluded := m.List().Publish(labels)
	if why, lists := listing(h.causes); !lists {
		published, excluded = nil, nil
		for n, e := range labels {
			excluded = append(excluded, blacklist.Exclusion{Number: uint64(n), Reason: why, Leaf: blacklist.ArtefactLeaf(uint64(n), e.Kind, e.Label)})
		}
	}
	for _, p := range published {
		st.Labels = append(st.Labels, log.Label{Number: p.Number, Kind: string(p.Kind), Label: p.Label[:]})
	}
	for _, x := range excluded {
		st.Excluded = append(st.Excluded, log.Exclusion{Number: x.Number, Reason: x.Reason, Leaf: log.Hash(x.Leaf)})
	}
	return st, nil
}

// listing reports whether a halt lists its model: one cause for which the policy
// does is enough. Otherwise why says for which it does not.
func listing(causes []log.Cause) (why string, lists bool) {
	names := make([]string, 0, len(causes))
	for _, c := range causes {
		if c.Lists {
			return "", true
		}
		names = append(names, c.Tripwire)
	}
	if why = reasonNotListed + strings.Join(names, ", "); len(why) > log.MaxExclusion {
		why = reasonNoneListed // the halt names them
	}
	return why, false
}

func wraps(ws []log.Wrap) []blacklist.Wrap {
	out := make([]blacklist.Wrap, len(ws))
	for i, w := range ws {
		out[i] = blacklist.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes}
	}
	return out
}

// epoch commits to the list as it is now.
func (l *Lister) epoch(ctx context.Context) {
	l.mu.Lock()
	changed := l.changed
	l.mu.Unlock()
	// Trees, polynomials and hashes are made outside the lock: after a start all
	// of them, for every part, and no halt waits for that.
	var draft *fold.EpochDraft
	l.deps.Follower.Alone(func(m *fold.Machine) {
		// Another engine's epoch may have been folded, and not heard of yet.
		number, size, _ := m.Ledger().Epoch()
		if size >= changed {
			return
		}
		draft = new(fold.DraftOf(m.List(), m.Ledger().Origin(), number+1, m.Size()))
	})
	if draft == nil {
		select {
		case <-l.wake:
		case <-ctx.Done():
		}
		return
	}
	l.submit(ctx, draft.Statement())
}

// submit logs a statement, in parts if need be, and waits until it was folded. A
// refusal is waited out, and reported as false: another engine may have been first,
// which its entry shows.
func (l *Lister) submit(ctx context.Context, st log.Statement) bool {
	whole, err := log.Seal(st, l.deps.Signer)
	if err == nil {
		var leaves [][]byte
		if leaves, err = log.Split(whole, l.deps.Signer); err == nil {
			var index uint64
			for _, leaf := range leaves {
				if index, err = l.deps.Submit.Submit(ctx, leaf); err != nil {
					break
				}
			}
			if err == nil {
				err = l.deps.Follower.Wait(ctx, index)
			}
		}
	}
	if err == nil || ctx.Err() != nil {
		return true
	}
	l.deps.Logger.Error("not logged yet", "kind", string(st.Kind()), "err", err)
	select {
	case <-ctx.Done():
	case <-time.After(l.cfg.Retry):
	}
	return false
}
