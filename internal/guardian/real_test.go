package guardian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// openDir is a folder that the command, with a uid of its own, may reach and write.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("holding a command with a uid of its own needs root")
	}
}

type running struct {
	site *guardiantest.Site
	g    *Guardian
	h    *heard
	c    Config
	d    Deps
	done chan struct{}
	out  guard.Outcome
	err  error
}

// start runs a real command under a real guard until the test's end.
func start(t *testing.T, s *guardiantest.Site, mode guard.Mode, change func(*Config, *Deps), command ...string) *running {
	t.Helper()
	needRoot(t)
	r := &running{site: s, done: make(chan struct{})}
	r.c, r.d, r.h = settings(t, s)
	r.c.Guard.Mode, r.c.Guard.Command, r.c.Guard.Stderr = mode, command, os.Stderr
	if change != nil {
		change(&r.c, &r.d)
	}
	var err error
	if r.g, err = Open(t.Context(), r.c, r.d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(r.done)
		r.out, r.err = r.g.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

func (r *running) running(t *testing.T) {
	t.Helper()
	await(t, r.site, "command runs", func() bool { return r.h.find(EventStarted, "") != nil })
}

func (r *running) wait(t *testing.T) {
	t.Helper()
	await(t, r.site, "guard is done", func() bool {
		select {
		case <-r.done:
			return true
		default:
			return false
		}
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
}

// dead checks that the run was stopped for a cause, seen dead, and that the log holds the receipt.
func (r *running) dead(t *testing.T, why guard.Cause, cause string) *log.Actuation {
	t.Helper()
	r.wait(t)
	if r.out.Cause != why || !r.out.Evidence.Confirmed() || r.out.ExitCode() != guard.ExitHalted || r.out.Undelivered != 0 {
		t.Fatalf("outcome %+v", r.out)
	}
	receipts := r.site.Kinds(log.KindActuation)
	if len(receipts) != 1 {
		t.Fatalf("%d receipts", len(receipts))
	}
	st := receipts[0].Statement.(*log.Actuation)
	if st.State != log.ActuationObservedDead || !st.Evidence.Dead() || st.Cause != cause || st.Evidence.BootID != (guard.SystemClock{}).BootID() {
		t.Errorf("receipt %+v", st)
	}
	e := r.h.find(EventDead, "")
	if e == nil || e.Cause != cause || e.BootNS <= e.OrderedBootNS || e.WallMS == 0 || e.Run != guardiantest.Run {
		t.Errorf("event %+v", e)
	}
	if r.h.find(EventLogged, string(log.KindActuation)) == nil {
		t.Error("no event of the receipt")
	}
	return st
}

// stubborn ignores what it can ignore.
var stubborn = []string{"/bin/sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"}

// TestVoteAtLogStopsRun is the whole way: vote, decision, halt by stream, kill, receipt that names the halt.
func TestVoteAtLogStopsRun(t *testing.T) {
	t.Attr("invariant", "G2")
	t.Attr("invariant", "G4")
	for _, mode := range []guard.Mode{guard.ModeCgroup, guard.ModeNamespace} {
		t.Run(string(mode), func(t *testing.T) {
			s := guardiantest.New(t, nil)
			r := start(t, s, mode, nil, stubborn...)
			r.running(t)
			await(t, s, "heartbeats", func() bool { return len(s.Kinds(log.KindHeartbeat)) > 1 })
			var vote []byte
			s.Do(func(l *foldtest.Log) {
				st := l.VoteStatement(guardiantest.Run)
				vote = l.Seal(st, l.RingSigner(st.Group, l.Members[1]))
			})
			if err := client.Vote(t.Context(), []string{s.Server.URL}, vote); err != nil {
				t.Fatal(err)
			}
			r.wait(t)
			// Vote or halt, whichever came first: both are on the stream.
			switch r.out.Cause {
			case guard.CauseHalt:
				st := r.dead(t, guard.CauseHalt, "halt")
				halts := s.Kinds(log.KindHalt)
				if st.Halt == nil || len(halts) != 1 || *st.Halt != halts[0].Identity {
					t.Errorf("receipt names %v", st.Halt)
				}
			default:
				r.dead(t, guard.CauseVote, "livevote")
			}
		})
	}
}

// TestHaltIsObeyed pushes the halt alone, before it is in the log, and logs it only later.
func TestHaltIsObeyed(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	r := start(t, s, guard.ModeAuto, nil, stubborn...)
	r.running(t)
	await(t, s, "stream", func() bool { return s.Streams() == 1 })
	var carry func()
	s.Do(func(l *foldtest.Log) {
		// The log of the future: a vote, its decision, and the halt. Only the halt is pushed now.
		f := l.Fork(int(l.Size()))
		v := f.VoteStatement(guardiantest.Run)
		vote := f.Seal(v, f.RingSigner(v.Group, f.Members[0]))
		f.Append(vote)
		f.Now = time.Now()
		f.Decide(f.Engines[0])
		tail := f.Leaves[l.Size():]
		go s.Push(api.EventHalt, tail[len(tail)-1])
		carry = func() {
			for _, leaf := range tail {
				l.Append(leaf)
			}
		}
	})
	// No tick from here on: the log must not grow in another way before the fork's entries.
	await(t, nil, "dead before the halt is logged", func() bool { return r.h.find(EventDead, "") != nil })
	if n := len(s.Kinds(log.KindActuation)); n != 0 {
		t.Errorf("%d receipts name a halt that the log does not hold", n)
	}
	s.Do(func(*foldtest.Log) { carry() })
	st := r.dead(t, guard.CauseHalt, "halt")
	if st.Halt == nil || *st.Halt != s.Kinds(log.KindHalt)[0].Identity {
		t.Errorf("receipt names %v", st.Halt)
	}
}

// TestVoteAtDoorStopsRun hands a vote to the guard itself while the log is away, and again once it is back.
func TestVoteAtDoorStopsRun(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, s, guard.ModeAuto, func(c *Config, d *Deps) { d.Listener = l }, stubborn...)
	r.running(t)
	var vote []byte
	s.Do(func(l *foldtest.Log) {
		st := l.VoteStatement(guardiantest.Run)
		vote = l.Seal(st, l.RingSigner(st.Group, l.Members[1]))
	})
	s.Down(true)
	res, err := http.Post("http://"+l.Addr().String()+api.RouteStatements, "application/json", bytes.NewReader(vote))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the log did not take it, and the voter was told %d", res.StatusCode)
	}
	await(t, nil, "dead with the log away", func() bool { return r.h.find(EventDead, "") != nil })
	s.Down(false)
	r.dead(t, guard.CauseVote, "livevote")
	if n := len(s.Kinds(log.KindLiveVote)); n != 1 {
		t.Errorf("the log holds %d votes", n)
	}
	if n := len(s.Kinds(log.KindHalt)); n != 1 {
		t.Errorf("the log holds %d halts", n)
	}
}

// TestLeaseEndsRun lets the log vanish: the lease's end stops the run, and the receipt waits until somebody delivers it.
func TestLeaseEndsRun(t *testing.T) {
	t.Attr("invariant", "G1")
	t.Attr("invariant", "G4")
	s := guardiantest.New(t, nil)
	s.Lie(func(l *log.Lease) { l.DurationMS = 1500 })
	r := start(t, s, guard.ModeAuto, func(c *Config, _ *Deps) { c.Guard.Drain = 200 * time.Millisecond }, stubborn...)
	r.running(t)
	s.Down(true)
	r.wait(t)
	if r.out.Cause != guard.CauseLease || !r.out.Evidence.Confirmed() || r.out.Undelivered != 1 {
		t.Fatalf("outcome %+v", r.out)
	}
	s.Down(false)
	left, err := Deliver(t.Context(), r.c, r.d)
	if err != nil || left != 0 {
		t.Fatalf("%d left, %v", left, err)
	}
	r.out.Undelivered = 0
	if st := r.dead(t, guard.CauseLease, "lease"); st.Halt != nil {
		t.Error("the receipt names a halt")
	}
	if left, err := Deliver(t.Context(), r.c, r.d); err != nil || left != 0 {
		t.Errorf("again: %d left, %v", left, err)
	}
}

// TestCloseAndArtefact runs a command that saves a model and ends by itself.
func TestCloseAndArtefact(t *testing.T) {
	t.Attr("invariant", "G4")
	s := guardiantest.New(t, nil)
	dir, work := openDir(t), openDir(t)
	writeModel(t, filepath.Join(work, "model.safetensors"), 1, 2)
	flag := filepath.Join(work, "go")
	script := fmt.Sprintf("mkdir %[1]s/step-1 && cp %[2]s/model.safetensors %[1]s/step-1/ && while [ ! -e %[3]s ]; do sleep 0.05; done; exit 7", dir, work, flag)
	r := start(t, s, guard.ModeAuto, func(c *Config, _ *Deps) { c.Guard.Checkpoints, c.Guard.WatchEvery = dir, 20*time.Millisecond }, "/bin/sh", "-c", script)
	r.running(t)
	await(t, s, "artefact", func() bool { return len(s.Kinds(log.KindArtefact)) == 1 })
	if err := os.WriteFile(flag, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.wait(t)
	if r.out.Cause != guard.CauseEnded || r.out.Exit.Code != 7 || r.out.ExitCode() != guard.ExitFailed {
		t.Errorf("outcome %+v", r.out)
	}
	closed := s.Kinds(log.KindClose)
	if len(closed) != 1 || closed[0].Statement.(*log.Close).ExitCode != 7 {
		t.Fatalf("closes %v", closed)
	}
	// The escrow opens to the labels that the evaluator's key gives.
	st := s.Kinds(log.KindArtefact)[0].Statement.(*log.Artefact)
	var wraps []blacklist.Wrap
	for _, w := range st.Wraps {
		wraps = append(wraps, blacklist.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
	}
	s.Do(func(l *foldtest.Log) {
		labels, err := blacklist.Open(l.Escrow, blacklist.Context{
			Origin: l.Origin, Run: guardiantest.Run, Number: 1, Root: blacklist.Hash(st.Root),
		}, st.Sealed, wraps)
		if err != nil {
			t.Fatal(err)
		}
		model, err := fingerprint.Scan(os.DirFS(filepath.Join(dir, "step-1")), fingerprint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		qs := blacklist.Questions(model)
		if len(qs) != 3+2*32 || len(labels) != len(qs) {
			t.Fatalf("%d labels of %d questions", len(labels), len(qs))
		}
		for i, q := range qs {
			if want, err := s.Evaluator.Label(q.Input); err != nil || labels[i].Label != want {
				t.Errorf("label %d: %v", i, err)
			}
		}
	})
}

// TestHaltBindsNextGuard shows that a second guard of a halted run starts nothing.
func TestHaltBindsNextGuard(t *testing.T) {
	t.Attr("invariant", "G3")
	s := guardiantest.New(t, nil)
	s.Do(func(l *foldtest.Log) {
		l.Now = time.Now()
		l.Vote(guardiantest.Run, l.Members[0])
		l.Decide(l.Engines[0])
	})
	r := start(t, s, guard.ModeAuto, nil, stubborn...)
	r.wait(t)
	if r.out.Cause != guard.CauseHalt && r.out.Cause != guard.CauseVote || r.out.Started || r.out.ExitCode() != guard.ExitHalted {
		t.Errorf("outcome %+v", r.out)
	}
}

func writeModel(t testing.TB, path string, seeds ...byte) {
	t.Helper()
	var sources []fingerprint.Source
	for i, seed := range seeds {
		data := make([]byte, 512*512*4)
		state := uint32(seed) + 1
		for j := range data {
			state = state*1664525 + 1013904223
			data[j] = byte(state >> 24)
			if j%4 == 3 {
				data[j] &= 0x3f // finite
			}
		}
		sources = append(sources, fingerprint.Bytes(fmt.Sprintf("layer.%d", i), fingerprint.F32, []uint64{512, 512}, data))
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fingerprint.WriteFile(f, nil, sources), f.Close(), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
}
