package audit

import (
	"bytes"
	"fmt"

	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// epochAudit rebuilds what epochs commit to. Only listings change it: nothing
// is ever taken off the list.
type epochAudit struct {
	states  []epochState // ascending; the newest is the list's present one
	dropped bool
}

// epochState is the list from a log size on.
type epochState struct {
	from  uint64
	epoch *log.Epoch // number and size are filled in when it is asked for
}

// listed takes the list as it is after an entry.
func (x *epochAudit) listed(a *Auditor, index uint64) {
	if len(x.states) == maxEpochs {
		x.states, x.dropped = x.states[1:], true
	}
	x.states = append(x.states, epochState{index + 1, fold.EpochOf(a.machine.List(), a.machine.Ledger().Origin(), 1, 0)})
}

// epoch is A24. An epoch commits to the list at its own size, which may lie
// before its index.
func (x *epochAudit) epoch(a *Auditor, st *log.Epoch, s fold.Step) {
	a.halts.settle(checkEpochDue, st.Size, "", s.Index)
	want := &log.Epoch{Semantics: st.Semantics, Parts: []log.EpochPart{}}
	found := !x.dropped
	for i, e := range x.states {
		if e.from > st.Size {
			break
		}
		c := *e.epoch
		want, found = &c, true
		if i > 0 {
			// Sizes of later epochs are no smaller.
			defer func() { x.states = x.states[i:] }()
		}
	}
	if !found {
		a.at(s.Index, "", Finding{Check: checkEpoch, Severity: SeverityCannotJudge, Text: fmt.Sprintf("epoch %d commits to a list that is too far back", st.Number)})
		return
	}
	want.Origin, want.Number, want.Size = st.Origin, st.Number, st.Size
	expected, err := log.Encode(want)
	switch {
	case err != nil:
		a.at(s.Index, "", Finding{Check: checkFold, Severity: SeverityCannotJudge, Text: fmt.Sprintf("epoch %d cannot be rebuilt: %v", st.Number, err)})
	case want.Semantics != st.Semantics:
		a.at(s.Index, "epoch", Finding{Check: checkSemantics, Severity: SeverityCannotJudge, Text: fmt.Sprintf("epoch %d has semantics %d, known is %d", st.Number, st.Semantics, want.Semantics)})
	case !bytes.Equal(expected, s.Signed.Envelope.Payload):
		a.at(s.Index, "", Finding{
			Check: checkEpoch, Severity: SeverityFinding, Engine: s.Signed.Signer(), Evidence: Evidence{Expected: expected},
			Text: fmt.Sprintf("epoch %d does not commit to the list that the log gives at size %d", st.Number, st.Size),
		})
	}
}
