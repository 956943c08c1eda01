package log

import (
	"reflect"
	"slices"
)

// Kind names what a statement says. It stands in the payload's type.
type Kind string

// The kinds of this version.
const (
	KindGenesis      Kind = "genesis"
	KindAuthority    Kind = "authority"
	KindPolicy       Kind = "policy"
	KindGroup        Kind = "group"
	KindRun          Kind = "run"
	KindCheckin      Kind = "checkin"
	KindLiveVote     Kind = "livevote"
	KindHeartbeat    Kind = "heartbeat"
	KindArtefact     Kind = "artefact"
	KindAnchor       Kind = "anchor"
	KindDecision     Kind = "decision"
	KindHalt         Kind = "halt"
	KindClose        Kind = "close"
	KindActuation    Kind = "actuation"
	KindFingerprints Kind = "fingerprints"
	KindEpoch        Kind = "epoch"
	KindEvaluations  Kind = "evaluations"
	KindAllowList    Kind = "allowlist"
	KindStrike       Kind = "strike"
	KindFreeze       Kind = "freeze"
	KindContest      Kind = "contest"
	KindPart         Kind = "part"
	KindDeal         Kind = "deal"
	KindComplaint    Kind = "complaint"
	KindRotation     Kind = "rotation"

	// Messages between guard and engine: encoded the same way, never logged.
	KindLeaseRequest Kind = "leaserequest"
	KindLease        Kind = "lease"
)

// Refused are the kinds that the protocol names and this version does not
// serve.
func Refused() []Kind { return []Kind{"approval", "reading"} }

// Type is the DSSE payload type.
func (k Kind) Type() string { return TypePrefix + string(k) + TypeSuffix }

// A Statement is the payload of one kind; it is implemented by pointers to the
// payload structs and by nothing else.
type Statement interface {
	Kind() Kind
	// Validate checks the bounds that need no state. The error is a
	// [*SyntaxError] with the field.
	Validate() error
	// Replay is the key of which the log holds one valid value. signer is the
	// key ID of the one signer; only kinds that are signed alone look at it.
	Replay(signer string) ReplayKey
	// Void is nil if the statement is valid, else a [*VoidError]. It holds
	// what is particular to the kind; what is common to all, the [View] says.
	Void(v View, s Signed) error

	logOrigin() string
}

// OriginOf is the name of the log for which a statement was made.
func OriginOf(st Statement) string { return st.logOrigin() }

// A ReplayKey names what may be said once (S2).
type ReplayKey struct {
	// Scope is the whole key, or what a sequence counts in.
	Scope string
	// Sequence is 0 for once-only keys.
	Sequence uint64
	// Monotone says that within the scope each valid sequence number exceeds
	// the last valid one, so that only the last needs to be remembered.
	Monotone bool
}

// Signing says how many sign a kind.
type Signing string

const (
	SignedAlone     Signing = "alone"     // exactly one key of one of the roles
	SignedThreshold Signing = "threshold" // exactly as many officers as the threshold
	SignedRing      Signing = "ring"      // exactly one ring signature of the run's group
	SignedNobody    Signing = "nobody"    // no signature: it proves itself
	SignedWhole     Signing = "whole"     // a part: one key that also signs the whole
)

// Lane is the way through admission (L5).
type Lane string

const (
	LaneFast Lane = "halt" // overtakes, bounded by key, open at any lag
	LaneBulk Lane = "bulk" // waits, and stops at a stated lag (L7)
	LaneOff  Lane = "off"  // never logged
)

// KindInfo is one row of the table of kinds, from which the documents are made.
type KindInfo struct {
	Kind    Kind
	Signing Signing
	Roles   []Role // who signs, for SignedAlone and SignedThreshold
	Replay  string // the replay key in words
	Lane    Lane
	Parts   bool   // whether it may be split into parts
	Says    string // one sentence
	VoidIf  string // the void rule in one sentence
	New     func() Statement
}

// Info is the row of a kind.
func Info(k Kind) (KindInfo, bool) {
	i := slices.IndexFunc(kinds, func(i KindInfo) bool { return i.Kind == k })
	if i < 0 {
		return KindInfo{}, false
	}
	return kinds[i], true
}

// Kinds is the table of kinds in the order of the specification.
func Kinds() []KindInfo { return slices.Clone(kinds) }

// layouts holds the members of every struct that a payload is made of. It is
// made once from the table of kinds and only read.
var layouts = func() map[reflect.Type][]field {
	m := make(map[reflect.Type][]field)
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch t {
		case hashType, bytesType, timeType, rawType:
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(t.Elem())
		case reflect.Struct:
			if _, ok := m[t]; ok {
				return
			}
			m[t] = fieldsOf(t)
			for f := range t.Fields() {
				walk(f.Type)
			}
		}
	}
	for _, k := range kinds {
		walk(reflect.TypeOf(k.New()))
	}
	return m
}()

func fieldsFor(t reflect.Type) []field { return layouts[t] }
