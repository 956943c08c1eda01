package log_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/log"
)

// bound changes one field of a kind's sample beyond its bounds; place is what
// the refusal names.
type bound struct {
	place  string
	change func(log.Statement)
}

func beyond[T log.Statement](place string, f func(T)) bound {
	return bound{place, func(st log.Statement) { f(st.(T)) }}
}

var bounds = map[log.Kind][]bound{
	log.KindGenesis: {
		beyond("nonce", func(s *log.Genesis) { s.Nonce = s.Nonce[:15] }),
		beyond("threshold", func(s *log.Genesis) { s.Threshold = 0 }),
		beyond("threshold", func(s *log.Genesis) { s.Threshold = 4 }),
		beyond("keys", func(s *log.Genesis) { s.Keys = nil }),
		beyond("keys[1]", func(s *log.Genesis) { s.Keys[0], s.Keys[1] = s.Keys[1], s.Keys[0] }),
		beyond("keys[1].spki", func(s *log.Genesis) { s.Keys[1].SPKI = s.Keys[0].SPKI }),
		beyond("keys[0].role", func(s *log.Genesis) { s.Keys[0].Role = "sensor" }),
		beyond("keys[0].role", func(s *log.Genesis) { s.Keys[0].Role = log.RoleGuard }),
		beyond("keys[0].name", func(s *log.Genesis) { s.Keys[0].Name = "Act" }),
		beyond("keys[0].proof", func(s *log.Genesis) { s.Keys[0].Proof = nil }),
		beyond("keys[2].proof", func(s *log.Genesis) { s.Keys[2].Proof = log.Bytes{1} }),
		beyond("keys[2].spki", func(s *log.Genesis) { s.Keys[2].SPKI = s.Keys[0].SPKI }),
		beyond("keys[0].spki", func(s *log.Genesis) { s.Keys[0].SPKI = s.Keys[2].SPKI }),
		beyond("quorum", func(s *log.Genesis) { s.Quorum = "" }),
		beyond("quorum", func(s *log.Genesis) { s.Quorum += "quorum two\n" }),
		beyond("quorum", func(s *log.Genesis) { s.Quorum = strings.Replace(s.Quorum, "quorum two", "quorum none", 1) }),
		beyond("quorum", func(s *log.Genesis) { s.Quorum += strings.Repeat("#\n", log.MaxQuorumText/2) }),
		beyond("quorum", func(s *log.Genesis) { s.Origin = "other.example" }),
		beyond("skew_ms", func(s *log.Genesis) { s.SkewMS = 1999 }),
		beyond("anchor_period_ms", func(s *log.Genesis) { s.AnchorPeriodMS = 0 }),
		beyond("decision_period_ms", func(s *log.Genesis) { s.DecisionPeriodMS = log.MaxPeriod + 1 }),
		beyond("authority_delay_ms", func(s *log.Genesis) { s.AuthorityDelayMS = -1 }),
		beyond("evaluators.version", func(s *log.Genesis) { s.Evaluators.Version = 0 }),
		beyond("evaluators.t", func(s *log.Genesis) { s.Evaluators.T = 2 }),
		beyond("evaluators.n", func(s *log.Genesis) { s.Evaluators.N = log.MaxEvaluators + 1 }),
		beyond("evaluators.commitments", func(s *log.Genesis) { s.Evaluators.Commitments = nil }),
		beyond("evaluators.commitments[0]", func(s *log.Genesis) { s.Evaluators.Commitments[0] = noise("x", 32) }),
	},
	log.KindAuthority: {
		beyond("number", func(s *log.Authority) { s.Number = 0 }),
		beyond("number", func(s *log.Authority) { *s = log.Authority{Origin: origin, Number: 1} }),
		beyond("threshold", func(s *log.Authority) { s.Threshold = new(0) }),
		beyond("revoke[0]", func(s *log.Authority) { s.Revoke[0] = strings.ToUpper(s.Revoke[0]) }),
		beyond("revoke[1]", func(s *log.Authority) { s.Revoke = append(s.Revoke, s.Revoke[0]) }),
		beyond("quorum", func(s *log.Authority) { s.Quorum = new("x") }),
		beyond("evaluators.public_key", func(s *log.Authority) { s.Evaluators.PublicKey = nil }),
	},
	log.KindPolicy: {
		beyond("chain", func(s *log.Policy) { s.Chain = "" }),
		beyond("document.chain", func(s *log.Policy) { s.Chain = "other" }),
		beyond("document.number", func(s *log.Policy) { s.Document = log.RawObject(`{"chain":"main","number":"7"}`) }),
		beyond("document.number", func(s *log.Policy) { s.Document = log.RawObject(`{"chain":"main","number":0}`) }),
		beyond("document", func(s *log.Policy) { s.Document = log.RawObject(`{"number":7,"chain":"main"}`) }),
		beyond("document", func(s *log.Policy) { s.Document = make(log.RawObject, log.MaxDocument+1) }),
	},
	log.KindGroup: {
		beyond("number", func(s *log.Group) { s.Number = 0 }),
		beyond("previous", func(s *log.Group) { s.Previous = new(hashOf("x")) }),
		beyond("previous", func(s *log.Group) { s.Number = 2 }),
		beyond("method", func(s *log.Group) { s.Method = "vote" }),
		beyond("members", func(s *log.Group) { s.Members = s.Members[:3] }),
		beyond("members", func(s *log.Group) { s.Members = s.Members[:1] }),
		beyond("members[1]", func(s *log.Group) { s.Members[0], s.Members[1] = s.Members[1], s.Members[0] }),
		beyond("members[1].checkin", func(s *log.Group) { s.Members[1].Checkin = s.Members[0].Checkin }),
		beyond("members[1].ring", func(s *log.Group) { s.Members[1].Ring = s.Members[0].Ring }),
		beyond("members[0].ring_proof", func(s *log.Group) { s.Members[0].RingProof = nil }),
		beyond("members[0].checkin_proof", func(s *log.Group) { s.Members[0].CheckinProof = make(log.Bytes, 73) }),
	},
	log.KindRun: {
		beyond("run", func(s *log.Run) { s.Run = "-run" }),
		beyond("run", func(s *log.Run) { s.Run = strings.Repeat("r", log.MaxName+1) }),
		beyond("class", func(s *log.Run) { s.Class = "a/b" }),
		beyond("task", func(s *log.Run) { s.Task = "two\nlines" }),
		beyond("task", func(s *log.Run) { s.Task = "\u0085" }),
		beyond("task", func(s *log.Run) { s.Task = strings.Repeat("t", log.MaxTask+1) }),
		beyond("guards", func(s *log.Run) { s.Guards = nil }),
		beyond("guards[1].spki", func(s *log.Run) {
			g := s.Guards[0]
			g.Name = "g1"
			s.Guards = append(s.Guards, g)
		}),
		beyond("manifest", func(s *log.Run) { s.Manifest = new(log.Bytes{1}) }),
		beyond("base.count", func(s *log.Run) { s.Base.Count = 0 }),
		beyond("base.key_version", func(s *log.Run) { s.Base.KeyVersion = 0 }),
		beyond("max_life_ms", func(s *log.Run) { s.MaxLifeMS = 0 }),
	},
	log.KindCheckin: {
		beyond("sequence", func(s *log.Checkin) { s.Sequence = 0 }),
		beyond("sequence", func(s *log.Checkin) { s.Sequence = 1 << 53 }),
		beyond("run", func(s *log.Checkin) { s.Run = "" }),
	},
	log.KindLiveVote: {
		beyond("nonce", func(s *log.LiveVote) { s.Nonce = noise("n", 33) }),
		beyond("expires", func(s *log.LiveVote) { s.Expires = log.MaxTime + 1 }),
		beyond("expires", func(s *log.LiveVote) { s.Expires = -1 }),
	},
	log.KindHeartbeat: {
		beyond("run", func(s *log.Heartbeat) { s.Run = new("") }),
		beyond("alive", func(s *log.Heartbeat) { s.Run, s.Alive = nil, false }),
		beyond("boot_id", func(s *log.Heartbeat) { s.BootID = "a b" }),
	},
	log.KindArtefact: {
		beyond("number", func(s *log.Artefact) { s.Number = 0 }),
		beyond("count", func(s *log.Artefact) { s.Count = log.MaxArtefactLabels + 1 }),
		beyond("sealed", func(s *log.Artefact) { s.Sealed = nil }),
		beyond("wraps", func(s *log.Artefact) { s.Wraps = nil }),
		beyond("wraps[0].suite", func(s *log.Artefact) { s.Wraps[0].Suite = 0 }),
		beyond("wraps[0].keyid", func(s *log.Artefact) { s.Wraps[0].KeyID = log.RingKeyID(hashOf("x")) }),
		beyond("wraps[1]", func(s *log.Artefact) { s.Wraps = append(s.Wraps, s.Wraps[0]) }),
	},
	log.KindAnchor: {
		beyond("checkpoint", func(s *log.Anchor) { s.Checkpoint = []byte("x") }),
		beyond("checkpoint", func(s *log.Anchor) { s.Checkpoint = make(log.Bytes, log.MaxCheckpoint+1) }),
		beyond("checkpoint", func(s *log.Anchor) { s.Origin = "other.example" }),
	},
	log.KindDecision: {
		beyond("previous", func(s *log.Decision) { s.Previous = nil }),
		beyond("to", func(s *log.Decision) { s.To = 9 }),
		beyond("semantics", func(s *log.Decision) { s.Semantics = 0 }),
		beyond("armed", func(s *log.Decision) { s.Armed = -1 }),
		beyond("changed[0].state", func(s *log.Decision) { s.Changed[0].State = "stop" }),
		beyond("changed[0].causes", func(s *log.Decision) { s.Changed[0].Causes = nil }),
		beyond("changed[1].causes", func(s *log.Decision) { s.Changed[1].Causes = s.Changed[0].Causes }),
		beyond("changed[1]", func(s *log.Decision) { slices.Reverse(s.Changed) }),
		beyond("changed[0].causes[1].tripwire", func(s *log.Decision) { s.Changed[0].Causes[1].Tripwire = "live-vote" }),
		beyond("changed[0].causes[0].evidence[1]", func(s *log.Decision) { s.Changed[0].Causes[0].Evidence = []uint64{2, 1} }),
		beyond("changed[0].causes[0].evidence", func(s *log.Decision) { s.Changed[0].Causes[0].Evidence = make([]uint64, log.MaxEvidence+1) }),
		beyond("changed[0].causes[0].value", func(s *log.Decision) { s.Changed[0].Causes[0].Value = 1 << 53 }),
	},
	log.KindHalt: {
		beyond("causes", func(s *log.Halt) { s.Causes = nil }),
		beyond("run", func(s *log.Halt) { s.Run = "Run" }),
	},
	log.KindClose: {
		beyond("exit_code", func(s *log.Close) { s.ExitCode = 256 }),
		beyond("exit_code", func(s *log.Close) { s.Signal = 9 }),
		beyond("signal", func(s *log.Close) { s.Signal = -1 }),
		beyond("evidence", func(s *log.Close) { s.Evidence.PidfdExited = false }),
	},
	log.KindActuation: {
		beyond("state", func(s *log.Actuation) { s.State = "dead" }),
		beyond("cause", func(s *log.Actuation) { s.Cause = "" }),
		beyond("evidence", func(s *log.Actuation) { s.Evidence.PopulatedZero = false }),
		beyond("evidence", func(s *log.Actuation) { s.Evidence.PidfdExited = false }),
		beyond("evidence.mode", func(s *log.Actuation) { s.Evidence.Mode = "eye" }),
		beyond("evidence.mode", func(s *log.Actuation) { s.Evidence.Mode = log.ModeNone }),
		beyond("evidence.populated_zero", func(s *log.Actuation) { s.Evidence.Mode = log.ModePidfd }),
		beyond("evidence.init_exited", func(s *log.Actuation) { s.Evidence.InitExited = true }),
		beyond("evidence.elapsed_us", func(s *log.Actuation) { s.Evidence.ElapsedUS = -1 }),
	},
	log.KindFingerprints: {
		beyond("labels[1]", func(s *log.Fingerprints) { slices.Reverse(s.Labels) }),
		beyond("labels[0].kind", func(s *log.Fingerprints) { s.Labels[0].Kind = "name" }),
		beyond("labels[0].label", func(s *log.Fingerprints) { s.Labels[0].Label = nil }),
		beyond("excluded[0].reason", func(s *log.Fingerprints) { s.Excluded[0].Reason = "" }),
		beyond("reason", func(s *log.Fingerprints) { s.Reason = "none" }),
		beyond("reason", func(s *log.Fingerprints) { s.Artefact = nil }),
		beyond("labels", func(s *log.Fingerprints) { s.Artefact, s.Reason = nil, "none" }),
	},
	log.KindEpoch: {
		beyond("number", func(s *log.Epoch) { s.Number = 0 }),
		beyond("parts[0].band", func(s *log.Epoch) { s.Parts[0].Band = 1 }),
		beyond("parts[0].prefix", func(s *log.Epoch) { s.Parts[0].Prefix = "0A" }),
		beyond("parts[0].commitments", func(s *log.Epoch) { s.Parts[0].Commitments = nil }),
		beyond("parts[0].commitments[1]", func(s *log.Epoch) { slices.Reverse(s.Parts[0].Commitments) }),
		beyond("parts[1]", func(s *log.Epoch) { s.Parts = append(s.Parts, s.Parts[0]) }),
	},
	log.KindEvaluations: {beyond("until", func(s *log.Evaluations) { s.From = s.Until + 1 })},
	log.KindAllowList: {
		beyond("labels", func(s *log.AllowList) { s.Labels = nil }),
		beyond("labels[1]", func(s *log.AllowList) { s.Labels = append(s.Labels, s.Labels[0]) }),
		beyond("kind", func(s *log.AllowList) { s.LabelKind = "" }),
		beyond("reason", func(s *log.AllowList) { s.Reason = "" }),
	},
	log.KindStrike: {
		beyond("label", func(s *log.Strike) { s.Label = nil }),
		beyond("reason", func(s *log.Strike) { s.Reason = strings.Repeat("r", log.MaxReason+1) }),
		beyond("reason", func(s *log.Strike) { s.Reason = "\xff" }),
	},
	log.KindFreeze: {
		beyond("successor", func(s *log.Freeze) { s.Successor = origin }),
		beyond("successor", func(s *log.Freeze) { s.Successor = "a b" }),
	},
	log.KindContest: {
		beyond("artefact", func(s *log.Contest) { s.Artefact = 0 }),
		beyond("number", func(s *log.Contest) { s.Number = log.MaxArtefactLabels }),
		beyond("path", func(s *log.Contest) { s.Path = make([]log.Hash, log.MaxPath+1) }),
	},
	log.KindDeal: {
		beyond("ceremony", func(s *log.Deal) { s.Ceremony = "" }),
		beyond("purpose", func(s *log.Deal) { s.Purpose = "sign" }),
		beyond("version", func(s *log.Deal) { s.Version = 0 }),
		beyond("n", func(s *log.Deal) { s.N = log.MaxEvaluators + 1 }),
		beyond("t", func(s *log.Deal) { s.T = 4 }),
		beyond("t", func(s *log.Deal) { s.T = 0 }),
		beyond("dealer", func(s *log.Deal) { s.Dealer = 4 }),
		beyond("dealer", func(s *log.Deal) { s.Dealer = -1 }),
		beyond("commitments", func(s *log.Deal) { s.Commitments = s.Commitments[:1] }),
		beyond("commitments[1]", func(s *log.Deal) { s.Commitments[1] = nil }),
		beyond("possession", func(s *log.Deal) { s.Possession = nil }),
		beyond("possession", func(s *log.Deal) { s.Purpose = log.PurposeRefresh }),
		beyond("commitments", func(s *log.Deal) { s.Purpose, s.Possession = log.PurposeRefresh, log.Bytes{} }),
		beyond("seals", func(s *log.Deal) { s.Seals = s.Seals[:2] }),
		beyond("seals[1]", func(s *log.Deal) { s.Seals[1].Seal = s.Seals[0].Seal }),
		beyond("seals[2]", func(s *log.Deal) { s.Seals[2].KeyID = s.Seals[0].KeyID }),
		beyond("seals[0].seal", func(s *log.Deal) { s.Seals[0].Seal = nil }),
		beyond("shares", func(s *log.Deal) { s.Shares = s.Shares[:2] }),
		beyond("shares[0]", func(s *log.Deal) { s.Shares[0] = make(log.Bytes, log.MaxSealedShare+1) }),
	},
	log.KindComplaint: {
		beyond("ceremony", func(s *log.Complaint) { s.Ceremony = "A" }),
		beyond("holder", func(s *log.Complaint) { s.Holder = 0 }),
		beyond("shared", func(s *log.Complaint) { s.Shared = nil }),
		beyond("proof", func(s *log.Complaint) { s.Proof = nil }),
	},
	log.KindRotation: {
		beyond("to", func(s *log.Rotation) { s.From = 2 }),
		beyond("to", func(s *log.Rotation) { s.From = 0 }),
		beyond("delta", func(s *log.Rotation) { s.Delta = nil }),
		beyond("delta[0]", func(s *log.Rotation) { s.Delta[0] = nil }),
		beyond("public_delta", func(s *log.Rotation) { s.PublicDelta = make(log.Bytes, 31) }),
		beyond("labels", func(s *log.Rotation) { s.Labels = nil }),
		beyond("labels", func(s *log.Rotation) { s.Labels = make([]log.Bytes, log.MaxRotated+1) }),
		beyond("labels[1]", func(s *log.Rotation) { s.Labels[1] = nil }),
		beyond("partials", func(s *log.Rotation) { s.Partials = nil }),
		beyond("partials[1]", func(s *log.Rotation) { slices.Reverse(s.Partials) }),
		beyond("partials[0].z", func(s *log.Rotation) { s.Partials[0].Z = nil }),
		beyond("partials[0].proof", func(s *log.Rotation) { s.Partials[0].Proof = nil }),
	},
	log.KindPart: {
		beyond("of", func(s *log.Part) { s.Of = log.KindRun }),
		beyond("of", func(s *log.Part) { s.Of = log.KindPart }),
		beyond("count", func(s *log.Part) { s.Count = 1 }),
		beyond("number", func(s *log.Part) { s.Number = 2 }),
		beyond("data", func(s *log.Part) { s.Number = 0 }),
		beyond("data", func(s *log.Part) { s.Data = nil }),
	},
	log.KindLeaseRequest: {
		beyond("nonce", func(s *log.LeaseRequest) { s.Nonce = nil }),
		beyond("boot_id", func(s *log.LeaseRequest) { s.BootID = "" }),
	},
	log.KindLease: {
		beyond("guard", func(s *log.Lease) { s.Guard = "" }),
		beyond("duration_ms", func(s *log.Lease) { s.DurationMS = 0 }),
		beyond("policy", func(s *log.Lease) { s.Policy = 0 }),
		beyond("decision_size", func(s *log.Lease) { s.DecisionSize = s.DecisionIndex + 1 }),
	},
}

// TestBounds holds that what is out of bounds is neither printed nor read, and
// that the refusal names the field.
func TestBounds(t *testing.T) {
	t.Attr("invariant", "S1")
	t.Attr("invariant", "G4")
	for _, k := range kindList() {
		cases := append([]bound{{"origin", nil}}, bounds[k]...)
		if len(bounds[k]) == 0 {
			t.Errorf("%s: no bounds", k)
		}
		for i, c := range cases {
			t.Run(string(k)+"/"+strconv.Itoa(i)+"/"+c.place, func(t *testing.T) {
				s := samples(t)[k]
				if c.change == nil {
					payload, err := log.Encode(s.st)
					if err != nil {
						t.Fatal(err)
					}
					_, err = log.Decode(k, []byte(strings.Replace(string(payload), `"origin":"`, `"origin":"+`, 1)))
					if !errors.Is(err, log.ErrSyntax) {
						t.Error(err)
					}
					return
				}
				c.change(s.st)
				_, err := log.Seal(s.st, s.signers...)
				se, ok := errors.AsType[*log.SyntaxError](err)
				if !ok || !strings.HasPrefix(se.Place, c.place) {
					t.Errorf("%v", err)
				}
			})
		}
	}
}
