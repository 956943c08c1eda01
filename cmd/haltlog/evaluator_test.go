package main

import (
	"context"
	"crypto/ecdh"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/evaluator"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// conclave is a real log whose evaluators hold ceremonies by the commands.
type conclave struct {
	*testing.T
	*rig.Rig
	ctx        context.Context
	evaluators *rig.Evaluators
	dir        string
	shares     []string // files, by holder
	authority  []string // statements so far
}

func newConclave(t *testing.T) *conclave {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	c := &conclave{T: t, ctx: ctx, dir: t.TempDir()}
	var err error
	if c.evaluators, err = rig.NewEvaluators(c.dir, 2, 3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.evaluators.Close)
	if c.Rig, err = rig.Start(c.dir, rig.Options{Genesis: c.evaluators.Install}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Rig.Close)
	if err := c.evaluators.Start(c.Rig); err != nil {
		t.Fatal(err)
	}
	if err := c.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		c.shares = append(c.shares, c.in(fmt.Sprintf("shares-%d.txt", i+1)))
	}
	return c
}

func (c *conclave) in(name string) string { return filepath.Join(c.dir, name) }

// do runs a command against the log, and says what it printed.
func (c *conclave) do(code int, says string, args ...string) {
	c.Helper()
	args = append(args, "--log="+c.Client.URL(), "--genesis="+c.GenesisHash.Hex())
	c.offline(code, says, args...)
}

func (c *conclave) offline(code int, says string, args ...string) {
	c.Helper()
	if got, out, errs := haltlog(c.T, args...); got != code || !strings.Contains(out+errs, says) {
		c.Fatalf("%v: %d, want %d and %q\n%s%s", args, got, code, says, out, errs)
	}
}

// secrets are a holder's, from 1.
func (c *conclave) secrets(i int) []string {
	return []string{"--key=" + c.in(fmt.Sprintf("holder-%d.pem", i)), "--seal=" + c.in(fmt.Sprintf("seal-%d.key", i))}
}

// join makes seal keys and holder files.
func (c *conclave) join() (files []string) {
	for i := 1; i <= 3; i++ {
		file := c.in(fmt.Sprintf("holder-%d.json", i))
		c.offline(cli.OK, "kind evaluator", "key", "new", "evaluator", c.in(fmt.Sprintf("seal-%d.key", i)))
		c.offline(cli.OK, "keyid", slices.Concat([]string{"evaluator", "holder", fmt.Sprintf("--name=holder-%d", i), "--address=" + c.evaluators.Set.Holders[i-1].Address, "--out=" + file}, c.secrets(i))...)
		files = append(files, "--holder="+file)
	}
	return files
}

// install lets officers put a ceremony's set in force.
func (c *conclave) install(name string, files ...string) {
	c.Helper()
	set := c.in(name + ".set")
	c.do(cli.OK, "public key", slices.Concat([]string{"evaluator", "set", name, "--out=" + set}, files)...)
	c.officers(name, "--set="+set)
}

// officers change who evaluates.
func (c *conclave) officers(name, evaluators string) {
	c.Helper()
	request, signed := c.in(name+".request"), c.in(name+".authority")
	standing := []string{"--genesis-file=" + c.in("genesis.json")}
	for _, a := range c.authority {
		standing = append(standing, "--authority="+a)
	}
	c.offline(cli.OK, "", slices.Concat([]string{"authority", "evaluators", evaluators, "--out=" + request}, standing)...)
	var parts []string
	for i := range 2 {
		part := c.in(fmt.Sprintf("%s.%d", name, i))
		c.offline(cli.OK, "", "authority", "sign", request, "--key="+c.in(fmt.Sprintf("officer-%d.pem", i)), "--out="+part, "--yes")
		parts = append(parts, part)
	}
	c.offline(cli.OK, "", slices.Concat([]string{"authority", "combine", request, "--out=" + signed}, parts)...)
	c.offline(cli.OK, "valid", "authority", "submit", signed, "--wait=folded", "--log="+c.Client.URL())
	c.authority = append(c.authority, signed)
}

// finish gives every holder its new shares, and lets them serve under the set.
func (c *conclave) finish(name string) {
	c.Helper()
	var all []evaluator.Shares
	for i := 1; i <= 3; i++ {
		out := c.in(fmt.Sprintf("%s-%d.txt", name, i))
		c.do(cli.OK, "has its shares", slices.Concat([]string{"evaluator", "finish", name, "--shares=" + c.shares[i-1], "--out=" + out}, c.secrets(i))...)
		c.shares[i-1] = out
		s, err := evaluator.LoadShares(out)
		if err != nil {
			c.Fatal(err)
		}
		all = append(all, s)
	}
	c.evaluators.Shares = all
}

