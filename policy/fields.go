package policy

// A Rule is the declared direction of a field (E4).
type Rule uint8

// Rules. What no rule calls a tightening is a loosening.
const (
	Identity    Rule = iota // which document it is; not compared
	LowerTights             // a smaller value is a tightening
	HigherTights
	GrowthTights // more members of the set are a tightening, any other change a loosening
	Never        // every change is a loosening
)

// String is the rule in words, for the generated table.
func (r Rule) String() string {
	switch r {
	case Identity:
		return "not compared"
	case LowerTights:
		return "lower tightens"
	case HigherTights:
		return "higher tightens"
	case GrowthTights:
		return "more tightens"
	default:
		return "every change loosens"
	}
}

// A Unit is what a field's number counts.
type Unit string

// Units. Switches and modes are compared as numbers: no 0, yes 1; off 0,
// observe 1, enforce 2.
const (
	Millis Unit = "ms"
	Count  Unit = "count"
	Switch Unit = "yes/no"
	Modes  Unit = "mode"
	When   Unit = "time"
	Text   Unit = "name"
	Digest Unit = "hash"
	Keys   Unit = "key ids"
)

// A Field is one row of the one table of a policy's fields: parser, printer,
// comparison, evaluation and documentation rest on it.
type Field struct {
	Name      string // path in the JSON document
	Unit      Unit
	Min, Max  int64 // inclusive; of names and key ids the count of bytes or elements
	Default   int64 // what a draft holds
	Direction Rule
	Doc       string

	get func(*Document) int64
	set func(*Document, int64)
}

// fieldID is a field's place in the table.
type fieldID int

const (
	fArtefactLists fieldID = iota
	fArtefactMode
	fArtefactPeriod
	fChain
	fClasses
	fClassInterval
	fDeadLists
	fDeadMode
	fDeadThreshold
	fDeadWindow
	fDelay
	fEngineDwell
	fEngineLists
	fEngineMode
	fEngineQuorum
	fEvaluation
	fExpires
	fExpiryLists
	fAppointed
	fMinSize
	fGuardMaxAge
	fLeaseDuration
	fLeaseGrace
	fLeaseLists
	fLeaseMode
	fLifeLists
	fLifeMax
	fLifeMode
	fListingDelay
	fLiveLists
	fLiveMode
	fMaxGap
	fMonitorDwell
	fMonitorKeys
	fMonitorLists
	fMonitorMode
	fNumber
	fPrevious
	fSemantics
	fWitnessLists
	fWitnessMaxAge
	fWitnessMode
	fieldCount
)

const (
	second = int64(1000)
	minute = 60 * second
)

