package fingerprint

import (
	"crypto/sha256"
	"math"
	"slices"
)

// Sketch is what is kept of a tensor's rough shape: bits that stay when its
// elements are cast, quantised or tuned a little. Band is of 96 bytes, BandP
// of 96 or, for a tensor without rows to permute, of none.
type Sketch struct {
	Rank  uint64 // place in the order of [Model.Sketched], larger first
	RankP uint64 // the same for bandp, whatever the order of rows
	Band  []byte
	BandP []byte
}

// sketchTag separates the digests of bands from all others.
const sketchTag = "haltlog/sketch/v1"

// Prints returns the fingerprints of the bands of a family, none for a tensor
// that has not that sketch.
func (s *Sketch) Prints(family string) []Fingerprint {
	bits, _ := s.of(family)
	var out []Fingerprint
	for i := range len(bits) / bandBytes {
		out = append(out, band(family, i, bits))
	}
	return out
}

// of returns the bits of a family and the rank by which its tensors are chosen.
func (s *Sketch) of(family string) (bits []byte, rank uint64) {
	if s == nil {
		return nil, 0
	}
	if family == FamilyBandP {
		return s.BandP, s.RankP
	}
	return s.Band, s.Rank
}

// band is SHA-256 over the tag, a zero byte, the family, a zero byte, the
// band's index in one byte, and its six bytes.
func band(family string, i int, bits []byte) Fingerprint {
	b := append([]byte(sketchTag), 0)
	b = append(b, family...)
	b = append(b, 0, byte(i))
	b = append(b, bits[i*bandBytes:(i+1)*bandBytes]...)
	kind := Band(i)
	if family == FamilyBandP {
		kind = BandP(i)
	}
	return Fingerprint{kind, sha256.Sum256(b)}
}

// fits reports whether a sketch that was kept is one that a scan makes.
func (s *Sketch) fits() bool {
	return s == nil || max(s.Rank, s.RankP) <= 1<<rankBits && len(s.Band) == sketchBytes && (len(s.BandP) == 0 || len(s.BandP) == sketchBytes)
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014) over a counter:
// word i of the one pseudo-random stream of that seed.
func mix(seed, i uint64) uint64 {
	z := seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// quantiser turns elements into integers relative to a scale: unit for the
// scale itself, no larger than reach. The products are of float32, rounded once
// and cut towards zero, so that every machine gets the same integers. NaN is 0.
type quantiser struct{ factor float32 }

func newQuantiser(scale float32) quantiser { return quantiser{sketchUnit / scale} }

func (q quantiser) of(v float32) int32 {
	f := float32(v * q.factor)
	// One comparison for all but a few elements, and short enough to be inlined.
	if math.Float32bits(f)&^(1<<31) < reachBits {
		return int32(f)
	}
	return cut(f)
}

// cut is an element at the reach or beyond it, infinite or NaN, which is 0.
func cut(f float32) int32 {
	switch {
	case f > 0:
		return sketchReach
	case f < 0:
		return -sketchReach
	}
	return 0
}

// bitset writes bit i of a sketch: byte i/8, most significant bit first.
func bitset(b []byte, i int) { b[i/8] |= 0x80 >> (i % 8) }

// scaleOf returns the value below which nine in ten magnitudes lie, to 8 bits:
// neither outliers nor pruned elements move it much. false if it is 0, not
// normal, or not finite: more than nine in ten are zero, or it is no weight.
// counts has an entry for each top half of a float32 without its sign.
func scaleOf(values []float32, counts []uint32) (float32, bool) {
	clear(counts)
	n := 0
	for _, v := range values {
		if b := math.Float32bits(v) &^ (1 << 31); b <= 0x7f800000 {
			counts[b>>16]++
			n++
		}
	}
	above := n / 10
	for i := range slices.Backward(counts) {
		if above -= int(counts[i]); above < 0 {
			s := math.Float32frombits(uint32(i) << 16)
			return s, s >= minScale && s <= maxScale
		}
	}
	return 0, false
}

// columns describes a tensor as rows of columns: as many trailing dimensions
// as make minColumns. ok is false if there are too few rows or columns.
func columns(shape []uint64) (rows, cols uint64, ok bool) {
	rows, cols = 1, 1
	for _, d := range slices.Backward(shape) {
		if cols < minColumns {
			cols *= d
		} else {
			rows *= d
		}
	}
	return rows, cols, cols >= minColumns && cols <= maxColumns && rows >= minRows
}