// serve restarts the evaluators with what they hold now.
func (c *conclave) serve(places ...int) {
	c.Helper()
	if err := c.evaluators.Restart(c.Rig, places...); err != nil {
		c.Fatal(err)
	}
}

// halt lists a model's labels under a set.
func (c *conclave) halt(run string, m fingerprint.Model, set log.EvaluatorSet) {
	c.Helper()
	if err := c.Rig.Run(c.ctx, run); err != nil {
		c.Fatal(err)
	}
	sources, err := query.Sources(set, "", nil)
	if err != nil {
		c.Fatal(err)
	}
	q, err := query.New(query.Config{Origin: rig.Origin, Set: set}, query.Deps{Sources: sources})
	if err != nil {
		c.Fatal(err)
	}
	questions := blacklist.Questions(m)
	labels, err := q.All(c.ctx, blacklist.Inputs(questions))
	if err != nil {
		c.Fatal(err)
	}
	entries := blacklist.Entries(questions, labels)
	c.escrow(run, entries, blacklist.EscrowKeys{Threshold: [][]byte{set.Escrow[0]}}, set.Version)
}

// escrow logs the labels of a run, and lets it be halted.
func (c *conclave) escrow(run string, entries []blacklist.Entry, to blacklist.EscrowKeys, version uint64) {
	c.Helper()
	root := blacklist.NewArtefact(entries).Root()
	sealed, wraps, err := blacklist.SealTo(to, blacklist.Context{Origin: rig.Origin, Run: run, Number: 1, Root: root}, entries)
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.Put(c.ctx, &log.Artefact{
		Origin: rig.Origin, Run: run, Number: 1, KeyVersion: version, Count: uint64(len(entries)), Root: log.Hash(root), Sealed: sealed,
		Wraps: []log.Wrap{{Suite: wraps[0].Suite, KeyID: wraps[0].KeyID, Bytes: wraps[0].Bytes}},
	}, c.Guards[run]); err != nil {
		c.Fatal(err)
	}
	vote, err := c.VoteLeaf(run, 0)
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.Client.SubmitFolded(c.ctx, vote); err != nil {
		c.Fatal(err)
	}
}

// until runs a command until it gives an answer.
func (c *conclave) until(code int, args ...string) {
	c.Helper()
	args = append(args, "--log="+c.Client.URL(), "--genesis="+c.GenesisHash.Hex())
	if err := rig.Until(c.ctx, func() (bool, error) {
		got, out, errs := haltlog(c.T, args...)
		if got == cli.Usage {
			c.Fatalf("%v: %s", args, errs)
		}
		return got == code, fmt.Errorf("%v: %d\n%s%s", args, got, out, errs)
	}); err != nil {
		c.Fatal(err)
	}
}

// TestCeremonies: by the commands alone, three holders move a list with a halted model's
// labels to a next key that nobody ever held whole, although one of them deals badly;
// then they refresh their shares. The model stays listed, one holder away, and the audit
// is clean.
func TestCeremonies(t *testing.T) {
	t.Attr("invariant", "CE1")
	t.Attr("invariant", "CE2")
	t.Attr("invariant", "CE3")
	if testing.Short() {
		t.Skip("starts a whole log")
	}
	c := newConclave(t)
	halted := safetensors(t, c.in("halted"), "m.safetensors", 1)
	c.halt("run-1", halted, c.evaluators.Set)
	c.until(cli.No, "check", c.in("halted"))

	c.blame()
	files := c.join()
	deal := func(code int, says, name, purpose string, i int, more ...string) {
		t.Helper()
		c.do(code, says, slices.Concat([]string{"evaluator", "deal", name, purpose}, c.secrets(i), more)...)
	}
	deal(cli.Usage, "is new", "next", log.PurposeRotateDelta, 1)
	deal(cli.OK, "valid", "next", log.PurposeRotateDelta, 1, append(files, "--threshold=2", "--key-version=2")...)
	deal(cli.Usage, "stand in the log", "next", log.PurposeRotateDelta, 2, "--threshold=1")
	deal(cli.No, "1 of 2 dealings", "next", log.PurposeRotateKey, 2, "--shares="+c.shares[1])
	deal(cli.OK, "valid", "next", log.PurposeRotateDelta, 2)
	c.dealBadly("next", 3)

	// Holder 1 meets the bad share, and complains; then it counts no more.
	deal(cli.Look, "complaint", "next", log.PurposeRotateKey, 1, "--shares="+c.shares[0])
	c.do(cli.OK, "dealer 3: does not count", "evaluator", "status", "next")
	for i := 1; i <= 3; i++ {
		deal(cli.OK, "valid", "next", log.PurposeRotateKey, i, "--shares="+c.shares[i-1])
	}
	c.do(cli.No, "no such ceremony", "evaluator", "status", "other")
	before := slices.Clone(c.shares)
	c.finish("next")
	c.install("next", files...)
	c.rotate("next", before)
	c.serve(0, 1)
	// Nobody answers under the first key any more.
	c.until(cli.No, "check", c.in("halted"))
	c.do(cli.OK, "clear", "check", c.fresh("ours", 9))

	for i := 1; i <= 3; i++ {
		deal(cli.OK, "valid", "again", log.PurposeRefresh, i)
	}
	for i := 1; i <= 3; i++ {
		deal(cli.OK, "valid", "again", log.PurposeRefreshEscrow, i)
	}
	c.finish("again")
	c.install("again")
	c.serve(1, 2)
	c.until(cli.No, "check", c.in("halted"))
	// What a run of now escrows opens with the refreshed shares.
	other := safetensors(t, c.in("other"), "m.safetensors", 2)
	set, err := ceremony.ParseSet(c.read("again.set"))
	if err != nil {
		t.Fatal(err)
	}
	c.halt("run-2", other, set)
	c.until(cli.No, "check", c.in("other"))
	c.offline(cli.OK, "clean", "audit", c.Client.URL(), "--genesis="+c.GenesisHash.Hex(), "--quorum="+c.in("quorum.txt"), "--no-views")
}

