package keys

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// ecdsaSignature is the ASN.1 form (RFC 3279 section 2.2.3).
type ecdsaSignature struct{ R, S *big.Int }

// parseDER reads a P-256 signature in DER with low S, and accepts no other
// encoding of it.
func parseDER(sig []byte) (ecdsaSignature, error) {
	var e ecdsaSignature
	rest, err := asn1.Unmarshal(sig, &e)
	if err != nil || len(rest) != 0 {
		return e, fmt.Errorf("not DER: %w", ErrSignature)
	}
	again, err := asn1.Marshal(e)
	if err != nil || !bytes.Equal(again, sig) {
		return e, fmt.Errorf("not DER: %w", ErrSignature)
	}
	n := elliptic.P256().Params().N
	if e.R.Sign() <= 0 || e.S.Sign() <= 0 || e.R.Cmp(n) >= 0 || e.S.Cmp(n) >= 0 {
		return e, fmt.Errorf("r or s out of range: %w", ErrSignature)
	}
	// (r, n−s) is as valid as (r, s): one of the two is taken.
	if high(e.S, n) {
		return e, fmt.Errorf("high s: %w", ErrSignature)
	}
	return e, nil
}

func high(s, n *big.Int) bool { return s.Cmp(new(big.Int).Rsh(n, 1)) > 0 }

// lowS brings a signature that a library or a KMS made into the one form.
func lowS(sig []byte) ([]byte, error) {
	var e ecdsaSignature
	if rest, err := asn1.Unmarshal(sig, &e); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("not DER: %w", ErrSignature)
	}
	n := elliptic.P256().Params().N
	if high(e.S, n) {
		e.S = new(big.Int).Sub(n, e.S)
	}
	out, err := asn1.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if _, err := parseDER(out); err != nil {
		return nil, err
	}
	return out, nil
}
