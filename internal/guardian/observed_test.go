package guardian

import (
	"errors"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/guardian/guardiantest"
	"github.com/haltlog/haltlog/policy"
)

// A vote that the run's policy only observes stops nothing here: it stands in the
// log, and any stranger could hand it to the guard. If the policy was tightened
// since, the engines halt the run.
func TestObservedVoteIsForTheEngines(t *testing.T) {
	t.Attr("invariant", "G2")
	s := guardiantest.New(t, nil)
	g := open(t, s)
	var leaf []byte
	s.Do(func(l *foldtest.Log) {
		leaf = l.Seal(l.VoteStatement(guardiantest.Run), l.RingSigner(g.run.groupAt, l.Members[3]))
	})
	for mode, want := range map[policy.Mode]error{policy.Enforce: nil, policy.Observe: ErrEngines, policy.Off: ErrEngines} {
		d := *g.run.document
		d.LiveVote.Mode = mode
		g.run.document = &d
		if err := g.checker.CheckVote(t.Context(), leaf); !errors.Is(err, want) {
			t.Errorf("mode %v: %v, want %v", mode, err, want)
		}
	}
}
