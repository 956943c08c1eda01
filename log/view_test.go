package log_test

import (
	"errors"
	"time"

	"github.com/haltlog/haltlog/log"
)

// fakeView is a log's state in which every sample is valid; each test changes
// one thing.
type fakeView struct {
	index      uint64
	frozen     bool
	live       int
	signers    []log.Key
	keys       map[string]log.Key
	number     uint64
	identity   log.Hash
	authority  error
	policy     error
	rules      map[string]log.Rules
	groups     map[log.Hash]log.GroupInfo
	newest     map[string]log.GroupInfo
	runs       map[string]log.RunInfo
	voters     bool
	anchor     *log.AnchorInfo
	fresh      error
	allowances []time.Duration // that Fresh was asked for
	checkpoint error
	decisions  map[string]log.DecisionInfo
	verdict    *log.Verdict
	halts      map[log.Hash]string
	artefacts  map[uint64]log.ArtefactInfo
	published  bool
	listed     bool
	listing    error
	contest    error
	epoch      uint64
	epochSize  uint64
	part       error
	deal       error
	deals      map[log.Hash]*log.Deal
	sets       map[uint64]log.EvaluatorSet
	rotation   error
}

func (v *fakeView) Index() uint64                                          { return v.index }
func (v *fakeView) Origin() string                                         { return origin }
func (v *fakeView) GenesisIdentity() log.Hash                              { return hashOf("genesis") }
func (v *fakeView) Params() log.Params                                     { return log.Params{} }
func (v *fakeView) Frozen() bool                                           { return v.frozen }
func (v *fakeView) LiveRuns() int                                          { return v.live }
func (v *fakeView) Threshold() int                                         { return 2 }
func (v *fakeView) Keys(log.Role) []log.Key                                { return nil }
func (v *fakeView) Signers() []log.Key                                     { return v.signers }
func (v *fakeView) Authority() (uint64, log.Hash)                          { return v.number, v.identity }
func (v *fakeView) CheckAuthority(*log.Authority) error                    { return v.authority }
func (v *fakeView) CheckPolicy(string, []byte) error                       { return v.policy }
func (v *fakeView) LongestLease() time.Duration                            { return 7 * time.Second }
func (v *fakeView) MayVote(string, log.Hash) bool                          { return v.voters }
func (v *fakeView) CheckAnchor([]byte) error                               { return v.checkpoint }
func (v *fakeView) Published(string, []byte) bool                          { return v.published }
func (v *fakeView) Listed(string, []byte) bool                             { return v.listed }
func (v *fakeView) Epoch() (uint64, uint64, bool)                          { return v.epoch, v.epochSize, v.epoch > 0 }
func (v *fakeView) CheckPart(*log.Part) error                              { return v.part }
func (v *fakeView) HaltIdentity(run string, id log.Hash) bool              { return v.halts[id] == run }
func (v *fakeView) CheckListing(*log.Fingerprints, log.ArtefactInfo) error { return v.listing }
func (v *fakeView) CheckContest(*log.Contest, log.ArtefactInfo) error      { return v.contest }

func (v *fakeView) CheckDeal(*log.Deal, string) error { return v.deal }

func (v *fakeView) Deal(_ string, id log.Hash) (*log.Deal, bool) { d, ok := v.deals[id]; return d, ok }

func (v *fakeView) EvaluatorSet(n uint64) (log.EvaluatorSet, bool) { e, ok := v.sets[n]; return e, ok }

func (v *fakeView) CheckRotation(*log.Rotation, log.EvaluatorSet, log.EvaluatorSet) error {
	return v.rotation
}

func (v *fakeView) Key(id string) (log.Key, bool)        { k, ok := v.keys[id]; return k, ok }
func (v *fakeView) Rules(chain string) (log.Rules, bool) { r, ok := v.rules[chain]; return r, ok }

func (v *fakeView) Group(h log.Hash) (log.GroupInfo, bool) { g, ok := v.groups[h]; return g, ok }

func (v *fakeView) NewestGroup(n string) (log.GroupInfo, bool) { g, ok := v.newest[n]; return g, ok }
func (v *fakeView) Run(id string) (log.RunInfo, bool)          { r, ok := v.runs[id]; return r, ok }

func (v *fakeView) NewestAnchor() (log.AnchorInfo, bool) {
	if v.anchor == nil {
		return log.AnchorInfo{}, false
	}
	return *v.anchor, true
}

func (v *fakeView) Fresh(_ log.AnchorRef, allowance time.Duration) error {
	v.allowances = append(v.allowances, allowance)
	return v.fresh
}

func (v *fakeView) Decision(engine string) (log.DecisionInfo, bool) {
	d, ok := v.decisions[engine]
	return d, ok
}

func (v *fakeView) HaltVerdict(engine string, decision log.Hash, run string) (log.Verdict, bool) {
	if v.verdict == nil || v.verdict.Run != run || decision != hashOf("decision 2") {
		return log.Verdict{}, false
	}
	_, ok := v.decisions[engine]
	return *v.verdict, ok
}

func (v *fakeView) ArtefactRoot(_ string, number uint64) (log.ArtefactInfo, bool) {
	a, ok := v.artefacts[number]
	return a, ok
}

// errFake is what a port of the view answers when it is told to refuse.
var errFake = &log.VoidError{Class: log.Conflict, Reason: "the view refuses"}

var _ error = errFake

// changeRun changes the sample run's state.
func (v *fakeView) changeRun(f func(*log.RunInfo)) {
	r := v.runs["run-1"]
	f(&r)
	v.runs["run-1"] = r
}

func (v *fakeView) changeRules(f func(*log.Rules)) {
	r := v.rules["main"]
	f(&r)
	v.rules["main"] = r
}

func classOf(err error) log.Class {
	if e, ok := errors.AsType[*log.VoidError](err); ok {
		return e.Class
	}
	return ""
}
