package log_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/log"
)

// viewFor is a state in which the sample of a kind is valid.
func viewFor(t *testing.T, k log.Kind) (*fakeView, sample, log.Signed) {
	t.Helper()
	s := samples(t)[k]
	signed, err := parse(k, s.seal(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	g := w.group()
	payload, err := log.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	group := log.GroupInfo{Hash: log.GroupHash(payload), Statement: g, Index: 5, From: 5, Until: log.Forever}
	engine := w.key("engine e0").KeyID()
	artefact := log.ArtefactInfo{Index: 18, Number: 2, KeyVersion: 1, Count: 3, Root: hashOf("labels")}
	v := &fakeView{
		index: 40, keys: map[string]log.Key{}, number: 0, identity: hashOf("genesis"),
		rules: map[string]log.Rules{"main": {
			Chain: "main", Number: 7, Hash: hashOf("policy"), Appointed: true, MinGroup: 4,
			Intervals: map[string]time.Duration{"fast": time.Second}, Lease: 3 * time.Second, MaxLife: time.Hour,
		}},
		groups: map[log.Hash]log.GroupInfo{group.Hash: group}, newest: map[string]log.GroupInfo{},
		runs: map[string]log.RunInfo{}, voters: true,
		anchor:    &log.AnchorInfo{Index: 12, Size: 11, Root: hashOf("anchor root"), Min: sampleTime.Time(), Max: sampleTime.Time()},
		decisions: map[string]log.DecisionInfo{engine: {Identity: hashOf("decision 1"), Sequence: 1, To: 10, AsOf: sampleTime.Time()}},
		halts:     map[log.Hash]string{hashOf("halt"): "run-1"},
		artefacts: map[uint64]log.ArtefactInfo{2: artefact}, published: true, epoch: 3, epochSize: 30,
		verdict: &log.Verdict{Run: "run-1", Policy: 7, State: log.StateHalt, Causes: w.causes()},
	}
	if k == log.KindGenesis {
		v.index = 0
	}
	v.sets = map[uint64]log.EvaluatorSet{1: {Version: 1}, 2: {Version: 2}}
	v.deals = map[log.Hash]*log.Deal{hashOf("deal"): samples(t)[log.KindDeal].st.(*log.Deal)}
	if k != log.KindRun {
		run := samples(t)[log.KindRun].st.(*log.Run)
		info := log.RunInfo{Statement: run, Index: 8, Group: group}
		for _, x := range run.Guards {
			info.Guards = append(info.Guards, log.Key{ID: log.KeyID(x.SPKI), Role: log.RoleGuard, Name: x.Name, SPKI: x.SPKI, Until: log.Forever})
		}
		if k == log.KindFingerprints {
			info.Halted, info.HaltIndex, info.Artefact = true, 20, &artefact
		}
		v.runs["run-1"] = info
	}
	return v, s, *signed
}

type voidCase struct {
	what   string
	class  log.Class // "" if it stays valid
	change func(v *fakeView, st log.Statement, e *log.Signed)
}

func state(class log.Class, what string, f func(v *fakeView)) voidCase {
	return voidCase{what, class, func(v *fakeView, _ log.Statement, _ *log.Signed) { f(v) }}
}

func field[T log.Statement](class log.Class, what string, f func(st T)) voidCase {
	return voidCase{what, class, func(_ *fakeView, st log.Statement, _ *log.Signed) { f(st.(T)) }}
}

func stranger(v *fakeView, _ log.Statement, e *log.Signed) {
	e.Envelope.Signatures[0].KeyID = "0000000000000000000000000000000000000000000000000000000000000000"
}

var (
	noRun     = state(log.Unknown, "unknown run", func(v *fakeView) { clear(v.runs) })
	halted    = state(log.Conflict, "halted run", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Halted = true }) })
	closed    = state(log.Conflict, "closed run", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Closed = true }) })
	noRules   = state(log.Unknown, "no policy in force", func(v *fakeView) { clear(v.rules) })
	frozen    = state(log.Conflict, "frozen log", func(v *fakeView) { v.frozen = true })
	notStale  = state(log.Stale, "stale anchor", func(v *fakeView) { v.fresh = &log.VoidError{Class: log.Stale, Reason: "old"} })
	notGuard  = voidCase{"signer is no guard of the run", log.Forbidden, stranger}
	published = state(log.Unknown, "label not published", func(v *fakeView) { v.published = false })
)