// Fields is the table, in the order of the canonical encoding.
func Fields() []Field {
	f := table()
	return f[:]
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func lists(name string, std int64, at func(*Document) *bool) Field {
	return Field{
		Name: name + ".lists", Unit: Switch, Max: 1, Default: std, Direction: HigherTights,
		Doc: "whether a halt by this tripwire puts the model on the list",
		get: func(d *Document) int64 { return bit(*at(d)) },
		set: func(d *Document, v int64) { *at(d) = v != 0 },
	}
}

func mode(name string, std Mode, at func(*Document) *Mode) Field {
	return Field{
		Name: name + ".mode", Unit: Modes, Max: int64(Enforce), Default: int64(std), Direction: HigherTights,
		Doc: "off: not looked at; observe: reported without effect; enforce: a trip halts the run",
		get: func(d *Document) int64 { return int64(*at(d)) },
		set: func(d *Document, v int64) { *at(d) = Mode(v) },
	}
}

func number(name string, unit Unit, low, high, std int64, rule Rule, doc string, at func(*Document) *int64) Field {
	return Field{
		Name: name, Unit: unit, Min: low, Max: high, Default: std, Direction: rule, Doc: doc,
		get: func(d *Document) int64 { return *at(d) },
		set: func(d *Document, v int64) { *at(d) = v },
	}
}

// fieldTable is never changed.
var fieldTable = table()

func table() [fieldCount]Field {
	return [fieldCount]Field{
		fArtefactLists:  lists("artefact", 1, func(d *Document) *bool { return &d.Artefact.Lists }),
		fArtefactMode:   mode("artefact", Off, func(d *Document) *Mode { return &d.Artefact.Mode }),
		fArtefactPeriod: number("artefact.period_ms", Millis, minPeriod, maxPeriod, 6*hour, LowerTights, "longest time without an escrowed artefact", func(d *Document) *int64 { return &d.Artefact.PeriodMS }),
		fChain:          {Name: "chain", Unit: Text, Min: 1, Max: MaxName, Direction: Identity, Doc: "name of the policy chain"},
		fClasses:        {Name: "classes", Unit: Text, Min: 1, Max: MaxClasses, Direction: Never, Doc: "classes of runs, sorted by name; a class that comes or goes is a loosening"},
		fClassInterval:  {Name: "classes[].checkin_interval_ms", Unit: Millis, Min: minPeriod, Max: maxInterval, Default: 5 * minute, Direction: LowerTights, Doc: "for how long one check-in of a member counts, in runs of the class"},
		fDeadLists:      lists("dead_vote", 1, func(d *Document) *bool { return &d.DeadVote.Lists }),
		fDeadMode:       mode("dead_vote", Enforce, func(d *Document) *Mode { return &d.DeadVote.Mode }),
		fDeadThreshold:  number("dead_vote.threshold", Count, 1, MaxThreshold, 3, LowerTights, "missed check-ins, summed over the group, that halt", func(d *Document) *int64 { return &d.DeadVote.Threshold }),
		fDeadWindow:     number("dead_vote.window_ms", Millis, 0, maxPeriod, 0, HigherTights, "window in which misses are summed; 0: as many intervals as the threshold (a change from or to 0 is a loosening)", func(d *Document) *int64 { return &d.DeadVote.WindowMS }),
		fDelay:          number("delay_ms", Millis, minPeriod, maxPeriod, day, HigherTights, "how long a loosening waits", func(d *Document) *int64 { return &d.DelayMS }),
		fEngineDwell:    number("engine.dwell_ms", Millis, minPeriod, maxPeriod, 30*second, LowerTights, "longest age of another chain's go-on verdict", func(d *Document) *int64 { return &d.Engine.DwellMS }),
		fEngineLists:    lists("engine", 1, func(d *Document) *bool { return &d.Engine.Lists }),
		fEngineMode:     mode("engine", Off, func(d *Document) *Mode { return &d.Engine.Mode }),
		fEngineQuorum:   number("engine.quorum", Count, 1, MaxEngines, 1, HigherTights, "chains, the deciding one included, that have to hold a go-on verdict", func(d *Document) *int64 { return &d.Engine.Quorum }),
		fEvaluation:     number("evaluation_period_ms", Millis, 100, maxPeriod, 1*second, LowerTights, "how often the engine evaluates when nothing happens", func(d *Document) *int64 { return &d.EvaluationPeriodMS }),
		fExpires:        {Name: "expires", Unit: When, Max: maxTime, Direction: LowerTights, Doc: "from then on the policy is not valid, and its runs halt", get: func(d *Document) int64 { return d.Expires.UnixMilli() }},
		fExpiryLists:    lists("expiry", 1, func(d *Document) *bool { return &d.Expiry.Lists }),
		fAppointed:      {Name: "groups.appointed", Unit: Switch, Max: 1, Default: 1, Direction: LowerTights, Doc: "whether officers may appoint the group instead of drawing it by lot", get: func(d *Document) int64 { return bit(d.Groups.Appointed) }, set: func(d *Document, v int64) { d.Groups.Appointed = v != 0 }},
		fMinSize:        number("groups.min_size", Count, 2, MaxMembers, 8, HigherTights, "smallest consensus group of a new run", func(d *Document) *int64 { return &d.Groups.MinSize }),
		fGuardMaxAge:    number("guard_max_age_ms", Millis, minPeriod, maxPeriod, 60*second, LowerTights, "oldest checkpoint on which a guard accepts a lease", func(d *Document) *int64 { return &d.GuardMaxAgeMS }),
		fLeaseDuration:  number("lease.duration_ms", Millis, minPeriod, maxPeriod, 15*second, LowerTights, "how long a run lives on one lease", func(d *Document) *int64 { return &d.Lease.DurationMS }),
		fLeaseGrace:     number("lease.grace_ms", Millis, 0, maxPeriod, 15*second, LowerTights, "beyond the lease, how long the guard may be silent", func(d *Document) *int64 { return &d.Lease.GraceMS }),
		fLeaseLists:     lists("lease", 1, func(d *Document) *bool { return &d.Lease.Lists }),
		fLeaseMode:      mode("lease", Enforce, func(d *Document) *Mode { return &d.Lease.Mode }),
		fLifeLists:      lists("life", 0, func(d *Document) *bool { return &d.Life.Lists }),
		fLifeMax:        number("life.max_ms", Millis, minPeriod, maxPeriod, 30*day, LowerTights, "longest life of a run; a run's own shorter maximum holds too", func(d *Document) *int64 { return &d.Life.MaxMS }),
		fLifeMode:       mode("life", Enforce, func(d *Document) *Mode { return &d.Life.Mode }),
		fListingDelay:   number("listing_delay_ms", Millis, minPeriod, maxPeriod, hour, LowerTights, "after a halt, when its labels are due at the latest", func(d *Document) *int64 { return &d.ListingDelayMS }),
		fLiveLists:      lists("live_vote", 1, func(d *Document) *bool { return &d.LiveVote.Lists }),
		fLiveMode:       mode("live_vote", Enforce, func(d *Document) *Mode { return &d.LiveVote.Mode }),
		fMaxGap:         number("max_gap_ms", Millis, minPeriod, maxPeriod, 10*second, LowerTights, "longest time between two decisions that is no outage", func(d *Document) *int64 { return &d.MaxGapMS }),
		fMonitorDwell:   number("monitors.dwell_ms", Millis, minPeriod, maxPeriod, 60*second, LowerTights, "longest silence of any monitor", func(d *Document) *int64 { return &d.Monitors.DwellMS }),
		fMonitorKeys:    {Name: "monitors.keys", Unit: Keys, Max: MaxMonitors, Direction: GrowthTights, Doc: "key ids of the monitors, sorted; at least one unless the mode is off"},
		fMonitorLists:   lists("monitors", 1, func(d *Document) *bool { return &d.Monitors.Lists }),
		fMonitorMode:    mode("monitors", Off, func(d *Document) *Mode { return &d.Monitors.Mode }),
		fNumber:         {Name: "number", Unit: Count, Min: 1, Max: MaxNumber, Default: 1, Direction: Identity, Doc: "one more than the document before it in the chain", get: func(d *Document) int64 { return int64(min(d.Number, MaxNumber+1)) }, set: func(d *Document, v int64) { d.Number = uint64(v) }},
		fPrevious:       {Name: "previous", Unit: Digest, Direction: Identity, Doc: "hash of the document one number below; null for number 1"},
		fSemantics:      {Name: "semantics", Unit: Count, Max: MaxNumber, Default: Semantics, Direction: Never, Doc: "number of the rules by which the document is judged", get: func(d *Document) int64 { return int64(min(d.Semantics, MaxNumber+1)) }, set: func(d *Document, v int64) { d.Semantics = uint64(v) }},
		fWitnessLists:   lists("witness", 1, func(d *Document) *bool { return &d.Witness.Lists }),
		fWitnessMaxAge:  number("witness.max_age_ms", Millis, minPeriod, maxPeriod, 30*second, LowerTights, "oldest witnessed time", func(d *Document) *int64 { return &d.Witness.MaxAgeMS }),
		fWitnessMode:    mode("witness", Enforce, func(d *Document) *Mode { return &d.Witness.Mode }),
	}
}
