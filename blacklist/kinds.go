package blacklist

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// bands is how many bands each of the two families has.
const bands = 16

// kindNumber numbers the kinds in the order of an epoch's parts: by family's
// name, then by band. 255 is no kind.
func kindNumber(k fingerprint.Kind) uint8 {
	switch k {
	case fingerprint.Manifest:
		return 2 * bands
	case fingerprint.Tensor:
		return 2*bands + 1
	}
	family, band, _ := strings.Cut(string(k), "-")
	n, err := strconv.ParseUint(band, 10, 8)
	switch {
	case err != nil || n >= bands || strconv.FormatUint(n, 10) != band:
	case family == "band":
		return uint8(n)
	case family == "bandp":
		return bands + uint8(n)
	}
	return 255
}

// kindOf is the inverse of kindNumber.
func kindOf(n uint8) fingerprint.Kind {
	switch {
	case n < bands:
		return fingerprint.Kind(fmt.Sprintf("band-%d", n))
	case n < 2*bands:
		return fingerprint.Kind(fmt.Sprintf("bandp-%d", n-bands))
	case n == 2*bands:
		return fingerprint.Manifest
	}
	return fingerprint.Tensor
}

func compareKinds(a, b fingerprint.Kind) int { return cmp.Compare(kindNumber(a), kindNumber(b)) }

// banded reports whether a kind is of one of the two families of bands.
func banded(k fingerprint.Kind) bool { return kindNumber(k) < 2*bands }
