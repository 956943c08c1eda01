package log_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/log"
)

const origin = "haltlog.example/2026"

// sampleSigner is a deterministic Ed25519 key.
type sampleSigner struct {
	key  ed25519.PrivateKey
	spki []byte
}

func newSampleSigner(tb testing.TB, name string) *sampleSigner {
	tb.Helper()
	seed := sha256.Sum256([]byte("sample key " + name))
	k := ed25519.NewKeyFromSeed(seed[:])
	spki, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return &sampleSigner{key: k, spki: spki}
}

func (s *sampleSigner) KeyID() string                   { return log.KeyID(s.spki) }
func (s *sampleSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// sampleRing stands for a ring signer: the right key ID and length, and bytes
// that no ring made, since nothing here verifies them.
type sampleRing struct {
	id string
	n  int
}

func (s sampleRing) KeyID() string { return s.id }
func (s sampleRing) Sign(msg []byte) ([]byte, error) {
	h := sha256.Sum256(msg)
	return noise(string(h[:]), 32*(s.n+1)), nil
}

// noise are n bytes that depend on a name.
func noise(name string, n int) []byte {
	var b []byte
	for i := uint64(0); len(b) < n; i++ {
		h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), i))
		b = append(b, h[:]...)
	}
	return b[:n]
}

func hashOf(name string) log.Hash { return sha256.Sum256([]byte(name)) }

// world is everything that the samples are made from.
type world struct {
	tb     testing.TB
	keys   map[string]*sampleSigner
	logKey checkpoint.Signer
	wits   []checkpoint.Signer
	quorum string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{tb: tb, keys: map[string]*sampleSigner{}}
	gen := func(typ byte, name string) checkpoint.Signer {
		skey, _, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(noise(name, 64)))
		if err != nil {
			tb.Fatal(err)
		}
		s, err := checkpoint.ParseSigner(skey)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	w.logKey = gen(checkpoint.TypeEd25519, origin)
	w.quorum = "log " + w.logKey.VKey().String() + "\n"
	for i := range 3 {
		n := strconv.Itoa(i)
		s := gen(checkpoint.TypeEd25519Cosignature, "witness.example/"+n)
		w.wits = append(w.wits, s)
		w.quorum += "witness w" + n + " " + s.VKey().String() + "\n"
	}
	w.quorum += "group two 2 w0 w1 w2\nquorum two\n"
	return w
}

func (w *world) key(name string) *sampleSigner {
	if w.keys[name] == nil {
		w.keys[name] = newSampleSigner(w.tb, name)
	}
	return w.keys[name]
}

func (w *world) grant(role log.Role, name string) log.KeyGrant {
	k := w.key(string(role) + " " + name)
	g := log.KeyGrant{Role: role, Name: name, SPKI: k.spki}
	if role == log.RoleEscrow {
		g.SPKI = append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00}, noise(name, 32)...)
		g.Proof = log.Bytes{}
		return g
	}
	var err error
	if g.Proof, err = log.Prove(k, origin, role, k.spki); err != nil {
		w.tb.Fatal(err)
	}
	return g
}

// checkpoint is a note of exactly one quorum.
func (w *world) checkpoint(size uint64, root log.Hash, at time.Time) []byte {
	w.tb.Helper()
	c := checkpoint.Checkpoint{Origin: origin, Size: size, Root: root}
	var note strings.Builder
	note.WriteString(c.String() + "\n")
	for _, s := range append([]checkpoint.Signer{w.logKey}, w.wits[:2]...) {
		line, err := s.Sign(c, uint64(at.Unix()))
		if err != nil {
			w.tb.Fatal(err)
		}
		note.WriteString(line)
	}
	return []byte(note.String())
}

func (w *world) evidence() log.Evidence {
	return log.Evidence{
		Mode: log.ModeCgroup, PidfdExited: true, PopulatedZero: true,
		StopRequested: sampleTime, Observed: sampleTime.Add(12), ElapsedUS: 12345, BootID: "3f1c2a9e-7f55-4c6a-9a58-1d1f4a0c9b11",
	}
}

