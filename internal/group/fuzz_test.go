package group

import (
	"bytes"
	"testing"
)

// FuzzDecodeElement: what decodes is printed back as it came.
func FuzzDecodeElement(f *testing.F) {
	f.Add(Generator().Bytes())
	f.Add(make([]byte, 32))
	f.Add(bytes.Repeat([]byte{255}, 32))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeElement(b)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Bytes(), b) || e.IsIdentity() || !e.Sub(e).IsIdentity() {
			t.Fatalf("%x prints as %x", b, e.Bytes())
		}
	})
}

// FuzzDecodeScalar: what decodes is printed back as it came.
func FuzzDecodeScalar(f *testing.F) {
	f.Add(littleEndian(order()))
	f.Add(make([]byte, 32))
	f.Add(ScalarFromUint64(1).Neg().Bytes())
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeScalar(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Bytes(), b) || !s.Sub(s).IsZero() {
			t.Fatalf("%x prints as %x", b, s.Bytes())
		}
	})
}
