package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// server is a log over HTTP, C2SP tlog-tiles, and witnesses' monitoring
// endpoints beside it.
type server struct {
	leaves [][]byte          // as served
	hashes []checkpoint.Hash // of the tree
	note   []byte
	views  map[string][]byte // by witness
	gone   bool              // partial tiles are not there any more
	asked  []string
}

// serveLog serves a log with a checkpoint of everything, by a quorum, now.
func serveLog(t testing.TB, l *foldtest.Log) *server {
	t.Helper()
	s := &server{leaves: l.Leaves, note: l.Checkpoint(l.Size()), views: map[string][]byte{}}
	for _, leaf := range l.Leaves {
		s.hashes = append(s.hashes, checkpoint.LeafHash(leaf))
	}
	return s
}

func rootOf(h []checkpoint.Hash) checkpoint.Hash {
	var t compactTree
	for _, x := range h {
		t.add(x)
	}
	return t.root()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.URL.Path)
	if r.URL.Path == "/checkpoint" {
		w.Write(s.note)
		return
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/w/"); ok {
		name, tail, _ := strings.Cut(rest, "/")
		origin := sha256.Sum256([]byte(foldtest.Origin))
		note, ok := s.views[name]
		if !ok || tail != hex.EncodeToString(origin[:])+"/checkpoint" {
			http.NotFound(w, r)
			return
		}
		w.Write(note)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/tile/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	kind, rest, _ := strings.Cut(rest, "/")
	number, partial, isPartial := strings.Cut(rest, ".p/")
	width := 256
	if isPartial {
		width, _ = strconv.Atoi(partial)
	}
	index, _ := strconv.Atoi(strings.ReplaceAll(strings.ReplaceAll(number, "x", ""), "/", ""))
	if isPartial && s.gone {
		http.NotFound(w, r)
		return
	}
	if kind == "entries" {
		for i := index * 256; i < index*256+width; i++ {
			if i >= len(s.leaves) {
				if isPartial || !s.gone {
					http.NotFound(w, r)
				}
				return
			}
			w.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s.leaves[i]))))
			w.Write(s.leaves[i])
		}
		return
	}
	level, _ := strconv.Atoi(kind)
	span := 1 << (8 * level)
	var out []byte
	for i := index * 256; i < index*256+width; i++ {
		if (i+1)*span > len(s.hashes) {
			http.NotFound(w, r)
			return
		}
		h := rootOf(s.hashes[i*span : (i+1)*span])
		out = append(out, h[:]...)
	}
	w.Write(out)
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
	for name := range s.views {
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
		text := ""
		for _, f := range r.Findings {
			text += "\n  " + f.String()
			if len(f.Evidence.Expected) > 0 && f.Index != nil {
				text += fmt.Sprintf("\n    expected %s", f.Evidence.Expected)
			}
		}
		t.Fatalf("got %v, want %v%s", got, want, text)
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
	// That tiles make no root, and that a log shrank, is the finder's word.
	word := f.Check == checkTree && len(f.Evidence.Entries) == 0 || f.Check == checkHistory && f.Evidence.Root == nil && strings.Contains(f.Text, "shrank")
	if check, _ := CheckOf(f.Check); check.Offline && !p.Whole && !word {
		t.Errorf("%s is proven in part only: %v", f, p.Facts)
	}
	return p
}
