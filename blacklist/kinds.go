package blacklist

import (
	"cmp"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// noKind is the number of what is no kind.
const noKind = 255

// kindNumber numbers the kinds in the order of an epoch's parts: by the name of
// the family, then by band.
func kindNumber(k fingerprint.Kind) uint8 {
	if _, err := fingerprint.ParseKind(string(k)); err != nil {
		return noKind
	}
	switch family, band := k.Family(); family {
	case fingerprint.FamilyBand:
		return uint8(band)
	case fingerprint.FamilyBandP:
		return fingerprint.Bands + uint8(band)
	}
	if k == fingerprint.Manifest {
		return 2 * fingerprint.Bands
	}
	return 2*fingerprint.Bands + 1
}

// kindOf is the inverse of kindNumber.
func kindOf(n uint8) fingerprint.Kind {
	switch {
	case n < fingerprint.Bands:
		return fingerprint.Band(int(n))
	case n < 2*fingerprint.Bands:
		return fingerprint.BandP(int(n - fingerprint.Bands))
	case n == 2*fingerprint.Bands:
		return fingerprint.Manifest
	}
	return fingerprint.Tensor
}

func compareKinds(a, b fingerprint.Kind) int { return cmp.Compare(kindNumber(a), kindNumber(b)) }

// banded reports whether a kind is of one of the two families of bands.
func banded(k fingerprint.Kind) bool { return kindNumber(k) < 2*fingerprint.Bands }

// maxPrefix is the longest prefix of a kind's parts, in bits.
func maxPrefix(k fingerprint.Kind) int {
	switch {
	case k == fingerprint.Manifest:
		return 0
	case k.Sketch():
		return MaxBandPrefix
	}
	return MaxPrefix
}
