package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// keyFile makes a key file, and the grant of its role in a log.
func keyFile(t *testing.T, dir, name, origin, role string) (path, grant string) {
	t.Helper()
	path, grant = filepath.Join(dir, name+".key"), filepath.Join(dir, name+".grant")
	if code, _, errs := haltlog(t, "key", "new", "ed25519", path); code != cli.OK {
		t.Fatal(errs)
	}
	if code, _, errs := haltlog(t, "key", "prove", path, "--origin="+origin, "--role="+role, "--name="+name, "--out="+grant); code != cli.OK {
		t.Fatal(errs)
	}
	return path, grant
}

// registrar makes the log's registrar a key in a file.
func withRegistrar(t *testing.T, dir string) (*foldtest.Log, string) {
	t.Helper()
	path, grant := keyFile(t, dir, "registrar-x", foldtest.Origin, "registrar")
	var g struct {
		SPKI  []byte `json:"spki"`
		Proof []byte `json:"proof"`
	}
	b, err := os.ReadFile(grant)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	l := foldtest.New(t, foldtest.Options{Genesis: func(st *log.Genesis) {
		st.Keys = append(st.Keys, log.KeyGrant{Role: log.RoleRegistrar, Name: "registrar-x", SPKI: g.SPKI, Proof: g.Proof})
	}})
	return l, path
}

func TestRuns(t *testing.T) {
	dir := t.TempDir()
	l, registrar := withRegistrar(t, dir)
	l.Setup()
	s := trusttest.New(t, l)
	guard, guardGrant := keyFile(t, dir, "guard-1", l.Origin, "guard")
	genesis := log.GenesisHash(l.Leaves[0]).Hex()
	register := []string{"run", "register", "--log=" + s.URL, "--genesis=" + genesis, "--key=" + registrar, "--run=run-7", "--class=standard", "--task=a test", "--chain=main", "--group=" + l.RunStatement("x").Group.Hex(), "--guard=" + guardGrant}
	code, out, errs := haltlog(t, register...)
	if code != cli.OK || !strings.Contains(out, "valid") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, _, errs := haltlog(t, register...); code != cli.No || !strings.Contains(errs, "is taken") {
		t.Errorf("twice: %d %s", code, errs)
	}
	for i, change := range []struct{ arg, says string }{
		{"--key=" + guard, "void"},
		{"--chain=other", "no policy in force"},
		{"--group=xyz", "--group"},
		{"--guard=" + registrar, "want a haltlog/grant"},
		{"--genesis=" + strings.Repeat("0", 64), "pinned"},
		{"--manifest=zz", "--manifest"},
	} {
		args := append(append([]string{}, register...), change.arg, fmt.Sprintf("--run=run-%d", 10+i))
		if strings.HasPrefix(change.arg, "--guard=") {
			args = append(args[:len(register)-1], change.arg, "--run=run-9")
		}
		if code, _, errs := haltlog(t, args...); code == cli.OK || !strings.Contains(errs, change.says) {
			t.Errorf("%s: %d %s", change.arg, code, errs)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "list"}, cli.OK, "run-7"},
		{[]string{"run", "show", "run-7"}, cli.OK, "state armed"},
		{[]string{"run", "why", "run-7"}, cli.OK, "run run-7 is armed"},
		{[]string{"run", "show", "run-8"}, cli.No, "no run run-8"},
		{[]string{"run", "why", "run-8"}, cli.No, "no run run-8"},
		{[]string{"entries", "--kind=run"}, cli.OK, "valid"},
		{[]string{"entries", "--kind=xyz"}, cli.Usage, "not a kind"},
		{[]string{"--output=json", "run", "list"}, cli.OK, `"run":"run-7"`},
	} {
		code, out, errs := haltlog(t, append(c.args, "--log="+s.URL)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%v: %d %s %s", c.args, code, out, errs)
		}
	}
}

