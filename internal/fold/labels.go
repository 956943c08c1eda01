package fold

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/log"
)

// labels is the ledger's Labels: the blacklist behind the log's own words.
type labels struct{ set *blacklist.Set }

var _ log.Labels = labels{}

func (l labels) lookup(kind string, label []byte) []blacklist.Record {
	k, y, ok := parseLabel(kind, label)
	if !ok {
		return nil
	}
	return l.set.Lookup(k, y)
}

func (l labels) Published(kind string, label []byte) bool { return len(l.lookup(kind, label)) > 0 }

func (l labels) Listed(kind string, label []byte) bool {
	return slices.ContainsFunc(l.lookup(kind, label), func(r blacklist.Record) bool { return r.Status == blacklist.Active })
}

// CheckListing holds a statement against the escrowed root. What this version
// cannot list is held by its leaf, as an exclusion is.
func (l labels) CheckListing(st *log.Fingerprints, a log.ArtefactInfo) error {
	b := listing(st)
	return blacklist.VerifyListing(blacklist.Hash(a.Root), a.Count, b.Labels, b.Excluded)
}

func (l labels) CheckContest(st *log.Contest, a log.ArtefactInfo) error {
	kind, label, ok := parseLabel(st.LabelKind, st.Label)
	if !ok {
		return blacklist.ErrLabel
	}
	path := make([]blacklist.Hash, len(st.Path))
	for i, h := range st.Path {
		path[i] = blacklist.Hash(h)
	}
	return blacklist.VerifyPath(blacklist.Hash(a.Root), a.Count, st.Number, kind, label, path)
}

// leaf is the Merkle leaf hash of an escrowed label, whether or not it is one.
func leaf(number uint64, kind string, label []byte) blacklist.Hash {
	var y blacklist.Label
	copy(y[:], label)
	return blacklist.ArtefactLeaf(number, fingerprint.Kind(kind), y)
}

// parseLabel reads a label that this version can list: of a known kind, and
// the encoding of a group element.
func parseLabel(kind string, label []byte) (fingerprint.Kind, blacklist.Label, bool) {
	k, err := fingerprint.ParseKind(kind)
	if err != nil {
		return "", blacklist.Label{}, false
	}
	y, err := blacklist.ParseLabel(label)
	if err != nil {
		return "", blacklist.Label{}, false
	}
	return k, y, true
}

// reasonUnlistable stands for a published label that is none: the list holds
// group elements alone, and its parsers refuse everything else.
const reasonUnlistable = "no label of this version"

// Listing is a fingerprints statement as the blacklist takes it.
type Listing struct {
	blacklist.Listing
	// Unlistable are the numbers of published labels that are no group
	// elements or of no known kind; they are kept as exclusions.
	Unlistable []uint64
}

// listing sorts a statement into what the set lists and what it leaves out.
func listing(st *log.Fingerprints) *Listing {
	l := &Listing{Listing: blacklist.Listing{Run: st.Run, KeyVersion: st.KeyVersion}}
	for _, y := range st.Labels {
		kind, label, ok := parseLabel(y.Kind, y.Label)
		if !ok {
			l.Excluded = append(l.Excluded, blacklist.Exclusion{Number: y.Number, Reason: reasonUnlistable, Leaf: leaf(y.Number, y.Kind, y.Label)})
			l.Unlistable = append(l.Unlistable, y.Number)
			continue
		}
		l.Labels = append(l.Labels, blacklist.Published{Number: y.Number, Kind: kind, Label: label})
	}
	for _, x := range st.Excluded {
		l.Excluded = append(l.Excluded, blacklist.Exclusion{Number: x.Number, Reason: clip(x.Reason), Leaf: blacklist.Hash(x.Leaf)})
	}
	slices.SortFunc(l.Excluded, func(a, b blacklist.Exclusion) int { return cmp.Compare(a.Number, b.Number) })
	return l
}

// list takes a valid fingerprints statement into the set.
func (m *Machine) list(st *log.Fingerprints, j log.Judged) (*Listing, error) {
	run, ok := m.ledger.Run(st.Run)
	if !ok {
		return nil, fmt.Errorf("fold: fingerprints of unknown run %s", st.Run)
	}
	l := listing(st)
	l.Index, l.Halt = j.Index, run.HaltIndex
	if a := run.Artefact; st.Artefact != nil && a != nil {
		l.Artefact, l.Root, l.Count = a.Index, blacklist.Hash(a.Root), a.Count
	}
	if err := m.set.List(l.Listing); err != nil {
		return l, fmt.Errorf("fold: list run %s: %w", st.Run, err)
	}
	return l, nil
}

// clip shortens a reason to what the set holds, so that a long text cannot
// keep labels off the list.
func clip(s string) string {
	for len(s) > blacklist.MaxReason {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// mark takes officers' and guards' words on labels into the set.
func (m *Machine) mark(st log.Statement, j log.Judged) error {
	switch st := st.(type) {
	case *log.AllowList:
		a := blacklist.AllowList{Index: j.Index, Reason: st.Reason}
		for _, b := range st.Labels {
			kind, label, ok := parseLabel(st.LabelKind, b)
			if !ok {
				// Nothing of it can ever be listed.
				continue
			}
			a.Kind = kind
			a.Labels = append(a.Labels, label)
		}
		m.set.Allow(a)
		return nil
	case *log.Strike:
		kind, label, _ := parseLabel(st.LabelKind, st.Label)
		return m.set.Strike(blacklist.Strike{Index: j.Index, Kind: kind, Label: label, Reason: st.Reason})
	case *log.Contest:
		kind, label, _ := parseLabel(st.LabelKind, st.Label)
		c := blacklist.Contest{Index: j.Index, Run: st.Run, Kind: kind, Label: label}
		if a, ok := m.ledger.ArtefactRoot(st.Run, st.Artefact); ok {
			c.Artefact = a.Index
		}
		m.contests = append(m.contests, contest{index: j.Index})
		return m.set.Contest(c)
	}
	return nil
}

// contest waits for the officers.
type contest struct {
	index   uint64
	covered time.Time // largest time of the first anchor that covers it
}

// lapseContests lets those pass of which the officers have said nothing within
// genesis' delay for authority, by anchors' times as every delay (E4): silence
// lists. Otherwise whoever escrows all he has under a second run first could
// keep it off the list for ever.
func (m *Machine) lapseContests(a log.AnchorInfo) {
	delay := m.ledger.Params().AuthorityDelay
	m.contests = slices.DeleteFunc(m.contests, func(c contest) bool {
		due := !c.covered.IsZero() && !a.Min.Before(c.covered.Add(delay))
		if due {
			m.set.Lapse(c.index)
		}
		return due
	})
	for i := range m.contests {
		if c := &m.contests[i]; c.covered.IsZero() && a.Size > c.index {
			c.covered = a.Max
		}
	}
}
