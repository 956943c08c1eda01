package foldtest

import (
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/group"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// Setup appends genesis, policy, anchor, group: what every run needs.
func (l *Log) Setup() *Log {
	l.t.Helper()
	return l.SetupGroup(len(l.Members))
}

// SetupGroup is Setup with the first n members as the group.
func (l *Log) SetupGroup(n int) *Log {
	l.t.Helper()
	l.Genesis()
	l.Policy(nil)
	l.Anchor()
	l.Group(l.Members[:n]...)
	return l
}

// RunStatement is a run under what is in force.
func (l *Log) RunStatement(id string) *log.Run {
	st := &log.Run{
		Origin: l.Origin, Run: id, Class: Class, Task: "training for a test", Chain: Chain,
		Guards: []log.Guard{l.Guard.Guard(l.Origin)}, MaxLifeMS: (24 * time.Hour).Milliseconds(),
	}
	if r, ok := l.Machine.Ledger().Rules(Chain); ok {
		st.Policy = r.Hash
	}
	if g, ok := l.Machine.Ledger().GroupInForce(Group); ok {
		st.Group = g.Hash
	}
	return st
}

// Run registers a run.
func (l *Log) Run(id string) fold.Step {
	l.t.Helper()
	return l.Must(l.RunStatement(id), l.Registrar)
}

// CheckinStatement is a member's next check-in.
func (l *Log) CheckinStatement(run string, m *Member) *log.Checkin {
	return &log.Checkin{Origin: l.Origin, Run: run, Sequence: l.Next("checkin/" + run + "/" + m.Pseudonym), Anchor: l.AnchorRef()}
}

// Checkin appends a check-in of a member.
func (l *Log) Checkin(run string, m *Member) fold.Step {
	l.t.Helper()
	return l.Must(l.CheckinStatement(run, m), m.Checkin)
}

// HeartbeatStatement is the guard's next heartbeat.
func (l *Log) HeartbeatStatement(run string) *log.Heartbeat {
	return &log.Heartbeat{
		Origin: l.Origin, Run: &run, Sequence: l.Next("heartbeat/" + run), Anchor: l.AnchorRef(), Alive: true, BootID: "boot-1",
	}
}

// Heartbeat appends the guard's heartbeat.
func (l *Log) Heartbeat(run string) fold.Step {
	l.t.Helper()
	return l.Must(l.HeartbeatStatement(run), l.Guard)
}

// MonitorBeat appends a monitor's heartbeat.
func (l *Log) MonitorBeat(monitor *Key) fold.Step {
	l.t.Helper()
	return l.Must(&log.Heartbeat{
		Origin: l.Origin, Sequence: l.Next("monitor/" + monitor.Name), Anchor: l.AnchorRef(), Alive: true, BootID: "boot-1",
	}, monitor)
}

// VoteStatement is a live vote against a run by its group in force.
func (l *Log) VoteStatement(run string) *log.LiveVote {
	r, _ := l.Machine.Ledger().Run(run)
	return &log.LiveVote{Origin: l.Origin, Run: run, Group: r.Group.Hash, Expires: log.TimeOf(l.Now.Add(time.Hour)), Nonce: random(32)}
}

// RingSigner signs for a group as one of its members.
func (l *Log) RingSigner(hash log.Hash, m *Member) log.Signer {
	l.t.Helper()
	g, ok := l.Machine.Ledger().Group(hash)
	if !ok {
		l.t.Fatalf("no group %s", hash)
	}
	s, err := keys.NewRingSigner(log.RingKeyID(hash), g.Statement.Rings(), m.Ring)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// Vote appends a live vote of a member.
func (l *Log) Vote(run string, m *Member) fold.Step {
	l.t.Helper()
	v := l.VoteStatement(run)
	return l.Must(v, l.RingSigner(v.Group, m))
}

// Propose is what an engine would log now, over everything so far.
func (l *Log) Propose(engine *Key) fold.Proposal {
	l.t.Helper()
	p, err := l.Machine.Chain(engine.KeyID()).Propose(l.Size(), l.Now)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// Decide appends an engine's decision, and its halts.
func (l *Log) Decide(engine *Key) fold.Step {
	l.t.Helper()
	return l.Carry(engine, l.Propose(engine))
}

// DecideAt appends the decision that replays up to a size at a time, also
// where an honest engine would not make it, and its halts.
func (l *Log) DecideAt(engine *Key, to uint64, asOf time.Time) fold.Step {
	l.t.Helper()
	return l.Carry(engine, l.Machine.Chain(engine.KeyID()).Expect(to, log.TimeOf(asOf)))
}

// Carry appends a proposal, altered or not, and the halts that it says.
func (l *Log) Carry(engine *Key, p fold.Proposal) fold.Step {
	l.t.Helper()
	s := l.Must(p.Decision, engine)
	for _, h := range p.Halts(s.Signed.Identity) {
		l.Must(h, engine)
	}
	return s
}

// Labels makes labels as a guard would escrow them.
func Labels(n int) []blacklist.Entry {
	ls := make([]blacklist.Entry, n)
	for i := range ls {
		kind := fingerprint.Tensor
		if i == 0 {
			kind = fingerprint.Manifest
		}
		ls[i] = blacklist.Entry{Kind: kind, Label: blacklist.Label(group.MulBase(group.RandomScalar()).Bytes())}
	}
	return ls
}

// ArtefactStatement escrows labels; what is sealed is no seal.
func (l *Log) ArtefactStatement(run string, labels []blacklist.Entry) *log.Artefact {
	a := blacklist.NewArtefact(labels)
	return &log.Artefact{
		Origin: l.Origin, Run: run, Number: l.Next("artefact/" + run), KeyVersion: 1, Count: a.Count(), Root: log.Hash(a.Root()),
		Sealed: random(64), Wraps: []log.Wrap{{Suite: 1, KeyID: log.KeyID(l.EscrowSPKI), Bytes: random(64)}},
	}
}

// Artefact appends a guard's artefact.
func (l *Log) Artefact(run string, labels []blacklist.Entry) fold.Step {
	l.t.Helper()
	return l.Must(l.ArtefactStatement(run, labels), l.Guard)
}

// HaltIdentity is the identity of a run's first valid halt.
func (l *Log) HaltIdentity(run string) log.Hash {
	for _, s := range l.Steps {
		if s.Halt != nil && s.Halt.Run == run && s.Halt.First {
			return s.Signed.Identity
		}
	}
	return log.Hash{}
}

// FingerprintsStatement publishes all labels of a run's newest artefact.
func (l *Log) FingerprintsStatement(run string, labels []blacklist.Entry) *log.Fingerprints {
	st := &log.Fingerprints{Origin: l.Origin, Run: run, Halt: l.HaltIdentity(run), Labels: []log.Label{}, Excluded: []log.Exclusion{}}
	r, _ := l.Machine.Ledger().Run(run)
	if r.Artefact == nil {
		st.Reason = "no artefact before the halt"
		return st
	}
	st.Artefact, st.KeyVersion = new(r.Artefact.Number), r.Artefact.KeyVersion
	for i, y := range labels {
		st.Labels = append(st.Labels, log.Label{Number: uint64(i), Kind: string(y.Kind), Label: y.Label[:]})
	}
	return st
}

// EpochStatement commits to the blacklist as it is now.
func (l *Log) EpochStatement() *log.Epoch {
	number, _, _ := l.Machine.Ledger().Epoch()
	return fold.EpochOf(l.Machine.List(), l.Origin, number+1, l.Size())
}

// FirstEpochStatement is the same in the first semantics.
func (l *Log) FirstEpochStatement() *log.Epoch {
	number, _, _ := l.Machine.Ledger().Epoch()
	return fold.FirstEpochOf(l.Machine.List(), l.Origin, number+1, l.Size())
}

// CloseStatement says that a run ended by itself.
func (l *Log) CloseStatement(run string) *log.Close {
	return &log.Close{Origin: l.Origin, Run: run, Evidence: l.Evidence()}
}

// Evidence is a process seen dead in its cgroup.
func (l *Log) Evidence() log.Evidence {
	return log.Evidence{
		Mode: log.ModeCgroup, PidfdExited: true, PopulatedZero: true,
		StopRequested: log.TimeOf(l.Now), Observed: log.TimeOf(l.Now), ElapsedUS: 1500, BootID: "boot-1",
	}
}

// ActuationStatement is the guard's receipt for a halted run.
func (l *Log) ActuationStatement(run string) *log.Actuation {
	st := &log.Actuation{
		Origin: l.Origin, Run: run, Sequence: l.Next("actuation/" + run), State: log.ActuationObservedDead, Cause: "halt", Evidence: l.Evidence(),
	}
	if h := l.HaltIdentity(run); h != (log.Hash{}) {
		st.Halt = &h
	}
	return st
}

// Golden is a small complete log: genesis, policy, group, run, artefact,
// check-ins, heartbeats, anchors, a vote, decision, halt, receipt,
// fingerprints, epoch, and what witnesses and decides all that.
func Golden(l *Log) []blacklist.Entry {
	l.t.Helper()
	const run = "run-1"
	l.Setup()
	l.Decide(l.Engines[0])
	l.Run(run)
	labels := Labels(3)
	l.Artefact(run, labels)
	for range 3 {
		for _, m := range l.Members {
			l.Checkin(run, m)
		}
		l.Heartbeat(run)
		l.Anchor()
		for _, e := range l.Engines {
			l.Decide(e)
		}
	}
	l.Vote(run, l.Members[0])
	for _, e := range l.Engines {
		l.Decide(e)
	}
	l.Must(l.ActuationStatement(run), l.Guard)
	l.Must(l.FingerprintsStatement(run, labels), l.Engines[0])
	l.Must(l.EpochStatement(), l.Engines[0])
	for range 2 {
		l.Anchor()
		for _, e := range l.Engines {
			l.Decide(e)
		}
	}
	return labels
}