// blame: a wrong answer that holder 2 signed is proven offline; a right one is not, nor
// one that it did not sign.
func (c *conclave) blame() {
	c.Helper()
	set := c.evaluators.Set
	pk, err := voprf.ParsePublicKey(set.PublicKey)
	if err != nil {
		c.Fatal(err)
	}
	q, err := voprf.NewQuery(pk, [][]byte{[]byte("x")})
	if err != nil {
		c.Fatal(err)
	}
	for name, x := range map[string]struct {
		by     *voprf.Evaluator
		signer int
		code   int
		says   string
	}{
		"wrong":   {voprf.NewEvaluator(voprf.GenerateKey()), 1, cli.OK, "proven: holder-2 answered wrongly"},
		"right":   {voprf.NewShareEvaluator(c.evaluators.Shares[1].Labels), 1, cli.No, "right"},
		"another": {voprf.NewEvaluator(voprf.GenerateKey()), 2, cli.No, ""},
	} {
		a := evaluate.Signed{Origin: rig.Origin, Version: set.Version, Holder: 2, Request: q.Requests()[0]}
		if a.Response, err = x.by.Answer(a.Request); err != nil {
			c.Fatal(err)
		}
		signer := c.evaluators.Signers[x.signer]
		header, err := a.Sign(signer)
		if err != nil {
			c.Fatal(err)
		}
		if _, _, a.Signature, err = evaluate.ParseHeader(header); err != nil {
			c.Fatal(err)
		}
		a.SPKI = signer.SPKI()
		raw, err := a.Marshal()
		if err != nil {
			c.Fatal(err)
		}
		file := c.in(name + ".evidence")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			c.Fatal(err)
		}
		c.offline(x.code, x.says, "evaluator", "blame", file, "--genesis-file="+c.in("genesis.json"), "--genesis="+c.GenesisHash.Hex())
	}
}

func (c *conclave) read(name string) []byte {
	b, err := os.ReadFile(c.in(name))
	if err != nil {
		c.Fatal(err)
	}
	return b
}

// fresh is a model that nobody halted.
func (c *conclave) fresh(name string, seed uint64) string {
	safetensors(c.T, c.in(name), "m.safetensors", seed)
	return c.in(name)
}

// dealBadly logs a dealing whose share for holder 1 nobody can open.
func (c *conclave) dealBadly(name string, dealer int) {
	c.Helper()
	var recipients []log.Recipient
	for i := 1; i <= 3; i++ {
		h, err := ceremony.ParseHolder(c.read(fmt.Sprintf("holder-%d.json", i)))
		if err != nil {
			c.Fatal(err)
		}
		recipients = append(recipients, log.Recipient{Name: h.Name, KeyID: h.KeyID, Seal: h.Seal})
	}
	terms := ceremony.Terms(rig.Origin, name, log.PurposeRotateDelta, 2, 2, recipients)
	d, err := ceremony.Deal(terms, ceremony.Holder{Index: dealer}, nil, nil)
	if err != nil {
		c.Fatal(err)
	}
	d.Commitments[1] = voprf.GenerateKey().Public().Bytes()
	leaf, err := log.Seal(ceremony.StatementOf(d, recipients), c.evaluators.Signers[dealer-1])
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.Client.SubmitFolded(c.ctx, leaf); err != nil {
		c.Fatal(err)
	}
	if _, err := c.Client.SubmitWitnessed(c.ctx, leaf); err != nil {
		c.Fatal(err)
	}
}

