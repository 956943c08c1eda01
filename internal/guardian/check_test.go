package guardian

import (
	"errors"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// TestOpenRefuses alters one thing that a guard starts from.
func TestOpenRefuses(t *testing.T) {
	t.Attr("invariant", "G1")
	s := guardiantest.New(t, nil)
	other := guardiantest.New(t, nil)
	for name, tc := range map[string]struct {
		change func(*Config, *Deps)
		want   error
	}{
		"other genesis":         {func(c *Config, _ *Deps) { c.Genesis[0] ^= 1 }, ErrGenesis},
		"another log's genesis": {func(c *Config, _ *Deps) { c.Genesis = other.Genesis() }, ErrGenesis},
		"other witnesses":       {func(c *Config, _ *Deps) { c.Quorum = []byte(other.Quorum()) }, ErrProof},
		"more witnesses": {func(c *Config, _ *Deps) {
			s.Do(func(l *foldtest.Log) { c.Quorum = []byte(l.QuorumText(3, l.Witnesses...)) })
		}, ErrProof},
		"no guard of the run":    {func(_ *Config, d *Deps) { d.Key = foldtest.NewKey(t, "stranger") }, ErrKey},
		"engine of nobody":       {func(c *Config, _ *Deps) { c.Logs[0].Engine = foldtest.NewKey(t, "engine").KeyID() }, ErrKey},
		"registrar as an engine": {func(c *Config, _ *Deps) { s.Do(func(l *foldtest.Log) { c.Logs[0].Engine = l.Registrar.KeyID() }) }, ErrKey},
		"no address":             {func(c *Config, _ *Deps) { c.Logs = nil }, ErrConfig},
		"no run":                 {func(c *Config, _ *Deps) { c.Run = "" }, ErrConfig},
		"base that nobody declared": {func(c *Config, _ *Deps) {
			c.Base, c.Guard.Checkpoints, c.Guard.WatchEvery = []byte{}, "/tmp", time.Second
		}, ErrBase},
	} {
		t.Run(name, func(t *testing.T) {
			c, d, _ := settings(t, s)
			tc.change(&c, &d)
			if _, err := Open(t.Context(), c, d); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	c, d, _ := settings(t, s)
	s.Do(func(l *foldtest.Log) { c.Quorum = []byte("log " + l.LogKey.VKey().String() + "\nquorum none\n") })
	if _, err := Open(t.Context(), c, d); err == nil {
		t.Error("a quorum of nobody was taken")
	}
}

// TestCheckLease alters one thing of a good lease.
func TestCheckLease(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "L3")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	// What was seen before is a smaller tree of the same log.
	first := s.Lease(g.deps.Key.KeyID(), asked(t, g, 0))
	v, err := g.trust.quorum.Verify(first.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	seen := guard.Seen{Size: v.Checkpoint.Size, Root: guard.Hash(v.Checkpoint.Root)}
	s.Do(func(l *foldtest.Log) { l.Heartbeat(guardiantest.Run) })
	honest := func() *log.Lease { return s.Lease(g.deps.Key.KeyID(), asked(t, g, seen.Size)) }
	lease, checked, err := g.checker.CheckLease(t.Context(), seal(t, honest(), engine(s)), seen)
	if err != nil {
		t.Fatal(err)
	}
	if lease.Engine != engine(s).KeyID() || lease.Run != guardiantest.Run || checked.Size != seen.Size+1 || time.Since(checked.Witnessed) > time.Minute {
		t.Errorf("lease %+v, checked %+v", lease, checked)
	}
	note := func(l *foldtest.Log, c checkpoint.Checkpoint, k int) []byte {
		return l.Note(c, time.Now(), l.Witnesses[:k]...)
	}
	for name, tc := range map[string]struct {
		change func(*log.Lease, *foldtest.Log)
		signer func(*foldtest.Log) log.Signer
		want   error
	}{
		"key of nobody":    {signer: func(*foldtest.Log) log.Signer { return foldtest.NewKey(t, "engine-0") }, want: ErrKey},
		"registrar's key":  {signer: func(l *foldtest.Log) log.Signer { return l.Registrar }, want: ErrKey},
		"guard's own key":  {signer: func(l *foldtest.Log) log.Signer { return l.Guard }, want: ErrKey},
		"forged signature": {signer: func(l *foldtest.Log) log.Signer { return forger{l.Engines[0]} }, want: ErrSignature},
		"other origin":     {change: func(s *log.Lease, _ *foldtest.Log) { s.Origin = "log.example/other" }, want: ErrOrigin},
		"other run":        {change: func(s *log.Lease, _ *foldtest.Log) { s.Run = "run-2" }, want: ErrOtherRun},
		"too few witnesses": {change: func(s *log.Lease, l *foldtest.Log) {
			s.Checkpoint = note(l, checkpoint.Checkpoint{Origin: l.Origin, Size: l.Size(), Root: l.Root(l.Size())}, 1)
		}, want: ErrProof},
		"another log's checkpoint": {change: func(s *log.Lease, l *foldtest.Log) {
			s.Checkpoint = note(l, checkpoint.Checkpoint{Origin: "log.example/other", Size: l.Size(), Root: l.Root(l.Size())}, 2)
		}, want: ErrProof},
		"proof that does not hold": {change: func(s *log.Lease, _ *foldtest.Log) { s.Consistency[0][0] ^= 1 }, want: ErrProof},
		"no proof":                 {change: func(s *log.Lease, _ *foldtest.Log) { s.Consistency = []log.Hash{} }, want: ErrProof},
		"other tree": {change: func(s *log.Lease, l *foldtest.Log) {
			s.Checkpoint = note(l, checkpoint.Checkpoint{Origin: l.Origin, Size: l.Size() + 1, Root: log.Hash{1}}, 2)
		}, want: ErrProof},
		"split view": {change: func(s *log.Lease, l *foldtest.Log) {
			s.Checkpoint = note(l, checkpoint.Checkpoint{Origin: l.Origin, Size: seen.Size + 1, Root: log.Hash{2}}, 2)
		}, want: ErrSplitView},
		"older than what was seen": {change: func(s *log.Lease, l *foldtest.Log) {
			s.Checkpoint, s.Consistency = note(l, checkpoint.Checkpoint{Origin: l.Origin, Size: 1, Root: l.Root(1)}, 2), []log.Hash{}
		}, want: ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			st := honest()
			var by log.Signer
			s.Do(func(l *foldtest.Log) {
				by = l.Engines[0]
				if tc.signer != nil {
					by = tc.signer(l)
				}
				if tc.change != nil {
					tc.change(st, l)
				}
			})
			if _, _, err := g.checker.CheckLease(t.Context(), seal(t, st, by), seen); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	if _, _, err := g.checker.CheckLease(t.Context(), seal(t, asked(t, g, 0), engine(s)), seen); !errors.Is(err, ErrForm) {
		t.Errorf("a request as a lease: %v", err)
	}
}

// forger has a key's name and not the key.
type forger struct{ *foldtest.Key }

func (f forger) Sign(m []byte) ([]byte, error) {
	sig, err := f.Key.Sign(m)
	sig[0] ^= 1
	return sig, err
}

// TestJudgedLease shows that what these checks pass on reaches the judgement of package guard, which tells what only it
// can: whether it asked, whether that was here, and how old the checkpoint is.
func TestJudgedLease(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "G3")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	sent := guard.Moment{Boot: time.Hour, Wall: time.Now(), BootID: "boot-1"}
	for name, tc := range map[string]struct {
		change func(*log.Lease)
		later  time.Duration
		want   error
	}{
		"honest":           {},
		"other nonce":      {change: func(s *log.Lease) { s.Nonce[0] ^= 1 }, want: guard.ErrUnasked},
		"other sequence":   {change: func(s *log.Lease) { s.Sequence++ }, want: guard.ErrUnasked},
		"other guard":      {change: func(l *log.Lease) { l.Guard = engine(s).KeyID() }, want: guard.ErrBinding},
		"other boot":       {change: func(s *log.Lease) { s.BootID = "boot-2" }, want: guard.ErrBinding},
		"too long":         {change: func(s *log.Lease) { s.DurationMS++ }, want: guard.ErrDuration},
		"stale checkpoint": {later: 2 * time.Minute, want: guard.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			leases, err := guard.NewLeases(guard.Terms{
				Origin: g.trust.origin, Run: guardiantest.Run, GuardKey: g.deps.Key.KeyID(), Engines: []string{engine(s).KeyID()}, Quorum: 1,
				MaxDuration: time.Duration(g.run.document.Lease.DurationMS) * time.Millisecond,
				MaxAge:      time.Duration(g.run.document.GuardMaxAgeMS) * time.Millisecond, Skew: 2 * time.Second,
			}, guard.Memory{}, false)
			if err != nil {
				t.Fatal(err)
			}
			req := asked(t, g, 0)
			leases, _, err = leases.Ask(sent, [32]byte(req.Nonce))
			if err != nil {
				t.Fatal(err)
			}
			st := s.Lease(g.deps.Key.KeyID(), req)
			st.Nonce = append(log.Bytes{}, st.Nonce...)
			if tc.change != nil {
				tc.change(st)
			}
			lease, checked, err := g.checker.CheckLease(t.Context(), seal(t, st, engine(s)), guard.Seen{})
			if err != nil {
				t.Fatal(err)
			}
			now := guard.Moment{Boot: sent.Boot + tc.later, Wall: sent.Wall.Add(tc.later), BootID: sent.BootID}
			leases, err = leases.Grant(lease, checked, now)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if _, err := leases.Grant(lease, checked, now); tc.want == nil && !errors.Is(err, guard.ErrOld) {
				t.Errorf("the same lease again: %v", err)
			}
		})
	}
}

func TestCheckHalt(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	halt := func(change func(*log.Halt)) *log.Halt {
		st := &log.Halt{Origin: g.trust.origin, Run: guardiantest.Run, Decision: log.Hash{1}, Causes: []log.Cause{{
			Tripwire: "live_vote", Evidence: []uint64{1}, Value: 1, Bound: 1,
		}}}
		if change != nil {
			change(st)
		}
		return st
	}
	if err := g.checker.CheckHalt(t.Context(), seal(t, halt(nil), engine(s))); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		leaf []byte
		want error
	}{
		"other run":        {seal(t, halt(func(h *log.Halt) { h.Run = "run-2" }), engine(s)), ErrOtherRun},
		"other log":        {seal(t, halt(func(h *log.Halt) { h.Origin = "log.example/other" }), engine(s)), ErrOrigin},
		"key of nobody":    {seal(t, halt(nil), foldtest.NewKey(t, "engine-0")), ErrKey},
		"guard's own key":  {seal(t, halt(nil), g.deps.Key), ErrKey},
		"forged signature": {seal(t, halt(nil), forger{engine(s)}), ErrSignature},
		"no halt":          {seal(t, &log.Actuation{Origin: g.trust.origin, Run: guardiantest.Run, Sequence: 1, State: log.ActuationUnconfirmed, Cause: "x", Evidence: log.Evidence{Mode: log.ModeNone, BootID: "b"}}, engine(s)), ErrForm},
		"rubbish":          {[]byte("{}"), log.ErrSyntax},
	} {
		if err := g.checker.CheckHalt(t.Context(), tc.leaf); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

func TestCheckVote(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	var strangers *foldtest.Member
	vote := func(change func(*log.LiveVote)) (leaf []byte) {
		s.Do(func(l *foldtest.Log) {
			st := l.VoteStatement(guardiantest.Run)
			if change != nil {
				change(st)
			}
			leaf = l.Seal(st, l.RingSigner(g.run.groupAt, l.Members[3]))
		})
		return leaf
	}
	if err := g.checker.CheckVote(t.Context(), vote(nil)); err != nil {
		t.Fatal(err)
	}
	strangers = foldtest.NewMember(t, "stranger")
	var wrongRing, forged []byte
	s.Do(func(l *foldtest.Log) {
		ring := g.run.group.Rings()
		public := strangers.Ring.Public()
		ring[0] = public[:]
		by, err := keys.NewRingSigner(log.RingKeyID(g.run.groupAt), ring, strangers.Ring)
		if err != nil {
			t.Fatal(err)
		}
		wrongRing = l.Seal(l.VoteStatement(guardiantest.Run), by)
		forged = l.Seal(l.VoteStatement(guardiantest.Run), ringForger{l.RingSigner(g.run.groupAt, l.Members[0])})
	})
	for name, tc := range map[string]struct {
		leaf []byte
		want error
	}{
		"expired":         {vote(func(v *log.LiveVote) { v.Expires = log.TimeOf(time.Now().Add(-time.Hour)) }), ErrExpired},
		"other run":       {vote(func(v *log.LiveVote) { v.Run = "run-2" }), ErrOtherRun},
		"other log":       {vote(func(v *log.LiveVote) { v.Origin = "log.example/other" }), ErrOrigin},
		"other group":     {vote(func(v *log.LiveVote) { v.Group[0] ^= 1 }), ErrOtherGroup},
		"stranger's ring": {wrongRing, ErrSignature},
		"forged":          {forged, ErrSignature},
		"no vote":         {seal(t, &log.Close{Origin: g.trust.origin, Run: guardiantest.Run, Evidence: log.Evidence{Mode: log.ModeCgroup, PidfdExited: true, PopulatedZero: true, BootID: "b"}}, engine(s)), ErrForm},
	} {
		if err := g.checker.CheckVote(t.Context(), tc.leaf); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	// Once the group has a successor, which ring may vote is the engines' to say.
	s.Do(func(l *foldtest.Log) { l.Group(l.Members...) })
	if err := g.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.checker.CheckVote(t.Context(), vote(nil)); !errors.Is(err, ErrEngines) {
		t.Errorf("after a change of the group: %v", err)
	}
}

type ringForger struct{ log.Signer }

func (f ringForger) Sign(m []byte) ([]byte, error) { return f.Signer.Sign(append(m, 0)) }
