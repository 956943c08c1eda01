package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// The states of a verdict.
const (
	StateGo     = "go"     // the run may go on
	StateHalt   = "halt"   // at least one enforced tripwire is true
	StateClosed = "closed" // the run ended by itself and nothing tripped
)

// A Cause is one tripwire that is true.
type Cause struct {
	Tripwire string   // the name of its section in the policy document
	Evidence []uint64 // indices of the entries it rests on: sorted, at most MaxEvidence, never nil
	Value    int64    // what was found, in the unit of Bound
	Bound    int64    // what the policy allows: milliseconds or a count
	Lists    bool     // whether this cause puts the model on the list
}

// A Verdict is what one decision says about one armed run.
type Verdict struct {
	Run    string
	Policy uint64 // number of the policy in force; 0 for none
	State  string
	Causes []Cause // in the order of Tripwires; never nil
}

// Lists says whether any cause puts the model on the list.
func (v Verdict) Lists() bool {
	for _, c := range v.Causes {
		if c.Lists {
			return true
		}
	}
	return false
}

// An Outcome is what a decision found.
type Outcome struct {
	AsOf     time.Time
	Armed    int       // runs with a verdict
	Root     Hash      // over Verdicts
	Verdicts []Verdict // of every armed run, sorted by run
	Changed  []Verdict // those that are new, follow another policy than before, or are not go
	// Observed are the true tripwires in mode observe: reported, never logged,
	// and without effect.
	Observed []Verdict
	Gap      time.Duration // since the chain's last decision; 0 for its first
	Outage   bool          // Gap is longer than an armed run's policy allows (E3)
}

// Leaf is the verdict's hash: SHA-256 over a domain tag and its fields, each
// integer as 64 bits big-endian, each string and list after its length.
func (v Verdict) Leaf() Hash {
	b := make([]byte, 0, 192)
	b = append(b, tagVerdict...)
	text := func(s string) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(v.Run)
	b = binary.BigEndian.AppendUint64(b, v.Policy)
	text(v.State)
	b = binary.BigEndian.AppendUint64(b, uint64(len(v.Causes)))
	for _, c := range v.Causes {
		text(c.Tripwire)
		b = binary.BigEndian.AppendUint64(b, uint64(len(c.Evidence)))
		for _, i := range c.Evidence {
			b = binary.BigEndian.AppendUint64(b, i)
		}
		b = binary.BigEndian.AppendUint64(b, uint64(c.Value))
		b = binary.BigEndian.AppendUint64(b, uint64(c.Bound))
		if c.Lists {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return sha256.Sum256(b)
}

// Root is the Merkle tree hash over the verdicts of all armed runs, sorted by
// run: the tree of RFC 6962 section 2.1 with Verdict.Leaf as leaf hash and a
// domain tag instead of the prefix 0x01. Without runs it is EmptyRoot.
func Root(verdicts []Verdict) Hash {
	leaves := make([]Hash, len(verdicts))
	for i, v := range verdicts {
		leaves[i] = v.Leaf()
	}
	return root(leaves)
}

// EmptyRoot is the root while no run is armed.
func EmptyRoot() Hash { return sha256.Sum256([]byte(tagEmpty)) }

func root(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return EmptyRoot()
	case 1:
		return leaves[0]
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1) // the largest power of two below n
		l, r := root(leaves[:k]), root(leaves[k:])
		var buf [len(tagNode) + 64]byte
		copy(buf[:], tagNode)
		copy(buf[len(tagNode):], l[:])
		copy(buf[len(tagNode)+32:], r[:])
		return sha256.Sum256(buf[:])
	}
}
