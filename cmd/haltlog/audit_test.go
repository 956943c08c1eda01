package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/audit/audittest"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// audited is a served log with the files that an auditor has of it.
type audited struct {
	t       *testing.T
	l       *foldtest.Log
	s       *audittest.Server
	url     string
	dir     string
	genesis string
}

func newAudited(t *testing.T) *audited {
	t.Helper()
	l := foldtest.New(t, foldtest.Options{})
	foldtest.Golden(l)
	a := &audited{t: t, l: l, s: audittest.New(l), dir: t.TempDir(), genesis: log.GenesisHash(l.Leaves[0]).Hex()}
	web := httptest.NewServer(a.s)
	t.Cleanup(web.Close)
	a.url = web.URL
	a.write("quorum", []byte(l.QuorumText(2, l.Witnesses...)))
	return a
}

func (a *audited) path(name string) string { return filepath.Join(a.dir, name) }

func (a *audited) write(name string, b []byte) string {
	a.t.Helper()
	if err := os.WriteFile(a.path(name), b, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return a.path(name)
}

func (a *audited) run(args ...string) (code int, stdout, stderr string) {
	a.t.Helper()
	var out, errs bytes.Buffer
	code = run(a.t.Context(), append(args, "--quorum", a.path("quorum")), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// proofOf is the tlog-proof of an entry.
func (a *audited) proofOf(index uint64) []byte {
	a.t.Helper()
	var tree checkpoint.Tree
	for _, leaf := range a.l.Leaves {
		if err := tree.Append(leaf); err != nil {
			a.t.Fatal(err)
		}
	}
	hashes, err := tree.Inclusion(index, tree.Size())
	if err != nil {
		a.t.Fatal(err)
	}
	return checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: a.s.Note}.Format()
}

// A cron job is told by the exit code: clean, first use, found, not done.
func TestAudit(t *testing.T) {
	t.Attr("invariant", "E1")
	a := newAudited(t)
	code, out, errs := a.run("audit", a.url, "--genesis", a.genesis, "--state", a.path("state"))
	if code != cli.OK || !strings.Contains(out, "\nclean\n") || !strings.Contains(out, "(pinned)") || errs != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if code, out, _ := a.run("audit", a.url, "--state", a.path("state")); code != cli.OK || !strings.Contains(out, "(state)") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out, _ := a.run("audit", a.url); code != cli.Look || !strings.Contains(out, "A07") || !strings.Contains(out, a.genesis) {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, _, errs := a.run("audit", "http://127.0.0.1:1"); code != cli.Error || errs == "" {
		t.Errorf("a log that is not there: exit %d, %s", code, errs)
	}
	for _, args := range [][]string{
		{"audit"},
		{"audit", "ftp://x"},
		{"audit", a.url, "--genesis", "00"},
		{"audit", a.url, "--witness", "nobody=" + a.url},
		{"audit", a.url, "--witness", "w0"},
	} {
		if code, out, errs := a.run(args...); code != cli.Usage {
			t.Errorf("%v: exit %d %s%s", args, code, out, errs)
		}
	}
	a.write("damaged", []byte("{}"))
	if code, _, errs := a.run("audit", a.url, "--state", a.path("damaged")); code != cli.Error || !strings.Contains(errs, "damaged") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// What was found is proven again from its file alone, without the log.
func TestAuditFindingsAreVerifiedOffline(t *testing.T) {
	t.Attr("invariant", "L3")
	t.Attr("invariant", "G3")
	a := newAudited(t)
	other := a.l.Fork(9)
	for other.Size() < a.l.Size() {
		other.Append([]byte("another entry"))
	}
	a.s.Views["w1"] = other.Note(checkpoint.Checkpoint{Origin: other.Origin, Size: other.Size() - 1, Root: checkpoint.Hash(other.Root(other.Size() - 1))}, other.Now, other.Witnesses[1])
	last, _ := a.l.Machine.Ledger().Decision(a.l.Engines[0].KeyID())
	rules, _ := a.l.Machine.Ledger().Rules(foldtest.Chain)
	lease := a.l.Seal(&log.Lease{
		Origin: a.l.Origin, Run: "run-1", Guard: a.l.Guard.KeyID(), BootID: "boot-1", Nonce: make([]byte, 32), Sequence: 1,
		DurationMS: rules.Lease.Milliseconds(), Policy: rules.Number, PolicyHash: rules.Hash,
		DecisionIndex: last.Index, DecisionSize: last.To, Checkpoint: a.s.Note, Consistency: []log.Hash{},
	}, a.l.Engines[0])
	code, out, errs := a.run("--output", "json", "audit", a.url, "--genesis", a.genesis, "--findings", a.path("found"),
		"--witness", "w1="+a.url+"/w/w1", "--evidence", a.write("leases", append(lease, '\n')))
	if code != cli.No || !strings.Contains(errs, "2 findings") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	var r audit.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(a.path("found/*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range append(files, a.write("report", []byte(out))) {
		code, out, errs := a.run("verify", f)
		if code != cli.OK || strings.Contains(out, "the rest") {
			t.Errorf("%s: exit %d\n%s%s", f, code, out, errs)
		}
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	forged := a.write("forged", bytes.Replace(raw, []byte(`"root": "`), []byte(`"root": "A`), 1))
	if code, out, _ := a.run("verify", forged); code != cli.No {
		t.Errorf("a forged finding: exit %d\n%s", code, out)
	}
}

func TestVerify(t *testing.T) {
	t.Attr("invariant", "L4")
	a := newAudited(t)
	leaf := a.write("leaf", a.l.Leaves[5])
	proof := a.write("5.tlog-proof", a.proofOf(5))
	note := a.write("checkpoint", a.s.Note)
	weak := a.write("weak", a.l.Note(checkpoint.Checkpoint{Origin: a.l.Origin, Size: 3, Root: checkpoint.Hash(a.l.Root(3))}, a.l.Now, a.l.Witnesses[0]))
	again := a.write("again", a.l.NoteAt(a.l.Size(), log.Hash{1}, a.l.Now.Add(time.Second)))
	both, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	fork := a.write("fork", append(append([]byte(forkHead), a.s.Note...), append([]byte(forkMiddle), both...)...))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"verify", proof, "--leaf", leaf}, cli.OK, "entry 5"},
		{[]string{"verify", proof, "--leaf", a.write("other", a.l.Leaves[6])}, cli.No, ""},
		{[]string{"verify", proof}, cli.Usage, ""},
		{[]string{"verify", note}, cli.OK, "cosigned"},
		{[]string{"verify", note, proof, "--leaf", leaf}, cli.OK, "entry 5"},
		{[]string{"verify", weak}, cli.No, ""},
		{[]string{"verify", fork}, cli.OK, "two roots"},
		{[]string{"verify", leaf}, cli.No, ""},
		{[]string{"verify", a.path("nothing")}, cli.Error, ""},
	} {
		code, out, errs := a.run(c.args...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, code, c.code, out, errs)
		}
	}
}

func TestAuditChecks(t *testing.T) {
	a := newAudited(t)
	code, out, _ := a.run("audit", "--checks")
	for _, c := range audit.Checks() {
		if !strings.Contains(out, c.Number+"  ") {
			t.Errorf("%s is not there", c.Number)
		}
	}
	if code != cli.OK {
		t.Errorf("exit %d", code)
	}
}