// TestTrust: what is pinned, what is remembered, and what a fork leaves behind.
func TestTrust(t *testing.T) {
	t.Attr("invariant", "L4")
	t.Attr("invariant", "TR1")
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Anchor()
	s := trusttest.New(t, l)
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	quorum := filepath.Join(dir, "quorum")
	write(t, quorum, []byte(l.QuorumText(2, l.Witnesses...)))
	proof := func(args ...string) (int, string, string) {
		return haltlog(t, append([]string{"proof", "1", "--log=" + s.URL}, args...)...)
	}
	code, out, errs := proof()
	if code != cli.OK || !strings.HasPrefix(out, "c2sp.org/tlog-proof@v1\n") || !strings.Contains(errs, "trusted on first use") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	leaf, kept := filepath.Join(dir, "leaf"), filepath.Join(dir, "1.tlog-proof")
	code, out, errs = proof("--genesis="+log.GenesisHash(l.Leaves[0]).Hex(), "--quorum="+quorum, "--state="+state, "--out="+kept, "--leaf="+leaf)
	if code != cli.OK || errs != "" || !strings.Contains(out, "is a policy") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	a, _ := os.ReadFile(leaf)
	b, _ := os.ReadFile(kept)
	if _, err := log.VerifyReceipt([]byte(l.QuorumText(2, l.Witnesses...)), a, b); err != nil {
		t.Error(err)
	}
	if code, _, errs := proof("--genesis=" + strings.Repeat("ab", 32)); code != cli.No || !strings.Contains(errs, "not the log that is pinned") {
		t.Errorf("another pin: %d %s", code, errs)
	}
	if code, _, errs := proof("--genesis=xyz"); code != cli.Usage {
		t.Errorf("no pin: %d %s", code, errs)
	}
	write(t, quorum, []byte(l.QuorumText(3, l.Witnesses...)))
	if code, _, errs := proof("--quorum=" + quorum); code != cli.No || !strings.Contains(errs, "quorum not reached") {
		t.Errorf("a higher quorum: %d %s", code, errs)
	}
	fork := l.Fork(int(l.Size()) - 1)
	fork.Advance(time.Minute)
	fork.Anchor()
	fork.Anchor()
	s.Lock()
	s.Log = fork
	s.Unlock()
	code, _, errs = proof("--state=" + state)
	if code != cli.No || !strings.Contains(errs, "state.evidence") {
		t.Errorf("a fork: %d %s", code, errs)
	}
	if b, err := os.ReadFile(state + ".evidence"); err != nil || bytes.Count(b, []byte(l.Origin+"\n")) != 2 {
		t.Errorf("%s %v", b, err)
	}
	write(t, state, []byte("{}"))
	if code, _, errs := proof("--state=" + state); code != cli.Error || !strings.Contains(errs, "damaged") {
		t.Errorf("a damaged state: %d %s", code, errs)
	}
}

func TestSubmit(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	s := trusttest.New(t, l)
	dir := t.TempDir()
	path := filepath.Join(dir, "leaf")
	write(t, path, l.Seal(&log.Freeze{Origin: l.Origin, Reason: "x"}, l.Threshold()...))
	if code, _, errs := haltlog(t, "policy", "submit", path, "--log="+s.URL); code != cli.Error || !strings.Contains(errs, "holds kind freeze") {
		t.Errorf("%d %s", code, errs)
	}
	if code, out, errs := haltlog(t, "freeze", "submit", path, "--log="+s.URL); code != cli.OK || !strings.Contains(out, "valid") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, _, errs := haltlog(t, "freeze", "submit", path, "--log="+s.URL, "--wait=witnessed"); code != cli.Usage {
		t.Errorf("%d %s", code, errs)
	}
	s.Lock()
	s.Take = func([]byte, string) (int, any) { return http.StatusOK, s.Proof(1) }
	s.Unlock()
	write(t, filepath.Join(dir, "quorum"), []byte(l.QuorumText(2, l.Witnesses...)))
	if code, _, errs := haltlog(t, "freeze", "submit", path, "--log="+s.URL, "--wait=witnessed", "--receipt="+filepath.Join(dir, "r"), "--quorum="+filepath.Join(dir, "quorum")); code != cli.No {
		t.Errorf("a receipt that is none: %d %s", code, errs)
	}
	write(t, path, []byte("x"))
	if code, _, _ := haltlog(t, "freeze", "submit", path, "--log="+s.URL); code != cli.Error {
		t.Errorf("no statement: %d", code)
	}
}

