package log

// What every kind shares is void besides: another origin, a signature or
// possession proof that does not verify, a signer without the role at this
// index (or not exactly the officers' threshold), a replay key that is taken.

// kinds is the table of kinds in the order of the specification. It is read
// only; the documents' table is made from it.
var kinds = []KindInfo{
	{
		Kind: KindGenesis, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk,
		Replay: "once",
		Says:   "entry 0: the log's name, officers and threshold, quorum, periods, every role's first keys",
		VoidIf: "it is not entry 0, or not signed by a threshold of the officers that it names",
		New:    func() Statement { return new(Genesis) },
	},
	{
		Kind: KindAuthority, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneFast, Parts: true,
		Replay: "number",
		Says:   "adds, rotates, revokes keys of every role; changes threshold, quorum, log keys, evaluators",
		VoidIf: "it does not follow the last authority statement by number and identity, or its change cannot be carried out",
		New:    func() Statement { return new(Authority) },
	},
	{
		Kind: KindPolicy, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk, Parts: true,
		Replay: "chain, document number",
		Says:   "a numbered, hash-chained policy document of a chain",
		VoidIf: "the document is out of bounds, does not follow its chain, or its number is superseded",
		New:    func() Statement { return new(Policy) },
	},
	{
		Kind: KindGroup, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk, Parts: true,
		Replay: "name, number",
		Says:   "a consensus group: pseudonyms, check-in keys, ring keys, and how it was drawn",
		VoidIf: "the log is frozen, the chain's policy in force lets nobody appoint it or asks for more members, it does not follow the last group of its name in the same chain, or a check-in key holds another role",
		New:    func() Statement { return new(Group) },
	},
	{
		Kind: KindRun, Signing: SignedAlone, Roles: []Role{RoleRegistrar}, Lane: LaneBulk,
		Replay: "run, once",
		Says:   "registers a run: class, task, chain, policy and group by hash, guards, manifest, base, maximum life",
		VoidIf: "the log is frozen, as many runs live as can be decided on at once, the policy is not the one in force, the class is not in it, the life exceeds it, the group is unknown, of another chain or not in force, a guard's key holds another role, or the manifest label is listed",
		New:    func() Statement { return new(Run) },
	},
	{
		Kind: KindCheckin, Signing: SignedAlone, Roles: []Role{RoleMember}, Lane: LaneFast,
		Replay: "run, key, sequence",
		Says:   "a member is alive, for one interval",
		VoidIf: "the run is unknown or ended, the signer is not in its group, or the anchor is unknown or stale by more than the class's interval",
		New:    func() Statement { return new(Checkin) },
	},
	{
		Kind: KindLiveVote, Signing: SignedRing, Lane: LaneFast,
		Replay: "run, nonce, once",
		Says:   "halt; nobody can tell which member signed",
		VoidIf: "the run is unknown or ended, the ring is not that of the group named, that group may not vote on the run, or the vote has expired",
		New:    func() Statement { return new(LiveVote) },
	},
	{
		Kind: KindHeartbeat, Signing: SignedAlone, Roles: []Role{RoleGuard, RoleMonitor}, Lane: LaneFast,
		Replay: "run or monitors, key, sequence",
		Says:   "a run's guard is up and whether its process lives; or a monitor is up",
		VoidIf: "the run is unknown or ended, the signer is not its guard (or, without a run, no monitor), or the anchor is unknown or stale by more than the lease",
		New:    func() Statement { return new(Heartbeat) },
	},
	{
		Kind: KindArtefact, Signing: SignedAlone, Roles: []Role{RoleGuard}, Lane: LaneFast, Parts: true,
		Replay: "run, number",
		Says:   "at a saved model checkpoint: key version, count and root of its labels, the labels sealed to the escrow",
		VoidIf: "the run is unknown or ended, or the signer is not its guard",
		New:    func() Statement { return new(Artefact) },
	},
	{
		Kind: KindAnchor, Signing: SignedNobody, Lane: LaneFast,
		Replay: "size",
		Says:   "a published checkpoint with exactly one quorum of cosignatures: witnessed time",
		VoidIf: "it does not satisfy the quorum exactly, is not of this log's tree, does not exceed the last one's size and smallest time, or its times lie further apart than the skew",
		New:    func() Statement { return new(Anchor) },
	},
	{
		Kind: KindDecision, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneFast, Parts: true,
		Replay: "key, sequence",
		Says:   "the range folded, its time, a root over all verdicts, and those that changed or tripped",
		VoidIf: "it does not follow the engine's last decision by sequence, identity, range and time, or folds entries from its own index on",
		New:    func() Statement { return new(Decision) },
	},
	{
		Kind: KindHalt, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneFast,
		Replay: "run, key, once",
		Says:   "the run is over: the decision and all causes",
		VoidIf: "the run is unknown or closed, or no valid decision of this engine halts it with these causes",
		New:    func() Statement { return new(Halt) },
	},
	{
		Kind: KindClose, Signing: SignedAlone, Roles: []Role{RoleGuard}, Lane: LaneFast,
		Replay: "run, once",
		Says:   "the run ended by itself, exit observed",
		VoidIf: "the run is unknown or ended, or the signer is not its guard; also if anything tripped in the range that holds it",
		New:    func() Statement { return new(Close) },
	},
	{
		Kind: KindActuation, Signing: SignedAlone, Roles: []Role{RoleActuator, RoleGuard}, Lane: LaneFast,
		Replay: "run, key, sequence",
		Says:   "stop requested, acknowledged, observed dead, or unconfirmed, with evidence and times",
		VoidIf: "the run is unknown, the signer is neither its guard nor an actuator, or the halt named is none of the run",
		New:    func() Statement { return new(Actuation) },
	},
	{
		Kind: KindFingerprints, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneFast, Parts: true,
		Replay: "run, once",
		Says:   "every label of the newest artefact before the halt, published or excluded with a reason",
		VoidIf: "the run is unknown, not halted by the halt named, or has fingerprints; or they are not all labels of that artefact under its root",
		New:    func() Statement { return new(Fingerprints) },
	},
	{
		Kind: KindEpoch, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneFast, Parts: true,
		Replay: "number",
		Says:   "commitments to every part of the blacklist at a log size",
		VoidIf: "it does not follow the last epoch by number and size, or folds entries from its own index on",
		New:    func() Statement { return new(Epoch) },
	},
	{
		Kind: KindEvaluations, Signing: SignedAlone, Roles: []Role{RoleEvaluator}, Lane: LaneBulk,
		Replay: "key, sequence",
		Says:   "how many elements an evaluator evaluated in a period",
		VoidIf: "nothing beyond what is common to all kinds",
		New:    func() Statement { return new(Evaluations) },
	},
	{
		Kind: KindAllowList, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk, Parts: true,
		Replay: "sequence",
		Says:   "labels that are never listed",
		VoidIf: "nothing beyond what is common to all kinds",
		New:    func() Statement { return new(AllowList) },
	},
	{
		Kind: KindStrike, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk,
		Replay: "sequence",
		Says:   "a label was wrongly listed; it stays, struck",
		VoidIf: "no such label was published",
		New:    func() Statement { return new(Strike) },
	},
	{
		Kind: KindFreeze, Signing: SignedThreshold, Roles: []Role{RoleOfficer}, Lane: LaneBulk,
		Replay: "once",
		Says:   "the log takes up nothing new, and where it goes on",
		VoidIf: "the log is frozen",
		New:    func() Statement { return new(Freeze) },
	},
	{
		Kind: KindContest, Signing: SignedAlone, Roles: []Role{RoleGuard}, Lane: LaneBulk,
		Replay: "run, label, once",
		Says:   "a published label was escrowed earlier by another run",
		VoidIf: "the run is unknown, the signer is not its guard, the label is not published, or the path does not lead into a root that the run escrowed",
		New:    func() Statement { return new(Contest) },
	},
	{
		Kind: KindDeal, Signing: SignedAlone, Roles: []Role{RoleEvaluator}, Lane: LaneBulk,
		Replay: "ceremony, purpose, dealer, once",
		Says:   "a dealing among evaluators: commitments, and each holder's share sealed to it",
		VoidIf: "the log is frozen, the ceremony deals for another key or other holders, a later key version is installed, the signer is not the dealer, or too many ceremonies were held",
		New:    func() Statement { return new(Deal) },
	},
	{
		Kind: KindComplaint, Signing: SignedAlone, Roles: []Role{RoleEvaluator}, Lane: LaneBulk,
		Replay: "dealing, holder, once",
		Says:   "a holder's share of a dealing is bad, with what opens it to everybody",
		VoidIf: "the ceremony has no such dealing, or the signer is not that holder",
		New:    func() Statement { return new(Complaint) },
	},
	{
		Kind: KindRotation, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneBulk, Parts: true,
		Replay: "from, to, offset",
		Says:   "published labels under a later key version, proven to be the same",
		VoidIf: "one of both key versions is not installed, it does not follow the last rotation between them, there are not so many labels, or the proof does not verify",
		New:    func() Statement { return new(Rotation) },
	},
	{
		Kind: KindPart, Signing: SignedWhole, Lane: LaneBulk,
		Replay: "whole, key, part number, once",
		Says:   "a slice of a statement larger than one leaf; it takes the lane of the whole's kind",
		VoidIf: "it does not fit the waiting parts of its whole, or there is no room for it",
		New:    func() Statement { return new(Part) },
	},
	{
		Kind: KindLeaseRequest, Signing: SignedAlone, Roles: []Role{RoleGuard}, Lane: LaneOff,
		Replay: "run, key, sequence",
		Says:   "a guard asks that its run go on",
		VoidIf: "refused if the run is unknown or ended, the signer is not its guard, or the anchor is unknown or stale by more than the lease",
		New:    func() Statement { return new(LeaseRequest) },
	},
	{
		Kind: KindLease, Signing: SignedAlone, Roles: []Role{RoleEngine}, Lane: LaneOff,
		Replay: "run, guard, key, sequence",
		Says:   "the run may go on for a duration from the request's sending",
		VoidIf: "the guard refuses it unless it answers its request and its checkpoint verifies",
		New:    func() Statement { return new(Lease) },
	},
}

// LaneOf is the lane of a statement; a part takes that of its whole's kind.
func LaneOf(st Statement) Lane {
	k := st.Kind()
	if p, ok := st.(*Part); ok {
		k = p.Of
	}
	i, ok := Info(k)
	if !ok {
		return LaneBulk
	}
	return i.Lane
}
