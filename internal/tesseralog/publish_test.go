package tesseralog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/tesseralog"
)

// until polls the outside world; it fails after a long while.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func cosigners(v checkpoint.Verified) (names []string) {
	for _, c := range v.Cosigned {
		names = append(names, c.Name)
	}
	return names
}

// TestQuorum: nothing is published below the quorum, opening waits for nobody,
// entries are durable meanwhile, and publication goes on when witnesses return.
func TestQuorum(t *testing.T) {
	t.Attr("invariant", "L3")
	t.Attr("invariant", "L7")
	r := newRig(t)
	for _, p := range r.peers[1:] {
		p.away.Store(true)
	}
	l := r.open(t)
	ctx := patient(t)
	fill(t, l, 3)
	until(t, "every witness was asked twice", func() bool {
		return r.peers[0].asked.Load() > 1 && r.peers[1].asked.Load() > 1 && r.peers[2].asked.Load() > 1
	})
	if note, _ := l.Published(); note != nil {
		t.Errorf("published with one cosignature of two:\n%s", note)
	}
	if _, err := l.Proof(ctx, 0); !errors.Is(err, tesseralog.ErrNotPublished) {
		t.Errorf("proof: %v", err)
	}
	if lag := l.Lag(); lag.Entries != 3 || lag.Behind == 0 || lag.Age < time.Hour {
		t.Errorf("lag %+v", lag)
	}
	r.peers[2].away.Store(false)
	v, err := l.WaitPublished(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := cosigners(v); !slices.Equal(got, []string{"w0", "w2"}) {
		t.Errorf("cosigned by %v", got)
	}
	// The published one stays while the quorum is gone, and its age shows.
	r.peers[0].away.Store(true)
	asked := r.peers[0].asked.Load()
	fill(t, l, 1)
	until(t, "asked in vain", func() bool { return r.peers[0].asked.Load() > asked+1 })
	if note, now := l.Published(); !bytes.Equal(note, v.Raw) || now.Checkpoint.Size != 3 {
		t.Errorf("published size %d", now.Checkpoint.Size)
	}
	if lag := l.Lag(); lag.Entries != 1 || lag.Age > time.Hour {
		t.Errorf("lag %+v", lag)
	}
}

// TestAllCosignatures: those beyond the quorum are kept too, every log key
// signs, and connections are kept alive.
func TestAllCosignatures(t *testing.T) {
	r := newRig(t)
	l := r.open(t)
	fill(t, l, 5)
	until(t, "all three cosignatures", func() bool {
		_, v := l.Published()
		return v.Checkpoint.Size == 5 && len(v.Cosigned) == 3
	})
	note, _ := l.Published()
	n, err := checkpoint.ParseNote(note)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Sigs) != 5 {
		t.Errorf("%d lines, want 2 of the log and 3 of witnesses", len(n.Sigs))
	}
	for i, p := range r.peers {
		if c := p.conns.Load(); c != 1 {
			t.Errorf("witness %d was asked %d times over %d connections", i, p.asked.Load(), c)
		}
	}
}

