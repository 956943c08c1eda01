package guardian

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// The test binary is also the guard's helper processes.
func TestMain(m *testing.M) {
	if code, helper := guard.Main(os.Args); helper {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// heard collects events.
type heard struct {
	mu     sync.Mutex
	events []Event
}

func (h *heard) report(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *heard) find(name, kind string) *Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Event == name && (kind == "" || e.Kind == kind) {
			return &e
		}
	}
	return nil
}

// settings are a guard's for a site, with a command that does nothing.
func settings(t testing.TB, s *guardiantest.Site) (Config, Deps, *heard) {
	t.Helper()
	h := &heard{}
	var key *foldtest.Key
	s.Do(func(l *foldtest.Log) { key = l.Guard })
	c := Config{
		Run: guardiantest.Run, Logs: []Address{{URL: s.Server.URL}}, Quorum: []byte(s.Quorum()), Genesis: s.Genesis(),
		Renew: 100 * time.Millisecond, Heartbeat: 100 * time.Millisecond,
		Guard: guard.Config{
			StateDir: filepath.Join(t.TempDir(), "state"), Command: []string{"/bin/true"}, Beat: 200 * time.Millisecond,
			Miss: 20 * time.Second, KillWait: 20 * time.Second, Drain: 20 * time.Second,
		},
	}
	return c, Deps{
		Key: key, Verifier: keys.NewVerifier(), Clock: guard.SystemClock{}, Logger: slog.New(slog.DiscardHandler), Report: h.report,
	}, h
}

func open(t testing.TB, s *guardiantest.Site) *Guardian {
	t.Helper()
	c, d, _ := settings(t, s)
	g, err := Open(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// await polls something of another goroutine or process; the deadline only ends a broken test.
func await(t testing.TB, s *guardiantest.Site, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		if s != nil {
			s.Tick()
		}
	}
}

// asked is a lease request of the site's guard.
func asked(t testing.TB, g *Guardian, seen uint64) *log.LeaseRequest {
	t.Helper()
	at, err := g.anchors.now()
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	return &log.LeaseRequest{
		Origin: g.trust.origin, Run: guardiantest.Run, BootID: "boot-1", Nonce: nonce, Sequence: 1, Anchor: at.ref, SeenSize: seen,
	}
}

// engine is the site's engine key.
func engine(s *guardiantest.Site) (k *foldtest.Key) {
	s.Do(func(l *foldtest.Log) { k = l.Engines[0] })
	return k
}

func seal(t testing.TB, st log.Statement, signers ...log.Signer) []byte {
	t.Helper()
	leaf, err := log.Seal(st, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
