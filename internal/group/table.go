package group

import (
	"encoding/binary"
	"sync"

	"github.com/gtank/ristretto255"
)

// A VarTimeTable holds multiples of one element, so that products with it take
// less than half of the time: for a public key that many signatures are verified
// under. With P the element, it holds the odd multiples of P, 2^32·P, …, 2^224·P,
// so that a product takes 32 doublings instead of 256. Making it costs as much as
// two products; it takes 20 KB. It is immutable.
type VarTimeTable struct {
	odd [tableParts][]ristretto255.Element
}

// VarTimeTable makes the element's table. The element is public.
func (e *Element) VarTimeTable() *VarTimeTable { return newTable(e.get(), elementWidth) }

func newTable(e *ristretto255.Element, width int) *VarTimeTable {
	t := &VarTimeTable{}
	base := *e
	for part := range t.odd {
		if part > 0 {
			for range tableStep {
				base.Add(&base, &base)
			}
		}
		var twice ristretto255.Element
		twice.Add(&base, &base)
		odd := make([]ristretto255.Element, 1<<(width-2))
		odd[0] = base
		for i := 1; i < len(odd); i++ {
			odd[i].Add(&odd[i-1], &twice)
		}
		t.odd[part] = odd
	}
	return t
}

// generatorTable is the generator's, made once: 82 KB for the whole process.
var generatorTable = sync.OnceValue(func() *VarTimeTable {
	return newTable(ristretto255.NewGeneratorElement(), generatorWidth)
})

// VarTimeMulBaseAdd returns a·G + b·P, as Element.VarTimeMulBaseAdd does. Its
// time depends on its inputs: for public data only.
func (t *VarTimeTable) VarTimeMulBaseAdd(a, b *Scalar) *Element {
	digitsA, digitsB := nonAdjacent(a.Bytes(), generatorWidth), nonAdjacent(b.Bytes(), elementWidth)
	g := generatorTable()
	sum := &Element{set: true}
	sum.r.Set(ristretto255.NewIdentityElement())
	for i := tableStep - 1; i >= 0; i-- {
		sum.r.Add(&sum.r, &sum.r)
		for part := range tableParts {
			g.add(&sum.r, part, digitsA[part*tableStep+i])
			t.add(&sum.r, part, digitsB[part*tableStep+i])
		}
	}
	return sum
}

// add adds digit·2^(32·part)·P to sum; the digit is odd or zero.
func (t *VarTimeTable) add(sum *ristretto255.Element, part int, digit int8) {
	switch {
	case digit > 0:
		sum.Add(sum, &t.odd[part][digit/2])
	case digit < 0:
		sum.Subtract(sum, &t.odd[part][-digit/2])
	}
}

// nonAdjacent writes a scalar below 2^253, 32 bytes little-endian, as
// Σ digit[i]·2^i with digits that are zero or odd and below 2^(width−1) in
// magnitude, of any width consecutive ones at most one not zero.
func nonAdjacent(scalar []byte, width int) [256]int8 {
	// One word more than the scalar has, so that a window may reach over its end.
	var words [5]uint64
	for i := range 4 {
		words[i] = binary.LittleEndian.Uint64(scalar[8*i:])
	}
	var digits [256]int8
	carry := uint64(0)
	for i := 0; i < 256; {
		word, bit := i/64, i%64
		window := words[word] >> bit
		if bit > 64-width {
			window |= words[word+1] << (64 - bit)
		}
		window = window&(1<<width-1) + carry
		if window&1 == 0 {
			// Even: carry stays, as it is 1 only where the bit itself is 1.
			i++
			continue
		}
		if window < 1<<(width-1) {
			carry = 0
			digits[i] = int8(window)
		} else {
			carry = 1
			digits[i] = int8(int(window) - 1<<width)
		}
		i += width
	}
	return digits
}