// voidCases hold for every kind each rule alone, and what must not matter.
var voidCases = map[log.Kind][]voidCase{
	log.KindGenesis: {state(log.Conflict, "not entry 0", func(v *fakeView) { v.index = 1 })},
	log.KindAuthority: {
		field(log.Conflict, "number skips", func(s *log.Authority) { s.Number = 2 }),
		field(log.Conflict, "previous is another", func(s *log.Authority) { s.Previous = hashOf("x") }),
		state(log.Conflict, "another came before", func(v *fakeView) { v.number, v.identity = 1, hashOf("one") }),
		state(log.Conflict, "cannot be carried out", func(v *fakeView) { v.authority = errFake }),
	},
	log.KindPolicy: {state(log.Conflict, "the book refuses it", func(v *fakeView) { v.policy = errFake })},
	log.KindGroup: {
		frozen, noRules,
		state(log.Forbidden, "nobody may appoint", func(v *fakeView) { v.changeRules(func(r *log.Rules) { r.Appointed = false }) }),
		state(log.Conflict, "too small", func(v *fakeView) { v.changeRules(func(r *log.Rules) { r.MinGroup = 8 }) }),
		field(log.Conflict, "first has another number", func(s *log.Group) { s.Number = 2 }),
		voidCase{"another of the name before", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.newest["red"] = log.GroupInfo{Hash: hashOf("g1"), Statement: &log.Group{Number: 1, Chain: "main"}}
		}},
		voidCase{"previous is another", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.newest["red"] = log.GroupInfo{Hash: hashOf("g1"), Statement: &log.Group{Number: 1, Chain: "main"}}
			st.(*log.Group).Number, st.(*log.Group).Previous = 2, new(hashOf("g0"))
		}},
		voidCase{"changes its chain", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.newest["red"] = log.GroupInfo{Hash: hashOf("g1"), Statement: &log.Group{Number: 1, Chain: "other"}}
			st.(*log.Group).Number, st.(*log.Group).Previous = 2, new(hashOf("g1"))
		}},
		voidCase{"follows", "", func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.newest["red"] = log.GroupInfo{Hash: hashOf("g1"), Statement: &log.Group{Number: 1, Chain: "main"}}
			st.(*log.Group).Number, st.(*log.Group).Previous = 2, new(hashOf("g1"))
		}},
		voidCase{"check-in key is an officer's", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.keys[log.KeyID(st.(*log.Group).Members[1].Checkin)] = log.Key{Role: log.RoleOfficer}
		}},
	},
	log.KindRun: {
		frozen, noRules,
		voidCase{"registered before", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) { v.runs["run-1"] = log.RunInfo{} }},
		field(log.Conflict, "another policy", func(s *log.Run) { s.Policy = hashOf("x") }),
		field(log.Unknown, "unknown class", func(s *log.Run) { s.Class = "slow" }),
		field(log.Conflict, "longer than the policy's life", func(s *log.Run) { s.MaxLifeMS++ }),
		state("", "policy without a life", func(v *fakeView) { v.changeRules(func(r *log.Rules) { r.MaxLife = 0 }) }),
		field(log.Unknown, "unknown group", func(s *log.Run) { s.Group = hashOf("x") }),
		voidCase{"group of another chain", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.groups[st.(*log.Run).Group].Statement.Chain = "other"
		}},
		voidCase{"group waits", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			g := v.groups[st.(*log.Run).Group]
			g.From = v.index + 1
			v.groups[g.Hash] = g
		}},
		voidCase{"group is replaced", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			g := v.groups[st.(*log.Run).Group]
			g.Until = v.index
			v.groups[g.Hash] = g
		}},
		voidCase{"guard has an engine's key", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.keys[log.KeyID(st.(*log.Run).Guards[0].SPKI)] = log.Key{Role: log.RoleEngine}
		}},
		voidCase{"guard has a member's key", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.groups[st.(*log.Run).Group].Statement.Members[2].Checkin = st.(*log.Run).Guards[0].SPKI
		}},
		state(log.Conflict, "listed manifest", func(v *fakeView) { v.listed = true }),
		voidCase{"no manifest to be listed", "", func(v *fakeView, st log.Statement, _ *log.Signed) { v.listed, st.(*log.Run).Manifest = true, nil }},
	},
	log.KindCheckin: {
		noRun, halted, closed, noRules, notStale,
		voidCase{"not a member", log.Forbidden, stranger},
		state("", "close is pending", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.ClosePending = true }) }),
	},
	log.KindLiveVote: {
		noRun, halted, closed,
		voidCase{"ring of another group", log.Forbidden, func(_ *fakeView, _ log.Statement, e *log.Signed) {
			e.Envelope.Signatures[0].KeyID = log.RingKeyID(hashOf("x"))
		}},
		state(log.Forbidden, "group may not vote", func(v *fakeView) { v.voters = false }),
		state(log.Conflict, "expired", func(v *fakeView) { v.anchor.Min = sampleTime.Add(1).Time() }),
		state("", "nothing expires before the first anchor", func(v *fakeView) { v.anchor = nil }),
		state("", "policy expired", func(v *fakeView) { clear(v.rules) }),
	},
	log.KindHeartbeat: {
		noRun, halted, closed, noRules, notStale, notGuard,
		voidCase{"monitor's by a guard", log.Forbidden, func(v *fakeView, st log.Statement, _ *log.Signed) {
			st.(*log.Heartbeat).Run, v.signers = nil, []log.Key{{Role: log.RoleGuard}}
		}},
		voidCase{"monitor's", "", func(v *fakeView, st log.Statement, _ *log.Signed) {
			st.(*log.Heartbeat).Run, v.signers = nil, []log.Key{{Role: log.RoleMonitor}}
		}},
		voidCase{"monitor's is stale", log.Stale, func(v *fakeView, st log.Statement, _ *log.Signed) {
			st.(*log.Heartbeat).Run, v.signers = nil, []log.Key{{Role: log.RoleMonitor}}
			v.fresh = &log.VoidError{Class: log.Stale}
		}},
	},
	log.KindArtefact: {noRun, halted, closed, notGuard},
	log.KindAnchor:   {state(log.Conflict, "the checkpoint does not hold", func(v *fakeView) { v.checkpoint = errFake })},
	log.KindDecision: {
		field(log.Conflict, "sequence skips", func(s *log.Decision) { s.Sequence = 3 }),
		field(log.Conflict, "previous is another", func(s *log.Decision) { s.Previous = new(hashOf("x")) }),
		field(log.Conflict, "gap in the range", func(s *log.Decision) { s.From = 11 }),
		field(log.Conflict, "folds twice", func(s *log.Decision) { s.From = 9 }),
		field(log.Conflict, "as_of goes back", func(s *log.Decision) { s.AsOf-- }),
		state(log.Conflict, "folds its own index", func(v *fakeView) { v.index = 18 }),
		state("", "folds up to its own index", func(v *fakeView) { v.index = 19 }),
		state(log.Conflict, "first has sequence 1", func(v *fakeView) { clear(v.decisions) }),
		voidCase{"first folds from 0", log.Conflict, func(v *fakeView, st log.Statement, _ *log.Signed) {
			clear(v.decisions)
			st.(*log.Decision).Sequence, st.(*log.Decision).Previous = 1, nil
		}},
		voidCase{"first", "", func(v *fakeView, st log.Statement, _ *log.Signed) {
			clear(v.decisions)
			st.(*log.Decision).Sequence, st.(*log.Decision).Previous, st.(*log.Decision).From = 1, nil, 0
		}},
	},
	log.KindHalt: {
		noRun, closed,
		state("", "confirms", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Halted = true }) }),
		state(log.Unknown, "decision does not halt it", func(v *fakeView) { v.verdict = nil }),
		state(log.Unknown, "decision halts another", func(v *fakeView) { v.verdict.Run = "run-2" }),
		field(log.Unknown, "another decision", func(s *log.Halt) { s.Decision = hashOf("x") }),
		voidCase{"another engine's decision", log.Unknown, stranger},
		field(log.Conflict, "cause left out", func(s *log.Halt) { s.Causes = s.Causes[:1] }),
		field(log.Conflict, "causes in another order", func(s *log.Halt) { slices.Reverse(s.Causes) }),
		field(log.Conflict, "cause lists otherwise", func(s *log.Halt) { s.Causes[0].Lists = false }),
		field(log.Conflict, "cause has another value", func(s *log.Halt) { s.Causes[1].Value++ }),
		field(log.Conflict, "cause has another bound", func(s *log.Halt) { s.Causes[1].Bound++ }),
		field(log.Conflict, "cause has other evidence", func(s *log.Halt) { s.Causes[0].Evidence = []uint64{18} }),
	},
	log.KindClose: {noRun, halted, closed, notGuard},
	log.KindActuation: {
		noRun, notGuard,
		voidCase{"an actuator's", "", func(v *fakeView, st log.Statement, e *log.Signed) {
			stranger(v, st, e)
			v.signers = []log.Key{{Role: log.RoleActuator}}
		}},
		state("", "halted run", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Halted = true }) }),
		field(log.Unknown, "another halt", func(s *log.Actuation) { s.Halt = new(hashOf("x")) }),
		state(log.Unknown, "halt of another run", func(v *fakeView) { v.halts[hashOf("halt")] = "run-2" }),
		field("", "before any halt", func(s *log.Actuation) { s.Halt = nil }),
	},
	log.KindFingerprints: {
		noRun,
		state(log.Conflict, "not halted", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Halted = false }) }),
		state(log.Conflict, "second", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Fingerprinted = true }) }),
		field(log.Unknown, "another halt", func(s *log.Fingerprints) { s.Halt = hashOf("x") }),
		field(log.Conflict, "older artefact", func(s *log.Fingerprints) { s.Artefact = new(uint64(1)) }),
		field(log.Conflict, "other key version", func(s *log.Fingerprints) { s.KeyVersion = 2 }),
		field(log.Conflict, "says there is none", func(s *log.Fingerprints) { s.Artefact = nil }),
		state(log.Conflict, "there is none", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Artefact = nil }) }),
		voidCase{"there is none, and it says so", "", func(v *fakeView, st log.Statement, _ *log.Signed) {
			v.changeRun(func(r *log.RunInfo) { r.Artefact = nil })
			st.(*log.Fingerprints).Artefact = nil
		}},
		state(log.Conflict, "labels are not those escrowed", func(v *fakeView) { v.listing = errFake }),
	},
	log.KindEpoch: {
		field(log.Conflict, "number skips", func(s *log.Epoch) { s.Number = 5 }),
		state(log.Conflict, "size goes back", func(v *fakeView) { v.epochSize = 31 }),
		state(log.Conflict, "folds its own index", func(v *fakeView) { v.index = 29 }),
	},
	log.KindEvaluations: {},
	log.KindAllowList:   {},
	log.KindStrike:      {published},
	log.KindFreeze:      {frozen},
	log.KindContest: {
		noRun, notGuard, published,
		state("", "halted run", func(v *fakeView) { v.changeRun(func(r *log.RunInfo) { r.Halted = true }) }),
		state(log.Unknown, "no such artefact", func(v *fakeView) { clear(v.artefacts) }),
		state(log.Conflict, "path leads elsewhere", func(v *fakeView) { v.contest = errFake }),
	},
	log.KindDeal: {
		frozen,
		voidCase{"another's dealing", log.Forbidden, stranger},
		field("", "an outside dealer", func(s *log.Deal) { s.Dealer = 0 }),
		state(log.Conflict, "fits no ceremony", func(v *fakeView) { v.deal = errFake }),
	},
	log.KindComplaint: {
		state(log.Unknown, "no such dealing", func(v *fakeView) { v.deals = nil }),
		field(log.Forbidden, "another holder's", func(s *log.Complaint) { s.Holder = 3 }),
		field(log.Unknown, "no such holder", func(s *log.Complaint) { s.Holder = 4 }),
		voidCase{"a stranger's", log.Forbidden, stranger},
	},
	log.KindRotation: {
		field(log.Unknown, "to nobody's key", func(s *log.Rotation) { s.To = 3 }),
		voidCase{"from nobody's key", log.Unknown, func(v *fakeView, _ log.Statement, _ *log.Signed) { delete(v.sets, 1) }},
		state(log.Conflict, "proves nothing", func(v *fakeView) { v.rotation = errFake }),
	},
	log.KindPart:         {state(log.Conflict, "fits no whole", func(v *fakeView) { v.part = errFake })},
	log.KindLeaseRequest: {noRun, halted, closed, noRules, notStale, notGuard},
}

