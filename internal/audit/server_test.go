package audit

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/audit/audittest"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

type server = audittest.Server

func serveLog(t testing.TB, l *foldtest.Log) *server {
	t.Helper()
	return audittest.New(l)
}

func rootOf(hs []checkpoint.Hash) checkpoint.Hash {
	var t compactTree
	for _, h := range hs {
		t.add(h)
	}
	return t.root()
}

// options of one audit in a test.
type options struct {
	config func(*Config)
	state  string
	now    time.Time
}

// run audits a server with the log's own quorum and genesis.
func run(t testing.TB, l *foldtest.Log, s *server, o options) (*Report, error) {
	t.Helper()
	web := httptest.NewServer(s)
	defer web.Close()
	c, err := client.New(client.Config{URL: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Quorum: quorumOf(l), Genesis: new(log.GenesisHash(l.Leaves[0])), Patience: time.Millisecond}
	for name := range s.Views {
		cfg.Witnesses = append(cfg.Witnesses, WitnessView{name, web.URL + "/w/" + name})
	}
	if o.config != nil {
		o.config(&cfg)
	}
	if o.now.IsZero() {
		o.now = l.Now.Add(time.Second)
	}
	d := Deps{Log: c, Views: HTTPViews{web.Client()}, Verifier: keys.NewVerifier(), Now: func() time.Time { return o.now }}
	if o.state != "" {
		st, err := OpenState(o.state)
		if err != nil {
			return nil, err
		}
		defer st.Close()
		d.State = st
	}
	return Run(t.Context(), cfg, d)
}

func quorumOf(l *foldtest.Log) []byte {
	return []byte(l.QuorumText(l.Options.Quorum, l.Witnesses...))
}

// audited is run, which must not fail.
func audited(t testing.TB, l *foldtest.Log, o options) *Report {
	t.Helper()
	r, err := run(t, l, serveLog(t, l), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect holds a report to exactly these findings, as "A12" or, for what is
// none, "A15 outage"; notes are left out unless they are asked for. Each
// finding's evidence is then verified again, offline, after a way through JSON.
func expect(t testing.TB, l *foldtest.Log, r *Report, want ...string) {
	t.Helper()
	notes := slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix(w, " note") })
	got := []string{}
	for _, f := range r.Findings {
		switch {
		case f.Severity == SeverityFinding:
			got = append(got, f.Check)
		case f.Severity != SeverityNote || notes:
			got = append(got, f.Check+" "+string(f.Severity))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		var text strings.Builder
		for _, f := range r.Findings {
			text.WriteString("\n  " + f.String())
			if len(f.Evidence.Expected) > 0 && f.Index != nil {
				fmt.Fprintf(&text, "\n    expected %s", f.Evidence.Expected)
			}
		}
		t.Fatalf("got %v, want %v%s", got, want, text.String())
	}
	for _, f := range r.Findings {
		check, ok := CheckOf(f.Check)
		if !ok || !slices.Contains(check.Severities, f.Severity) {
			t.Errorf("%s gives %s, which its row does not say", f.Check, f.Severity)
		}
		if f.Severity == SeverityFinding {
			prove(t, quorumOf(l), f)
		}
	}
}

// prove verifies a finding offline; one of a check that says so must be proven
// whole.
func prove(t testing.TB, quorum []byte, f Finding) Proof {
	t.Helper()
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	g, err := ParseFinding(raw)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Verify(quorum, g, keys.NewVerifier())
	if err != nil {
		t.Fatalf("%s is not proven offline: %v (%s)", f, err, f.Evidence.Missing)
	}
	word := f.Check == checkHistory && strings.Contains(f.Text, "shrank") // the finder's
	if check, _ := CheckOf(f.Check); check.Offline && !p.Whole && !word {
		t.Errorf("%s is proven in part only: %v", f, p.Facts)
	}
	return p
}
