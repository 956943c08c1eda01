package officer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

func request(t *testing.T, l *foldtest.Log) *officer.Request {
	t.Helper()
	var ks []log.KeyGrant
	for _, k := range l.Officers {
		ks = append(ks, k.Grant(l.Origin, log.RoleOfficer))
	}
	r, err := officer.NewRequest(&log.Freeze{Origin: l.Origin, Reason: "test"}, ks, 2)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCombine(t *testing.T) {
	t.Attr("invariant", "OF2")
	t.Attr("invariant", "S1")
	l := foldtest.New(t, foldtest.Options{})
	r, err := officer.ParseRequest(request(t, l).Marshal())
	if err != nil {
		t.Fatal(err)
	}
	var sigs []*officer.Signature
	for _, k := range l.Officers {
		s, err := r.Sign(k)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = officer.ParseSignature(s.Marshal()); err != nil {
			t.Fatal(err)
		}
		sigs = append(sigs, s)
	}
	v := keys.NewVerifier()
	// Whatever was sent, in whatever order: exactly the threshold, and the log takes it.
	for _, set := range [][]*officer.Signature{sigs[:2], {sigs[2], sigs[0]}, sigs, {sigs[0], sigs[0], sigs[1]}} {
		leaf, names, err := r.Combine(v, set...)
		if err != nil || len(names) != 2 {
			t.Fatalf("%v %v", names, err)
		}
		m := l.Fork(0)
		m.Genesis()
		if s := m.Append(leaf); s.Validity != log.Valid {
			t.Errorf("the log says %s: %s", s.Validity, s.Reason)
		}
	}
	// OF2
	other := request(t, l)
	other.Kind = log.KindFreeze
	st := &log.Freeze{Origin: l.Origin, Reason: "another"}
	payload, err := log.Encode(st)
	if err != nil {
		t.Fatal(err)
	}
	other.Payload = payload
	foreign, err := other.Sign(l.Officers[1])
	if err != nil {
		t.Fatal(err)
	}
	bad := *sigs[1]
	bad.Sig = bytes.Clone(bad.Sig)
	bad.Sig[5] ^= 1
	moved := *foreign
	moved.Digest = r.Digest()
	stranger := *sigs[1]
	stranger.KeyID = foldtest.NewKey(t, "x").KeyID()
	for name, c := range map[string]struct {
		sigs []*officer.Signature
		want error
	}{
		"too few":              {sigs[:1], officer.ErrThreshold},
		"one twice":            {[]*officer.Signature{sigs[0], sigs[0]}, officer.ErrThreshold},
		"of another request":   {[]*officer.Signature{sigs[0], foreign}, officer.ErrSignature},
		"moved to this one":    {[]*officer.Signature{sigs[0], &moved}, officer.ErrSignature},
		"damaged":              {[]*officer.Signature{sigs[0], &bad}, officer.ErrSignature},
		"of no officer":        {[]*officer.Signature{sigs[0], &stranger}, officer.ErrNotOfficer},
		"damaged beyond quota": {[]*officer.Signature{sigs[0], sigs[2], &bad}, officer.ErrSignature},
	} {
		if _, _, err := r.Combine(v, c.sigs...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := r.Sign(l.Registrar); !errors.Is(err, officer.ErrNotOfficer) {
		t.Errorf("a registrar signs: %v", err)
	}
}

func TestRequestRefuses(t *testing.T) {
	t.Attr("invariant", "OF1")
	t.Attr("invariant", "OF4")
	l := foldtest.New(t, foldtest.Options{})
	whole := string(request(t, l).Marshal())
	change := func(f func(map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(whole), &m); err != nil {
			t.Fatal(err)
		}
		f(m)
		b, _ := json.Marshal(m)
		return string(b)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"cut":                whole[:len(whole)-10],
		"trailing":           whole + "{}",
		"signature file":     strings.Replace(whole, "sign-request", "signature", 1),
		"unknown field":      change(func(m map[string]any) { m["x"] = 1 }),
		"kind of one signer": change(func(m map[string]any) { m["kind"] = "run" }),
		"kind unknown":       change(func(m map[string]any) { m["kind"] = "xyz" }),
		"payload of another": change(func(m map[string]any) { m["kind"] = "strike" }),
		"payload damaged":    change(func(m map[string]any) { m["payload"] = "e30=" }),
		"threshold 0":        change(func(m map[string]any) { m["threshold"] = 0 }),
		"threshold too high": change(func(m map[string]any) { m["threshold"] = 4 }),
		"officer twice": change(func(m map[string]any) {
			o := m["officers"].([]any)
			o[1] = o[0]
		}),
		"too long": `{"format":"haltlog/sign-request/v1","x":"` + strings.Repeat("x", officer.MaxFile) + `"}`,
	} {
		if _, err := officer.ParseRequest([]byte(text)); !errors.Is(err, officer.ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrant(t *testing.T) {
	t.Attr("invariant", "OF3")
	l := foldtest.New(t, foldtest.Options{})
	v := keys.NewVerifier()
	k := foldtest.NewKey(t, "engine-9")
	g, err := officer.Prove(k, k.SPKI, l.Origin, log.RoleEngine, "engine-9")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := officer.ParseGrant(g.Marshal(), l.Origin, v); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Guard(); !errors.Is(err, officer.ErrFile) {
		t.Errorf("an engine as guard: %v", err)
	}
	with := func(f func(*officer.Grant)) []byte {
		x := *g
		f(&x)
		return x.Marshal()
	}
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"of another log":         {with(func(x *officer.Grant) { x.Origin = "other.example" }), officer.ErrFile},
		"role changed":           {with(func(x *officer.Grant) { x.Role = log.RoleOfficer }), officer.ErrProof},
		"key changed":            {with(func(x *officer.Grant) { x.SPKI = l.Registrar.SPKI }), officer.ErrProof},
		"no proof":               {with(func(x *officer.Grant) { x.Proof = nil }), officer.ErrProof},
		"unknown role":           {with(func(x *officer.Grant) { x.Role = "sensor" }), officer.ErrFile},
		"name":                   {with(func(x *officer.Grant) { x.Name = "X Y" }), officer.ErrFile},
		"escrow that could sign": {with(func(x *officer.Grant) { x.Role = log.RoleEscrow }), officer.ErrFile},
	} {
		if _, err := officer.ParseGrant(c.text, l.Origin, v); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if e, err := officer.EscrowGrant(l.EscrowSPKI, l.Origin, "escrow"); err != nil {
		t.Error(err)
	} else if _, err := officer.ParseGrant(e.Marshal(), l.Origin, v); err != nil {
		t.Error(err)
	}
	if _, err := officer.EscrowGrant(k.SPKI, l.Origin, "escrow"); !errors.Is(err, officer.ErrFile) {
		t.Errorf("a signing key as escrow: %v", err)
	}
}

func TestEnrolment(t *testing.T) {
	t.Attr("invariant", "OF3")
	l := foldtest.New(t, foldtest.Options{})
	l.Genesis()
	l.Policy(func(d *policy.Document) { d.Groups.MinSize = 2 })
	l.Anchor()
	v := keys.NewVerifier()
	g := &log.Group{Origin: l.Origin, Name: "council", Number: 1, Chain: foldtest.Chain, Method: log.MethodAppointed}
	var files [][]byte
	for _, m := range l.Members[:2] {
		e, err := officer.Enrol(m.Checkin, m.Checkin.SPKI, m.Ring, l.Origin, "council", m.Pseudonym)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, e.Marshal())
		if e, err = officer.ParseEnrolment(e.Marshal(), l.Origin, "council", v); err != nil {
			t.Fatal(err)
		}
		g.Members = append(g.Members, e.Member())
	}
	l.Must(g, l.Threshold()...)
	for name, change := range map[string]func(e *officer.Enrolment){
		"another pseudonym": func(e *officer.Enrolment) { e.Pseudonym = "other" },
		"another ring key": func(e *officer.Enrolment) {
			x := l.Members[3].Ring.Public()
			e.Ring = x[:]
		},
		"another check-in key": func(e *officer.Enrolment) { e.Checkin = l.Members[3].Checkin.SPKI },
	} {
		var e officer.Enrolment
		if err := json.Unmarshal(files[0], &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		if _, err := officer.ParseEnrolment(e.Marshal(), l.Origin, "council", v); !errors.Is(err, officer.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := officer.ParseEnrolment(files[0], l.Origin, "other", v); !errors.Is(err, officer.ErrFile) {
		t.Errorf("another group: %v", err)
	}
}

func TestDraft(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := officer.NewDraft("main", now.AddDate(1, 0, 0))
	for _, s := range []string{"lease.duration_ms=20s", "live_vote.lists=no", "monitors.mode=observe", "monitors.keys=" + strings.Repeat("a", 64), "class.fast=1m", "groups.min_size=4", "expires=24h"} {
		if err := d.Set(s, now); err != nil {
			t.Fatal(err)
		}
	}
	doc, err := d.Document()
	if err != nil {
		t.Fatal(err)
	}
	if doc.Lease.DurationMS != 20_000 || doc.LiveVote.Lists || doc.Monitors.Mode != policy.Observe || len(doc.Classes) != 2 || doc.Groups.MinSize != 4 || !doc.Expires.Equal(now.Add(24*time.Hour)) {
		t.Errorf("%+v", doc)
	}
	if err := d.Set("class.fast=none", now); err != nil {
		t.Fatal(err)
	}
	again, err := officer.ParseDraft(d.Indented())
	if err != nil || !bytes.Equal(again.Bytes(), d.Bytes()) {
		t.Errorf("an editor's layout: %v", err)
	}
	if doc, err = again.Document(); err != nil || len(doc.Classes) != 1 {
		t.Errorf("%v %v", doc, err)
	}
	next, err := officer.Follow(doc)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := next.Document(); err != nil || n.Number != 2 || *n.Previous != doc.Hash() {
		t.Errorf("%v %v", n, err)
	}
	for _, s := range []string{"lease.duration_ms", "lease.x=1", "x=1", "lease.duration_ms=fast", "lease.duration_ms=1ns", "live_vote.lists=maybe", "live_vote.mode=on", "expires=soon", "number=3", "semantics=2", "class.fast=x", "groups.min_size=1.5"} {
		if err := d.Set(s, now); !errors.Is(err, officer.ErrFile) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestLint(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	cfg := &policy.Config{Skew: 2 * time.Second, AnchorPeriod: time.Second, DecisionPeriod: time.Second}
	lint := func(sets ...string) []string {
		d := officer.NewDraft("main", now)
		for _, s := range sets {
			if err := d.Set(s, now); err != nil {
				t.Fatal(err)
			}
		}
		var fields []string
		for _, p := range d.Lint(cfg) {
			fields = append(fields, p.Field)
			if p.Bounds == "" && p.Field != "class" {
				t.Errorf("%s without its bounds", p)
			}
		}
		slices.Sort(fields)
		return fields
	}
	if got := lint(); len(got) != 0 {
		t.Errorf("the defaults: %v", got)
	}
	// Every field that is out of its bounds, not the first one.
	want := []string{"dead_vote.threshold", "evaluation_period_ms", "lease.duration_ms"}
	if got := lint("lease.duration_ms=1ms", "evaluation_period_ms=1", "dead_vote.threshold=0"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Fields that do not fit together, all of them.
	want = []string{"max_gap_ms", "witness.max_age_ms"}
	if got := lint("witness.max_age_ms=1s", "max_gap_ms=60s"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for name, text := range map[string]string{"no JSON": "x", "no object": "[]", "twice": `{"a":1,"a":2}`, "float": `{"a":1.5}`} {
		if _, err := officer.ParseDraft([]byte(text)); !errors.Is(err, officer.ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty, err := officer.ParseDraft([]byte("{}"))
	if err != nil || len(empty.Lint(cfg)) < 10 {
		t.Errorf("an empty document: %v", err)
	}
}

func TestEvaluator(t *testing.T) {
	k := voprf.GenerateKey()
	text := officer.MarshalEvaluator(k)
	got, err := officer.ParseEvaluator(text)
	if err != nil || !bytes.Equal(got.Bytes(), k.Bytes()) {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "00\n", strings.TrimSpace(string(text)), strings.ToUpper(string(text)), string(text) + "x", strings.Repeat("ff", 32) + "\n", strings.Repeat("00", 32) + "\n"} {
		if bad == string(text) {
			continue
		}
		_, err := officer.ParseEvaluator([]byte(bad))
		if !errors.Is(err, officer.ErrFile) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
		if err != nil && len(bad) > 10 && strings.Contains(err.Error(), bad[:8]) {
			t.Error("the error holds key material")
		}
	}
	set, err := officer.Alone(1, k.Public().Bytes())
	if err != nil || set.T != 1 {
		t.Error(err)
	}
	if _, err := officer.Alone(1, make([]byte, 32)); !errors.Is(err, officer.ErrFile) {
		t.Errorf("the identity as key: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	l := foldtest.New(f, foldtest.Options{})
	r, err := officer.NewRequest(&log.Freeze{Origin: l.Origin, Reason: "x"}, []log.KeyGrant{l.Officers[0].Grant(l.Origin, log.RoleOfficer)}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := officer.ParseRequest(b)
		if err != nil {
			return
		}
		// What is signed is what is understood, whatever the file's layout (OF1).
		again, err := officer.ParseRequest(r.Marshal())
		if err != nil || again.Digest() != r.Digest() {
			t.Fatalf("%v", err)
		}
		st, err := r.Statement()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := log.Encode(st); err != nil || !bytes.Equal(p, r.Payload) {
			t.Fatalf("payload is not what was understood: %v", err)
		}
	})
}

func FuzzDraft(f *testing.F) {
	f.Add(officer.NewDraft("main", time.Unix(0, 0)).Indented())
	f.Add([]byte(`{"classes":[1,{"name":2}],"lease":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := officer.ParseDraft(b)
		if err != nil {
			return
		}
		d.Lint(&policy.Config{Skew: time.Second})
		_ = d.Set("class.x=5m", time.Unix(0, 0))
		_ = d.Set("lease.duration_ms=5s", time.Unix(0, 0))
		if again, err := officer.ParseDraft(d.Bytes()); err != nil || !bytes.Equal(again.Bytes(), d.Bytes()) {
			t.Fatalf("%v", err)
		}
	})
}
