package log

import (
	"fmt"
	"strings"
)

// Authority changes keys of any role, the officers and their threshold, the
// quorum, the log's keys (in the quorum's text), and the evaluators. Rotating a
// key is revoking one and adding another in one statement. Signed by the
// officers' old threshold. What only revokes, and keeps the threshold
// reachable, is in force at once; all else waits like a loosening (E4).
type Authority struct {
	Origin     string        `json:"origin"`
	Number     uint64        `json:"number"`    // from 1, the last valid one's plus 1
	Previous   Hash          `json:"previous"`  // identity of the last valid one, or of the genesis
	Threshold  *int          `json:"threshold"` // null: unchanged
	Add        []KeyGrant    `json:"add"`       // sorted by role, then name
	Revoke     []string      `json:"revoke"`    // key IDs, sorted
	Quorum     *string       `json:"quorum"`    // null: unchanged
	Evaluators *EvaluatorSet `json:"evaluators"`
}

// Kind is [KindAuthority].
func (a *Authority) Kind() Kind { return KindAuthority }

func (a *Authority) logOrigin() string { return a.Origin }

// Validate checks the bounds.
func (a *Authority) Validate() error {
	var c checks
	c.origin(a.Origin)
	c.that(a.Number >= 1, "number", "from 1")
	if a.Threshold != nil {
		c.between("threshold", int64(*a.Threshold), 1, MaxOfficers)
	}
	c.grants("add", a.Add, 0)
	c.count("revoke", len(a.Revoke), 0, MaxKeys)
	for i, id := range a.Revoke {
		c.keyID(fmt.Sprintf("revoke[%d]", i), id)
	}
	sorted(&c, "revoke", a.Revoke, strings.Compare)
	if a.Quorum != nil {
		c.quorum("quorum", *a.Quorum, a.Origin)
	}
	if a.Evaluators != nil {
		c.evaluators("evaluators", *a.Evaluators)
	}
	c.that(a.Threshold != nil || len(a.Add) > 0 || len(a.Revoke) > 0 || a.Quorum != nil || a.Evaluators != nil, "number", "changes nothing")
	return c.err
}

// Replay is "authority" and the number.
func (a *Authority) Replay(string) ReplayKey {
	return ReplayKey{Scope: "authority", Sequence: a.Number, Monotone: true}
}

// Void: it follows the last valid one, and its change can be carried out.
func (a *Authority) Void(v View, _ Signed) error {
	number, identity := v.Authority()
	switch {
	case a.Number != number+1:
		return voidf(Conflict, "authority %d does not follow %d", a.Number, number)
	case a.Previous != identity:
		return void(Conflict, "previous is not the last authority statement")
	}
	return v.CheckAuthority(a)
}
