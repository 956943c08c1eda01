package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// TestCheckLookup: a lab that keeps lookup lists alone has its hits confirmed by a mirror
// of plain files, or by the log, and gets no answer without either.
func TestCheckLookup(t *testing.T) {
	t.Attr("invariant", "LC6")
	key := voprf.GenerateKey()
	evaluator := &server{key: key}
	web := httptest.NewServer(evaluator)
	t.Cleanup(web.Close)
	l := foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		pk := key.Public().Bytes()
		g.Evaluators = log.EvaluatorSet{
			Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk},
			Holders: []log.Holder{{Name: "holder", KeyID: log.KeyID(g.Keys[0].SPKI), Address: web.URL, Seal: voprf.GenerateKey().Public().Bytes()}},
		}
	}})
	l.Setup()
	l.Decide(l.Engines[0])
	l.Run("run-1")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var entries []blacklist.Entry
	for _, q := range blacklist.Questions(safetensors(t, in("halted"), "m.safetensors", 1, 2)) {
		label, err := key.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, blacklist.Entry{Kind: q.Kind, Label: label})
	}
	safetensors(t, in("renamed"), "other.safetensors", 2, 1)
	safetensors(t, in("clear"), "m.safetensors", 4, 5)
	l.Artefact("run-1", entries)
	l.Heartbeat("run-1")
	l.Anchor()
	l.Decide(l.Engines[0])
	l.Vote("run-1", l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement("run-1", entries), l.Engines[0])
	l.Must(l.EpochStatement(), l.Engines[0])
	l.Anchor()
	s := trusttest.New(t, l)
	s.Evaluator = key
	pin := "--genesis=" + log.GenesisHash(l.Leaves[0]).Hex()
	if code, out, errs := haltlog(t, "mirror", "--log="+s.URL, "--dir="+in("mirror"), pin); code != cli.OK {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	files := httptest.NewServer(http.FileServer(http.Dir(in("mirror"))))
	t.Cleanup(files.Close)
	if code, out, errs := haltlog(t, "sync", "--from="+files.URL, "--dir="+in("list"), "--lookup-only", "--max-age=0", pin); code != cli.OK {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	for _, c := range []struct {
		model string
		flags []string
		code  int
		says  string
	}{
		{"clear", nil, cli.OK, "clear: clear"},
		{"renamed", nil, cli.Error, "give --log or --from"},
		{"renamed", []string{"--from=" + web.URL}, cli.Error, "could not be confirmed"},
		{"renamed", []string{"--from=" + files.URL}, cli.No, "renamed: listed"},
		{"renamed", []string{"--from=" + web.URL + "," + files.URL}, cli.No, "renamed: listed"},
		{"renamed", []string{"--log=" + s.URL, "--state=" + in("state")}, cli.No, "run run-1"},
		{"renamed", []string{"--from=ftp://x"}, cli.Usage, "--from"},
	} {
		code, out, errs := haltlog(t, append([]string{"check", in(c.model), "--list=" + in("list"), "--max-age=0", pin}, c.flags...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s %v: %d %s %s", c.model, c.flags, code, out, errs)
		}
	}
}

// server is an evaluator, and serves nothing else.
type server struct{ key *voprf.PrivateKey }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != api.RouteEvaluate {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		body, err = voprf.NewEvaluator(s.key).Answer(body)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = w.Write(body)
}
