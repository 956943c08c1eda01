package log_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// holders are evaluators with keys in the log, and a dealing of the first.
func holders(t *testing.T) (l *foldtest.Log, keys []*foldtest.Key, d *log.Deal) {
	t.Helper()
	for _, n := range []string{"h1", "h2", "h3"} {
		keys = append(keys, foldtest.NewKey(t, n))
	}
	l = foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		for _, k := range keys {
			grant := k.Grant(foldtest.Origin, log.RoleEvaluator)
			grant.Name = k.Name
			g.Keys = append(g.Keys, grant)
		}
		slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int {
			return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name))
		})
	}})
	l.Genesis()
	d = &log.Deal{
		Origin: foldtest.Origin, Ceremony: "keys-2", Purpose: log.PurposeLabels, Version: 2, T: 2, N: 3, Dealer: 1,
		Commitments: []log.Bytes{noise("c0", 32), noise("c1", 32)}, Possession: noise("possession", 64),
		Shares: []log.Bytes{noise("s1", 80), noise("s2", 80), noise("s3", 80)},
	}
	for _, k := range keys {
		d.Seals = append(d.Seals, log.Recipient{Name: k.Name, KeyID: k.KeyID(), Seal: noise("seal "+k.Name, 32)})
	}
	return l, keys, d
}

// TestCeremony holds that the log is a broadcast channel: each holder deals once
// under each purpose, for the same key and the same holders, and complains by its
// own key alone.
func TestCeremony(t *testing.T) {
	t.Attr("invariant", "S3")
	l, keys, first := holders(t)
	dealt := l.Must(first, keys[0])
	next := func(change func(*log.Deal)) *log.Deal {
		d := *first
		d.Seals = slices.Clone(first.Seals)
		change(&d)
		return &d
	}
	for name, c := range map[string]struct {
		signer int
		deal   *log.Deal
		valid  bool
	}{
		"second holder":     {1, next(func(d *log.Deal) { d.Dealer = 2 }), true},
		"another purpose":   {0, next(func(d *log.Deal) { d.Purpose = log.PurposeEscrow }), true},
		"another ceremony":  {0, next(func(d *log.Deal) { d.Ceremony = "keys-3"; d.T, d.Version = 2, 9 }), true},
		"said twice":        {0, next(func(d *log.Deal) { d.Shares = slices.Clone(d.Shares); d.Shares[0] = noise("x", 80) }), false},
		"another's name":    {0, next(func(d *log.Deal) { d.Dealer = 2 }), false},
		"another version":   {1, next(func(d *log.Deal) { d.Dealer, d.Version = 2, 3 }), false},
		"another threshold": {1, next(func(d *log.Deal) { d.Dealer, d.T = 2, 1; d.Commitments = d.Commitments[:1] }), false},
		"another recipient": {1, next(func(d *log.Deal) { d.Dealer = 2; d.Seals[2].Seal = noise("mine", 32) }), false},
		"an old version":    {1, next(func(d *log.Deal) { d.Dealer, d.Ceremony, d.Version = 2, "keys-0", 1 }), true},
	} {
		f := l.Fork(len(l.Leaves))
		if s := f.Put(c.deal, keys[c.signer]); (s.Validity == log.Valid) != c.valid {
			t.Errorf("%s: %s %s", name, s.Validity, s.Reason)
		}
	}
	l.Must(next(func(d *log.Deal) { d.Dealer = 2 }), keys[1])
	deals := l.Machine.Ledger().Deals("keys-2")
	if len(deals) != 2 || deals[0].Identity != dealt.Signed.Identity || deals[1].Deal.Dealer != 2 {
		t.Errorf("%d dealings", len(deals))
	}
	complaint := &log.Complaint{
		Origin: foldtest.Origin, Ceremony: "keys-2", Deal: dealt.Signed.Identity, Holder: 3, Shared: noise("shared", 32), Proof: noise("proof", 64),
	}
	if s := l.Put(complaint, keys[1]); s.Validity != log.Void {
		t.Errorf("a complaint in another's name: %s", s.Validity)
	}
	l.Must(complaint, keys[2])
	if s := l.Put(complaint, keys[2]); s.Validity != log.Void {
		t.Errorf("a complaint twice: %s", s.Validity)
	}
}

// TestRefreshInstalls holds that officers may install the same keys shared anew,
// and nothing else under a key version that is there.
func TestRefreshInstalls(t *testing.T) {
	t.Attr("invariant", "E4")
	l := foldtest.New(t, foldtest.Options{}).Setup()
	old := l.Machine.Ledger().Evaluators()
	install := func(e log.EvaluatorSet) log.Validity {
		a := nextAuthority(l)
		a.Evaluators = &e
		return l.Fork(len(l.Leaves)).Put(a, l.Threshold()...).Validity
	}
	shared := old
	shared.T, shared.N, shared.Commitments = 2, 3, []log.Bytes{old.PublicKey, noise("c1", 32)}
	for _, n := range []string{"a", "b", "c"} {
		shared.Holders = append(shared.Holders, log.Holder{Name: n, KeyID: hashOf(n).Hex(), Seal: noise(n, 32)})
	}
	if v := install(shared); v != log.Valid {
		t.Errorf("the same key among more: %s", v)
	}
	escrowed := shared
	escrowed.Escrow = []log.Bytes{noise("e0", 32), noise("e1", 32)}
	if v := install(escrowed); v != log.Valid {
		t.Errorf("an escrow key beside it: %s", v)
	}
	if v := install(old); v != log.Void {
		t.Errorf("the same once more: %s", v)
	}
}
