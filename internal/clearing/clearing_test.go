package clearing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// site is a log that lists what is known of each model: halted-0, halted-1, ….
type site struct {
	*foldtest.Log
	*trusttest.Server
	key    *voprf.PrivateKey
	client *client.Client
	trust  Trust
	dir    string
	runs   int
}

func newSite(t testing.TB) *site {
	t.Helper()
	key := voprf.GenerateKey()
	l := foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		pk := key.Public().Bytes()
		g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}})
	l.Setup()
	l.Decide(l.Engines[0])
	s := &site{Log: l, key: key, trust: Trust{Genesis: log.GenesisHash(l.Leaves[0])}, dir: t.TempDir()}
	s.Server = trusttest.New(t, l)
	s.Server.Evaluator = key
	var err error
	if s.client, err = client.New(client.Config{URL: s.URL}); err != nil {
		t.Fatal(err)
	}
	return s
}

// model is some fingerprints: a manifest, tensors and bands.
func model(name string) []blacklist.Question {
	var out []blacklist.Question
	for i, k := range []fingerprint.Kind{fingerprint.Manifest, fingerprint.Tensor, fingerprint.Tensor, fingerprint.Band(3), fingerprint.BandP(0)} {
		f := fingerprint.Fingerprint{Kind: k}
		copy(f.Value[:], fmt.Sprintf("%s %d", name, i))
		out = append(out, blacklist.Question{Kind: k, Input: f.Input(), Name: fmt.Sprint("t", i)})
	}
	return out
}

// list halts the next model and makes an epoch, and returns the synchronised list.
func (s *site) list(t testing.TB) *Folder {
	t.Helper()
	run := fmt.Sprintf("run-%d", s.runs)
	var entries []blacklist.Entry
	for _, q := range model(fmt.Sprintf("halted-%d", s.runs)) {
		y, err := s.key.Label(q.Input)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, blacklist.Entry{Kind: q.Kind, Label: y})
	}
	s.runs++
	s.Run(run)
	s.Decide(s.Engines[0])
	s.Artefact(run, entries)
	s.Anchor()
	s.Decide(s.Engines[0])
	s.Vote(run, s.Members[0])
	s.Decide(s.Engines[0])
	s.Must(s.FingerprintsStatement(run, entries), s.Engines[0])
	s.Must(s.EpochStatement(), s.Engines[0])
	s.Anchor()
	return s.sync(t, s.dir)
}

