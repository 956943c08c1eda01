package log

import (
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
)

// PolicyBook is the judge of policy documents (E4): which are valid, which is
// in force. The ledger calls it in log order and from one goroutine.
type PolicyBook interface {
	// Check judges a document at an index; an error makes the statement void.
	Check(index uint64, chain string, document []byte) error
	// Submit takes a document that Check found good at that index, and
	// reports whether the policy in force changes there.
	Submit(index uint64, chain string, document []byte) (changed bool)
	// Anchor moves what waits on by one valid anchor, and lists the chains
	// whose policy in force changes there, sorted.
	Anchor(a AnchorInfo) (chains []string)
	// InForce are the rules of a chain's policy in force.
	InForce(chain string) (Rules, bool)
	// Chains are all chains with a policy in force, sorted.
	Chains() []string
}

// Labels is the state of the blacklist before the index at hand. Who folds the
// list moves it on after each entry that the ledger found valid.
type Labels interface {
	// Published reports whether a label stands in a fingerprints statement.
	Published(kind string, label []byte) bool
	// Listed reports whether a published label is on the list: not allowed by
	// an allow-list, not struck, not contested.
	Listed(kind string, label []byte) bool
	// CheckListing says whether a statement's labels and exclusions are,
	// number by number, exactly those under an artefact's root.
	CheckListing(s *Fingerprints, a ArtefactInfo) error
	// CheckContest says whether the path of a contest leads into an artefact's
	// root. One that escrowed it later than the listed run is valid and changes
	// nothing.
	CheckContest(s *Contest, a ArtefactInfo) error
	// CheckRotation says whether a rotation follows the last one between its key
	// versions, and proves that its labels are the old ones under the new key.
	CheckRotation(s *Rotation, from, to EvaluatorSet) error
}

// LedgerConfig is what a [Ledger] needs; all but GenesisHash is required.
type LedgerConfig struct {
	// GenesisHash is the pinned hash of entry 0, see [GenesisHash]; nil trusts
	// on first use.
	GenesisHash *Hash
	Verifier    Verifier
	Book        PolicyBook
	Labels      Labels
}

// A Ledger judges a log, entry by entry, from its order and its anchors' times
// alone (S3), so that every reader judges alike. It implements [View] for the
// index that comes next. Its memory is flat in the log's length: it grows with
// keys, groups, runs and their saved checkpoints, not with check-ins,
// heartbeats, anchors or decisions.
//
// Apply changes it and must be called alone; Admit and the questions of [View]
// only read and may run side by side between two calls of Apply.
type Ledger struct {
	pinned   *Hash
	verifier Verifier
	book     PolicyBook
	labels   Labels

	genesis         *Genesis
	genesisIdentity Hash
	params          Params
	tree            merkleTree
	authority       authority
	anchors         anchors
	groups          groups
	groupsWaiting   []*groupState
	runs            map[string]*runState
	live            int            // runs that have not ended
	guards          map[string]Key // guard keys of all runs, by keyid
	decisions       map[string]DecisionInfo
	replays         replays
	void            identities
	parts           parts
	ceremonies      map[string]ceremony
	frozen          bool
	epoch           *Epoch // without its parts; nil before the first
}

// NewLedger is a ledger of the empty log.
func NewLedger(c LedgerConfig) *Ledger {
	return &Ledger{
		pinned: c.GenesisHash, verifier: c.Verifier, book: c.Book, labels: c.Labels,
		authority:  authority{keys: map[string]Key{}, sets: map[uint64]EvaluatorSet{}},
		groups:     newGroups(),
		runs:       map[string]*runState{},
		guards:     map[string]Key{},
		decisions:  map[string]DecisionInfo{},
		replays:    newReplays(),
		void:       newIdentities(),
		parts:      parts{pending: map[wholeKey]*pendingWhole{}},
		ceremonies: map[string]ceremony{},
	}
}

// Validity is what became of an entry.
type Validity string

const (
	Valid     Validity = "valid"   // counts, and takes its identity and replay key
	Void      Validity = "void"    // changes nothing
	StaleVoid Validity = "stale"   // void, and its replay key is taken
	Pending   Validity = "pending" // a part of something that is not whole yet
)

// Judged is the verdict on one entry.
type Judged struct {
	Index uint64
	// LeafHash is the entry's hash in the tree.
	LeafHash Hash
	// Signed is the statement: the whole one at the last of its parts, the
	// part itself before; nil if the leaf holds none.
	Signed *Signed
	// Verified reports whether every signature is good, so that the
	// statement took its identity; true for what needs none and is valid.
	Verified bool
	// Signers are the verified keys, in the envelope's order; empty for an
	// anchor and for a ring signature.
	Signers  []Key
	Validity Validity
	// Reason is empty for what is valid.
	Reason string
	// Class is that of the void error; empty for what is valid or no
	// statement.
	Class   Class
	Effects []Effect
}

// Size is how many entries were applied.
func (l *Ledger) Size() uint64 { return l.tree.size() }

// Index is [View]: the index of the entry that comes next.
func (l *Ledger) Index() uint64 { return l.tree.size() }

