package foldtest

import (
	"cmp"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/group"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// Names that the builder uses.
const (
	Origin = "log.example/test"
	Chain  = "main"
	Class  = "standard"
	Group  = "council"
)

// Start is where the builder's time begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Options shape a log; zero values are the defaults in brackets.
type Options struct {
	Origin    string // [Origin]
	Officers  int    // [3]
	Threshold int    // [2]
	Engines   int    // [1]
	Monitors  int    // [0]
	Members   int    // [8]
	Witnesses int    // [3]
	Quorum    int    // [2]
	// Genesis changes the genesis before it is signed.
	Genesis func(*log.Genesis)
	// Verifier judges instead of [keys.Verifier].
	Verifier log.Verifier
}

// A Log is a growing log with all its keys.
type Log struct {
	t       testing.TB
	Options Options

	Origin     string
	Officers   []*Key // sorted by keyid, as they sign
	Registrar  *Key
	Engines    []*Key
	Monitors   []*Key
	Actuator   *Key
	Evaluator  *Key
	Escrow     *ecdh.PrivateKey
	EscrowSPKI []byte
	Guard      *Key // of every run that Run registers
	Members    []*Member
	LogKey     checkpoint.Signer
	Witnesses  []checkpoint.Signer

	Now     time.Time
	Leaves  [][]byte
	Steps   []fold.Step
	Machine *fold.Machine

	sequences map[string]uint64
}

// New makes the keys of a log without entries.
func New(t testing.TB, o Options) *Log {
	t.Helper()
	o.Origin = cmp.Or(o.Origin, Origin)
	o.Officers, o.Threshold = cmp.Or(o.Officers, 3), cmp.Or(o.Threshold, 2)
	o.Engines, o.Members = cmp.Or(o.Engines, 1), cmp.Or(o.Members, 8)
	o.Witnesses, o.Quorum = cmp.Or(o.Witnesses, 3), cmp.Or(o.Quorum, 2)
	if o.Verifier == nil {
		o.Verifier = keys.NewVerifier()
	}
	l := &Log{t: t, Options: o, Origin: o.Origin, Now: Start}
	many := func(n int, name string) []*Key {
		ks := make([]*Key, n)
		for i := range ks {
			ks[i] = NewKey(t, fmt.Sprintf("%s-%d", name, i))
		}
		return ks
	}
	l.Officers = many(o.Officers, "officer")
	l.Engines, l.Monitors = many(o.Engines, "engine"), many(o.Monitors, "monitor")
	l.Registrar, l.Actuator, l.Evaluator = NewKey(t, "registrar"), NewKey(t, "actuator"), NewKey(t, "evaluator")
	l.Guard = NewKey(t, "guard")
	l.Escrow, l.EscrowSPKI = newEscrow(t)
	for i := range o.Members {
		l.Members = append(l.Members, NewMember(t, fmt.Sprintf("member-%02d", i)))
	}
	l.LogKey = noteKey(t, checkpoint.TypeEd25519, o.Origin)
	for i := range o.Witnesses {
		l.Witnesses = append(l.Witnesses, noteKey(t, checkpoint.TypeEd25519Cosignature, fmt.Sprintf("witness.example/%d", i)))
	}
	l.reset()
	return l
}

func (l *Log) reset() {
	l.Leaves, l.Steps, l.sequences = nil, nil, map[string]uint64{}
	l.Machine = fold.New(fold.Config{}, fold.Deps{Verifier: l.Options.Verifier})
}

// For is the same log reporting to another test: a subtest, or one run of a
// fuzz target.
func (l *Log) For(t testing.TB) *Log {
	f := *l
	f.t = t
	return &f
}

// Fork is another log with the same keys and the first n entries.
func (l *Log) Fork(n int) *Log {
	l.t.Helper()
	f := *l
	f.reset()
	maps.Copy(f.sequences, l.sequences)
	for _, leaf := range l.Leaves[:n] {
		f.Append(leaf)
	}
	return &f
}

// Append takes a raw leaf and folds it.
func (l *Log) Append(leaf []byte) fold.Step {
	l.Leaves = append(l.Leaves, leaf)
	s := l.Machine.Apply(leaf)
	l.Steps = append(l.Steps, s)
	return s
}

// Seal signs a statement.
func (l *Log) Seal(st log.Statement, signers ...log.Signer) []byte {
	l.t.Helper()
	leaf, err := log.Seal(st, signers...)
	if err != nil {
		l.t.Fatalf("seal %s: %v", st.Kind(), err)
	}
	return leaf
}

// Put seals a statement and appends it, whatever becomes of it; one that is
// larger than a leaf goes in parts, and the last part's step is returned.
func (l *Log) Put(st log.Statement, signers ...log.Signer) fold.Step {
	l.t.Helper()
	leaves := [][]byte{l.Seal(st, signers...)}
	if len(signers) > 0 && len(leaves[0]) > 65535 {
		var err error
		if leaves, err = log.Split(leaves[0], signers[0]); err != nil {
			l.t.Fatalf("split %s: %v", st.Kind(), err)
		}
	}
	var s fold.Step
	for _, leaf := range leaves {
		s = l.Append(leaf)
	}
	return s
}

// Must is Put for what has to be valid.
func (l *Log) Must(st log.Statement, signers ...log.Signer) fold.Step {
	l.t.Helper()
	s := l.Put(st, signers...)
	if s.Validity != log.Valid || s.Err != nil {
		l.t.Fatalf("%s at %d is %s: %s %v", st.Kind(), s.Index, s.Validity, s.Reason, s.Err)
	}
	return s
}

// Size is the number of entries.
func (l *Log) Size() uint64 { return uint64(len(l.Leaves)) }

// Advance moves time.
func (l *Log) Advance(d time.Duration) { l.Now = l.Now.Add(d) }

// Officer signers: exactly the threshold.
func (l *Log) Threshold() []log.Signer { return Signers(l.Officers[:l.Options.Threshold]...) }

// Signers are keys as signers.
func Signers(ks ...*Key) []log.Signer {
	s := make([]log.Signer, len(ks))
	for i, k := range ks {
		s[i] = k
	}
	return s
}

// Next is the next sequence number under a name, from 1.
func (l *Log) Next(name string) uint64 {
	l.sequences[name]++
	return l.sequences[name]
}

// QuorumText is the tlog-policy of some witnesses, k of them.
func (l *Log) QuorumText(k int, witnesses ...checkpoint.Signer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", l.LogKey.VKey())
	names := make([]string, len(witnesses))
	for i, w := range witnesses {
		names[i] = fmt.Sprintf("w%d", i)
		fmt.Fprintf(&b, "witness %s %s\n", names[i], w.VKey())
	}
	fmt.Fprintf(&b, "group q %d %s\nquorum q\n", k, strings.Join(names, " "))
	return b.String()
}

// NewWitness makes a witness's key.
func (l *Log) NewWitness(name string) checkpoint.Signer {
	return noteKey(l.t, checkpoint.TypeEd25519Cosignature, name)
}

// GenesisStatement is what Genesis signs.
func (l *Log) GenesisStatement() *log.Genesis {
	g := &log.Genesis{
		Origin: l.Origin, Created: log.TimeOf(Start), Nonce: make([]byte, 16), Threshold: l.Options.Threshold,
		Quorum: l.QuorumText(l.Options.Quorum, l.Witnesses...),
		SkewMS: 2000, AnchorPeriodMS: 1000, DecisionPeriodMS: 1000, AuthorityDelayMS: 10_000,
	}
	grant := func(role log.Role, ks ...*Key) {
		for _, k := range ks {
			g.Keys = append(g.Keys, k.Grant(l.Origin, role))
		}
	}
	grant(log.RoleOfficer, l.Officers...)
	grant(log.RoleRegistrar, l.Registrar)
	grant(log.RoleEngine, l.Engines...)
	grant(log.RoleMonitor, l.Monitors...)
	grant(log.RoleActuator, l.Actuator)
	grant(log.RoleEvaluator, l.Evaluator)
	g.Keys = append(g.Keys, log.KeyGrant{Role: log.RoleEscrow, Name: "escrow", SPKI: l.EscrowSPKI, Proof: log.Bytes{}})
	slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name))
	})
	pk := group.MulBase(group.RandomScalar()).Bytes()
	g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	if l.Options.Genesis != nil {
		l.Options.Genesis(g)
	}
	return g
}