func (s *site) sync(t testing.TB, dir string) *Folder {
	t.Helper()
	now := func() time.Time { return s.Log.Now }
	if _, err := listsync.Sync(t.Context(), listsync.Config{Dir: dir, Genesis: &s.trust.Genesis, Now: now}, []listsync.Source{{Name: "log", Log: client.NewPlain(s.client)}}); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (s *site) make(t testing.TB, f *Folder, r Request) (*Document, *Opening) {
	t.Helper()
	r.List, r.Asker = f.List, &Network{Log: s.client}
	d, o, err := Make(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d, o
}

// copyOf is a document that shares nothing with the other.
func copyOf(t testing.TB, d *Document) *Document {
	t.Helper()
	raw, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMakeVerifyOpen(t *testing.T) {
	t.Attr("invariant", "CL1")
	t.Attr("invariant", "CL3")
	s := newSite(t)
	f := s.list(t)
	ours := model("ours")
	m, mo, err := Commit(ours)
	if err != nil {
		t.Fatal(err)
	}
	blinds, err := mo.Blinds(ours)
	if err != nil {
		t.Fatal(err)
	}
	for _, pseudonymous := range []bool{false, true} {
		d, o := s.make(t, f, Request{Questions: ours, Blinds: blinds, Pseudonymous: pseudonymous})
		d = copyOf(t, d)
		for name, source := range map[string]Source{"folder": f, "served": &Served{s.client}} {
			v, err := Verify(t.Context(), d, s.trust, source)
			if err != nil || v.Labels != 5 || v.Kinds[fingerprint.Tensor] != 2 || v.Number != 1 {
				t.Errorf("%s: %+v %v", name, v, err)
			}
		}
		raw, err := o.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if o, err = ParseOpening(raw); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), d, o, s.trust, ours, m)
		if err != nil || !a.Fits() || a.Opened != 5 || a.Manifest != 5 {
			t.Errorf("%+v %v", a, err)
		}
		if a, err = Open(t.Context(), d, o, s.trust, model("theirs"), nil); err != nil || a.Fits() || a.Foreign != 5 {
			t.Errorf("another model: %+v %v", a, err)
		}
		for name, change := range map[string]func(*Opening){
			"x":        func(o *Opening) { o.Fingerprints[1].X[30] ^= 1 },
			"s":        func(o *Opening) { o.Fingerprints[1].S[0] ^= 1 },
			"B":        func(o *Opening) { o.Fingerprints[1].B = o.Fingerprints[0].B },
			"answer":   func(o *Opening) { o.Queries[0].Answers[0].Responses[0][200] ^= 1 },
			"origin":   func(o *Opening) { o.Origin = "log.example/other" },
			"no label": func(o *Opening) { o.Queries = o.Queries[:0] },
			"r_0": func(o *Opening) {
				if !pseudonymous {
					o.Fingerprints[1].Commitments[0].R0[0] ^= 1
				} else {
					o.Fingerprints[1].Kind = fingerprint.Band(9)
				}
			},
		} {
			bad, err := ParseOpening(raw)
			if err != nil {
				t.Fatal(err)
			}
			change(bad)
			if _, err := Open(t.Context(), d, bad, s.trust, ours, m); !errors.Is(err, ErrOpening) {
				t.Errorf("opening, %s: %v", name, err)
			}
		}
	}
}

// TestListed: for a model of which anything is listed there is no clearance.
func TestListed(t *testing.T) {
	s := newSite(t)
	f := s.list(t)
	for _, pseudonymous := range []bool{false, true} {
		mixed := append(model("ours")[:1], model("halted-0")[2:3]...)
		_, _, err := Make(t.Context(), Request{List: f.List, Questions: mixed, Asker: &Network{Log: s.client}, Pseudonymous: pseudonymous})
		if x, ok := errors.AsType[*ListedError](err); !ok || len(x.Listed) != 1 || x.Listed[0].Name != "t2" {
			t.Errorf("%v", err)
		}
	}
	s.Lock()
	s.Server.Evaluator = voprf.GenerateKey()
	s.Unlock()
	if _, _, err := Make(t.Context(), Request{List: f.List, Questions: model("ours"), Asker: &Network{Log: s.client}}); !errors.Is(err, ErrEvaluators) {
		t.Errorf("an evaluator with another key: %v", err)
	}
}

// TestTampered changes each thing that a document says.
func TestTampered(t *testing.T) {
	t.Attr("invariant", "CL2")
	t.Attr("invariant", "CL3")
	s := newSite(t)
	f := s.list(t)
	other := newSite(t)
	otherDocument, _ := other.make(t, other.list(t), Request{Questions: model("ours")})
	good, _ := s.make(t, f, Request{Questions: model("ours")})
	shown, _ := s.make(t, f, Request{Questions: model("ours"), Pseudonymous: true})
	flip := func(b []byte) { b[len(b)/2] ^= 1 }
	for name, change := range map[string]func(*Document){
		"format":         func(d *Document) { d.Format += "x" },
		"form":           func(d *Document) { d.Form = FormPseudonym },
		"says":           func(d *Document) { d.Says = "It proves everything." },
		"linkable":       func(d *Document) { d.Linkable = true },
		"origin":         func(d *Document) { d.Origin = "log.example/x" },
		"genesis hash":   func(d *Document) { d.Genesis[0] ^= 1 },
		"epoch's number": func(d *Document) { d.Epoch.Number++ },
		"epoch's index":  func(d *Document) { d.Epoch.Index-- },
		"epoch's size":   func(d *Document) { d.Epoch.Size-- },
		"state hash":     func(d *Document) { d.Epoch.StateHash[0] ^= 1 },
		"state":          func(d *Document) { flip(d.Epoch.State) },
		"genesis":        func(d *Document) { flip(d.Epoch.Genesis) },
		"leaf":           func(d *Document) { flip(d.Epoch.Entries[0].Leaf) },
		"receipt": func(d *Document) {
			d.Epoch.Entries[0].Proof = strings.Replace(d.Epoch.Entries[0].Proof, "index ", "index 1", 1)
		},
		"index of a leaf":    func(d *Document) { d.Epoch.Entries[0].Index++ },
		"no leaf":            func(d *Document) { d.Epoch.Entries = d.Epoch.Entries[:0] },
		"foreign evidence":   func(d *Document) { d.Epoch = otherDocument.Epoch },
		"foreign log":        func(d *Document) { *d = *copyOf(t, otherDocument) },
		"from":               func(d *Document) { d.From = &Place{1, 1, 1} },
		"older":              func(d *Document) { d.Older, d.From = copyOf(t, d), &d.Epoch.Place },
		"a kind":             func(d *Document) { d.Fingerprints[0].Kind = fingerprint.Band(4) },
		"a key version":      func(d *Document) { d.Fingerprints[0].KeyVersion++ },
		"order":              func(d *Document) { slices.Reverse(d.Fingerprints) },
		"twice":              func(d *Document) { d.Fingerprints[1] = d.Fingerprints[0] },
		"a part's name":      func(d *Document) { d.Fingerprints[0].Proofs[0].Part = "tensor/0" },
		"a proof":            func(d *Document) { flip(d.Fingerprints[0].Proofs[0].Proof) },
		"no proof":           func(d *Document) { d.Fingerprints[0].Proofs = d.Fingerprints[0].Proofs[:0] },
		"no fingerprints":    func(d *Document) { d.Fingerprints = d.Fingerprints[:0] },
		"swapped proofs":     func(d *Document) { a, b := d.Fingerprints[3].Proofs, d.Fingerprints[4].Proofs; copy(a, b) },
		"null for a list":    func(d *Document) { d.Queries = nil },
		"a query":            func(d *Document) { d.Queries = shown.Queries },
		"a pseudonym beside": func(d *Document) { d.Fingerprints[0].Pseudonym = shown.Fingerprints[0].Pseudonym },
	} {
		d := copyOf(t, good)
		change(d)
		refused(t, s, f, name, d)
	}
	for name, change := range map[string]func(*Document){
		"Y":              func(d *Document) { d.Fingerprints[0].Pseudonym.Y = d.Fingerprints[1].Pseudonym.Y },
		"asked":          func(d *Document) { d.Fingerprints[0].Pseudonym.Asked++ },
		"asked of none":  func(d *Document) { d.Fingerprints[0].Pseudonym.Asked = 99 },
		"unblinding":     func(d *Document) { flip(d.Fingerprints[0].Pseudonym.Proof) },
		"absence":        func(d *Document) { flip(d.Fingerprints[0].Proofs[0].Proof) },
		"no absence":     func(d *Document) { d.Fingerprints[0].Proofs = d.Fingerprints[0].Proofs[:0] },
		"absence's part": func(d *Document) { d.Fingerprints[0].Proofs[0].Part = "tensor/0" },
		"B":              func(d *Document) { d.Queries[0].Blinded[0] = d.Queries[0].Blinded[1] },
		"answer":         func(d *Document) { flip(d.Queries[0].Answers[0].Responses[0]) },
		"holder":         func(d *Document) { d.Queries[0].Answers[0].Holder = 2 },
		"no query":       func(d *Document) { d.Queries = d.Queries[:0] },
		"key version":    func(d *Document) { d.Queries[0].KeyVersion = 2 },
		"C_0 beside":     func(d *Document) { d.Fingerprints[0].C0 = new(Hex32{1}) },
		"kind":           func(d *Document) { d.Fingerprints[0].Kind = fingerprint.Band(4) },
	} {
		d := copyOf(t, shown)
		change(d)
		refused(t, s, f, "pseudonymous: "+name, d)
	}
	refusedBy(t, Trust{Genesis: other.trust.Genesis}, f, "another pin", good)
	refusedBy(t, Trust{Genesis: s.trust.Genesis, Quorum: []byte(s.QuorumText(3, other.Witnesses...))}, f, "other witnesses", good)
	if _, err := Verify(t.Context(), good, s.trust, nowhere{}); !errors.Is(err, ErrList) {
		t.Errorf("no list: %v", err)
	}
}

type nowhere struct{}

func (nowhere) Object(context.Context, [32]byte) ([]byte, error) { return []byte("x"), nil }
func (nowhere) Before(context.Context, fingerprint.Kind, uint64, uint64) ([]blacklist.Label, error) {
	return nil, nil
}

func refused(t *testing.T, s *site, source Source, name string, d *Document) {
	t.Helper()
	refusedBy(t, s.trust, source, name, d)
}

func refusedBy(t *testing.T, trust Trust, source Source, name string, d *Document) {
	t.Helper()
	if _, err := Verify(t.Context(), d, trust, source); !errors.Is(err, ErrUnverified) && !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrFormat) {
		t.Errorf("%s: %v", name, err)
	}
}

