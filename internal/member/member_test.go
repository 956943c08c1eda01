package member_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/member"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

const (
	interval = 10 * time.Second
	gap      = 2 * time.Second
)

// world is a daemon that folds what it takes after lag, and a verified log.
type world struct {
	t        *testing.T
	due      time.Time
	lag      time.Duration
	counted  uint64
	next     uint64
	state    api.RunState
	down     bool
	anchor   error
	validity log.Validity
	sent     []*log.Checkin
	at       []time.Time
	misses   int
	reports  []member.Report
}

func (w *world) Member(context.Context, string, string) (api.Member, error) {
	if w.down {
		return api.Member{}, errors.New("down")
	}
	// Folding: what was sent at least lag ago counts from then.
	for i, c := range w.sent {
		if at := w.at[i].Add(w.lag); c.Sequence > w.counted && !time.Now().Before(at) {
			w.counted = c.Sequence
			w.due = at.Add(interval)
		}
	}
	for time.Now().After(w.due) {
		w.misses++
		w.due = w.due.Add(interval)
	}
	return api.Member{State: w.state, Interval: interval.Milliseconds(), NextDue: w.due, Sequence: w.counted, Misses: w.misses, Threshold: 3, Warning: w.misses == 2}, nil
}

func (w *world) Submit(_ context.Context, leaf []byte) (api.Accepted, error) {
	if w.down {
		return api.Accepted{}, errors.New("down")
	}
	s, err := log.Parse(leaf)
	if err != nil {
		w.t.Fatal(err)
	}
	c := s.Statement.(*log.Checkin)
	if n := len(w.sent); n > 0 && c.Sequence <= w.sent[n-1].Sequence {
		w.t.Errorf("sequence %d after %d", c.Sequence, w.sent[n-1].Sequence)
	}
	w.sent, w.at = append(w.sent, c), append(w.at, time.Now())
	return api.Accepted{Validity: string(w.validity)}, nil
}

func (w *world) SubmitFolded(ctx context.Context, leaf []byte) (api.Accepted, error) {
	a, err := w.Submit(ctx, leaf)
	a.Decision = new(uint64(7))
	return a, err
}

func (w *world) Anchor(context.Context) (trust.Anchor, error) {
	return trust.Anchor{Ref: log.AnchorRef{Index: uint64(len(w.sent)) + 1}}, w.anchor
}

func (w *world) Sequence(_ string, counted uint64) (uint64, error) {
	w.next = max(w.next, counted) + 1
	return w.next, nil
}

func (w *world) beeper(key log.Signer) *member.Beeper {
	w.t.Helper()
	w.state, w.validity = api.RunArmed, log.Valid
	w.due = time.Now().Add(interval)
	b, err := member.New(member.Config{Origin: "log.example/a", Run: "run-1", Signer: key}, member.Deps{
		Log: w, Server: w, Gap: func(context.Context) (time.Duration, error) { return gap, nil },
		Report: func(r member.Report) { w.reports = append(w.reports, r) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// run lets the beeper work for a while of the bubble's time.
func (w *world) run(b *member.Beeper, d time.Duration) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	return b.Run(ctx)
}

func TestBeeper(t *testing.T) {
	t.Attr("invariant", "MB2")
	t.Attr("invariant", "S4")
	key := foldtest.NewKey(t, "m")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, lag: gap} // every check-in is folded as late as max_gap
		if err := w.run(w.beeper(key), 5*time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		// MB2: none is missed, and no more are sent than a third of the interval asks.
		if w.misses != 0 {
			t.Errorf("%d misses", w.misses)
		}
		if n := len(w.sent); n < 30 || n > 90 {
			t.Errorf("%d check-ins in 5 minutes at %v", n, interval)
		}
		if w.sent[0].Anchor.Index != 1 || w.sent[1].Anchor.Index != 2 {
			t.Error("not the newest anchor")
		}
		if !slices.ContainsFunc(w.reports, func(r member.Report) bool { return r.Counted }) {
			t.Error("nobody said that a check-in counted")
		}
	})
}

func TestBeeperTrouble(t *testing.T) {
	t.Attr("invariant", "MB3")
	key := foldtest.NewKey(t, "m")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, lag: time.Millisecond}
		b := w.beeper(key)
		_ = w.run(b, 30*time.Second)
		// The daemon is away for two intervals, and comes back: MB3.
		w.down = true
		_ = w.run(b, 2*interval)
		n := len(w.sent)
		w.down = false
		_ = w.run(b, 6*time.Second)
		if len(w.sent) == n {
			t.Error("no check-in within the retry's bound")
		}
		if !slices.ContainsFunc(w.reports, func(r member.Report) bool { return r.Trouble != "" }) {
			t.Error("trouble was not reported")
		}
		if !slices.ContainsFunc(w.reports, func(r member.Report) bool { return r.Misses > 0 }) {
			t.Error("misses were not reported")
		}
	})
}

func TestBeeperWarns(t *testing.T) {
	key := foldtest.NewKey(t, "m")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, misses: 2}
		_ = w.run(w.beeper(key), time.Second)
		if len(w.reports) == 0 || !w.reports[0].Warning {
			t.Errorf("%+v", w.reports)
		}
	})
}