// TestVoid holds for every kind that its sample is valid, and that each rule
// alone makes it void.
func TestVoid(t *testing.T) {
	t.Attr("invariant", "S3")
	t.Attr("invariant", "E5")
	for _, info := range log.Kinds() {
		k := info.Kind
		cases, ok := voidCases[k]
		if k == log.KindLease {
			v, s, e := viewFor(t, k)
			if classOf(s.st.Void(v, e)) != log.Forbidden {
				t.Error("a lease is valid in a log")
			}
			continue
		}
		if !ok {
			t.Errorf("%s: no cases", k)
			continue
		}
		t.Run(string(k), func(t *testing.T) {
			v, s, e := viewFor(t, k)
			if err := s.st.Void(v, e); err != nil {
				t.Fatalf("sample: %v", err)
			}
			for _, c := range cases {
				v, s, e := viewFor(t, k)
				c.change(v, s.st, &e)
				err := s.st.Void(v, e)
				if classOf(err) != c.class || (err == nil) != (c.class == "") {
					t.Errorf("%s: %v, want %q", c.what, err, c.class)
				}
				if err != nil && !errors.Is(err, log.ErrVoid) || errors.Is(err, log.ErrStale) != (c.class == log.Stale) {
					t.Errorf("%s: %v is of another family", c.what, err)
				}
			}
		})
	}
}