func TestExtend(t *testing.T) {
	t.Attr("invariant", "CL5")
	s := newSite(t)
	f := s.list(t)
	first, o := s.make(t, f, Request{Questions: model("ours")})
	if _, err := Extend(t.Context(), first, o, f.List, f); !errors.Is(err, ErrNothingNew) {
		t.Errorf("nothing new: %v", err)
	}
	caught, co := s.make(t, f, Request{Questions: model("halted-1")}) // not yet
	s.list(t)
	f = s.list(t)
	second, err := Extend(t.Context(), first, o, f.List, f)
	if err != nil {
		t.Fatal(err)
	}
	second = copyOf(t, second)
	fresh := s.sync(t, t.TempDir()) // without the deltas in between
	for name, source := range map[string]Source{"folder": f, "served": &Served{s.client}, "both": Sources{fresh, &Served{s.client}}} {
		v, err := Verify(t.Context(), second, s.trust, source)
		if err != nil || len(v.Chain) != 2 || v.Labels != 15 {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
	if _, err := Verify(t.Context(), second, s.trust, fresh); !errors.Is(err, ErrList) {
		t.Errorf("without the older list: %v", err)
	}
	if a, err := Open(t.Context(), second, o, s.trust, model("ours"), nil); err != nil || !a.Fits() {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := Extend(t.Context(), caught, co, f.List, f); !errors.Is(err, new(ListedError).Unwrap()) {
		t.Errorf("listed since: %v", err)
	}
	if _, err := Extend(t.Context(), first, co, f.List, f); !errors.Is(err, ErrOpening) {
		t.Errorf("another opening: %v", err)
	}
	for name, change := range map[string]func(*Document){
		"older's proof":  func(d *Document) { d.Older.Fingerprints[0].Proofs[0].Proof[40] ^= 1 },
		"proof":          func(d *Document) { d.Fingerprints[0].Proofs[0].Proof[40] ^= 1 },
		"of another":     func(d *Document) { d.Older = copyOf(t, caught) },
		"without older":  func(d *Document) { d.Older, d.From = nil, nil },
		"from elsewhere": func(d *Document) { d.From.Size-- },
		"older's state":  func(d *Document) { d.Older.Epoch.State[60] ^= 1 },
	} {
		d := copyOf(t, second)
		change(d)
		refused(t, s, f, name, d)
	}
	s.list(t)
	f = s.sync(t, s.dir)
	third, err := Extend(t.Context(), second, o, f.List, f)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(t.Context(), third, s.trust, f); err != nil || len(v.Chain) != 3 {
		t.Errorf("%+v %v", v, err)
	}
}

// TestUnlinkable: two clearances of one model share no more than two of different
// models do.
func TestUnlinkable(t *testing.T) {
	t.Attr("invariant", "CL4")
	s := newSite(t)
	f := s.list(t)
	a, o := s.make(t, f, Request{Questions: model("ours")})
	b, _ := s.make(t, f, Request{Questions: model("ours")})
	c, _ := s.make(t, f, Request{Questions: model("theirs")})
	if n := shared(a, b, c); n != 0 {
		t.Errorf("%d windows of 16 bytes link two clearances", n)
	}
	d, _ := s.make(t, f, Request{Questions: model("ours"), Link: o})
	if n := shared(a, d, c); n == 0 || !d.Linkable || !strings.Contains(d.Says, "made to be linked") {
		t.Error("asked to be linked, it is not")
	}
	e, _ := s.make(t, f, Request{Questions: model("ours"), Pseudonymous: true})
	g, _ := s.make(t, f, Request{Questions: model("ours"), Pseudonymous: true})
	if n := shared(e, g, c); n == 0 {
		t.Error("pseudonyms do not link")
	}
	raw, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range o.Fingerprints {
		text, _ := json.Marshal(x)
		for _, secret := range [][]byte{x.X, x.S[:], x.B[:], x.Commitments[0].R0[:]} {
			if bytes.Contains(raw, secret) || bytes.Contains(raw, fmt.Appendf(nil, "%x", secret)) {
				t.Errorf("a secret is in the document: %s", text)
			}
		}
	}
}

// binary is what a document says of its model, decoded.
func binary(d *Document) (out [][]byte) {
	for _, f := range d.Fingerprints {
		out = append(out, f.key())
		for _, p := range f.Proofs {
			out = append(out, p.Proof)
		}
	}
	for _, q := range d.Queries {
		for _, b := range q.Blinded {
			out = append(out, b[:])
		}
		for _, a := range q.Answers {
			out = append(out, a.Responses...)
		}
	}
	return out
}

// shared counts windows of 16 bytes in a and b that are not in c.
func shared(a, b, c *Document) (n int) {
	windows := func(d *Document) map[string]bool {
		w := map[string]bool{}
		for _, x := range binary(d) {
			for i := range max(0, len(x)-15) {
				w[string(x[i:i+16])] = true
			}
		}
		return w
	}
	of, not := windows(b), windows(c)
	for w := range windows(a) {
		if of[w] && !not[w] {
			n++
		}
	}
	return n
}

// FuzzParse: what is taken is printed again to the last byte (CL1).
func FuzzParse(f *testing.F) {
	s := newSite(f)
	list := s.list(f)
	for _, pseudonymous := range []bool{false, true} {
		d, o := s.make(f, list, Request{Questions: model("ours")[:1], Pseudonymous: pseudonymous})
		for _, m := range []interface{ Marshal() ([]byte, error) }{d, o} {
			raw, err := m.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	m, o, err := Commit(model("ours"))
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []interface{ Marshal() ([]byte, error) }{m, o} {
		raw, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		again := func(m interface{ Marshal() ([]byte, error) }, err, want error) {
			if err != nil {
				if !errors.Is(err, want) {
					t.Error(err)
				}
				return
			}
			if b, err := m.Marshal(); err != nil || !bytes.Equal(b, raw) {
				t.Error("two encodings")
			}
		}
		d, err := Parse(raw)
		again(d, err, ErrFormat)
		o, err := ParseOpening(raw)
		again(o, err, ErrOpening)
		m, err := ParseManifest(raw)
		again(m, err, ErrManifest)
		mo, err := ParseManifestOpening(raw)
		again(mo, err, ErrManifest)
	})
}
