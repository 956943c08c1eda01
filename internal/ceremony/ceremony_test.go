package ceremony

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// party is a log with holders that take part in ceremonies.
type party struct {
	*testing.T
	l          *foldtest.Log
	keys       []*foldtest.Key
	holders    []Holder
	recipients []log.Recipient
}

func newParty(t *testing.T, n int) *party {
	p := &party{T: t}
	for i := range n {
		k, seal := foldtest.NewKey(t, fmt.Sprintf("holder-%d", i+1)), voprf.GenerateKey()
		p.keys, p.holders = append(p.keys, k), append(p.holders, Holder{Index: i + 1, Seal: seal})
		p.recipients = append(p.recipients, log.Recipient{Name: k.Name, KeyID: k.KeyID(), Seal: seal.Public().Bytes()})
	}
	p.l = foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		for _, k := range p.keys {
			g.Keys = append(g.Keys, k.Grant(foldtest.Origin, log.RoleEvaluator))
		}
		slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int {
			return bytes.Compare([]byte(string(a.Role)+"\x00"+a.Name), []byte(string(b.Role)+"\x00"+b.Name))
		})
	}})
	p.l.Setup()
	return p
}

func (p *party) read(name string) *Ceremony {
	p.Helper()
	c, err := Read(p.l.Machine.Ledger(), name)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// deal lets holders deal for a purpose; bad spoils a dealing before it is logged.
func (p *party) deal(name, purpose string, version uint64, t int, bad func(*log.Deal), holders ...int) {
	p.Helper()
	for _, i := range holders {
		var c *Ceremony
		if purpose == log.PurposeRotateKey {
			c = p.read(name)
		}
		d, err := Deal(Terms(p.l.Origin, name, purpose, version, t, p.recipients), p.holders[i-1], nil, c)
		if err != nil {
			p.Fatal(err)
		}
		st := StatementOf(d, p.recipients)
		if bad != nil {
			bad(st)
		}
		p.l.Must(st, p.keys[i-1])
	}
}

// finish lets all holders finish, complaining where they must.
func (p *party) finish(name string) log.EvaluatorSet {
	p.Helper()
	for range 3 {
		done, complained := slices.Clone(p.holders), false
		for i, h := range p.holders {
			c := p.read(name)
			labels, escrow, err := c.Finish(h)
			if b, ok := errors.AsType[*BadShare](err); ok {
				p.l.Must(b.Statement(c), p.keys[i])
				complained = true
				break
			}
			if err != nil {
				p.Fatalf("holder %d: %v", i+1, err)
			}
			done[i].Labels, done[i].Escrow = labels, escrow
		}
		if complained {
			continue
		}
		p.holders = done
		set, err := p.read(name).Set()
		if err != nil {
			p.Fatal(err)
		}
		return set
	}
	p.Fatal("never finished")
	return log.EvaluatorSet{}
}

// install has officers put a set in force.
func (p *party) install(set log.EvaluatorSet) {
	p.Helper()
	number, identity := p.l.Machine.Ledger().Authority()
	p.l.Must(&log.Authority{
		Origin: p.l.Origin, Number: number + 1, Previous: identity, Add: []log.KeyGrant{}, Revoke: []string{}, Evaluators: &set,
	}, p.l.Threshold()...)
	p.l.Anchor()
	p.l.Advance(time.Minute)
	p.l.Anchor()
	if got := p.l.Machine.Ledger().Evaluators(); got.Version != set.Version || !bytes.Equal(got.PublicKey, set.PublicKey) {
		p.Fatalf("version %d is in force", got.Version)
	}
}

// label is what any t holders together make of a fingerprint.
func (p *party) label(set log.EvaluatorSet, x string) blacklist.Label {
	p.Helper()
	var first voprf.Label
	for from := range set.N - set.T + 1 {
		pk, err := voprf.ParsePublicKey(set.PublicKey)
		if err != nil {
			p.Fatal(err)
		}
		q, err := voprf.NewQuery(pk, [][]byte{[]byte(x)})
		if err != nil {
			p.Fatal(err)
		}
		answers := map[int][][]byte{}
		for _, h := range p.holders[from : from+set.T] {
			a, err := voprf.NewShareEvaluator(h.Labels).Answer(q.Requests()[0])
			if err != nil {
				p.Fatal(err)
			}
			answers[h.Index] = [][]byte{a}
		}
		labels, lies, err := q.Combine(setOf(set), answers)
		if err != nil || len(lies) > 0 {
			p.Fatalf("%v %v", lies, err)
		}
		if from > 0 && labels[0] != first {
			p.Error("two subsets make two labels")
		}
		first = labels[0]
	}
	return first
}

// TestGeneration: three holders make label key and escrow key through the log, with
// one of them dealing badly and one complaining falsely; everybody computes the same
// set, and officers can install no other.
func TestGeneration(t *testing.T) {
	t.Attr("invariant", "CE1")
	t.Attr("invariant", "CE2")
	t.Attr("invariant", "CE3")
	p := newParty(t, 3)
	p.deal("first", log.PurposeLabels, 2, 2, nil, 1, 2)
	p.deal("first", log.PurposeLabels, 2, 2, func(d *log.Deal) {
		d.Commitments[1] = voprf.GenerateKey().Public().Bytes() // nobody's share fits
	}, 3)
	p.deal("first", log.PurposeEscrow, 2, 2, nil, 1, 2, 3)
	// Holder 2 complains of a good share.
	c := p.read("first")
	for _, d := range c.dealt {
		if d.purpose != log.PurposeLabels || d.dealing.Dealer != 1 {
			continue
		}
		lie, err := d.dealing.Complain(2, p.holders[1].Seal)
		if err != nil {
			t.Fatal(err)
		}
		p.l.Must((&BadShare{d.identity, lie}).Statement(c), p.keys[1])
	}
	set := p.finish("first")
	for _, v := range p.read("first").Verdicts() {
		if bad := v.Purpose == log.PurposeLabels && v.Dealer == 3; v.Counts == bad {
			t.Errorf("%s by dealer %d counts: %v (%s)", v.Purpose, v.Dealer, v.Counts, v.Why)
		}
		if liar := v.Purpose == log.PurposeLabels && v.Dealer == 1; liar != slices.Equal(v.Liars, []int{2}) {
			t.Errorf("%s by dealer %d: liars %v", v.Purpose, v.Dealer, v.Liars)
		}
	}
	p.install(set)
	p.label(set, "x")
	// The escrow key opens what is sealed to it.
	labels := foldtest.Labels(3)
	ctx := blacklist.Context{Origin: p.l.Origin, Run: "run-1", Number: 1, Root: blacklist.NewArtefact(labels).Root()}
	sealed, wraps, err := blacklist.SealTo(blacklist.EscrowKeys{Threshold: [][]byte{set.Escrow[0]}}, ctx, labels)
	if err != nil {
		t.Fatal(err)
	}
	var partials []blacklist.PartialOpening
	for _, h := range p.holders[1:] {
		part, err := blacklist.Partial(h.Escrow, set.Escrow[0], ctx, wraps[0])
		if err != nil {
			t.Fatal(err)
		}
		partials = append(partials, part)
	}
	if got, _, err := blacklist.OpenThreshold(raw(set.Escrow), ctx, sealed, wraps, partials); err != nil || !slices.Equal(got, labels) {
		t.Errorf("escrow: %v", err)
	}
	// CE3.
	c = p.read("first")
	if err := c.Gave(set); err != nil {
		t.Error(err)
	}
	moved := set
	moved.Holders = slices.Clone(set.Holders)
	moved.Holders[0].Address = "https://elsewhere.example"
	if err := c.Gave(moved); err != nil {
		t.Errorf("another address: %v", err)
	}
	for name, change := range map[string]func(*log.EvaluatorSet){
		"key": func(s *log.EvaluatorSet) {
			s.PublicKey = voprf.GenerateKey().Public().Bytes()
			s.Commitments[0] = s.PublicKey
		},
		"commitment": func(s *log.EvaluatorSet) { s.Commitments[1] = voprf.GenerateKey().Public().Bytes() },
		"escrow":     func(s *log.EvaluatorSet) { s.Escrow[1] = voprf.GenerateKey().Public().Bytes() },
		"holder":     func(s *log.EvaluatorSet) { s.Holders[0].Name = "somebody" },
		"version":    func(s *log.EvaluatorSet) { s.Version = 3 },
	} {
		bad := set
		bad.Commitments, bad.Escrow, bad.Holders = slices.Clone(set.Commitments), slices.Clone(set.Escrow), slices.Clone(set.Holders)
		change(&bad)
		if err := c.Gave(bad); err == nil {
			t.Errorf("another %s: not seen", name)
		}
	}
}

// TestUnfinished: with fewer dealings than the threshold that count, there is no key.
func TestUnfinished(t *testing.T) {
	p := newParty(t, 3)
	if _, err := Read(p.l.Machine.Ledger(), "first"); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
	p.deal("first", log.PurposeLabels, 2, 2, nil, 1)
	c := p.read("first")
	if _, err := c.Set(); !errors.Is(err, ErrUnfinished) {
		t.Errorf("%v", err)
	}
	if _, _, err := c.Finish(p.holders[0]); !errors.Is(err, ErrUnfinished) {
		t.Errorf("%v", err)
	}
	if _, _, err := c.Finish(Holder{Index: 4}); !errors.Is(err, ErrNone) {
		t.Errorf("%v", err)
	}
}

// TestDealerAlone: a dealer who holds nothing afterwards deals a key that he knows.
func TestDealerAlone(t *testing.T) {
	t.Attr("invariant", "CE1")
	p := newParty(t, 3)
	key := voprf.GenerateKey()
	d, err := Deal(Terms(p.l.Origin, "first", log.PurposeLabels, 2, 2, p.recipients), Holder{}, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.l.Must(StatementOf(d, p.recipients), p.l.Evaluator)
	set := p.finish("first")
	if !bytes.Equal(set.PublicKey, key.Public().Bytes()) {
		t.Error("another key than was dealt")
	}
	p.install(set)
	if want, err := key.Label([]byte("x")); err != nil || p.label(set, "x") != want {
		t.Error("another label")
	}
}

// TestDealerAmongHolders: who deals a key of his own beside the holders, before or
// after them, changes nothing.
func TestDealerAmongHolders(t *testing.T) {
	t.Attr("invariant", "CE1")
	for _, first := range []bool{true, false} {
		p := newParty(t, 3)
		d, err := Deal(Terms(p.l.Origin, "first", log.PurposeLabels, 2, 2, p.recipients), Holder{}, voprf.GenerateKey(), nil)
		if err != nil {
			t.Fatal(err)
		}
		alone := func() { p.l.Must(StatementOf(d, p.recipients), p.keys[1]) }
		if first {
			alone()
		}
		p.deal("first", log.PurposeLabels, 2, 2, nil, 1, 2, 3)
		before, err := p.read("first").Commitments(log.PurposeLabels)
		if err != nil {
			t.Fatal(err)
		}
		if !first {
			alone()
		}
		set := p.finish("first")
		if bytes.Equal(set.PublicKey, d.Commitments[0]) || !bytes.Equal(set.PublicKey, before[0]) {
			t.Errorf("first %v: the key is one dealer's", first)
		}
	}
}

// TestRefresh: shares change, labels stay, the set is installed under its own version.
func TestRefresh(t *testing.T) {
	t.Attr("invariant", "CE2")
	t.Attr("invariant", "CE3")
	p := newParty(t, 3)
	p.deal("first", log.PurposeLabels, 2, 2, nil, 1, 2, 3)
	p.deal("first", log.PurposeEscrow, 2, 2, nil, 1, 2, 3)
	set := p.finish("first")
	p.install(set)
	before, old := p.label(set, "x"), slices.Clone(p.holders)
	p.deal("refresh", log.PurposeRefresh, 2, 2, nil, 1, 2, 3)
	p.deal("refresh", log.PurposeRefreshEscrow, 2, 2, nil, 2, 3)
	fresh := p.finish("refresh")
	if !bytes.Equal(fresh.PublicKey, set.PublicKey) || bytes.Equal(fresh.Commitments[1], set.Commitments[1]) || bytes.Equal(fresh.Escrow[1], set.Escrow[1]) {
		t.Error("nothing, or the key, was refreshed")
	}
	p.install(fresh)
	if p.label(fresh, "x") != before {
		t.Error("the label changed")
	}
	// What was installed stays what the ceremony gave (CE3), and nobody adds to it.
	if err := p.read("refresh").Gave(fresh); err != nil {
		t.Error(err)
	}
	late, err := Deal(Terms(p.l.Origin, "refresh", log.PurposeRefreshEscrow, 2, 2, p.recipients), p.holders[0], nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.l.Put(StatementOf(late, p.recipients), p.keys[0]); s.Validity != log.Void {
		t.Errorf("a late dealing is %s", s.Validity)
	}
	c := p.read("refresh")
	complaint, err := c.dealt[0].dealing.Complain(1, p.holders[0].Seal)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.l.Put((&BadShare{c.dealt[0].identity, complaint}).Statement(c), p.keys[0]); s.Validity != log.Void {
		t.Errorf("a late complaint is %s", s.Validity)
	}
	for i := range old {
		if err := old[i].Labels.Verify(raw(fresh.Commitments)); !errors.Is(err, voprf.ErrShare) {
			t.Errorf("the old share of holder %d still fits: %v", i+1, err)
		}
	}
}

// TestRotate: the list moves to the next key by a factor that nobody holds whole,
// and its labels are those of the next key.
func TestRotate(t *testing.T) {
	t.Attr("invariant", "CE3")
	p := newParty(t, 3)
	p.deal("first", log.PurposeLabels, 2, 2, nil, 1, 2, 3)
	set := p.finish("first")
	p.install(set)
	// A halted run lists two labels under the key.
	entries := []blacklist.Entry{{Kind: "tensor", Label: p.label(set, "a")}, {Kind: "band-3", Label: p.label(set, "b")}}
	p.l.Run("run-1")
	p.l.Decide(p.l.Engines[0])
	a := p.l.ArtefactStatement("run-1", entries)
	a.KeyVersion = 2
	p.l.Must(a, p.l.Guard)
	p.l.Vote("run-1", p.l.Members[0])
	p.l.Decide(p.l.Engines[0])
	f := p.l.FingerprintsStatement("run-1", entries)
	f.KeyVersion = 2
	p.l.Must(f, p.l.Engines[0])

	p.deal("next", log.PurposeRotateDelta, 3, 2, nil, 1, 2, 3)
	p.deal("next", log.PurposeRotateKey, 3, 2, nil, 1, 2, 3)
	c := p.read("next")
	var deltas []*voprf.Share
	for _, h := range p.holders {
		d, err := c.Delta(h)
		if err != nil {
			t.Fatal(err)
		}
		deltas = append(deltas, d)
	}
	next := p.finish("next")
	p.install(next)
	r, err := p.read("next").Rotation()
	if err != nil {
		t.Fatal(err)
	}
	b := Next(p.l.Machine.List(), 2, 3)
	if b == nil || len(b.Old) != 2 {
		t.Fatalf("%+v", b)
	}
	for _, d := range deltas {
		if err := b.Answer(d); err != nil {
			t.Fatal(err)
		}
	}
	b.Answers[1] = b.Answers[2] // holder 1 lies
	lies, err := b.Combine(r)
	if err != nil || len(lies) != 1 || lies[0].Index != 1 {
		t.Fatalf("%v %v", lies, err)
	}
	for _, d := range deltas[1:] {
		if err := b.Prove(r, d); err != nil {
			t.Fatal(err)
		}
	}
	st, err := b.Statement(p.l.Origin, r)
	if err != nil {
		t.Fatal(err)
	}
	wrong := *st
	wrong.Labels = slices.Clone(st.Labels)
	wrong.Labels[0], wrong.Labels[1] = wrong.Labels[1], wrong.Labels[0]
	if s := p.l.Put(&wrong, p.l.Engines[0]); s.Validity != log.Void {
		t.Errorf("labels swapped: %s", s.Validity)
	}
	if got := p.l.EpochStatement().Asked; !slices.Equal(got, []uint64{2}) {
		t.Errorf("before the rotation, an epoch asks under %v", got)
	}
	p.l.Must(st, p.l.Engines[0])
	if got := p.l.EpochStatement().Asked; !slices.Equal(got, []uint64{3}) {
		t.Errorf("after it, an epoch asks under %v", got)
	}
	for i, x := range []string{"a", "b"} {
		got := p.label(next, x)
		if got != b.Fresh[i] {
			t.Errorf("%s: the list holds another label than the next key makes", x)
		}
		if rs := p.l.Machine.List().Lookup(entries[i].Kind, got); len(rs) != 1 || rs[0].Run != "run-1" || rs[0].Status != blacklist.Active {
			t.Errorf("%s: %+v", x, rs)
		}
	}
	if b := Next(p.l.Machine.List(), 2, 3); b != nil {
		t.Errorf("%d labels are left", len(b.Old))
	}
	if v := p.l.Machine.KeyVersions(); !slices.Equal(v, []uint64{3}) {
		t.Errorf("clients ask under %v", v)
	}
}

// TestDealerAloneRefreshes: nobody refreshes, or makes the factor between two keys, alone.
func TestDealerAloneRefreshes(t *testing.T) {
	t.Attr("invariant", "CE1")
	for _, purpose := range []string{log.PurposeRefresh, log.PurposeRefreshEscrow, log.PurposeRotateDelta} {
		p := newParty(t, 3)
		p.deal("first", log.PurposeLabels, 2, 2, nil, 1, 2, 3)
		p.deal("first", log.PurposeEscrow, 2, 2, nil, 1, 2, 3)
		p.install(p.finish("first"))
		d, err := Deal(Terms(p.l.Origin, "alone", purpose, 3, 2, p.recipients), Holder{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.l.Must(StatementOf(d, p.recipients), p.l.Evaluator)
		if _, err := p.read("alone").Commitments(purpose); !errors.Is(err, ErrUnfinished) {
			t.Errorf("%s: %v", purpose, err)
		}
	}
}

// TestManyCeremonies: one key that begins ceremonies takes no room from the others, and
// gets room again with a set that officers install.
func TestManyCeremonies(t *testing.T) {
	p := newParty(t, 2)
	begin := func(i int, by *foldtest.Key) log.Validity {
		t.Helper()
		d, err := Deal(Terms(p.l.Origin, fmt.Sprintf("many-%d", i), log.PurposeLabels, 2, 1, p.recipients), Holder{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return p.l.Put(StatementOf(d, p.recipients), by).Validity
	}
	for i := range 16 {
		if v := begin(i, p.keys[0]); v != log.Valid {
			t.Fatalf("ceremony %d is %s", i, v)
		}
	}
	if v := begin(16, p.keys[0]); v != log.Void {
		t.Errorf("one more of the same key is %s", v)
	}
	if v := begin(17, p.keys[1]); v != log.Valid {
		t.Errorf("one of another key is %s", v)
	}
	set, err := p.read("many-17").Set()
	if err != nil {
		t.Fatal(err)
	}
	p.install(set)
	d, err := Deal(Terms(p.l.Origin, "later", log.PurposeLabels, 3, 1, p.recipients), Holder{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.l.Put(StatementOf(d, p.recipients), p.keys[0]); s.Validity != log.Valid {
		t.Errorf("after a set was installed: %s: %s", s.Validity, s.Reason)
	}
}
