package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// TestClear: a model that is not listed is cleared, a stranger verifies it, an
// auditor opens it; a listed one is not, and an altered document is refused.
func TestClear(t *testing.T) {
	t.Attr("invariant", "CL2")
	t.Attr("invariant", "CL3")
	key := voprf.GenerateKey()
	l := foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		pk := key.Public().Bytes()
		g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}})
	l.Setup()
	l.Decide(l.Engines[0])
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	halt := func(run string, seeds ...uint64) {
		var entries []blacklist.Entry
		for _, q := range blacklist.Questions(safetensors(t, in(run), "m.safetensors", seeds...)) {
			label, err := key.Label(q.Input)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, blacklist.Entry{Kind: q.Kind, Label: label})
		}
		l.Run(run)
		l.Decide(l.Engines[0])
		l.Artefact(run, entries)
		l.Anchor()
		l.Decide(l.Engines[0])
		l.Vote(run, l.Members[0])
		l.Decide(l.Engines[0])
		l.Must(l.FingerprintsStatement(run, entries), l.Engines[0])
		l.Must(l.EpochStatement(), l.Engines[0])
		l.Anchor()
	}
	halt("run-1", 1)
	safetensors(t, in("ours"), "m.safetensors", 4)
	safetensors(t, in("theirs"), "m.safetensors", 5)
	s := trusttest.New(t, l)
	s.Evaluator = key
	at := []string{"--log=" + s.URL, "--genesis=" + log.GenesisHash(l.Leaves[0]).Hex()}
	pin := at[1]
	do := func(code int, says string, args ...string) {
		t.Helper()
		if got, out, errs := haltlog(t, args...); got != code || !strings.Contains(out+errs, says) {
			t.Errorf("%v: %d %s %s", args, got, out, errs)
		}
	}
	and := func(args ...string) []string { return append(args, at...) }
	list := in("list")
	do(cli.OK, "epoch 1", "sync", "--from="+s.URL, "--dir="+list, "--max-age=0", pin)

	do(cli.OK, "nothing was sent", "fingerprint", in("ours"), "--commit="+in("training.json"))
	do(cli.OK, "are not on the list", and("clear", in("ours"), "--out="+in("c.json"), "--list="+list, "--committed="+in("training.opening.json"))...)
	for _, name := range []string{"c.opening.json", "training.opening.json"} {
		if info, err := os.Stat(in(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	do(cli.OK, "none of them is among", and("verify", in("c.json"))...)
	do(cli.OK, "none of them is among", "verify", in("c.json"), "--list="+list, pin)
	do(cli.Usage, "--genesis", "verify", in("c.json"), "--list="+list)
	do(cli.Usage, "--list or --log", "verify", in("c.json"), pin)
	do(cli.No, "is of another log", "verify", in("c.json"), "--list="+list, "--genesis="+strings.Repeat("ab", 32))

	open := []string{"clear", "open", "--opening=" + in("c.opening.json"), "--clearance=" + in("c.json"), pin}
	do(cli.OK, "0 are not, and 0 of it were not cleared", append(open, in("ours"), "--manifest="+in("training.json"))...)
	do(cli.No, "not all of the same", append(open, in("theirs"))...)
	do(cli.No, "", append(open, in("ours"), "--manifest="+in("c.json"))...)

	do(cli.No, "there is no clearance", and("clear", in("run-1"), "--out="+in("never.json"))...)
	if _, err := os.Stat(in("never.json")); err == nil {
		t.Error("a clearance of a listed model was written")
	}
	do(cli.OK, "it links", and("clear", in("ours"), "--out="+in("shown.json"), "--pseudonymous", "--kinds=manifest,tensor")...)
	do(cli.OK, "pseudonymous form: fingerprints of kinds manifest (1), tensor (1)", and("verify", in("shown.json"))...)
	do(cli.Error, "exists already", and("clear", in("ours"), "--out="+in("shown.json"))...)
	do(cli.Error, "does not commit to it", and("clear", in("theirs"), "--out="+in("x.json"), "--committed="+in("training.opening.json"))...)
	do(cli.Usage, "give a model, or --from", and("clear", "--out="+in("x.json"))...)
	do(cli.Usage, "keeps the form", and("clear", "--from="+in("c.json"), "--pseudonymous", "--out="+in("x.json"))...)

	// One altered byte anywhere in what is proven.
	raw, err := os.ReadFile(in("c.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{`"c0": "`, `"proof": "`, `"state": "`, `"leaf": "`, `"part": "`, `"says": "`, `"origin": "`, `"state_hash": "`} {
		bad := bytes.Clone(raw)
		i := bytes.LastIndex(bad, []byte(place)) + len(place) + 20
		if bad[i] = bad[i] ^ 1; place == `"origin": "` || place == `"part": "` {
			bad = bytes.Clone(raw)
			bad[bytes.LastIndex(bad, []byte(place))+len(place)] ^= 1
		}
		write(t, in("bad.json"), bad)
		do(cli.No, "", "verify", in("bad.json"), "--list="+list, pin)
	}

	s.Lock()
	halt("run-2", 7)
	s.Unlock()
	do(cli.OK, "epoch 2", "sync", "--from="+s.URL, "--dir="+list, "--max-age=0", pin)
	do(cli.OK, "epoch 2", "clear", "--from="+in("c.json"), "--out="+in("d.json"), "--list="+list, pin)
	do(cli.OK, "in 2 steps", "verify", in("d.json"), "--list="+list, pin)
	do(cli.OK, "in 2 steps", and("verify", in("d.json"))...)
	do(cli.OK, "open to", "clear", "open", "--opening="+in("d.opening.json"), "--clearance="+in("d.json"), pin, in("ours"))
}