func TestMember(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "zz") // made by keygen
	if code, _, errs := haltlog(t, "member", "keygen", "--origin="+foldtest.Origin, "--group="+foldtest.Group, "--pseudonym=zz", "--dir="+dir); code != cli.OK {
		t.Fatal(errs)
	}
	key := filepath.Join(dir, "checkin.key")
	signer, err := keys.Load(key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := keys.LoadRing(filepath.Join(dir, "ring.key"))
	if err != nil {
		t.Fatal(err)
	}
	l := foldtest.New(t, foldtest.Options{})
	l.Genesis()
	l.Policy(nil)
	l.Anchor()
	g := l.GroupStatement(append(l.Members[:7:7], &foldtest.Member{Pseudonym: "zz", Checkin: foldtest.NewKey(t, "x"), Ring: secret})...)
	var e struct {
		Checkin      []byte `json:"checkin"`
		CheckinProof []byte `json:"checkin_proof"`
		RingProof    []byte `json:"ring_proof"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "enrolment.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	last := &g.Members[7]
	last.Checkin, last.CheckinProof, last.RingProof = e.Checkin, e.CheckinProof, e.RingProof
	l.Must(g, l.Threshold()...)
	l.Run("run-1")
	l.Anchor()
	s := trusttest.New(t, l)
	s.Member = api.Member{State: api.RunArmed, Interval: 60_000, NextDue: time.Now().Add(time.Minute), Threshold: 3}
	checkin := []string{"member", "checkin", "--once", "--run=run-1", "--key=" + key, "--log=" + s.URL, "--genesis=" + log.GenesisHash(l.Leaves[0]).Hex(), "--state=" + filepath.Join(dir, "state")}
	for want := range uint64(3) {
		if code, out, errs := haltlog(t, checkin...); code != cli.OK || !strings.Contains(out, "valid") {
			t.Fatalf("%d %s %s", code, out, errs)
		}
		c := l.Steps[len(l.Steps)-1].Signed
		if st := c.Statement.(*log.Checkin); st.Sequence != want+1 || st.Anchor != l.AnchorRef() || c.Signer() != signer.KeyID() {
			t.Errorf("%+v", st)
		}
	}
	status := []string{"member", "status", "--run=run-1", "--key=" + key, "--log=" + s.URL}
	for _, c := range []struct {
		member api.Member
		code   int
		says   string
	}{
		{api.Member{State: api.RunArmed, Sequence: 3, Threshold: 3, Misses: 1}, cli.OK, "1 of 3 misses"},
		{api.Member{State: api.RunArmed, Threshold: 3, Misses: 2, Warning: true}, cli.Look, "one more miss"},
		{api.Member{State: api.RunHalted}, cli.No, "halted"},
		{api.Member{State: api.RunRegistered}, cli.OK, "registered"},
	} {
		s.Lock()
		s.Member = c.member
		s.Unlock()
		if code, out, errs := haltlog(t, status...); code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%+v: %d %s %s", c.member, code, out, errs)
		}
	}
	s.Lock()
	s.Member = api.Member{State: api.RunHalted}
	s.Unlock()
	// The beeper itself ends with the run.
	if code, out, errs := haltlog(t, append(checkin[:2:2], checkin[3:]...)...); code != cli.No || !strings.Contains(out, "is halted") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, _, errs := haltlog(t, append(checkin, "--run=run-9")...); code != cli.No || !strings.Contains(errs, "no run run-9") {
		t.Errorf("%d %s", code, errs)
	}
	if code, _, _ := haltlog(t, append(status, "--keyid=x")...); code != cli.Usage {
		t.Errorf("both key and keyid: %d", code)
	}
	if p, _ := pem.Decode(b); p != nil {
		t.Error("the enrolment is a key file")
	}
}

// safetensors writes a model of 256 × 256 tensors, each from its seed.
func safetensors(t *testing.T, dir, file string, seeds ...uint64) fingerprint.Model {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var tensors []fingerprint.Source
	for i, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		var b []byte
		for range 256 * 256 {
			b = binary.LittleEndian.AppendUint32(b, 0x3f000000|r.Uint32()>>9)
		}
		tensors = append(tensors, fingerprint.Bytes(fmt.Sprintf("t%d", i), fingerprint.F32, []uint64{256, 256}, b))
	}
	var buf bytes.Buffer
	if err := fingerprint.WriteFile(&buf, nil, tensors); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, file), buf.Bytes())
	m, err := fingerprint.Scan(os.DirFS(dir), fingerprint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCheck(t *testing.T) {
	key := voprf.GenerateKey()
	l := foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		pk := key.Public().Bytes()
		g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}})
	l.Setup()
	l.Decide(l.Engines[0])
	l.Run("run-1")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	var entries []blacklist.Entry
	for _, q := range blacklist.Questions(safetensors(t, in("halted"), "m.safetensors", 1, 2, 3)) {
		label, err := key.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, blacklist.Entry{Kind: q.Kind, Label: label})
	}
	safetensors(t, in("renamed"), "other.safetensors", 3, 1, 2)
	safetensors(t, in("clear"), "m.safetensors", 4, 5, 6)
	safetensors(t, in("lead"), "m.safetensors", 1, 5, 6)
	safetensors(t, in("unread"), "m.safetensors", 7)
	write(t, filepath.Join(in("unread"), "m.onnx"), []byte("GGUF"))
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
	flags := []string{"--log=" + s.URL, "--genesis=" + log.GenesisHash(l.Leaves[0]).Hex()}
	// The test's log is of a day long past.
	if code, out, errs := haltlog(t, append([]string{"check", in("clear")}, flags...)...); code != cli.Look || !strings.Contains(errs, "withheld") {
		t.Errorf("an old checkpoint: %d %s %s", code, out, errs)
	}
	flags = append(flags, "--max-age=0")
	for _, c := range []struct {
		paths []string
		code  int
		says  string
	}{
		{[]string{"clear"}, cli.OK, "clear: clear"},
		{[]string{"lead"}, cli.OK, "lead: lead"},
		{[]string{"unread"}, cli.Look, "its format is not read"},
		{[]string{"renamed"}, cli.No, "halted at entry"},
		{[]string{"halted/m.safetensors"}, cli.No, "run run-1"},
		{[]string{"clear", "lead", "renamed"}, cli.No, "(live_vote), proven"},
	} {
		args := append([]string{"check"}, flags...)
		for _, p := range c.paths {
			args = append(args, in(p))
		}
		code, out, errs := haltlog(t, args...)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: %d %s %s", c.paths, code, out, errs)
		}
	}
	code, out, _ := haltlog(t, append([]string{"--output=json", "check", in("renamed")}, flags...)...)
	var answers []struct {
		Verdict string `json:"verdict"`
		Matches []struct {
			Run    string `json:"run"`
			Proven bool   `json:"proven"`
		} `json:"matches"`
	}
	if err := json.Unmarshal([]byte(out), &answers); err != nil || code != cli.No || answers[0].Verdict != "listed" || answers[0].Matches[0].Run != "run-1" || !answers[0].Matches[0].Proven {
		t.Errorf("%d %s %v", code, out, err)
	}
	// A dry run sends nothing, and shows no fingerprint.
	s.Lock()
	s.Paths = nil
	s.Unlock()
	m := safetensors(t, in("renamed"), "other.safetensors", 3, 1, 2)
	for _, o := range []string{"text", "json"} {
		code, out, errs := haltlog(t, append([]string{"--output=" + o, "check", "--dry-run", in("renamed")}, flags...)...)
		if code != cli.OK || !strings.Contains(out, "3200") || errs != "" {
			t.Errorf("%d %s %s", code, out, errs)
		}
		for _, q := range blacklist.Questions(m) {
			if strings.Contains(out, fmt.Sprintf("%x", q.Input)) {
				t.Error("a fingerprint is shown")
			}
		}
	}
	if len(s.Paths) != 0 {
		t.Errorf("the dry run asked for %v", s.Paths)
	}
	write(t, in("damaged.safetensors"), []byte("xxxxxxxxxxxxxxxxxxxx"))
	for _, c := range []struct {
		path string
		code int
	}{{"missing", cli.Error}, {"damaged.safetensors", cli.Error}} {
		if code, _, errs := haltlog(t, append([]string{"check", in(c.path)}, flags...)...); code != c.code || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: %d %s", c.path, code, errs)
		}
	}
	s.Lock()
	s.Evaluator = voprf.GenerateKey()
	s.Unlock()
	if code, _, errs := haltlog(t, append([]string{"check", "--evidence", t.TempDir(), in("renamed")}, flags...)...); code != cli.No || !strings.Contains(errs, "proven wrong") {
		t.Errorf("another evaluator: %d %s", code, errs)
	}
}

func TestEvents(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	s := trusttest.New(t, l)
	s.Override = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/run-1/events") {
			return false
		}
		b, _ := json.Marshal(s.Entry(1))
		fmt.Fprintf(w, ": beat\n\nevent: entry\ndata: %s\n\nevent: halt\ndata: {\"x\":\"\\u001b\"}\n\n", b)
		return true
	}
	code, out, errs := haltlog(t, "events", "run-1", "--once", "--log="+s.URL)
	if code != cli.OK || !strings.Contains(out, "policy") || !strings.Contains(out, "halt") || strings.Contains(out, "\x1b") {
		t.Errorf("%d %q %s", code, out, errs)
	}
	code, out, _ = haltlog(t, "--output=json", "events", "run-1", "--once", "--log="+s.URL)
	if code != cli.OK || strings.Count(out, "\n") != 2 || !strings.Contains(out, `"event":"halt"`) {
		t.Errorf("%d %q", code, out)
	}
	if code, _, errs := haltlog(t, "events", "run-2", "--once", "--log="+s.URL); code != cli.No || !strings.Contains(errs, "no run run-2") {
		t.Errorf("%d %s", code, errs)
	}
}
