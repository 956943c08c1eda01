package log

import "fmt"

// Genesis is entry 0: the log's name, its officers and how many of them sign
// together, its witnesses' quorum, its periods, and every role's first keys.
// It is signed by a threshold of the officers that it names. Verifiers pin its
// hash ([GenesisHash]).
type Genesis struct {
	Origin    string     `json:"origin"`
	Created   Time       `json:"created"`
	Nonce     Bytes      `json:"nonce"`     // 16 random bytes: two logs of one name differ
	Threshold int        `json:"threshold"` // 1 to the number of officers
	Keys      []KeyGrant `json:"keys"`      // sorted by role, then name; officers included
	Quorum    string     `json:"quorum"`    // C2SP tlog-policy with this log's line

	SkewMS           int64 `json:"skew_ms"`            // how far clocks may differ
	AnchorPeriodMS   int64 `json:"anchor_period_ms"`   // an anchor at least this often
	DecisionPeriodMS int64 `json:"decision_period_ms"` // a decision at least this often
	AuthorityDelayMS int64 `json:"authority_delay_ms"` // how long a loosening of authority waits

	Evaluators EvaluatorSet `json:"evaluators"`
}

// EvaluatorSet is the set of evaluators that hold the label key, T of N.
type EvaluatorSet struct {
	Version     uint64  `json:"version"`    // of the label key, from 1
	PublicKey   Bytes   `json:"public_key"` // 32 bytes, ristretto255
	T           int     `json:"t"`
	N           int     `json:"n"`
	Commitments []Bytes `json:"commitments"` // Feldman: T of 32 bytes, the first is PublicKey

	// Who holds a share: N of them, holder i (from 1) at place i−1. One alone
	// may be left out.
	Holders []Holder `json:"holders,omitzero"`
	// Escrow commits to a second key, shared among the same holders, under which
	// data keys of artefacts are wrapped (suite 2): T of 32 bytes. It is never the
	// label key: the evaluate route would open artefacts.
	Escrow []Bytes `json:"escrow,omitzero"`
}

// Holder is an evaluator with a share of the keys.
type Holder struct {
	Name    string `json:"name"`
	KeyID   string `json:"keyid"`   // of its signing key, of role evaluator
	Address string `json:"address"` // http or https URL where it answers; may be empty
	Seal    Bytes  `json:"seal"`    // 32 bytes, ristretto255: shares are sealed to it
}

func (c *checks) evaluators(place string, e EvaluatorSet) {
	c.that(e.Version >= 1, place+".version", "from 1")
	c.size(place+".public_key", e.PublicKey, 32, 32)
	c.between(place+".n", int64(e.N), 1, MaxEvaluators)
	c.between(place+".t", int64(e.T), 1, int64(e.N))
	c.that(len(e.Commitments) == e.T, place+".commitments", "want as many as t")
	for i, x := range e.Commitments {
		c.size(fmt.Sprintf("%s.commitments[%d]", place, i), x, 32, 32)
	}
	if len(e.Commitments) > 0 {
		c.that(string(e.Commitments[0]) == string(e.PublicKey), place+".commitments[0]", "want the public key")
	}
	c.that(len(e.Holders) == 0 && e.N == 1 || len(e.Holders) == e.N, place+".holders", "want as many as n")
	seen := make(map[string]bool)
	for i, h := range e.Holders {
		at := fmt.Sprintf("%s.holders[%d]", place, i)
		c.name(at+".name", h.Name)
		c.keyID(at+".keyid", h.KeyID)
		c.address(at+".address", h.Address)
		c.size(at+".seal", h.Seal, 32, 32)
		for _, once := range []string{"name " + h.Name, "keyid " + h.KeyID, "seal " + string(h.Seal)} {
			c.that(!seen[once], at, "holder stands twice")
			seen[once] = true
		}
	}
	c.that(len(e.Escrow) == 0 || len(e.Escrow) == e.T, place+".escrow", "want as many as t")
	for i, x := range e.Escrow {
		c.size(fmt.Sprintf("%s.escrow[%d]", place, i), x, 32, 32)
	}
	if len(e.Escrow) > 0 {
		c.that(string(e.Escrow[0]) != string(e.PublicKey), place+".escrow[0]", "want another key than the labels'")
	}
}

// Kind is [KindGenesis].
func (g *Genesis) Kind() Kind { return KindGenesis }

func (g *Genesis) logOrigin() string { return g.Origin }

// Validate checks the bounds.
func (g *Genesis) Validate() error {
	var c checks
	c.origin(g.Origin)
	c.size("nonce", g.Nonce, 16, 16)
	c.grants("keys", g.Keys, 1)
	c.between("threshold", int64(g.Threshold), 1, int64(min(officers(g.Keys), MaxOfficers)))
	c.that(officers(g.Keys) <= MaxOfficers, "keys", fmt.Sprintf("at most %d officers", MaxOfficers))
	c.quorum("quorum", g.Quorum, g.Origin)
	c.between("skew_ms", g.SkewMS, MinSkew, MaxSkew)
	c.between("anchor_period_ms", g.AnchorPeriodMS, MinPeriod, MaxPeriod)
	c.between("decision_period_ms", g.DecisionPeriodMS, MinPeriod, MaxPeriod)
	c.between("authority_delay_ms", g.AuthorityDelayMS, 0, MaxDelay)
	c.evaluators("evaluators", g.Evaluators)
	return c.err
}

func officers(keys []KeyGrant) int {
	n := 0
	for _, k := range keys {
		if k.Role == RoleOfficer {
			n++
		}
	}
	return n
}

// Replay is "genesis", once.
func (g *Genesis) Replay(string) ReplayKey { return ReplayKey{Scope: "genesis"} }

// Void: a genesis is entry 0 and no other.
func (g *Genesis) Void(v View, _ Signed) error {
	if v.Index() != 0 {
		return void(Conflict, "a genesis is entry 0 and no other")
	}
	return nil
}
