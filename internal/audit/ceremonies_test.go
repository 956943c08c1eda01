package audit

import (
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// TestCeremonies: officers who install what a ceremony gave are well; who install another
// key of its version in its place are found out. Where nobody finished a ceremony there
// is nothing to hold them to.
func TestCeremonies(t *testing.T) {
	t.Attr("invariant", "CE3")
	for name, c := range map[string]struct {
		purposes []string
		change   func(*log.EvaluatorSet)
		want     []string
	}{
		"as it was given": {[]string{log.PurposeLabels}, func(*log.EvaluatorSet) {}, nil},
		"another address": {[]string{log.PurposeLabels}, func(s *log.EvaluatorSet) { s.Holders[0].Address = "https://elsewhere.example" }, nil},
		"another key": {[]string{log.PurposeLabels}, func(s *log.EvaluatorSet) {
			s.PublicKey = voprf.GenerateKey().Public().Bytes()
			s.Commitments = []log.Bytes{s.PublicKey}
		}, []string{"A31"}},
		"another escrow key": {[]string{log.PurposeLabels, log.PurposeEscrow}, func(s *log.EvaluatorSet) {
			s.Escrow = []log.Bytes{voprf.GenerateKey().Public().Bytes()}
		}, []string{"A31"}},
		"another holder":     {[]string{log.PurposeLabels}, func(s *log.EvaluatorSet) { s.Holders[0].Name = "somebody" }, []string{"A31"}},
		"an unfinished one":  {[]string{log.PurposeEscrow}, func(*log.EvaluatorSet) {}, nil},
		"of another version": {[]string{log.PurposeLabels}, func(s *log.EvaluatorSet) { s.Version = 3 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := world(t, foldtest.Options{}, nil)
			h := ceremony.Holder{Index: 1, Seal: voprf.GenerateKey()}
			to := []log.Recipient{{Name: "holder-1", KeyID: l.Evaluator.KeyID(), Seal: h.Seal.Public().Bytes()}}
			for _, purpose := range c.purposes {
				d, err := ceremony.Deal(ceremony.Terms(l.Origin, "next", purpose, 2, 1, to), h, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				l.Must(ceremony.StatementOf(d, to), l.Evaluator)
			}
			pk := log.Bytes(voprf.GenerateKey().Public().Bytes())
			set := log.EvaluatorSet{Version: 2, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
			if slices.Contains(c.purposes, log.PurposeLabels) {
				x, err := ceremony.Read(l.Machine.Ledger(), "next")
				if err != nil {
					t.Fatal(err)
				}
				if set, err = x.Set(); err != nil {
					t.Fatal(err)
				}
			}
			c.change(&set)
			number, identity := l.Machine.Ledger().Authority()
			l.Must(&log.Authority{
				Origin: l.Origin, Number: number + 1, Previous: identity, Add: []log.KeyGrant{}, Revoke: []string{}, Evaluators: &set,
			}, l.Threshold()...)
			settle(l)
			expect(t, l, audited(t, l, options{}), c.want...)
		})
	}
}
