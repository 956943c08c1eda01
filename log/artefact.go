package log

import (
	"fmt"
	"strconv"
	"strings"
)

// Kinds of labels.
const (
	LabelManifest = "manifest"
	LabelTensor   = "tensor"
	LabelBand     = "band"
	LabelBandP    = "bandp"
)

// Bands is how many bands each kind of sketch has.
const Bands = 16

// labelKind wants the kind of a label, for a band with its index: "band-0" to
// "bandp-15".
func (c *checks) labelKind(place, k string) {
	family, index, indexed := strings.Cut(k, "-")
	switch family {
	case LabelManifest, LabelTensor:
		c.that(!indexed, place, "no kind of label")
	case LabelBand, LabelBandP:
		n, err := strconv.Atoi(index)
		c.that(!indexed || err == nil && n >= 0 && n < Bands && strconv.Itoa(n) == index, place, "no kind of label")
	default:
		c.that(false, place, "no kind of label")
	}
}

// Artefact escrows the labels of one saved model checkpoint: how many, their
// Merkle root, and the labels sealed under a data key that is wrapped to the
// escrow. So nothing has to be read from a machine that is being destroyed.
// Signed by a guard of the run.
type Artefact struct {
	Origin     string `json:"origin"`
	Run        string `json:"run"`
	Number     uint64 `json:"number"` // from 1, rising
	KeyVersion uint64 `json:"key_version"`
	Count      uint64 `json:"count"` // of labels
	Root       Hash   `json:"root"`  // RFC 6962 over the labels' leaf hashes, by number
	Sealed     Bytes  `json:"sealed"`
	Wraps      []Wrap `json:"wraps"`
}

// Wrap is the data key, wrapped. Suite 1 is HPKE to the daemon's escrow key;
// an unknown suite is not void, only unopenable here.
type Wrap struct {
	Suite int    `json:"suite"`
	KeyID string `json:"keyid"`
	Bytes Bytes  `json:"bytes"`
}

// Kind is [KindArtefact].
func (s *Artefact) Kind() Kind { return KindArtefact }

func (s *Artefact) logOrigin() string { return s.Origin }

// Validate checks the bounds.
func (s *Artefact) Validate() error {
	var c checks
	c.origin(s.Origin)
	c.name("run", s.Run)
	c.that(s.Number >= 1, "number", "from 1")
	c.that(s.KeyVersion >= 1, "key_version", "from 1")
	c.that(s.Count >= 1 && s.Count <= MaxArtefactLabels, "count", fmt.Sprintf("1 to %d", MaxArtefactLabels))
	c.size("sealed", s.Sealed, 1, MaxSealed)
	c.count("wraps", len(s.Wraps), 1, MaxWraps)
	for i, w := range s.Wraps {
		at := fmt.Sprintf("wraps[%d]", i)
		c.between(at+".suite", int64(w.Suite), 1, 1<<16-1)
		c.keyID(at+".keyid", w.KeyID)
		c.size(at+".bytes", w.Bytes, 1, MaxWrapped)
	}
	sorted(&c, "wraps", s.Wraps, func(a, b Wrap) int {
		if a.Suite != b.Suite {
			return a.Suite - b.Suite
		}
		return compareBytes(Bytes(a.KeyID), Bytes(b.KeyID))
	})
	return c.err
}

// Replay is the run, with the number.
func (s *Artefact) Replay(string) ReplayKey {
	return ReplayKey{Scope: "artefact/" + s.Run, Sequence: s.Number, Monotone: true}
}

// Void: the run has not ended and the signer is one of its guards.
func (s *Artefact) Void(v View, e Signed) error {
	r, err := runFor(v, s.Run)
	if err != nil {
		return err
	}
	return guardOf(r, e)
}
