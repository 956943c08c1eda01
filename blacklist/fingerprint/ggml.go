package fingerprint

import "fmt"

// ggmlDtype returns the format that ggml gives this number, or [ErrDtype] for
// one that is not read here.
// Source: ggml-org/ggml include/ggml.h (enum ggml_type).
func ggmlDtype(typ uint32) (Dtype, error) {
	switch typ {
	case 0:
		return F32, nil
	case 1:
		return F16, nil
	case 2:
		return Q4_0, nil
	case 3:
		return Q4_1, nil
	case 6:
		return Q5_0, nil
	case 7:
		return Q5_1, nil
	case 8:
		return Q8_0, nil
	case 10:
		return Q2_K, nil
	case 11:
		return Q3_K, nil
	case 12:
		return Q4_K, nil
	case 13:
		return Q5_K, nil
	case 14:
		return Q6_K, nil
	case 24:
		return I8, nil
	case 25:
		return I16, nil
	case 26:
		return I32, nil
	case 27:
		return I64, nil
	case 28:
		return F64, nil
	case 30:
		return BF16, nil
	}
	return 0, fmt.Errorf("%w: ggml type %d", ErrDtype, typ)
}

// ggmlType is the inverse of ggmlDtype; false for what ggml has no number for.
func ggmlType(d Dtype) (uint32, bool) {
	for typ := range uint32(31) {
		if got, err := ggmlDtype(typ); err == nil && got == d {
			return typ, true
		}
	}
	return 0, false
}
