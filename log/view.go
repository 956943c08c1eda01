package log

import "time"

// A View is what the void rule of a kind sees: the state of the log just before
// the statement's own index, made of log order and anchor times alone (S3). It
// is implemented by [Ledger] and only read; nothing in it depends on a clock.
//
// Before it asks a kind's rule, the ledger has already judged what is common to
// all kinds, so no rule repeats it: the origin, every signature and possession
// proof, the signers' roles or the officers' threshold, the identity and the
// replay key. The entry 0 is the genesis; a genesis elsewhere is void.
type View interface {
	// Index is the statement's own index.
	Index() uint64
	// Origin is the log's name.
	Origin() string
	// GenesisIdentity is the identity of entry 0's statement; the first
	// authority statement names it as its previous one.
	GenesisIdentity() Hash
	// Params are the genesis' periods.
	Params() Params
	// Frozen reports whether a valid freeze stands before Index.
	Frozen() bool
	// LiveRuns is how many registered runs have not ended before Index.
	LiveRuns() int

	// Threshold is how many officers sign together, at Index.
	Threshold() int
	// Keys are all keys of a role that are in force at Index, sorted by keyid.
	Keys(role Role) []Key
	// Key finds an authority key, in force at Index or not, by its keyid.
	Key(keyID string) (Key, bool)
	// Signers are the keys that signed the statement, verified, in the
	// envelope's order; empty for an anchor and for a ring signature.
	Signers() []Key
	// Authority is the newest valid authority statement: its number and
	// identity; 0 and GenesisIdentity before the first.
	Authority() (number uint64, identity Hash)
	// CheckAuthority says whether the change could be carried out on the
	// newest state with everything pending counted as done: keys to add are
	// new, keys to revoke are there, the threshold stays reachable, the quorum
	// text parses and names this origin. Errors are *VoidError.
	CheckAuthority(a *Authority) error

	// CheckPolicy is the policy book's judgement of a document at Index (E4).
	// Errors are *VoidError.
	CheckPolicy(chain string, document []byte) error
	// Rules are those of the policy in force in a chain at Index.
	Rules(chain string) (Rules, bool)
	// LongestLease is the longest lease of all policies in force; 0 if there
	// are none. It is the allowance for a monitor's heartbeat, which serves
	// every chain.
	LongestLease() time.Duration

	// Group is a valid group statement by its hash, in force or pending.
	Group(hash Hash) (GroupInfo, bool)
	// NewestGroup is the newest valid group statement of a name.
	NewestGroup(name string) (GroupInfo, bool)
	// Run is a registered run.
	Run(id string) (RunInfo, bool)
	// MayVote reports whether a group's ring may halt a run at Index: the
	// group in force, one that waits for its force, or none other.
	MayVote(run string, group Hash) bool

	// NewestAnchor is the newest valid anchor before Index.
	NewestAnchor() (AnchorInfo, bool)
	// Fresh is S4: nil if the newest valid anchor before Index is not later
	// than the named one by more than the allowance, anchor period, skew and
	// one second. The error is a *VoidError of class Unknown (no such anchor)
	// or Stale.
	Fresh(named AnchorRef, allowance time.Duration) error
	// CheckAnchor opens an anchor's checkpoint under the quorum that its size
	// calls for, and holds it against the log's own tree and the last valid
	// anchor. Errors are *VoidError.
	CheckAnchor(checkpoint []byte) error

	// Decision is the newest valid decision of an engine, by its keyid.
	Decision(engine string) (DecisionInfo, bool)
	// HaltVerdict is the verdict "halt" on a run in one valid decision of an
	// engine, found by that decision's identity.
	HaltVerdict(engine string, decision Hash, run string) (Verdict, bool)
	// HaltIdentity reports whether identity is that of a valid halt of run,
	// the first one or a confirming one.
	HaltIdentity(run string, identity Hash) bool

	// ArtefactRoot is one of a run's escrowed roots, by artefact number.
	ArtefactRoot(run string, number uint64) (ArtefactInfo, bool)
	// Published reports whether a label of a kind stands in a valid
	// fingerprints statement before Index.
	Published(kind string, label []byte) bool
	// Listed reports whether a published label of a kind is on the list: not
	// allowed by an allow-list, not struck, not contested.
	Listed(kind string, label []byte) bool
	// CheckListing says whether a statement's labels and exclusions are,
	// number by number, exactly those under an artefact's root.
	CheckListing(s *Fingerprints, a ArtefactInfo) error
	// CheckContest says whether the path of a contest leads into an artefact's
	// root. One that escrowed it later than the listed run is valid and changes
	// nothing.
	CheckContest(s *Contest, a ArtefactInfo) error
	// Epoch is the newest valid epoch's number and folded size; false before
	// the first.
	Epoch() (number, size uint64, ok bool)

	// CheckDeal says whether a dealing by a key fits its ceremony. Errors are
	// *VoidError.
	CheckDeal(s *Deal, signer string) error
	// Deal is a valid dealing of a ceremony, by its identity.
	Deal(ceremony string, identity Hash) (*Deal, bool)
	// EvaluatorSet is the newest set in force of a key version.
	EvaluatorSet(version uint64) (EvaluatorSet, bool)
	// CheckRotation says whether a rotation follows the last one between its key
	// versions, and proves what it publishes. Errors are *VoidError.
	CheckRotation(s *Rotation, from, to EvaluatorSet) error

	// CheckPart says whether a part fits the pending parts of its whole, and
	// whether there is room for it. Errors are *VoidError.
	CheckPart(p *Part) error
}

