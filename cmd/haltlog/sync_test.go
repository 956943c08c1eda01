package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// TestSyncCommand: a mirror, a list from it, and what a source is blamed for.
func TestSyncCommand(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-1")
	l.Decide(l.Engines[0])
	entries := foldtest.Labels(3)
	l.Artefact("run-1", entries)
	l.Anchor()
	l.Decide(l.Engines[0])
	l.Vote("run-1", l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement("run-1", entries), l.Engines[0])
	l.Must(l.EpochStatement(), l.Engines[0])
	l.Anchor()
	s := trusttest.New(t, l)
	pin := "--genesis=" + log.GenesisHash(l.Leaves[0]).Hex()
	dir, list := t.TempDir(), t.TempDir()
	if code, out, errs := haltlog(t, "mirror", "--log="+s.URL, "--dir="+dir, pin); code != cli.OK || !strings.Contains(out, "epoch 1") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(web.Close)
	// The test's log is of a day long past.
	if code, out, errs := haltlog(t, "sync", "--from="+web.URL, "--dir="+list, pin); code != cli.Look || !strings.Contains(errs, "withheld") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	code, out, errs := haltlog(t, "--output=json", "sync", "--from="+web.URL+","+s.URL, "--dir="+list, "--max-age=0", pin)
	var r listsync.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != cli.OK || r.Number != 1 || r.Count != 3 || len(r.Sources) != 2 {
		t.Errorf("%d %s %s %v", code, out, errs, err)
	}
	// One that shows another checkpoint is named, beside an honest one too.
	if code, out, errs := haltlog(t, "sync", "--from="+forked(t, s.URL, l)+","+web.URL, "--dir="+list, "--max-age=0", pin); code != cli.No || !strings.Contains(errs, "evidence") {
		t.Errorf("a fork: %d %s %s", code, out, errs)
	}
	for _, args := range [][]string{{"sync", "--from=ftp://x", "--dir=" + list}, {"sync", "--dir=" + list}, {"mirror", "--log=" + s.URL, "--dir=" + dir, "--every=0s"}, {"sync", "--from=" + s.URL, "--dir=" + list, "--genesis=x"}} {
		if code, _, errs := haltlog(t, args...); code != cli.Usage {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

// forked serves what another server does under a checkpoint that was signed for another root.
func forked(t *testing.T, to string, l *foldtest.Log) string {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/checkpoint" {
			_, _ = w.Write(l.NoteAt(l.Size(), log.Hash{1}, l.Now))
			return
		}
		res, err := http.Get(to + r.URL.Path)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}))
	t.Cleanup(h.Close)
	return h.URL
}
