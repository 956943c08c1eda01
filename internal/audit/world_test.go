package audit

import (
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

const theRun = "run-1"

// world is a log with one armed run, all of it honest.
func world(t testing.TB, o foldtest.Options, change func(*policy.Document)) (*foldtest.Log, []blacklist.Entry) {
	t.Helper()
	l := foldtest.New(t, o)
	l.Genesis()
	l.Policy(change)
	l.Anchor()
	l.Group(l.Members...)
	decideAll(l)
	l.Run(theRun)
	labels := foldtest.Labels(3)
	l.Artefact(theRun, labels)
	decideAll(l)
	for range 2 {
		tick(l)
	}
	return l, labels
}

// patient is a policy whose runs outlive minutes.
func patient(d *policy.Document) {
	d.Lease.DurationMS, d.Lease.GraceMS = (10 * time.Minute).Milliseconds(), 0
	d.MaxGapMS = (5 * time.Minute).Milliseconds()
	d.Witness.MaxAgeMS, d.GuardMaxAgeMS = (8 * time.Minute).Milliseconds(), (10 * time.Minute).Milliseconds()
	d.Classes[0].CheckinIntervalMS = (4 * time.Hour).Milliseconds()
	d.ListingDelayMS = 1000
}

// tick is a second of a log: heartbeat, anchor, decisions.
func tick(l *foldtest.Log) {
	if r, ok := l.Machine.Ledger().Run(theRun); ok && !r.Ended() {
		l.Heartbeat(theRun)
	}
	l.Anchor()
	decideAll(l)
}

func decideAll(l *foldtest.Log) {
	for _, e := range l.Engines {
		l.Decide(e)
	}
}

// forge logs an engine's decision after a change, signed with its key; halts
// follow as the engine would log them.
func forge(l *foldtest.Log, engine *foldtest.Key, change func(*log.Decision)) fold.Step {
	p := l.Propose(engine)
	change(p.Decision)
	s := l.Put(p.Decision, engine)
	if s.Validity == log.Valid {
		for _, h := range p.Halts(s.Signed.Identity) {
			l.Put(h, engine)
		}
	}
	return s
}

// halt lets a run be halted by a vote, without labels.
func halt(l *foldtest.Log) {
	l.Vote(theRun, l.Members[0])
	decideAll(l)
}

// list publishes labels and epoch.
func list(l *foldtest.Log, labels []blacklist.Entry) {
	l.Must(l.FingerprintsStatement(theRun, labels), l.Engines[0])
	l.Must(l.EpochStatement(), l.Engines[0])
}

// settle ends a log in an honest way.
func settle(l *foldtest.Log) {
	for range 3 {
		tick(l)
	}
}
