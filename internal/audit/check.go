package audit

import "slices"

// Severity says what a reader does about a finding.
type Severity string

const (
	// SeverityFinding is a broken invariant: somebody did what may not be done.
	SeverityFinding Severity = "finding"
	// SeverityCannotJudge needs a person: this reader cannot tell.
	SeverityCannotJudge Severity = "cannot-judge"
	// SeverityOutage is a time without decisions or witnesses. Runs are safe
	// by their leases; it is printed and is no finding (E3).
	SeverityOutage Severity = "outage"
	// SeverityNote is shown for people: void entries, appointed groups.
	SeverityNote Severity = "note"
)

// A Check is one numbered question that the audit asks.
type Check struct {
	Number     string   `json:"number"`
	Title      string   `json:"title"`
	Invariants []string `json:"invariants"`
	// Severities are those that the check may give.
	Severities []Severity `json:"severities"`
	Evidence   string     `json:"evidence"`
	// Offline says that Verify proves the whole finding from its evidence. Of
	// the others it proves that the evidence stands in the log, and the rest
	// takes a replay; or stays the finder's word, as that something was served
	// (A01, A02, A05), or that a log shrank (A03).
	Offline bool `json:"offline"`
}

// The numbers of the checks. A released number keeps its meaning.
const (
	checkCheckpoint = "A01"
	checkTree       = "A02"
	checkHistory    = "A03"
	checkSplit      = "A04"
	checkWitness    = "A05"
	checkSilence    = "A06"
	checkGenesis    = "A07"
	checkVoid       = "A08"
	checkPolicy     = "A09"
	checkGroup      = "A10"
	checkChain      = "A11"
	checkReplay     = "A12"
	checkEarly      = "A13"
	checkLate       = "A14"
	checkGap        = "A15"
	checkCoverage   = "A16"
	checkEngine     = "A17"
	checkAnchors    = "A18"
	checkHalt       = "A19"
	checkCauses     = "A20"
	checkLabels     = "A21"
	checkListing    = "A22"
	checkExclusions = "A23"
	checkEpoch      = "A24"
	checkEpochDue   = "A25"
	checkCounts     = "A26"
	checkLease      = "A27"
	checkSemantics  = "A28"
	checkFold       = "A29"
	checkFrozen     = "A30"
	checkCeremony   = "A31"
)

// CheckFork is the check of two checkpoints of one log: their evidence needs no
// audit to be verified.
const CheckFork = checkSplit

// Checks is the table of checks, by number: the documents are made from it.
func Checks() []Check {
	f, j, o, n := SeverityFinding, SeverityCannotJudge, SeverityOutage, SeverityNote
	return []Check{
		{checkCheckpoint, "The published checkpoint is signed by the log and a quorum of its witnesses", []string{"L3"}, []Severity{f, n}, "the checkpoint", false},
		{checkTree, "The entries make the root that is signed", []string{"L2"}, []Severity{f}, "the checkpoint, the entry as served, the hash that the tree holds in its place, its inclusion proof", false},
		{checkHistory, "The log extends what this reader verified last", []string{"L2", "L6"}, []Severity{f}, "both checkpoints, and the new tree's root at the old size with its consistency proof", true},
		{checkSplit, "Every witness, and every lease, was shown the same log", []string{"L3", "W3"}, []Severity{f, j, n}, "both checkpoints, signed by the log; for different sizes the root and the consistency proof", true},
		{checkWitness, "Each witness serves what it cosigned", []string{"W2"}, []Severity{f, n}, "what the witness served", false},
		{checkSilence, "The log goes on while runs are armed, by the reader's clock", []string{"E3"}, []Severity{o, j}, "the checkpoint", false},
		{checkGenesis, "Entry 0 is the genesis that the reader pinned", []string{"S3"}, []Severity{f, j}, "entry 0", false},
		{checkVoid, "Entries that are void or stale, listed", []string{"S3"}, []Severity{n}, "the entry", false},
		{checkPolicy, "Each verdict follows the policy in force", []string{"E4"}, []Severity{f}, "the decision, and the payload that the replay gives", false},
		{checkGroup, "Groups that officers appointed, shown", []string{"E4"}, []Severity{n}, "the group statement", false},
		{checkChain, "Each engine's decisions follow one another", []string{"E1"}, []Severity{f}, "the decision that does not follow, and the one before", false},
		{checkReplay, "Each decision is, byte for byte, what its range gives", []string{"E1"}, []Severity{f}, "both payloads", false},
		{checkEarly, "as_of is not before the smallest time of the last anchor in the range, less the skew", []string{"E2"}, []Severity{f}, "genesis, anchor and decision", true},
		{checkLate, "as_of is not after the largest time of the first anchor that covers the decision, plus one second and the skew", []string{"E2"}, []Severity{f}, "genesis, decision and anchor", true},
		{checkGap, "No gap between decisions outlives the runs' leases", []string{"E3"}, []Severity{f, o}, "both decisions; for a finding the payload that the replay gives", false},
		{checkCoverage, "What an anchor covers is folded by the engine's second decision after it", []string{"E1"}, []Severity{f}, "the anchor and both decisions", true},
		{checkEngine, "Each engine decides while runs are armed or entries wait", []string{"E3"}, []Severity{o}, "the newest decision and the newest anchor", false},
		{checkAnchors, "The log is anchored within its period while runs are armed", []string{"E2"}, []Severity{o}, "both anchors", false},
		{checkHalt, "A decision that says halt is followed by its halt", []string{"E6"}, []Severity{f}, "the decision, and the engine's next one", false},
		{checkCauses, "A halt's causes are those of its decision, and replay", []string{"E6"}, []Severity{f}, "the halt or decision, and the payload that the replay gives", false},
		{checkLabels, "Every halted run has its labels within the listing delay", []string{"E6"}, []Severity{f}, "the halt, and the anchor by which they were due", false},
		{checkListing, "Labels are those of the newest artefact escrowed before the halt", []string{"E5", "E6"}, []Severity{f}, "the fingerprints and the halt", false},
		{checkExclusions, "Labels are left out for reasons that hold, and only then", []string{"E6"}, []Severity{f, n}, "the fingerprints and the halt", false},
		{checkEpoch, "Each epoch commits to the list that the log gives", []string{"E1"}, []Severity{f, j}, "the epoch, and the payload that the replay gives", false},
		{checkEpochDue, "Each listing is followed by an epoch within the listing delay", []string{"E6"}, []Severity{f}, "the fingerprints, and the anchor by which it was due", false},
		{checkCounts, "Each evaluator's counts follow one another without overlap", []string{"S2"}, []Severity{f}, "both counts", true},
		{checkLease, "Leases that guards kept agree with the log", []string{"G3"}, []Severity{f, j}, "the lease, and the entries that it contradicts", false},
		{checkSemantics, "The rules that policies and decisions name are known here", []string{"E7"}, []Severity{j}, "the entry", false},
		{checkFold, "Every valid entry was folded whole", []string{"E1"}, []Severity{j, o}, "the entry", false},
		{checkFrozen, "A frozen log says so", []string{"L8"}, []Severity{n}, "the freeze", false},
		{checkCeremony, "Evaluators are those that their ceremony gave", []string{"CE3"}, []Severity{f}, "the authority statement", false},
	}
}

// CheckOf is a check by its number.
func CheckOf(number string) (Check, bool) {
	all := Checks()
	i := slices.IndexFunc(all, func(c Check) bool { return c.Number == number })
	if i < 0 {
		return Check{}, false
	}
	return all[i], true
}