// rotate carries the list over: two holders answer, somebody combines, two prove, the
// engine logs it. A batch of others is refused.
func (c *conclave) rotate(name string, shares []string) {
	c.Helper()
	n := 0
	next := func() (out string) {
		n++
		return c.in(fmt.Sprintf("batch-%d", n))
	}
	at := next()
	c.do(cli.OK, "labels from 0 on", "evaluator", "rotate", "next", name, "--out="+at)
	other, err := ceremony.ParseBatch(c.read("batch-1"))
	if err != nil {
		c.Fatal(err)
	}
	slices.Reverse(other.Old)
	foreign := c.in("foreign")
	if err := os.WriteFile(foreign, other.Marshal(), 0o600); err != nil {
		c.Fatal(err)
	}
	c.do(cli.No, "not the labels", slices.Concat([]string{"evaluator", "rotate", "answer", name, foreign, "--out=" + c.in("never")}, c.secrets(1))...)
	step := func(what string, i int) {
		c.Helper()
		out := next()
		c.do(cli.OK, "labels from 0 on", slices.Concat([]string{"evaluator", "rotate", what, name, at, "--out=" + out, "--shares=" + shares[max(i, 1)-1]}, c.secrets(i))...)
		at = out
	}
	step("answer", 1)
	step("answer", 3)
	out := next()
	c.do(cli.OK, "labels from 0 on", "evaluator", "rotate", "combine", name, at, "--out="+out)
	at = out
	step("prove", 2)
	c.do(cli.No, "1 partials of 2", "evaluator", "rotate", "submit", name, at, "--key="+c.in("engine-0.pem"))
	step("prove", 3)
	// The set waits for its force, and so does what it signs for.
	c.until(cli.OK, "evaluator", "rotate", "submit", name, at, "--key="+c.in("engine-0.pem"))
	c.do(cli.No, "every label", "evaluator", "rotate", "next", name, "--out="+c.in("none"))
}

// TestRotatePublic: one evaluator's key that is known to be safe is exchanged by a factor
// that everybody sees: the list moves, and what a lab has asked before it need not ask
// again, although nobody answers under the new key yet.
func TestRotatePublic(t *testing.T) {
	t.Attr("invariant", "QU4")
	if testing.Short() {
		t.Skip("starts a whole log")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := &conclave{T: t, ctx: ctx, dir: t.TempDir()}
	var err error
	if c.Rig, err = rig.Start(c.dir, rig.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	defer c.Rig.Close()
	if err := c.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rig.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	questions := blacklist.Questions(safetensors(t, c.in("halted"), "m.safetensors", 1))
	var labels []blacklist.Label
	for _, q := range questions {
		y, err := c.Rig.Evaluator.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, y)
	}
	c.escrow("run-1", blacklist.Entries(questions, labels), blacklist.EscrowKeys{HPKE: []*ecdh.PublicKey{c.Escrow.PublicKey()}}, 1)
	cache := "--label-cache=" + c.in("labels")
	c.until(cli.No, "check", c.in("halted"), cache)
	c.do(cli.OK, "clear", "check", c.fresh("ours", 9), cache)

	c.offline(cli.OK, "", "key", "new", "evaluator", c.in("new.key"))
	_, out, _ := haltlog(t, "key", "show", c.in("new.key"))
	_, public, found := strings.Cut(out, "public ")
	if !found {
		t.Fatal(out)
	}
	rotate := []string{"evaluator", "rotate", "public", "--from=" + c.in("evaluator.key"), "--to=" + c.in("new.key"), "--key=" + c.in("engine-0.pem")}
	c.do(cli.No, "names no such evaluators", rotate...)
	c.officers("new", strings.TrimSpace(public))
	c.until(cli.OK, rotate...)
	c.do(cli.No, "no label is left", rotate...)
	c.do(cli.Usage, "equal", "evaluator", "rotate", "public", "--from="+c.in("new.key"), "--to="+c.in("new.key"), "--key="+c.in("engine-0.pem"))
	// The epoch asks under the new key alone, which nobody has shares of here.
	c.until(cli.Error, "check", c.fresh("never asked", 10), cache)
	c.do(cli.No, "halted at entry", "check", c.in("halted"), cache)
	c.do(cli.OK, "clear", "check", c.in("ours"), cache)
}
