package fingerprint

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kind says what a fingerprint was taken of.
type Kind string

// The kinds of fingerprint that are one each.
const (
	Manifest Kind = "manifest" // the directory, byte for byte
	Tensor   Kind = "tensor"   // one tensor's shape and values
)

// The families of sketches. Each has [Bands] kinds, one for each band.
const (
	FamilyBand  = "band"  // survives casts and quantisation
	FamilyBandP = "bandp" // and permuted rows
)

// Bands is how many bands a sketch is cut into.
const Bands = 16

// Band is the kind of band i of the plain sketch, 0 ≤ i < [Bands].
func Band(i int) Kind { return Kind(FamilyBand + "-" + strconv.Itoa(i)) }

// BandP is the kind of band i of the permutation-invariant sketch.
func BandP(i int) Kind { return Kind(FamilyBandP + "-" + strconv.Itoa(i)) }

// Family takes a kind apart: the family and the index of a band; the kind itself
// and 0 for those that are one each.
func (k Kind) Family() (family string, band int) {
	family, index, ok := strings.Cut(string(k), "-")
	if !ok {
		return family, 0
	}
	band, _ = strconv.Atoi(index) // of a kind that ParseKind takes
	return family, band
}

// Sketch reports whether the kind is a band of a sketch: hits of such kinds are
// for a person to look at.
func (k Kind) Sketch() bool { return strings.Contains(string(k), "-") }

// ErrKind is returned for a kind that is not known here.
var ErrKind = errors.New("unknown kind of fingerprint")

// ParseKind returns the kind of that exact name, or [ErrKind].
func ParseKind(s string) (Kind, error) {
	k := Kind(s)
	if k == Manifest || k == Tensor {
		return k, nil
	}
	switch family, band := k.Family(); {
	case family == FamilyBand && band >= 0 && band < Bands && k == Band(band):
		return k, nil
	case family == FamilyBandP && band >= 0 && band < Bands && k == BandP(band):
		return k, nil
	}
	return "", fmt.Errorf("%w: %q", ErrKind, s)
}

// Kinds are all kinds, in the order in which a model is asked about.
func Kinds() []Kind {
	out := []Kind{Manifest, Tensor}
	for i := range Bands {
		out = append(out, Band(i))
	}
	for i := range Bands {
		out = append(out, BandP(i))
	}
	return out
}

// Fingerprint is one 32-byte digest together with its kind. It never leaves
// the machine it was made on: what is sent is its blinded image.
type Fingerprint struct {
	Kind  Kind
	Value [32]byte
}

// inputTag separates the blacklist's inputs from every other use of the same
// group and key.
const inputTag = "haltlog/fingerprint/v1"

// Input returns x, the private input of the oblivious evaluation: the tag, a
// zero byte, the kind, a zero byte, and the 32-byte value. Equal values of
// different kinds are different inputs.
func (f Fingerprint) Input() []byte {
	b := make([]byte, 0, len(inputTag)+1+len(f.Kind)+1+len(f.Value))
	b = append(b, inputTag...)
	b = append(b, 0)
	b = append(b, f.Kind...)
	b = append(b, 0)
	return append(b, f.Value[:]...)
}

// String returns kind:hex, for a person on the same machine.
func (f Fingerprint) String() string {
	return string(f.Kind) + ":" + hex.EncodeToString(f.Value[:])
}

// Reason says why a tensor is never listed. The empty reason is eligible.
type Reason string

// The reasons, in the order in which they are tried.
const (
	OneDimensional Reason = "one-dimensional" // at most one dimension larger than 1
	Small          Reason = "small"           // fewer than MinElements elements
	NearConstant   Reason = "near-constant"   // fewer than 1 in 64 neighbours differ
)

// TensorPrint is the fingerprint of one tensor.
type TensorPrint struct {
	Fingerprint Fingerprint
	Shape       []uint64
	Elements    uint64
	Eligible    bool
	Reason      Reason // why not, when not eligible

	// Sketch is nil for what is not eligible, and for what is too regular.
	Sketch *Sketch

	// Name and File are for local display only; neither enters the
	// fingerprint, and neither is ever sent.
	Name string
	File string
}

// Model is what a scan found.
type Model struct {
	Manifest   Fingerprint
	Tensors    []TensorPrint // by file, then by offset
	Parameters uint64        // elements of all tensors, eligible or not
	Bytes      uint64        // bytes of all files under the manifest

	// Skipped names files that look like weights in a format that is not
	// read here: their tensors are covered by the manifest alone, so an
	// answer of "clear" does not speak for them.
	Skipped []string
}

// Eligible yields the tensors that may be listed and are worth asking for.
func (m Model) Eligible() []TensorPrint {
	var out []TensorPrint
	for _, t := range m.Tensors {
		if t.Eligible {
			out = append(out, t)
		}
	}
	return out
}
