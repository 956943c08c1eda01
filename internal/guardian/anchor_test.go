package guardian

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guard"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// liar answers some routes itself and passes the rest on.
func liar(t *testing.T, s *guardiantest.Site, route string, answer http.HandlerFunc) *sources {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, route) {
			answer(w, r)
			return
		}
		s.Server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	c, err := client.New(client.Config{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	return &sources{clients: []*client.Client{c}}
}

// TestAnchorIsVerified alters one thing of what a server says of the newest anchor.
func TestAnchorIsVerified(t *testing.T) {
	t.Attr("invariant", "S4")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	before, err := g.anchors.now()
	if err != nil {
		t.Fatal(err)
	}
	var good api.Anchor
	s.Do(func(l *foldtest.Log) {
		l.Now = time.Now().Add(time.Second)
		step := l.Anchor()
		a, _ := l.Machine.Ledger().NewestAnchor()
		good = api.Anchor{Index: a.Index, Size: a.Size, Root: a.Root, Checkpoint: step.Signed.Statement.(*log.Anchor).Checkpoint}
	})
	for name, tc := range map[string]struct {
		change func(*api.Anchor, *foldtest.Log)
		want   error
	}{
		"entry that is none": {func(a *api.Anchor, _ *foldtest.Log) { a.Index-- }, ErrForm},
		"another checkpoint in its place": {func(a *api.Anchor, l *foldtest.Log) {
			a.Checkpoint = l.NoteAt(a.Size, a.Root, l.Now.Add(time.Second))
		}, ErrProof},
		"too few witnesses": {func(a *api.Anchor, l *foldtest.Log) {
			a.Checkpoint = l.Note(checkpoint.Checkpoint{Origin: l.Origin, Size: a.Size, Root: a.Root}, l.Now, l.Witnesses[0])
		}, ErrProof},
		"more than a quorum": {func(a *api.Anchor, l *foldtest.Log) {
			a.Checkpoint = l.Note(checkpoint.Checkpoint{Origin: l.Origin, Size: a.Size, Root: a.Root}, l.Now, l.Witnesses...)
		}, ErrProof},
		"another root": {func(a *api.Anchor, l *foldtest.Log) { a.Checkpoint = l.NoteAt(a.Size, log.Hash{1}, l.Now) }, ErrSplitView},
		"older time": {func(a *api.Anchor, l *foldtest.Log) {
			a.Checkpoint = l.NoteAt(a.Size, a.Root, time.Now().Add(-time.Hour))
		}, ErrForm},
	} {
		t.Run(name, func(t *testing.T) {
			a := good
			s.Do(func(l *foldtest.Log) { tc.change(&a, l) })
			fresh := open2(t, s, before)
			fresh.sources = liar(t, s, api.RouteAnchor, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(a) })
			if err := fresh.refresh(t.Context()); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if now, _ := fresh.now(); now != before {
				t.Error("the known anchor was given up")
			}
		})
	}
	if err := g.anchors.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, _ := g.anchors.now(); now.ref.Index != good.Index || now.ref.Root != good.Root {
		t.Errorf("anchor %+v", now)
	}
}

// open2 is a guard's anchors at an earlier moment, with a trust of their own.
func open2(t *testing.T, s *guardiantest.Site, at anchor) *anchors {
	t.Helper()
	g := open(t, s)
	a := newAnchors(g.trust, g.sources, slog.New(slog.DiscardHandler))
	a.newest, a.known = at, true
	return a
}

// TestAuthority shows that revocation reaches a running guard, and that only officers bring it.
func TestAuthority(t *testing.T) {
	t.Attr("invariant", "G1")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	req := asked(t, g, 0)
	lease := seal(t, s.Lease(g.deps.Key.KeyID(), req), engine(s))
	if _, _, err := g.checker.CheckLease(t.Context(), lease, guard.Seen{}); err != nil {
		t.Fatal(err)
	}
	fresh := foldtest.NewKey(t, "engine-new")
	var previous log.Hash
	s.Do(func(l *foldtest.Log) {
		_, previous = l.Machine.Ledger().Authority()
		st := &log.Authority{Origin: l.Origin, Number: 1, Previous: previous, Add: []log.KeyGrant{}, Revoke: []string{fresh.KeyID()}}
		// One officer of two, and strangers: void, and no change here either.
		l.Put(st, foldtest.NewKey(t, "officer-0"), foldtest.NewKey(t, "officer-1"))
	})
	if err := g.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Do(func(l *foldtest.Log) {
		l.Now = time.Now()
		l.Must(&log.Authority{
			Origin: l.Origin, Number: 1, Previous: previous, Add: []log.KeyGrant{fresh.Grant(l.Origin, log.RoleEngine)},
			Revoke: []string{l.Engines[0].KeyID()},
		}, l.Threshold()...)
	})
	if err := g.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.checker.CheckLease(t.Context(), lease, guard.Seen{}); !errors.Is(err, ErrKey) {
		t.Errorf("a revoked engine grants: %v", err)
	}
	if ids, err := g.trust.engines([]string{""}); err != nil || len(ids) != 1 || ids[0] != fresh.KeyID() {
		t.Errorf("engines %v, %v", ids, err)
	}
}
