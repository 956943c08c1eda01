package blacklist

import "encoding/hex"

func hexOf(h Hash) string { return hex.EncodeToString(h[:]) }

// Roots over the first 0, 1 and 5 test labels.
const (
	rootVector0 = "3e10f2bb699258a214c25013beab9e1085eb1d5982a081eaefaffa0c4bef6e8f"
	rootVector1 = "989b6a9d24c07651fdbb35edd368a5fcf21407dd88811655297146815d641f64"
	rootVector5 = "802dc0bc4a033d1eab21a2dcdcf0dee268bc94d9bdfb84a2ef29598ea3ff9c3a"
)

const (
	vectorLeaf     = "df21bc48df374839706d7474cedcf844dc56f8a98c800b1c044e3da6500759f8"
	vectorArtefact = "dbee47adc1a537756d38188cb79eaca580f3cda51cd4dd7306876b0636c490c5"
	vectorFull     = "5e9474daabf0bb673ddc4dd278ef58f77c2d6f9df9399b6ae8154dcd0a65615f"
	vectorPart     = "tensor/101000010110"
)
