package log

import (
	"fmt"
	"strings"
)

// Method says how a consensus group was drawn.
type Method string

const (
	// MethodAppointed: by the officers' threshold, where the policy allows it.
	MethodAppointed Method = "appointed"
	// MethodLot is refused by name in this version.
	MethodLot Method = "lot"
)

// Group is a consensus group: who checks in on a run, and may halt it. Signed
// by the officers' threshold. Its hash is [GroupHash] of its payload. A group
// of the same name with the next number follows it in every run.
type Group struct {
	Origin   string   `json:"origin"`
	Name     string   `json:"name"`
	Number   uint64   `json:"number"`   // from 1
	Previous *Hash    `json:"previous"` // hash of the group before; null for number 1
	Chain    string   `json:"chain"`    // the policy chain that it serves
	Method   Method   `json:"method"`
	Members  []Member `json:"members"` // a power of two, 2 to 64; sorted by pseudonym
}

// Member is one of a group, with two different keys.
type Member struct {
	Pseudonym    string `json:"pseudonym"`
	Checkin      Bytes  `json:"checkin"`       // SPKI of the check-in key
	CheckinProof Bytes  `json:"checkin_proof"` // over [PossessionMessage] in [RoleMember]
	Ring         Bytes  `json:"ring"`          // 32 bytes, ristretto255
	RingProof    Bytes  `json:"ring_proof"`    // bound to [RingContext]
}

// Rings are the members' ring keys in order.
func (g *Group) Rings() [][]byte {
	keys := make([][]byte, len(g.Members))
	for i, m := range g.Members {
		keys[i] = m.Ring
	}
	return keys
}

// MemberByKey finds a member by the check-in key's ID.
func (g *Group) MemberByKey(keyID string) (Member, bool) {
	for _, m := range g.Members {
		if KeyID(m.Checkin) == keyID {
			return m, true
		}
	}
	return Member{}, false
}

// Kind is [KindGroup].
func (g *Group) Kind() Kind { return KindGroup }

func (g *Group) logOrigin() string { return g.Origin }

// Validate checks the bounds.
func (g *Group) Validate() error {
	var c checks
	c.origin(g.Origin)
	c.name("name", g.Name)
	c.that(g.Number >= 1, "number", "from 1")
	c.that((g.Previous == nil) == (g.Number == 1), "previous", "null for number 1, a hash for others")
	c.name("chain", g.Chain)
	if g.Method == MethodLot && c.err == nil {
		c.err = &SyntaxError{Place: "method", Reason: "method lot is not served by this version", Err: ErrRefusedKind}
	}
	c.that(g.Method == MethodAppointed, "method", "want appointed")
	n := len(g.Members)
	c.count("members", n, MinMembers, MaxMembers)
	c.that(n&(n-1) == 0, "members", "want a power of two")
	seen := make(map[string]bool, 2*n)
	for i, m := range g.Members {
		at := fmt.Sprintf("members[%d]", i)
		c.name(at+".pseudonym", m.Pseudonym)
		a, ok := CheckSPKI(m.Checkin)
		c.that(ok && a != X25519, at+".checkin", "want an Ed25519 or ECDSA P-256 key as DER SubjectPublicKeyInfo")
		c.size(at+".checkin_proof", m.CheckinProof, 1, MaxProof)
		c.size(at+".ring", m.Ring, 32, 32)
		c.size(at+".ring_proof", m.RingProof, 64, 64)
		c.that(!seen[string(m.Checkin)], at+".checkin", "key stands twice")
		c.that(!seen[string(m.Ring)], at+".ring", "key stands twice")
		seen[string(m.Checkin)], seen[string(m.Ring)] = true, true
	}
	sorted(&c, "members", g.Members, func(a, b Member) int { return strings.Compare(a.Pseudonym, b.Pseudonym) })
	return c.err
}

// Replay is the group's name and the number.
func (g *Group) Replay(string) ReplayKey {
	return ReplayKey{Scope: "group/" + g.Name, Sequence: g.Number, Monotone: true}
}

// Void: the policy in force of its chain lets officers appoint a group of this
// size, it follows the newest of its name in the same chain, its check-in keys
// hold no other role, and the log is not frozen.
func (g *Group) Void(v View, _ Signed) error {
	if v.Frozen() {
		return void(Conflict, "the log is frozen")
	}
	rules, ok := v.Rules(g.Chain)
	switch {
	case !ok:
		return voidf(Unknown, "no policy in force in chain %s", g.Chain)
	case !rules.Appointed:
		return voidf(Forbidden, "policy %d of chain %s lets nobody appoint a group", rules.Number, g.Chain)
	case len(g.Members) < rules.MinGroup:
		return voidf(Conflict, "%d members, policy %d asks for %d", len(g.Members), rules.Number, rules.MinGroup)
	}
	last, ok := v.NewestGroup(g.Name)
	switch {
	case !ok && g.Number != 1:
		return voidf(Conflict, "the first group %s has number 1", g.Name)
	case ok && g.Number != last.Statement.Number+1:
		return voidf(Conflict, "group %s %d does not follow %d", g.Name, g.Number, last.Statement.Number)
	case ok && (g.Previous == nil || *g.Previous != last.Hash):
		return voidf(Conflict, "previous is not the last group %s", g.Name)
	case ok && g.Chain != last.Statement.Chain:
		return voidf(Conflict, "group %s belongs to chain %s", g.Name, last.Statement.Chain)
	}
	for _, m := range g.Members {
		if k, ok := v.Key(KeyID(m.Checkin)); ok {
			return voidf(Conflict, "the check-in key of %s is a key of role %s", m.Pseudonym, k.Role)
		}
	}
	return nil
}