// TestTwoKeysAtOneURL: one request, and both lines count.
func TestTwoKeysAtOneURL(t *testing.T) {
	r := newRig(t)
	both := newPeer(t, r.keys, r.keys.Witnesses[0], r.keys.Witnesses[1])
	r.quorum.Store(r.keys.Quorum(t, both.url, both.url))
	l := r.open(t)
	fill(t, l, 1)
	v, err := l.WaitPublished(patient(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := cosigners(v); !slices.Equal(got, []string{"w0", "w1"}) || both.asked.Load() != 1 {
		t.Errorf("cosigned by %v after %d requests", got, both.asked.Load())
	}
}

// TestClock: a cosignature further than the skew from the own clock does not
// count, and harms nobody.
func TestClock(t *testing.T) {
	t.Attr("invariant", "E2")
	for _, off := range []int64{-3600, -4, 4, 3600} {
		r := newRig(t)
		r.peers[0].skew.Store(off)
		l := r.open(t)
		fill(t, l, 1)
		v, err := l.WaitPublished(patient(t), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := cosigners(v); !slices.Equal(got, []string{"w1", "w2"}) || v.MaxTime-v.MinTime > 2 {
			t.Errorf("clock off by %d s: cosigned by %v, times %d to %d", off, got, v.MinTime, v.MaxTime)
		}
	}
}

// TestHostileWitness: whatever one witness answers, the other two are enough,
// nothing of it gets into the note, and no answer is read without a bound.
func TestHostileWitness(t *testing.T) {
	r := newRig(t)
	other := newPeer(t, r.keys, r.keys.Witnesses[0])
	_ = other
	conflict := func(body, kind string) func(http.ResponseWriter, []byte) {
		return func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, body)
		}
	}
	cases := map[string]func(http.ResponseWriter, []byte){
		"garbage":         func(w http.ResponseWriter, _ []byte) { fmt.Fprint(w, "hello\n") },
		"nothing":         func(http.ResponseWriter, []byte) {},
		"endless":         func(w http.ResponseWriter, _ []byte) { w.Write(bytes.Repeat([]byte("\u2014 a b\n"), 1<<20)) },
		"500":             func(w http.ResponseWriter, _ []byte) { w.WriteHeader(500); w.Write(make([]byte, 1<<20)) },
		"elsewhere":       func(w http.ResponseWriter, _ []byte) { w.Header().Set("Location", other.url); w.WriteHeader(307) },
		"conflict same":   conflict("0\n", "text/x.tlog.size"),
		"conflict word":   conflict("many\n", "text/x.tlog.size"),
		"conflict zero":   conflict("01\n", "text/x.tlog.size"),
		"conflict type":   conflict("7\n", "text/plain"),
		"conflict huge":   conflict(strings.Repeat("9", 1<<16), "text/x.tlog.size"),
		"conflict beyond": conflict("9223372036854775807\n", "text/x.tlog.size"),
		"its own root": func(w http.ResponseWriter, _ []byte) {
			line, _ := r.keys.Witnesses[0].Sign(checkpoint.Checkpoint{Origin: r.keys.Origin, Size: 1}, uint64(time.Now().Unix()))
			fmt.Fprint(w, line)
		},
		"stranger's line": func(w http.ResponseWriter, body []byte) {
			fmt.Fprint(w, "\u2014 stranger.example/w AAAAAAAAAAAA\n")
		},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			r.cfg.Dir = t.TempDir()
			// Honest witnesses that have not seen this tree yet.
			urls := []string{r.peers[0].url}
			for _, s := range r.keys.Witnesses[1:] {
				urls = append(urls, newPeer(t, r.keys, s).url)
			}
			r.quorum.Store(r.keys.Quorum(t, urls...))
			r.peers[0].answer.Store(&f)
			l, err := tesseralog.New(r.cfg, r.deps)
			if err != nil {
				t.Fatal(err)
			}
			defer closeLog(t, l)
			fill(t, l, 1)
			v, err := l.WaitPublished(patient(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := cosigners(v); !slices.Equal(got, []string{"w1", "w2"}) || strings.Contains(string(v.Raw), "stranger") {
				t.Errorf("cosigned by %v:\n%s", got, v.Raw)
			}
		})
	}
}

// TestConflict: witnesses that know another size than the log believes, as
// after a restart of either, correct it and cosign in the same round.
func TestConflict(t *testing.T) {
	r := newRig(t)
	ctx := patient(t)
	l := r.open(t)
	fill(t, l, 300)
	if _, err := l.WaitPublished(ctx, 300); err != nil {
		t.Fatal(err)
	}
	// Two new witnesses at the old addresses' places: they have seen nothing.
	a, b := newPeer(t, r.keys, r.keys.Witnesses[0]), newPeer(t, r.keys, r.keys.Witnesses[1])
	r.quorum.Store(r.keys.Quorum(t, a.url, b.url))
	fill(t, l, 1)
	if _, err := l.WaitPublished(ctx, 301); err != nil {
		t.Fatal(err)
	}
	if a.asked.Load() != 2 {
		t.Errorf("asked %d times, want a 409 and its correction", a.asked.Load())
	}
}

// TestHungWitness: one that accepts and never answers delays nothing and
// gathers no requests.
func TestHungWitness(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	hang := func(http.ResponseWriter, []byte) { <-release }
	r.peers[1].answer.Store(&hang)
	defer close(release)
	l := r.open(t)
	ctx := patient(t)
	for i := range uint64(20) {
		fill(t, l, 1)
		if _, err := l.WaitPublished(ctx, i+1); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.peers[1].asked.Load(); n > 2 {
		t.Errorf("the one that hangs was asked %d times", n)
	}
}

// TestNoQuorumKnown: while nobody says who the witnesses are nothing is
// published; as soon as somebody does, it is.
func TestNoQuorumKnown(t *testing.T) {
	t.Attr("invariant", "L3")
	r := newRig(t)
	quorum := make(chan *checkpoint.Quorum, 1)
	var known *checkpoint.Quorum
	r.cfg.Quorum = func() *checkpoint.Quorum {
		select {
		case q := <-quorum:
			quorum <- q
			return q
		default:
			return known
		}
	}
	l := r.open(t)
	fill(t, l, 1)
	if note, _ := l.Published(); note != nil {
		t.Error("published for nobody")
	}
	quorum <- r.quorum.Load()
	l.QuorumChanged()
	if _, err := l.WaitPublished(patient(t), 1); err != nil {
		t.Error(err)
	}
}

// TestRefresh: an idle log's checkpoint is witnessed again.
func TestRefresh(t *testing.T) {
	r := newRig(t)
	r.cfg.Refresh = 50 * time.Millisecond
	l := r.open(t)
	fill(t, l, 1)
	until(t, "asked three times for one size", func() bool { return r.peers[0].asked.Load() >= 3 })
	if _, v := l.Published(); v.Checkpoint.Size != 1 {
		t.Errorf("published size %d", v.Checkpoint.Size)
	}
}

// TestInterval: a log that grows all the time asks its witnesses once in an interval,
// and what came in meanwhile is published together.
func TestInterval(t *testing.T) {
	r := newRig(t)
	r.cfg.Interval = 200 * time.Millisecond
	l := r.open(t)
	began := time.Now()
	fill(t, l, 1)
	if _, err := l.WaitPublished(patient(t), 1); err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n <= 20; n++ {
		fill(t, l, 1)
	}
	if _, err := l.WaitPublished(patient(t), 20); err != nil {
		t.Fatal(err)
	}
	// Rounds are counted at their beginning: n of them take n - 1 intervals.
	if n, most := r.peers[0].asked.Load(), 1+int64(time.Since(began)/r.cfg.Interval); n > most || n < 2 {
		t.Errorf("asked %d times in %v", n, time.Since(began))
	}
}

// TestRenew: the witnesses are asked again when somebody needs a later time, and
// not before.
func TestRenew(t *testing.T) {
	r := newRig(t)
	l := r.open(t)
	fill(t, l, 1)
	if _, err := l.WaitPublished(patient(t), 1); err != nil {
		t.Fatal(err)
	}
	for n := int64(2); n < 5; n++ {
		before := r.peers[0].asked.Load()
		if before >= n {
			t.Fatalf("asked %d times without being told to", before)
		}
		l.Renew()
		until(t, "asked again", func() bool { return r.peers[0].asked.Load() == n })
	}
}

// TestCloseWhileWaiting: whoever waits is told, and closing does not wait for
// witnesses.
func TestCloseWhileWaiting(t *testing.T) {
	r := newRig(t)
	for _, p := range r.peers {
		p.away.Store(true)
	}
	l, err := tesseralog.New(r.cfg, r.deps)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1)
	got := make(chan error, 1)
	go func() {
		_, err := l.WaitPublished(context.Background(), 1)
		got <- err
	}()
	closeLog(t, l)
	if err := <-got; !errors.Is(err, tesseralog.ErrClosed) {
		t.Error(err)
	}
}
