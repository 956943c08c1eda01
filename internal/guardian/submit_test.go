package guardian

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// fakeClock is set by hand.
type fakeClock struct {
	mu   sync.Mutex
	boot time.Duration
}

func (c *fakeClock) Boot() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.boot }
func (c *fakeClock) Wall() time.Time     { return time.Unix(1<<31, 0) }
func (c *fakeClock) BootID() string      { return "boot-1" }

// answering is a submitter to servers that answer so, in turn for each address.
func answering(t *testing.T, answers ...func(w http.ResponseWriter)) (*submitter, *fakeClock) {
	t.Helper()
	clock := &fakeClock{}
	s := &submitter{
		sources: &sources{}, clock: clock, tell: func(Event) {}, waiting: map[log.Hash]time.Duration{},
		signer: &signer{origin: foldtest.Origin, run: "run-1", key: foldtest.NewKey(t, "guard"), clock: clock, tell: func(Event) {}},
	}
	for _, a := range answers {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { a(w) }))
		t.Cleanup(srv.Close)
		c, err := client.New(client.Config{URL: srv.URL})
		if err != nil {
			t.Fatal(err)
		}
		s.sources.clients = append(s.sources.clients, c)
	}
	return s, clock
}

func status(code int, name string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { refuse(w, code, name, name, "") }
}

// TestSubmitTellsFinalFromPassing shows which answers end a statement and which keep it in the spool.
func TestSubmitTellsFinalFromPassing(t *testing.T) {
	t.Attr("invariant", "G4")
	run := "run-1"
	leaf := seal(t, &log.Heartbeat{Origin: foldtest.Origin, Run: &run, Sequence: 1, Alive: true, BootID: "b"}, foldtest.NewKey(t, "guard"))
	ok := func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated); _, _ = w.Write([]byte("{}")) }
	conflict, forbidden := status(http.StatusConflict, "conflict"), status(http.StatusForbidden, "forbidden")
	busy, fast := status(http.StatusServiceUnavailable, "unavailable"), status(http.StatusTooManyRequests, "too-fast")
	proxy := func(w http.ResponseWriter) { http.Error(w, "nothing here", http.StatusNotFound) }
	gone := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for name, tc := range map[string]struct {
		answers        []func(http.ResponseWriter)
		taken, refused bool
	}{
		"taken":                     {[]func(http.ResponseWriter){ok}, true, false},
		"conflict":                  {[]func(http.ResponseWriter){conflict}, false, true},
		"forbidden":                 {[]func(http.ResponseWriter){forbidden}, false, true},
		"malformed":                 {[]func(http.ResponseWriter){status(http.StatusBadRequest, "malformed")}, false, true},
		"storage trouble":           {[]func(http.ResponseWriter){busy}, false, false},
		"too fast":                  {[]func(http.ResponseWriter){fast}, false, false},
		"unreachable":               {[]func(http.ResponseWriter){gone}, false, false},
		"internal error":            {[]func(http.ResponseWriter){status(http.StatusInternalServerError, "internal")}, false, false},
		"something in between":      {[]func(http.ResponseWriter){proxy}, false, false},
		"the second takes it":       {[]func(http.ResponseWriter){conflict, ok}, true, false},
		"the second is unreachable": {[]func(http.ResponseWriter){conflict, gone}, false, false},
		"both refuse":               {[]func(http.ResponseWriter){conflict, forbidden}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := answering(t, tc.answers...)
			err := s.submit(t.Context(), leaf)
			if (err == nil) != tc.taken || errors.Is(err, guard.ErrRefused) != tc.refused {
				t.Errorf("got %v", err)
			}
		})
	}
	s, _ := answering(t, ok)
	if err := s.submit(t.Context(), []byte("rubbish")); !errors.Is(err, guard.ErrRefused) {
		t.Errorf("rubbish: %v", err)
	}
}

// TestReceiptOutlivesUnknownHalt shows that a halt that never reaches the log does not keep the receipt out.
func TestReceiptOutlivesUnknownHalt(t *testing.T) {
	t.Attr("invariant", "G4")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	clock := &fakeClock{}
	g.submit.clock = clock
	var receipt []byte
	s.Do(func(l *foldtest.Log) {
		st := l.ActuationStatement(guardiantest.Run)
		st.Halt = &log.Hash{7}
		receipt = l.Seal(st, l.Guard)
	})
	for range 3 {
		if err := g.submit.submit(t.Context(), receipt); !errors.Is(err, client.ErrUnavailable) || errors.Is(err, guard.ErrRefused) {
			t.Fatalf("an unknown halt: %v", err)
		}
	}
	clock.mu.Lock()
	clock.boot = haltPatience + time.Second
	clock.mu.Unlock()
	if err := g.submit.submit(t.Context(), receipt); err != nil {
		t.Fatal(err)
	}
	got := s.Kinds(log.KindActuation)
	if len(got) != 1 || got[0].Statement.(*log.Actuation).Halt != nil {
		t.Errorf("receipts %v", got)
	}
}

// TestEvidence shows that a receipt says "observed dead" only for confirmed evidence, in each mode.
func TestEvidence(t *testing.T) {
	t.Attr("invariant", "G4")
	s, clock := answering(t)
	stamp := guard.Stamp{Wall: clock.Wall(), Boot: time.Second}
	for _, e := range []guard.Evidence{
		{},
		{Mode: guard.ModeCgroup},
		{Mode: guard.ModeCgroup, PidfdExited: true},
		{Mode: guard.ModeCgroup, PopulatedZero: true},
		{Mode: guard.ModeCgroup, PidfdExited: true, PopulatedZero: true},
		{Mode: guard.ModeNamespace},
		{Mode: guard.ModeNamespace, PidfdExited: true},
	} {
		e.Ordered, e.Observed = stamp, stamp
		for _, cause := range []guard.Cause{guard.CauseHalt, guard.CauseVote, guard.CauseLease, guard.CauseKeeperDied, guard.CauseEnded} {
			leaf, err := s.signer.Actuation(t.Context(), 1, guard.Record{Run: "run-1", By: "reaper", Cause: cause, Evidence: e}, nil)
			if err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
			p, err := log.Parse(leaf)
			if err != nil {
				t.Fatal(err)
			}
			st := p.Statement.(*log.Actuation)
			if (st.State == log.ActuationObservedDead) != e.Confirmed() || st.Evidence.Dead() != e.Confirmed() {
				t.Errorf("%+v gives %+v", e, st)
			}
		}
	}
}
