package guardian

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/log"
)

// TestRunIsVerified alters one thing of what a server says of the run.
func TestRunIsVerified(t *testing.T) {
	t.Attr("invariant", "G1")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	st := g.run.statement
	var registered api.Entry
	s.Do(func(l *foldtest.Log) {
		registered = api.Entry{Index: g.run.index, Kind: string(log.KindRun), Run: st.Run, Validity: string(log.Valid), Leaf: l.Leaves[g.run.index]}
	})
	entries := func(change func(*api.Entry)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/proof") {
				s.Server.Config.Handler.ServeHTTP(w, r)
				return
			}
			e := registered
			change(&e)
			_ = json.NewEncoder(w).Encode(api.Entries{Entries: []api.Entry{e}})
		}
	}
	var registrar *foldtest.Key
	s.Do(func(l *foldtest.Log) { registrar = l.Registrar })
	altered := func(change func(*log.Run), by log.Signer) http.HandlerFunc {
		again := *st
		change(&again)
		leaf := seal(t, &again, by)
		return entries(func(e *api.Entry) { e.Leaf = leaf })
	}
	nothing := func(*log.Run) {}
	for name, tc := range map[string]struct {
		route  string
		answer http.HandlerFunc
		want   error
	}{
		"another run":        {api.RouteEntries, altered(func(r *log.Run) { r.Run = "run-2" }, registrar), ErrForm},
		"another log's":      {api.RouteEntries, altered(func(r *log.Run) { r.Origin = "log.example/other" }, registrar), ErrOrigin},
		"signed by a guard":  {api.RouteEntries, altered(nothing, g.deps.Key), ErrKey},
		"forged":             {api.RouteEntries, altered(nothing, forger{registrar}), ErrSignature},
		"not in the log":     {api.RouteEntries, altered(func(r *log.Run) { r.MaxLifeMS++ }, registrar), ErrProof},
		"at another index":   {api.RouteEntries, entries(func(e *api.Entry) { e.Index-- }), ErrProof},
		"void":               {api.RouteEntries, entries(func(e *api.Entry) { e.Validity = string(log.Void) }), client.ErrNotFound},
		"a void server":      {api.RouteEntries, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, client.ErrUnavailable},
		"another group":      {"/v1/groups/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(otherGroup(t, s)) }, ErrForm},
		"a run as its group": {"/v1/groups/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(registered.Leaf) }, ErrForm},
		"another policy": {api.RoutePolicies, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode([]api.Policy{{Document: []byte("{}")}})
		}, client.ErrNotFound},
		"a proof of another":   {api.RouteEntries, proofOf(s, g.run.index-1, registered), ErrProof},
		"a proof of nothing":   {api.RouteEntries, proofText("c2sp.org/tlog-proof@v1\n", registered), ErrProof},
		"an answer that is no": {api.RouteEntries, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			lying := liar(t, s, tc.route, tc.answer).clients[0]
			_, err := loadRun(t.Context(), g.trust, lying, guardiantest.Run, g.deps.Key.KeyID())
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func otherGroup(t *testing.T, s *guardiantest.Site) (leaf []byte) {
	t.Helper()
	s.Do(func(l *foldtest.Log) { leaf = l.Seal(l.GroupStatement(l.Members[:4]...), l.Threshold()...) })
	return leaf
}

// proofOf answers for the run and with another entry's proof.
func proofOf(s *guardiantest.Site, index uint64, e api.Entry) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/proof") {
			_ = json.NewEncoder(w).Encode(api.Entries{Entries: []api.Entry{e}})
			return
		}
		c, err := client.New(client.Config{URL: s.Server.URL})
		if err != nil {
			return
		}
		proof, err := c.Proof(r.Context(), index)
		if err == nil {
			_, _ = w.Write(proof)
		}
	}
}

// proofText answers for the run and with a text for its proof.
func proofText(text string, e api.Entry) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/proof") {
			_, _ = w.Write([]byte(text))
			return
		}
		_ = json.NewEncoder(w).Encode(api.Entries{Entries: []api.Entry{e}})
	}
}

// TestOfficersAlone shows whose signatures change what a guard trusts.
func TestOfficersAlone(t *testing.T) {
	t.Attr("invariant", "G1")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	fresh := foldtest.NewKey(t, "engine-new")
	s.Do(func(l *foldtest.Log) {
		_, previous := l.Machine.Ledger().Authority()
		st := &log.Authority{Origin: l.Origin, Number: 1, Previous: previous, Add: []log.KeyGrant{fresh.Grant(l.Origin, log.RoleEngine)}, Revoke: []string{}}
		stolen := *st
		stolen.Add = []log.KeyGrant{foldtest.NewKey(t, "engine-new").Grant("log.example/other", log.RoleEngine)}
		for name, tc := range map[string]struct {
			st   *log.Authority
			by   []log.Signer
			want error
		}{
			"one officer":   {st, foldtest.Signers(l.Officers[0]), ErrKey},
			"all officers":  {st, foldtest.Signers(l.Officers...), ErrKey},
			"strangers":     {st, foldtest.Signers(foldtest.NewKey(t, "a"), foldtest.NewKey(t, "b")), ErrKey},
			"engine helps":  {st, foldtest.Signers(l.Officers[0], l.Engines[0]), ErrKey},
			"forged":        {st, []log.Signer{l.Officers[0], forger{l.Officers[1]}}, ErrSignature},
			"no possession": {&stolen, l.Threshold(), ErrSignature},
		} {
			p, err := log.Parse(seal(t, tc.st, tc.by...))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.trust.change(p, tc.st); !errors.Is(err, tc.want) {
				t.Errorf("%s: got %v, want %v", name, err, tc.want)
			}
		}
		p, err := log.Parse(seal(t, st, l.Threshold()...))
		if err != nil {
			t.Fatal(err)
		}
		if !g.trust.follows(st) || g.trust.change(p, st) != nil || g.trust.follows(st) {
			t.Error("the officers' own statement was not taken once")
		}
	})
	if n := len(g.trust.role(log.RoleEngine)); n != 2 {
		t.Errorf("%d engines", n)
	}
}