// Params are the genesis' periods.
type Params struct {
	Skew           time.Duration
	AnchorPeriod   time.Duration
	DecisionPeriod time.Duration
	AuthorityDelay time.Duration
}

// A Key is a public key with its part in the log.
type Key struct {
	ID   string // lower-case hex SHA-256 of SPKI
	Role Role
	Name string // of the grant; a member's pseudonym, a guard's name
	SPKI []byte
	// From and Until bound the key's force, From <= index < Until. Until is
	// [Forever] while it is not revoked, From is Forever while it waits.
	From, Until uint64
}

// Forever is the Until of what has no end yet.
const Forever = 1<<64 - 1

// InForce reports whether the key is in force at an index.
func (k Key) InForce(index uint64) bool { return k.From <= index && index < k.Until }

// Rules are what void rules and admission need of a policy.
type Rules struct {
	Chain  string
	Number uint64
	Hash   Hash
	// Delay is how long a loosening waits by anchor times.
	Delay time.Duration
	// Appointed says whether officers may appoint a group; MinGroup is its
	// smallest size.
	Appointed bool
	MinGroup  int
	// Intervals are the check-in intervals by class.
	Intervals map[string]time.Duration
	Lease     time.Duration
	Grace     time.Duration
	MaxGap    time.Duration
	// MaxLife is the longest maximum life that a run may have; 0 if the policy
	// sets none.
	MaxLife      time.Duration
	ListingDelay time.Duration
	// GuardMaxAge is the age of a checkpoint that guards accept.
	GuardMaxAge time.Duration
}

// GroupInfo is a valid group statement.
type GroupInfo struct {
	Hash      Hash
	Statement *Group
	Index     uint64
	// From and Until bound the group's force, as a key's.
	From, Until uint64
}

// RunInfo is a registered run.
type RunInfo struct {
	Statement *Run
	Index     uint64
	// Group is the run's group in force at the view's index: the registered
	// one, or a successor of the same name.
	Group GroupInfo
	// Guards are the run's guard keys.
	Guards []Key
	// Halted is set by the first valid halt (E6), at HaltIndex.
	Halted    bool
	HaltIndex uint64
	// ClosePending is set by a valid close; Closed by the first valid decision
	// that says so.
	ClosePending bool
	Closed       bool
	// Fingerprinted is set by the first valid fingerprints statement.
	Fingerprinted bool
	// Artefact is the newest valid artefact, nil if there is none. After a
	// halt it is the newest one before HaltIndex.
	Artefact *ArtefactInfo
}

// Ended reports whether nothing but the aftermath of the run is valid.
func (r RunInfo) Ended() bool { return r.Halted || r.Closed }

// ArtefactInfo is a valid artefact without its sealed labels.
type ArtefactInfo struct {
	Index      uint64
	Number     uint64
	KeyVersion uint64
	Count      uint64
	Root       Hash
}

// AnchorInfo is a valid anchor.
type AnchorInfo struct {
	Index uint64 // of the anchor entry
	Size  uint64 // of its checkpoint
	Root  Hash
	// Min and Max are the smallest and the largest quorum time.
	Min, Max time.Time
}

// DecisionInfo is a valid decision without its verdicts.
type DecisionInfo struct {
	Identity Hash
	Index    uint64
	Sequence uint64
	From, To uint64
	AsOf     time.Time
}
