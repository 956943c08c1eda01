package blacklist

import "encoding/hex"

func hexOf(h Hash) string { return hex.EncodeToString(h[:]) }

// Roots over the first 0, 1 and 5 test labels.
const (
	rootVector0 = "3e10f2bb699258a214c25013beab9e1085eb1d5982a081eaefaffa0c4bef6e8f"
	rootVector1 = "989b6a9d24c07651fdbb35edd368a5fcf21407dd88811655297146815d641f64"
	rootVector5 = "802dc0bc4a033d1eab21a2dcdcf0dee268bc94d9bdfb84a2ef29598ea3ff9c3a"
)
