package log

import "github.com/haltlog/haltlog/internal/checkpoint"

// An Effect is a fact that a valid statement brought about at its index and
// that does not stand in the statement alone: what readers of the log fold on.
type Effect interface{ effect() }

// GenesisAccepted is the effect of entry 0.
type GenesisAccepted struct {
	Statement *Genesis
	Quorum    *checkpoint.Quorum
}

// AuthorityInForce is an authority change in force from Index: its own index
// if it tightens, otherwise that of the anchor that ended its delay.
type AuthorityInForce struct {
	Statement      *Authority
	Index          uint64
	Added, Revoked []Key
	Quorum         *checkpoint.Quorum // the new one, or nil
}

// PolicyInForce says that a chain has another policy in force from Index.
type PolicyInForce struct {
	Chain string
	Index uint64
	Rules Rules
}

// GroupInForce says that a name has another group in force from Index, and
// which runs that have not ended follow it.
type GroupInForce struct {
	Group GroupInfo
	Index uint64
	Runs  []string // sorted
}

// RunRegistered is a valid run.
type RunRegistered struct{ Run RunInfo }

// AnchorAccepted is a valid anchor.
type AnchorAccepted struct{ Anchor AnchorInfo }

// DecisionAccepted is a valid decision of an engine.
type DecisionAccepted struct {
	Engine   string // keyid
	Decision DecisionInfo
}

// RunHalted is a valid halt; First marks the one that ends the run (E6), the
// others confirm it.
type RunHalted struct {
	Run    string
	Engine string // keyid
	First  bool
	Index  uint64
}

// RunClosed is the first valid decision that says a run is closed.
type RunClosed struct {
	Run   string
	Index uint64
}

func (GenesisAccepted) effect()  {}
func (AuthorityInForce) effect() {}
func (PolicyInForce) effect()    {}
func (GroupInForce) effect()     {}
func (RunRegistered) effect()    {}
func (AnchorAccepted) effect()   {}
func (DecisionAccepted) effect() {}
func (RunHalted) effect()        {}
func (RunClosed) effect()        {}