// RootAt is the tree's root at a size between the last valid anchor's and
// Size; false for others.
func (l *Ledger) RootAt(size uint64) (Hash, bool) { return l.tree.root(size) }

// Genesis is entry 0's statement, nil before it or if it is void.
func (l *Ledger) Genesis() *Genesis { return l.genesis }

// Origin is [View].
func (l *Ledger) Origin() string {
	if l.genesis == nil {
		return ""
	}
	return l.genesis.Origin
}

// GenesisIdentity is [View].
func (l *Ledger) GenesisIdentity() Hash { return l.genesisIdentity }

// Params is [View].
func (l *Ledger) Params() Params { return l.params }

// Frozen is [View].
func (l *Ledger) Frozen() bool { return l.frozen }

// CheckPolicy is [View].
func (l *Ledger) CheckPolicy(chain string, document []byte) error {
	return l.book.Check(l.Index(), chain, document)
}

// Rules is [View].
func (l *Ledger) Rules(chain string) (Rules, bool) { return l.book.InForce(chain) }

// LongestLease is [View].
func (l *Ledger) LongestLease() time.Duration {
	var longest time.Duration
	for _, c := range l.book.Chains() {
		if r, ok := l.book.InForce(c); ok {
			longest = max(longest, r.Lease)
		}
	}
	return longest
}

// Published is [View].
func (l *Ledger) Published(kind string, label []byte) bool { return l.labels.Published(kind, label) }

// Listed is [View].
func (l *Ledger) Listed(kind string, label []byte) bool { return l.labels.Listed(kind, label) }

// CheckListing is [View].
func (l *Ledger) CheckListing(s *Fingerprints, a ArtefactInfo) error {
	if err := l.labels.CheckListing(s, a); err != nil {
		return voidf(Conflict, "the labels are not those under the escrowed root: %v", err)
	}
	return nil
}

// CheckContest is [View].
func (l *Ledger) CheckContest(s *Contest, a ArtefactInfo) error {
	if err := l.labels.CheckContest(s, a); err != nil {
		return voidf(Conflict, "the path does not lead into the escrowed root: %v", err)
	}
	return nil
}

// Epoch is [View].
func (l *Ledger) Epoch() (number, size uint64, ok bool) {
	if l.epoch == nil {
		return 0, 0, false
	}
	return l.epoch.Number, l.epoch.Size, true
}

// view is a View with the signers of the statement at hand.
type view struct {
	*Ledger
	signers []Key
}

func (v view) Signers() []Key { return v.signers }

func (v view) CheckPart(p *Part) error {
	signer := ""
	if len(v.signers) > 0 {
		signer = v.signers[0].ID
	}
	return v.parts.check(p, signer)
}

var _ View = view{}

// Apply judges and takes the next entry. It never fails: whatever is not valid
// is void, stale or pending.
func (l *Ledger) Apply(leaf []byte) Judged {
	l.parts.expire(l.Index())
	j := l.judge(leaf, false)
	out := Judged{Index: l.Index(), LeafHash: Hash(rfc6962.DefaultHasher.HashLeaf(leaf)), Signed: j.signed, Verified: j.verified, Signers: j.signers}
	if j.signed != nil {
		j.signed.Index = l.Index()
	}
	if j.part != nil {
		l.takePart(j)
	}
	var v *VoidError
	switch {
	case j.err == nil && j.pending:
		out.Validity = Pending
	case j.err == nil:
		out.Validity = Valid
		l.take(j)
		out.Effects = l.effects(j)
	default:
		out.Validity, out.Reason = Void, j.err.Error()
		if v = asVoid(j.err); v != nil {
			out.Class, out.Reason = v.Class, v.Reason
		}
		if out.Class == Stale {
			out.Validity = StaleVoid
			l.take(j)
		}
		// A part says nothing by itself: what is sent again may find room. The
		// whole takes its identity.
		if j.verified && len(j.signed.Envelope.Signatures) > 0 && j.signed.Kind() != KindPart {
			l.void.add(j.signed.Identity, l.Index())
		}
	}
	l.tree.add(out.LeafHash)
	for _, e := range out.Effects {
		if a, ok := e.(AnchorAccepted); ok {
			l.tree.rebase(a.Anchor.Size)
		}
	}
	return out
}

// Admit judges a leaf as if it came next, without effect: nil if it would be
// valid or pending. Errors are a *SyntaxError or a *VoidError. It is a
// courtesy: the fold judges (S3).
func (l *Ledger) Admit(leaf []byte) error { return l.judge(leaf, true).err }

// JudgeRequest judges a lease request, which is never logged, as if it came
// next. Errors are a *SyntaxError or a *VoidError. Its sequence is for the
// engine to hold.
func (l *Ledger) JudgeRequest(raw []byte) (*Signed, *LeaseRequest, error) {
	s, err := ParseMessage(raw)
	if err != nil {
		return nil, nil, err
	}
	st, ok := s.Statement.(*LeaseRequest)
	if !ok {
		return nil, nil, voidf(Forbidden, "kind %s asks for no lease", s.Kind())
	}
	j := l.judgeStatement(s, true)
	if j.err != nil {
		return nil, nil, j.err
	}
	return s, st, nil
}