// TestAllowances holds which allowance each kind's anchor has (S4).
func TestAllowances(t *testing.T) {
	t.Attr("invariant", "S4")
	for k, want := range map[log.Kind]time.Duration{log.KindCheckin: time.Second, log.KindHeartbeat: 3 * time.Second, log.KindLeaseRequest: 3 * time.Second} {
		v, s, e := viewFor(t, k)
		if err := s.st.Void(v, e); err != nil || !slices.Equal(v.allowances, []time.Duration{want}) {
			t.Errorf("%s: %v, %v", k, v.allowances, err)
		}
	}
	v, s, e := viewFor(t, log.KindHeartbeat)
	s.st.(*log.Heartbeat).Run = nil
	if err := s.st.Void(v, e); err != nil || !slices.Equal(v.allowances, []time.Duration{7 * time.Second}) {
		t.Errorf("monitor: %v, %v", v.allowances, err)
	}
}

// TestReplayKeys holds every kind's replay key (S2): what must differ differs.
func TestReplayKeys(t *testing.T) {
	t.Attr("invariant", "S2")
	want := map[log.Kind]log.ReplayKey{
		log.KindGenesis:      {Scope: "genesis"},
		log.KindAuthority:    {Scope: "authority", Sequence: 1, Monotone: true},
		log.KindPolicy:       {Scope: "policy/main", Sequence: 7, Monotone: true},
		log.KindGroup:        {Scope: "group/red", Sequence: 1, Monotone: true},
		log.KindRun:          {Scope: "run/run-1"},
		log.KindCheckin:      {Scope: "checkin/run-1/K", Sequence: 3, Monotone: true},
		log.KindLiveVote:     {Scope: "livevote/run-1/" + log.Bytes(noise("vote", 32)).String()},
		log.KindHeartbeat:    {Scope: "heartbeat/run-1/K", Sequence: 9, Monotone: true},
		log.KindArtefact:     {Scope: "artefact/run-1", Sequence: 2, Monotone: true},
		log.KindAnchor:       {Scope: "anchor", Sequence: 11, Monotone: true},
		log.KindDecision:     {Scope: "decision/K", Sequence: 2, Monotone: true},
		log.KindHalt:         {Scope: "halt/run-1/K"},
		log.KindClose:        {Scope: "close/run-1"},
		log.KindActuation:    {Scope: "actuation/run-1/K", Sequence: 2, Monotone: true},
		log.KindFingerprints: {Scope: "fingerprints/run-1"},
		log.KindEpoch:        {Scope: "epoch", Sequence: 4, Monotone: true},
		log.KindEvaluations:  {Scope: "evaluations/K", Sequence: 1, Monotone: true},
		log.KindAllowList:    {Scope: "allowlist", Sequence: 1, Monotone: true},
		log.KindStrike:       {Scope: "strike", Sequence: 1, Monotone: true},
		log.KindFreeze:       {Scope: "freeze"},
		log.KindContest:      {Scope: "contest/run-1/tensor/" + log.Bytes(noise("label 2", 32)).String()},
		log.KindDeal:         {Scope: "deal/keys-1/labels/1"},
		log.KindComplaint:    {Scope: "complaint/" + hashOf("deal").Hex() + "/2"},
		log.KindRotation:     {Scope: "rotation/1/2", Sequence: 8, Monotone: true},
		log.KindPart:         {Scope: "part/" + hashOf("whole").Hex() + "/K/1"},
		log.KindLeaseRequest: {Scope: "leaserequest/run-1/K", Sequence: 5, Monotone: true},
	}
	all := samples(t)
	want[log.KindLease] = log.ReplayKey{Scope: "lease/run-1/" + all[log.KindLease].st.(*log.Lease).Guard + "/K", Sequence: 5, Monotone: true}
	for k, s := range all {
		if got := s.st.Replay("K"); got != want[k] {
			t.Errorf("%s: %+v, want %+v", k, got, want[k])
		}
	}
	monitor := &log.Heartbeat{Sequence: 1}
	if got := monitor.Replay("K"); got.Scope != "heartbeat/-/K" {
		t.Errorf("monitor: %+v", got)
	}
}
