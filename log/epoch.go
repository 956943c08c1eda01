package log

import (
	"cmp"
	"fmt"
	"strings"
)

// Epoch commits to every part of the blacklist as it is at a log size. Signed
// by an engine; auditors rebuild all of it from the log.
type Epoch struct {
	Origin    string      `json:"origin"`
	Number    uint64      `json:"number"`    // from 1, without gaps
	Size      uint64      `json:"size"`      // tree size that was folded
	Semantics int         `json:"semantics"` // which commitments are required
	Parts     []EpochPart `json:"parts"`     // sorted by kind, band, prefix, key version

	// State is the hash of the document that names every part, from semantics 2
	// on: there Parts holds only those that changed since the last epoch.
	State *Hash `json:"state,omitzero"`

	// Asked are the key versions under which a model has to be asked, ascending, from
	// semantics 2 on; absent while nothing is listed. One all of whose labels a newer
	// version holds too is left out.
	Asked []uint64 `json:"asked,omitzero"`
}

// EpochPart is one part of the list.
type EpochPart struct {
	Kind        string       `json:"kind"`
	Band        int          `json:"band"`   // of band and bandp; else 0
	Prefix      string       `json:"prefix"` // of the labels' hash, in bits: zeros and ones; may be empty
	KeyVersion  uint64       `json:"key_version"`
	Count       uint64       `json:"count"`
	Commitments []Commitment `json:"commitments"` // sorted by name
}

// Commitment is a named hash.
type Commitment struct {
	Name string `json:"name"`
	Hash Hash   `json:"hash"`
}

func (a EpochPart) compare(b EpochPart) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), cmp.Compare(a.Band, b.Band), strings.Compare(a.Prefix, b.Prefix), cmp.Compare(a.KeyVersion, b.KeyVersion))
}

// Kind is [KindEpoch].
func (s *Epoch) Kind() Kind { return KindEpoch }

func (s *Epoch) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Epoch) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.that(s.Number >= 1, "number", "from 1")
	c.between("semantics", int64(s.Semantics), 1, 1<<31-1)
	c.count("parts", len(s.Parts), 0, MaxEpochParts)
	c.that((s.State != nil) == (s.Semantics >= 2), "state", "from semantics 2 on")
	c.that(len(s.Asked) == 0 || s.Semantics >= 2, "asked", "from semantics 2 on")
	c.count("asked", len(s.Asked), 0, MaxAsked)
	sorted(&c, "asked", s.Asked, cmp.Compare[uint64])
	for i, v := range s.Asked {
		c.that(v >= 1, fmt.Sprintf("asked[%d]", i), "from 1")
	}
	for i, p := range s.Parts {
		at := fmt.Sprintf("parts[%d]", i)
		c.labelKind(at+".kind", p.Kind)
		c.that(!strings.Contains(p.Kind, "-"), at+".kind", "the index stands in band")
		c.between(at+".band", int64(p.Band), 0, Bands-1)
		c.that(p.Band == 0 || p.Kind == LabelBand || p.Kind == LabelBandP, at+".band", "only band and bandp have one")
		c.that(len(p.Prefix) <= 16 && strings.Trim(p.Prefix, "0123456789abcdef") == "", at+".prefix", "want at most 16 lower-case hexadecimal digits")
		c.that(p.KeyVersion >= 1, at+".key_version", "from 1")
		c.count(at+".commitments", len(p.Commitments), 1, MaxCommitments)
		for j, x := range p.Commitments {
			c.name(fmt.Sprintf("%s.commitments[%d].name", at, j), x.Name)
		}
		sorted(&c, at+".commitments", p.Commitments, func(a, b Commitment) int { return strings.Compare(a.Name, b.Name) })
	}
	sorted(&c, "parts", s.Parts, EpochPart.compare)
	return c.err
}

// Replay is "epoch" and the number.
func (s *Epoch) Replay(string) ReplayKey {
	return ReplayKey{Scope: "epoch", Sequence: s.Number, Monotone: true}
}

// Void: it follows the last epoch, and folds no less than that and nothing
// from its own index on. (Wrong commitments are a finding.)
func (s *Epoch) Void(v View, _ Signed) error {
	number, size, _ := v.Epoch()
	switch {
	case s.Number != number+1:
		return voidf(Conflict, "epoch %d does not follow %d", s.Number, number)
	case s.Size < size:
		return voidf(Conflict, "folds up to %d, the last epoch up to %d", s.Size, size)
	case s.Size > v.Index():
		return voidf(Conflict, "folds up to %d at index %d", s.Size, v.Index())
	}
	return nil
}
