package audit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

// evaluators is A31: where evaluators held a ceremony for a key version, officers
// install what it gave, addresses aside, and nothing else. Each ceremony counts for the
// first set of its version after it, which ends it.
func (a *Auditor) evaluators(st *log.Authority, s fold.Step) {
	if st.Evaluators == nil {
		return
	}
	var held []string
	var others []error
	for _, name := range a.machine.Ledger().Ceremonies() {
		if a.ceremonies[name] {
			continue // a set before this one ended it
		}
		c, err := ceremony.Read(a.machine.Ledger(), name)
		if err != nil || c.Version != st.Evaluators.Version {
			continue
		}
		a.ceremonies[name] = true
		switch err := c.Gave(*st.Evaluators); {
		case err == nil:
			return
		case errors.Is(err, ceremony.ErrUnfinished):
			// Whoever has an evaluator's key may begin one.
		default:
			held, others = append(held, name), append(others, err)
		}
	}
	if len(held) == 0 {
		return
	}
	a.at(s.Index, "", Finding{
		Check: checkCeremony, Severity: SeverityFinding,
		Text: fmt.Sprintf("the evaluators of key version %d are not those that ceremony %s gave: %v", st.Evaluators.Version, strings.Join(held, ", "), errors.Join(others...)),
	})
}