func (w *world) causes() []log.Cause {
	return []log.Cause{
		{Tripwire: "live-vote", Evidence: []uint64{17}, Value: 1, Bound: 1, Lists: true},
		{Tripwire: "dead-vote", Evidence: []uint64{}, Value: -3, Bound: 5},
	}
}

func (w *world) group() *log.Group {
	g := &log.Group{Origin: origin, Name: "red", Number: 1, Chain: "main", Method: log.MethodAppointed}
	for i := range 4 {
		name := "m" + strconv.Itoa(i)
		k := w.key("member " + name)
		proof, err := log.Prove(k, origin, log.RoleMember, k.spki)
		if err != nil {
			w.tb.Fatal(err)
		}
		g.Members = append(g.Members, log.Member{
			Pseudonym: name, Checkin: k.spki, CheckinProof: proof, Ring: noise("ring "+name, 32), RingProof: noise("proof "+name, 64),
		})
	}
	return g
}

const sampleTime log.Time = 1790000000123

// sampleDocument is a policy's shape as far as this package reads it.
const sampleDocument = `{"chain":"main","number":7,"previous":null}`

func ref() log.AnchorRef { return log.AnchorRef{Index: 12, Root: hashOf("anchor root")} }

// samples has one statement of each kind with who signs it.
func samples(tb testing.TB) map[log.Kind]sample {
	w := newWorld(tb)
	officers := []log.Signer{w.key("officer a"), w.key("officer b")}
	one := func(name string) []log.Signer { return []log.Signer{w.key(name)} }
	guard := w.key("guard g0")
	guardProof, err := log.Prove(guard, origin, log.RoleGuard, guard.spki)
	if err != nil {
		tb.Fatal(err)
	}
	g := w.group()
	payload, err := log.Encode(g)
	if err != nil {
		tb.Fatal(err)
	}
	group := log.GroupHash(payload)
	leaves := []log.Hash{hashOf("leaf 0"), hashOf("leaf 1"), hashOf("leaf 2")}
	evaluators := log.EvaluatorSet{Version: 1, PublicKey: noise("pk", 32), T: 1, N: 1, Commitments: []log.Bytes{noise("pk", 32)}}
	list := map[log.Kind]sample{
		log.KindGenesis: {&log.Genesis{
			Origin: origin, Created: sampleTime, Nonce: noise("nonce", 16), Threshold: 2,
			Keys: []log.KeyGrant{
				w.grant(log.RoleActuator, "act"), w.grant(log.RoleEngine, "e0"), w.grant(log.RoleEscrow, "daemon"),
				w.grant(log.RoleEvaluator, "ev"), w.grant(log.RoleMonitor, "mon0"), w.grant(log.RoleOfficer, "a"),
				w.grant(log.RoleOfficer, "b"), w.grant(log.RoleOfficer, "c"), w.grant(log.RoleRegistrar, "reg"),
			},
			Quorum: w.quorum, SkewMS: 2000, AnchorPeriodMS: 5000, DecisionPeriodMS: 5000, AuthorityDelayMS: 86400000, Evaluators: evaluators,
		}, officers},
		log.KindAuthority: {&log.Authority{
			Origin: origin, Number: 1, Previous: hashOf("genesis"), Threshold: new(2),
			Add: []log.KeyGrant{w.grant(log.RoleEngine, "e1")}, Revoke: []string{w.key("engine e0").KeyID()},
			Quorum: new(w.quorum), Evaluators: new(evaluators),
		}, officers},
		log.KindPolicy: {&log.Policy{Origin: origin, Chain: "main", Document: log.RawObject(sampleDocument)}, officers},
		log.KindGroup:  {g, officers},
		log.KindRun: {&log.Run{
			Origin: origin, Run: "run-1", Class: "fast", Task: "Fine-tune a small model, for tests — once", Chain: "main", Policy: hashOf("policy"), Group: group,
			Guards:   []log.Guard{{Name: "g0", SPKI: guard.spki, Proof: guardProof}},
			Manifest: new(log.Bytes(noise("manifest", 32))), Base: &log.Base{Root: hashOf("base"), Count: 12, KeyVersion: 1}, MaxLifeMS: 3600000,
		}, one("registrar reg")},
		log.KindCheckin:   {&log.Checkin{Origin: origin, Run: "run-1", Sequence: 3, Anchor: ref()}, one("member m0")},
		log.KindLiveVote:  {&log.LiveVote{Origin: origin, Run: "run-1", Group: group, Expires: sampleTime, Nonce: noise("vote", 32)}, []log.Signer{sampleRing{log.RingKeyID(group), 4}}},
		log.KindHeartbeat: {&log.Heartbeat{Origin: origin, Run: new("run-1"), Sequence: 9, Anchor: ref(), Alive: true, BootID: "boot"}, one("guard g0")},
		log.KindArtefact: {&log.Artefact{
			Origin: origin, Run: "run-1", Number: 2, KeyVersion: 1, Count: 3, Root: log.Hash(checkpoint.NodeHash(checkpoint.NodeHash(leaves[0], leaves[1]), leaves[2])), Sealed: noise("sealed", 200),
			Wraps: []log.Wrap{{Suite: 1, KeyID: w.key("escrow").KeyID(), Bytes: noise("wrap", 80)}},
		}, one("guard g0")},
		log.KindAnchor: {&log.Anchor{Origin: origin, Checkpoint: w.checkpoint(11, hashOf("root"), time.Unix(1790000000, 0))}, nil},
		log.KindDecision: {&log.Decision{
			Origin: origin, Sequence: 2, Previous: new(hashOf("decision 1")), From: 10, To: 19, AsOf: sampleTime, Semantics: 1, Armed: 2, Root: hashOf("verdicts"),
			Changed: []log.Verdict{
				{Run: "run-1", Policy: 7, State: log.StateHalt, Causes: w.causes()},
				{Run: "run-2", Policy: 0, State: log.StateClosed, Causes: []log.Cause{}},
			},
		}, one("engine e0")},
		log.KindHalt:      {&log.Halt{Origin: origin, Run: "run-1", Decision: hashOf("decision 2"), Causes: w.causes()}, one("engine e0")},
		log.KindClose:     {&log.Close{Origin: origin, Run: "run-1", ExitCode: 3, Evidence: w.evidence()}, one("guard g0")},
		log.KindActuation: {&log.Actuation{Origin: origin, Run: "run-1", Sequence: 2, State: log.ActuationObservedDead, Halt: new(hashOf("halt")), Cause: "halt", Evidence: w.evidence()}, one("guard g0")},
		log.KindFingerprints: {&log.Fingerprints{
			Origin: origin, Run: "run-1", Halt: hashOf("halt"), Artefact: new(uint64(2)), KeyVersion: 1,
			Labels:   []log.Label{{Number: 0, Kind: log.LabelManifest, Label: noise("label 0", 32)}, {Number: 2, Kind: log.LabelTensor, Label: noise("label 2", 32)}},
			Excluded: []log.Exclusion{{Number: 1, Reason: "one-dimensional", Leaf: leaves[1]}},
		}, one("engine e0")},
		log.KindEpoch: {&log.Epoch{
			Origin: origin, Number: 4, Size: 30, Semantics: 1,
			Parts: []log.EpochPart{{Kind: log.LabelTensor, Prefix: "0a", KeyVersion: 1, Count: 2, Commitments: []log.Commitment{{Name: "list", Hash: hashOf("list")}, {Name: "root", Hash: hashOf("root")}}}},
		}, one("engine e0")},
		log.KindEvaluations: {&log.Evaluations{Origin: origin, Sequence: 1, From: sampleTime, Until: sampleTime.Add(1000), Elements: 4}, one("evaluator ev")},
		log.KindAllowList:   {&log.AllowList{Origin: origin, Sequence: 1, LabelKind: log.LabelTensor, Labels: []log.Bytes{noise("allowed", 32)}, Reason: "causal mask"}, officers},
		log.KindStrike:      {&log.Strike{Origin: origin, Sequence: 1, LabelKind: log.LabelTensor, Label: noise("label 2", 32), Reason: "public base \"x\"\\y"}, officers},
		log.KindFreeze:      {&log.Freeze{Origin: origin, Successor: "haltlog.example/2027", Reason: "new year"}, officers},
		log.KindContest:     {&log.Contest{Origin: origin, Run: "run-1", LabelKind: log.LabelTensor, Label: noise("label 2", 32), Artefact: 2, Number: 2, Path: []log.Hash{hashOf("sibling")}}, one("guard g0")},
		log.KindDeal: {&log.Deal{
			Origin: origin, Ceremony: "keys-1", Purpose: log.PurposeLabels, Version: 2, T: 2, N: 3, Dealer: 1,
			Commitments: []log.Bytes{noise("c0", 32), noise("c1", 32)}, Possession: noise("possession", 64), Seals: recipients(w),
			Shares: []log.Bytes{noise("s1", 80), noise("s2", 80), noise("s3", 80)},
		}, one("evaluator h1")},
		log.KindComplaint: {&log.Complaint{
			Origin: origin, Ceremony: "keys-1", Deal: hashOf("deal"), Holder: 2, Shared: noise("shared", 32), Proof: noise("dleq", 64),
		}, one("evaluator h2")},
		log.KindRotation: {&log.Rotation{
			Origin: origin, From: 1, To: 2, Delta: []log.Bytes{noise("d0", 32), noise("d1", 32)}, Offset: 7,
			Labels:   []log.Bytes{noise("new 0", 32), noise("new 1", 32)},
			Partials: []log.RotationPartial{{Index: 1, Z: noise("z1", 32), Proof: noise("p1", 64)}, {Index: 3, Z: noise("z3", 32), Proof: noise("p3", 64)}},
		}, one("engine e0")},
		log.KindPart: {&log.Part{Origin: origin, Of: log.KindArtefact, Number: 1, Count: 2, Whole: hashOf("whole"), Data: noise("data", 99)}, one("guard g0")},
		log.KindLeaseRequest: {&log.LeaseRequest{
			Origin: origin, Run: "run-1", BootID: "boot", Nonce: noise("request", 32), Sequence: 5, Anchor: ref(), SeenSize: 11,
		}, one("guard g0")},
		log.KindLease: {&log.Lease{
			Origin: origin, Run: "run-1", Guard: guard.KeyID(), BootID: "boot", Nonce: noise("request", 32), Sequence: 5, DurationMS: 3000, Policy: 7, PolicyHash: hashOf("policy"),
			DecisionIndex: 20, DecisionSize: 19, Checkpoint: w.checkpoint(11, hashOf("root"), time.Unix(1790000000, 0)), Consistency: []log.Hash{hashOf("node")},
		}, one("engine e0")},
	}
	return list
}

// recipients are three holders.
func recipients(w *world) []log.Recipient {
	var out []log.Recipient
	for _, n := range []string{"h1", "h2", "h3"} {
		out = append(out, log.Recipient{Name: n, KeyID: w.key("evaluator " + n).KeyID(), Seal: noise("seal "+n, 32)})
	}
	return out
}

type sample struct {
	st      log.Statement
	signers []log.Signer
}

func (s sample) seal(tb testing.TB) []byte {
	tb.Helper()
	leaf, err := log.Seal(s.st, s.signers...)
	if err != nil {
		tb.Fatalf("%s: %v", s.st.Kind(), err)
	}
	return leaf
}

// parse reads a leaf or a message.
func parse(k log.Kind, raw []byte) (*log.Signed, error) {
	if i, _ := log.Info(k); i.Lane == log.LaneOff {
		return log.ParseMessage(raw)
	}
	return log.Parse(raw)
}

func kindList() []log.Kind {
	var ks []log.Kind
	for _, i := range log.Kinds() {
		ks = append(ks, i.Kind)
	}
	slices.Sort(ks)
	return ks
}
