package log

import (
	"fmt"
	"strings"
	"time"
)

// Run registers a run: from the decision that folds it, it is armed. Signed by
// a registrar.
type Run struct {
	Origin    string  `json:"origin"`
	Run       string  `json:"run"`
	Class     string  `json:"class"` // of the policy: sets the check-in interval
	Task      string  `json:"task"`  // one line for people
	Chain     string  `json:"chain"`
	Policy    Hash    `json:"policy"` // the document in force
	Group     Hash    `json:"group"`
	Guards    []Guard `json:"guards"`   // sorted by name
	Manifest  *Bytes  `json:"manifest"` // label of what is trained on, or null
	Base      *Base   `json:"base"`     // what is fine-tuned, or null
	MaxLifeMS int64   `json:"max_life_ms"`
}

// Guard is a guard's key; its proof is for [RoleGuard].
type Guard struct {
	Name  string `json:"name"`
	SPKI  Bytes  `json:"spki"`
	Proof Bytes  `json:"proof"`
}

// Base declares the labels of the model that a run starts from.
type Base struct {
	Root       Hash   `json:"root"`
	Count      uint64 `json:"count"`
	KeyVersion uint64 `json:"key_version"`
}

// Kind is [KindRun].
func (r *Run) Kind() Kind { return KindRun }

func (r *Run) logOrigin() string { return r.Origin }

// Validate checks the bounds.
func (r *Run) Validate() error {
	var c checks
	c.origin(r.Origin)
	c.name("run", r.Run)
	c.name("class", r.Class)
	c.text("task", r.Task, 0, MaxTask)
	c.name("chain", r.Chain)
	c.count("guards", len(r.Guards), 1, MaxGuards)
	seen := make(map[string]bool)
	for i, g := range r.Guards {
		at := fmt.Sprintf("guards[%d]", i)
		c.name(at+".name", g.Name)
		c.signingKey(at, g.SPKI, g.Proof)
		c.that(!seen[string(g.SPKI)], at+".spki", "key stands twice")
		seen[string(g.SPKI)] = true
	}
	sorted(&c, "guards", r.Guards, func(a, b Guard) int { return strings.Compare(a.Name, b.Name) })
	if r.Manifest != nil {
		c.size("manifest", *r.Manifest, 32, 32)
	}
	if r.Base != nil {
		c.that(r.Base.Count >= 1 && r.Base.Count <= MaxArtefactLabels, "base.count", fmt.Sprintf("1 to %d", MaxArtefactLabels))
		c.that(r.Base.KeyVersion >= 1, "base.key_version", "from 1")
	}
	c.between("max_life_ms", r.MaxLifeMS, 1, MaxLife)
	return c.err
}

// Replay is the run, once.
func (r *Run) Replay(string) ReplayKey { return ReplayKey{Scope: "run/" + r.Run} }

// Void: the log is not frozen, and fewer than [MaxLiveRuns] live; the run names the policy in force of its chain,
// a class of it, a life within it, and a group of that chain in force; its
// guards' keys hold no other role; its manifest label is not listed (E5).
func (r *Run) Void(v View, _ Signed) error {
	if v.Frozen() {
		return void(Conflict, "the log is frozen")
	}
	if _, ok := v.Run(r.Run); ok {
		return voidf(Conflict, "run %s is registered", r.Run)
	}
	if v.LiveRuns() >= MaxLiveRuns {
		return voidf(Conflict, "%d runs have not ended: no more can be decided on at once", v.LiveRuns())
	}
	rules, ok := v.Rules(r.Chain)
	switch {
	case !ok:
		return voidf(Unknown, "no policy in force in chain %s", r.Chain)
	case r.Policy != rules.Hash:
		return voidf(Conflict, "policy is not the one in force in chain %s", r.Chain)
	case rules.Intervals[r.Class] == 0:
		return voidf(Unknown, "policy %d has no class %s", rules.Number, r.Class)
	case rules.MaxLife > 0 && ms(r.MaxLifeMS) > rules.MaxLife:
		return voidf(Conflict, "life is longer than policy %d allows", rules.Number)
	}
	g, ok := v.Group(r.Group)
	switch {
	case !ok:
		return void(Unknown, "no such group")
	case g.Statement.Chain != r.Chain:
		return voidf(Conflict, "the group belongs to chain %s", g.Statement.Chain)
	case v.Index() < g.From || v.Index() >= g.Until:
		return void(Conflict, "the group is not in force")
	}
	for _, guard := range r.Guards {
		id := KeyID(guard.SPKI)
		if k, ok := v.Key(id); ok {
			return voidf(Conflict, "guard %s has a key of role %s", guard.Name, k.Role)
		}
		if m, ok := g.Statement.MemberByKey(id); ok {
			return voidf(Conflict, "guard %s has the key of member %s", guard.Name, m.Pseudonym)
		}
	}
	if r.Manifest != nil && v.Listed(LabelManifest, *r.Manifest) {
		return void(Conflict, "the manifest label is listed")
	}
	return nil
}

// ms is a duration field's value.
func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// runFor finds a registered run that has not ended.
func runFor(v View, id string) (RunInfo, error) {
	r, ok := v.Run(id)
	switch {
	case !ok:
		return r, voidf(Unknown, "no run %s", id)
	case r.Halted:
		return r, voidf(Conflict, "run %s is halted", id)
	case r.Closed:
		return r, voidf(Conflict, "run %s is closed", id)
	}
	return r, nil
}

// guardOf wants the signer among a run's guards.
func guardOf(r RunInfo, s Signed) error {
	for _, g := range r.Guards {
		if g.ID == s.Signer() {
			return nil
		}
	}
	return voidf(Forbidden, "not a guard of run %s", r.Statement.Run)
}
