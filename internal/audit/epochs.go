package audit

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// epoch is A24: it rebuilds what an epoch commits to, every list, tree,
// polynomial and delta of every part that it names or should have named, and the
// state document over all of them, from the log's own listings and rotations. An
// epoch commits to the list at its own size, which may lie before its index.
func (a *Auditor) epoch(st *log.Epoch, s fold.Step) {
	a.halts.settle(checkEpochDue, st.Size, "", s.Index)
	want, ok := fold.ExpectEpoch(a.machine.List(), st)
	if !ok {
		a.at(s.Index, "epoch", Finding{Check: checkSemantics, Severity: SeverityCannotJudge, Text: fmt.Sprintf("epoch %d has semantics %d, which are not known here", st.Number, st.Semantics)})
		return
	}
	expected, err := log.Encode(want)
	switch {
	case err != nil:
		a.at(s.Index, "", Finding{Check: checkFold, Severity: SeverityCannotJudge, Text: fmt.Sprintf("epoch %d cannot be rebuilt: %v", st.Number, err)})
	case !bytes.Equal(expected, s.Signed.Envelope.Payload):
		a.at(s.Index, "", Finding{
			Check: checkEpoch, Severity: SeverityFinding, Engine: s.Signed.Signer(), Evidence: Evidence{Expected: expected},
			Text: fmt.Sprintf("epoch %d does not commit to the list that the log gives at size %d: %s", st.Number, st.Size, differs(want, st)),
		})
	}
}

// differs says where two epochs part first.
func differs(want, got *log.Epoch) string {
	if !slices.Equal(want.Asked, got.Asked) {
		return fmt.Sprintf("a model has to be asked under key versions %v, it says %v", want.Asked, got.Asked)
	}
	if len(want.Parts) != len(got.Parts) {
		return fmt.Sprintf("%d parts changed, it names %d", len(want.Parts), len(got.Parts))
	}
	for i, w := range want.Parts {
		g := got.Parts[i]
		name := fmt.Sprintf("part %s %d %q under key version %d", w.Kind, w.Band, w.Prefix, w.KeyVersion)
		if g.Kind != w.Kind || g.Band != w.Band || g.Prefix != w.Prefix || g.KeyVersion != w.KeyVersion {
			return name + " is missing"
		}
		if g.Count != w.Count || len(g.Commitments) != len(w.Commitments) {
			return name + " has another count or other names"
		}
		for j, c := range w.Commitments {
			if g.Commitments[j] != c {
				return name + " has another " + c.Name
			}
		}
	}
	return "the state of all parts is another"
}