// TestBeeperUnverified: MB1, nothing is signed over an anchor that is not verified.
func TestBeeperUnverified(t *testing.T) {
	t.Attr("invariant", "MB1")
	key := foldtest.NewKey(t, "m")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, lag: time.Millisecond, anchor: fmt.Errorf("a fork: %w", trust.ErrUnverified)}
		b := w.beeper(key)
		_ = w.run(b, time.Minute)
		if len(w.sent) != 0 {
			t.Errorf("%d check-ins over an anchor that did not verify", len(w.sent))
		}
		// An anchor that cannot be read leaves the last verified one.
		w.anchor = nil
		_ = w.run(b, interval)
		n := len(w.sent)
		w.anchor = errors.New("not published yet")
		_ = w.run(b, 2*interval)
		if len(w.sent) == n || w.sent[len(w.sent)-1].Anchor != w.sent[n-1].Anchor {
			t.Error("the last verified anchor was not used")
		}
		w.anchor = fmt.Errorf("a fork: %w", trust.ErrUnverified)
		n = len(w.sent)
		_ = w.run(b, 2*interval)
		if len(w.sent) != n {
			t.Error("a check-in while the log shows a fork")
		}
	})
}

func TestBeeperEnds(t *testing.T) {
	key := foldtest.NewKey(t, "m")
	for state, want := range map[api.RunState]error{api.RunHalted: member.ErrHalted, api.RunClosed: member.ErrClosed} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t}
			b := w.beeper(key)
			w.state = state
			if err := b.Run(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s: %v", state, err)
			}
			if _, err := b.Once(t.Context()); !errors.Is(err, want) {
				t.Errorf("%s once: %v", state, err)
			}
			if len(w.sent) != 0 {
				t.Error("a check-in on a run that is over")
			}
		})
	}
}

func TestOnce(t *testing.T) {
	w := &world{t: t, next: 4}
	b := w.beeper(foldtest.NewKey(t, "m"))
	a, err := b.Once(t.Context())
	if err != nil || a.Decision == nil || w.sent[0].Sequence != 5 {
		t.Fatalf("%+v %v", a, err)
	}
	w.validity = log.StaleVoid
	if _, err := b.Once(t.Context()); !errors.Is(err, member.ErrNotCounted) {
		t.Errorf("stale: %v", err)
	}
}

func TestNext(t *testing.T) {
	due := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ interval, gap, want time.Duration }{
		{5 * time.Minute, 10 * time.Second, 11 * time.Second},
		{3 * time.Second, 10 * time.Second, 2 * time.Second}, // no room: a third of the interval
	} {
		if got := due.Sub(member.Next(due, c.interval, c.gap)); got != c.want {
			t.Errorf("%v before the due time, want %v", got, c.want)
		}
	}
}

// TestVote is MB4: two members' votes differ in nothing but the ring signature and
// the nonce, and the ledger takes both.
func TestVote(t *testing.T) {
	t.Attr("invariant", "MB4")
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-1")
	l.Run("run-2")
	hash := l.RunStatement("x").Group
	g, _ := l.Machine.Ledger().Group(hash)
	now := l.Now
	var all []*log.Signed
	for i, m := range l.Members {
		leaf, err := member.Vote(g.Statement, m.Ring, "run-2", now.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		s, err := log.Parse(leaf)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, s); len(leaf) != len(all[0].Leaf) {
			t.Errorf("member %d's vote has %d bytes, the first %d", i, len(leaf), len(all[0].Leaf))
		}
		a, b := *s.Statement.(*log.LiveVote), *all[0].Statement.(*log.LiveVote)
		if a.Nonce = b.Nonce; a.Expires != b.Expires || a.Run != b.Run || a.Group != b.Group || s.Signer() != all[0].Signer() {
			t.Errorf("member %d's vote: %+v, the first: %+v", i, a, b)
		}
	}
	if s := l.Append(all[5].Leaf); s.Validity != log.Valid {
		t.Errorf("%s: %s", s.Validity, s.Reason)
	}
	stranger, _, err := ring.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := member.Vote(g.Statement, stranger, "run-2", now); !errors.Is(err, ring.ErrNotMember) {
		t.Errorf("a stranger: %v", err)
	}
	bad := *g.Statement
	bad.Members = bad.Members[:3]
	if _, err := member.Vote(&bad, l.Members[0].Ring, "run-2", now); !errors.Is(err, member.ErrGroup) {
		t.Errorf("a group of three: %v", err)
	}
	if _, err := member.Vote(g.Statement, l.Members[0].Ring, "Run 2", now); !errors.Is(err, log.ErrSyntax) {
		t.Errorf("no name of a run: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, d := range []time.Duration{0, time.Millisecond, 59*time.Minute + 59*time.Second} {
		if got := member.Expiry(at.Add(d)); got != log.TimeOf(at.Add(2*time.Hour)) {
			t.Errorf("%v: %s", d, got)
		}
	}
}