// Genesis appends entry 0.
func (l *Log) Genesis() fold.Step {
	l.t.Helper()
	return l.Must(l.GenesisStatement(), l.Threshold()...)
}

// Root is the tree's root at a size, computed from the leaves.
func (l *Log) Root(size uint64) log.Hash {
	hashes := make([]checkpoint.Hash, size)
	for i := range hashes {
		hashes[i] = checkpoint.LeafHash(l.Leaves[i])
	}
	return merkleRoot(hashes)
}

// Note is a checkpoint signed by the log and some witnesses at a time.
func (l *Log) Note(c checkpoint.Checkpoint, at time.Time, witnesses ...checkpoint.Signer) []byte {
	l.t.Helper()
	var b strings.Builder
	b.WriteString(c.String() + "\n")
	for _, s := range append([]checkpoint.Signer{l.LogKey}, witnesses...) {
		line, err := s.Sign(c, uint64(at.Unix()))
		if err != nil {
			l.t.Fatal(err)
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// Checkpoint is a note of this log at a size, now, by exactly the quorum.
func (l *Log) Checkpoint(size uint64) []byte {
	l.t.Helper()
	return l.NoteAt(size, l.Root(size), l.Now)
}

// NoteAt is a note of any size and root, at a time, by exactly the quorum.
func (l *Log) NoteAt(size uint64, root log.Hash, at time.Time) []byte {
	l.t.Helper()
	c := checkpoint.Checkpoint{Origin: l.Origin, Size: size, Root: root}
	return l.Note(c, at, l.Witnesses[:l.Options.Quorum]...)
}

// Anchor appends an anchor of everything so far, a second after the last
// thing that happened.
func (l *Log) Anchor() fold.Step {
	l.t.Helper()
	l.Advance(time.Second)
	return l.Must(&log.Anchor{Origin: l.Origin, Checkpoint: l.Checkpoint(l.Size())})
}

// AnchorRef names the newest valid anchor.
func (l *Log) AnchorRef() log.AnchorRef {
	a, _ := l.Machine.Ledger().NewestAnchor()
	return log.AnchorRef{Index: a.Index, Root: a.Root}
}

// Document is a draft of the next policy of the builder's chain.
func (l *Log) Document(change func(*policy.Document)) *policy.Document {
	d := policy.Default(Chain, Start.AddDate(1, 0, 0))
	if now, ok := l.Machine.Policy(Chain); ok {
		c := *now
		d = &c
	}
	number, hash := l.Machine.Policies().Last(Chain)
	d.Number, d.Previous = number+1, nil
	if number > 0 {
		d.Previous = new(hash)
	}
	if change != nil {
		change(d)
	}
	return d
}

// PolicyStatement wraps a document.
func (l *Log) PolicyStatement(d *policy.Document) *log.Policy {
	return &log.Policy{Origin: l.Origin, Chain: d.Chain, Document: d.Encode()}
}

// Policy appends the next policy.
func (l *Log) Policy(change func(*policy.Document)) fold.Step {
	l.t.Helper()
	return l.Must(l.PolicyStatement(l.Document(change)), l.Threshold()...)
}

// GroupStatement is the next group of the builder's name.
func (l *Log) GroupStatement(members ...*Member) *log.Group {
	g := &log.Group{Origin: l.Origin, Name: Group, Number: 1, Chain: Chain, Method: log.MethodAppointed}
	if last, ok := l.Machine.Ledger().NewestGroup(Group); ok {
		g.Number, g.Previous = last.Statement.Number+1, new(last.Hash)
	}
	for _, m := range members {
		g.Members = append(g.Members, m.Entry(l.Origin, Group))
	}
	slices.SortFunc(g.Members, func(a, b log.Member) int { return cmp.Compare(a.Pseudonym, b.Pseudonym) })
	return g
}

// Group appends a group of the members.
func (l *Log) Group(members ...*Member) fold.Step {
	l.t.Helper()
	return l.Must(l.GroupStatement(members...), l.Threshold()...)
}

// random is n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// merkleRoot is RFC 6962 section 2.1, by its definition.
func merkleRoot(leaves []checkpoint.Hash) log.Hash {
	switch len(leaves) {
	case 0:
		return log.Hash(checkpoint.EmptyRoot())
	case 1:
		return log.Hash(leaves[0])
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	return log.Hash(checkpoint.NodeHash(checkpoint.Hash(merkleRoot(leaves[:k])), checkpoint.Hash(merkleRoot(leaves[k:]))))
}
