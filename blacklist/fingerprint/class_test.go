package fingerprint

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// TestMinifloats: every bit pattern of the 8- and 16-bit formats decodes and
// encodes back to itself, but for −0 and NaNs.
func TestMinifloats(t *testing.T) {
	t.Attr("invariant", "F1")
	for _, m := range []minifloat{formatE4M3, formatE5M2, formatBF16, formatF16} {
		bits := 1 + m.exponent + m.mantissa
		seen := make(map[float64]bool)
		for b := range uint64(1) << bits {
			v := m.decode(b)
			got, ok := m.encode(v)
			switch {
			case !ok:
				t.Fatalf("%+v: %x is %v, which does not encode", m, b, v)
			case v != v:
				if got != m.nan() || m.decode(got) == m.decode(got) {
					t.Fatalf("%+v: NaN %x encodes as %x", m, b, got)
				}
			case v == 0:
				if got != 0 {
					t.Fatalf("%+v: zero %x encodes as %x", m, b, got)
				}
			case got != b || seen[v]:
				t.Fatalf("%+v: %x is %v is %x", m, b, v, got)
			}
			seen[v] = true
		}
		// Halfway between two neighbours nothing is held.
		for b := range uint64(1)<<(bits-1) - 1 {
			lo, hi := m.decode(b), m.decode(b+1)
			if mid := lo + (hi-lo)/2; mid > lo && mid < hi {
				if _, ok := m.encode(mid); ok {
					t.Fatalf("%+v holds %v, between %v and %v", m, mid, lo, hi)
				}
			}
		}
	}
	// The largest finite numbers and the smallest subnormals, from the OCP
	// 8-bit specification, section 5, IEEE 754 and the definition of bfloat16.
	for _, c := range []struct {
		m    minifloat
		bits uint64
		v    float64
	}{
		{formatE4M3, 0x7e, 448},
		{formatE4M3, 1, math.Ldexp(1, -9)},
		{formatE5M2, 0x7b, 57344},
		{formatE5M2, 1, math.Ldexp(1, -16)},
		{formatF16, 0x7bff, 65504},
		{formatF16, 1, math.Ldexp(1, -24)},
		{formatBF16, 0x7f7f, 0x1.fep127},
		{formatBF16, 1, math.Ldexp(1, -133)},
		{formatF32, 0x7f7fffff, math.MaxFloat32},
		{formatF32, 1, math.SmallestNonzeroFloat32},
	} {
		if got, ok := c.m.encode(c.v); !ok || got != c.bits || c.m.decode(c.bits) != c.v {
			t.Errorf("%+v: %v is %x, want %x", c.m, c.v, got, c.bits)
		}
		if c.bits > 1 {
			if _, ok := c.m.encode(c.v * 2); ok {
				t.Errorf("%+v holds %v", c.m, c.v*2)
			}
		} else if _, ok := c.m.encode(c.v / 2); ok {
			t.Errorf("%+v holds %v", c.m, c.v/2)
		}
	}
}

// TestSingle holds the F32 format against the processor's.
func TestSingle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1 << 18 {
		f := math.Float64frombits(r.Uint64())
		if r.IntN(2) == 0 {
			f = float64(math.Float32frombits(r.Uint32()))
		}
		got, ok := formatF32.encode(f)
		single := float32(f)
		switch {
		case f != f:
			ok = ok && got == 0x7fc00000
		case float64(single) == f:
			ok = ok && uint32(got) == math.Float32bits(single+0)
		default:
			ok = !ok
		}
		if !ok {
			t.Fatalf("%x: %x", math.Float64bits(f), got)
		}
	}
}

// TestTranscodeFast holds every fast path against decoding and encoding one
// element at a time.
func TestTranscodeFast(t *testing.T) {
	t.Attr("invariant", "F1")
	r := rand.New(rand.NewPCG(5, 6))
	for d, c := range map[Dtype]class{
		BF16: classBF16, F16: classF16, F32: classF32, F64: classF64, F8E4M3: classE4M3, F8E5M2: classE5M2,
		U8: classU8, I8: classI8, U16: classU16, I16: classI16, U32: classU32, I32: classI32, U64: classU64, I64: classI64,
	} {
		for n := range 70 {
			var src, want []byte
			for range n {
				bits := r.Uint64()
				switch r.IntN(4) {
				case 0:
					bits = 1 << (8*d.Size() - 1) // −0
				case 1:
					bits |= 0x7ff << 52 >> (64 - 8*d.Size()) // exponents of ones
				}
				src = append(src, binary.LittleEndian.AppendUint64(nil, bits)[:d.Size()]...)
			}
			for i := range n {
				v := d.number(d.bits(src, i))
				x, ok := c.encode(v)
				if !ok {
					t.Fatalf("%v does not hold %v", d, v)
				}
				want = append(want, binary.LittleEndian.AppendUint64(nil, x)[:d.Size()]...)
			}
			got, _, ok := transcode(nil, src, d, c)
			if !ok || string(got) != string(want) {
				t.Fatalf("%v: %d elements:\n got %x\nwant %x", d, n, got, want)
			}
		}
	}
}

// TestNarrow holds the paths that undo an up-cast to F32 against the general
// one.
func TestNarrow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 1 << 18 {
		x := r.Uint32()
		switch r.IntN(4) {
		case 0:
			x &^= 0xffff
		case 1:
			x |= 0x7f800000
		case 2: // about F16's range
			x = x&^0x7f801fff | uint32(100+r.IntN(50))<<23
		}
		if i < 1<<16 {
			x = math.Float32bits(float32(formatF16.decode(uint64(i))))
		}
		src := binary.LittleEndian.AppendUint32(nil, x)
		for _, c := range []class{classBF16, classF16} {
			got, bad, ok := transcode(nil, src, F32, c)
			want, held := c.encode(F32.number(uint64(x)))
			if ok != held || ok && binary.LittleEndian.Uint16(got) != uint16(want) {
				t.Fatalf("%x in %d: %x %v, want %x %v", x, c, got, ok, want, held)
			}
			if _, fits := c.encode(bad); !ok && fits {
				t.Fatalf("%x in %d: %v is blamed", x, c, bad)
			}
		}
	}
}
