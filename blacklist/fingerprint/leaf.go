package fingerprint

import (
	"bytes"

	"github.com/zeebo/blake3"
)

// leafContext separates a leaf's hash from every other use of BLAKE3: the
// context string of its key derivation, which costs no byte of input.
const leafContext = "haltlog/tensor-leaf/v2"

// leafHasher owns the buffers that a goroutine hashes leaves with.
type leafHasher struct {
	hash    *blake3.Hasher
	scratch []byte    // a piece in a class
	values  []float32 // a piece's elements, of a block format
	plain   []byte    // the same as F32
	last    [8]byte   // the element before the piece, in the class
}

func newLeafHasher() *leafHasher {
	return &leafHasher{hash: blake3.NewDeriveKey(leafContext), scratch: make([]byte, 8*pieceElements)}
}

// digest hashes src, the elements of one leaf in d, in class c, a piece at a
// time: what is decoded is hashed before it leaves the cache. Beside it it
// counts the neighbours that differ, up to limit. The first element that c does
// not hold ends it, and is returned.
func (l *leafHasher) digest(src []byte, d Dtype, c class, limit uint64) (digest [32]byte, diffs uint64, bad number, ok bool) {
	l.hash.Reset()
	elements, size := d.Block()
	step, w := pieceElements/elements*size, c.size()
	for first := true; len(src) > 0; first = false {
		var out []byte
		out, bad, ok = l.transcode(src[:min(step, len(src))], d, c)
		if !ok {
			return [32]byte{}, 0, bad, false
		}
		src = src[min(step, len(src)):]
		l.hash.Write(out)
		if diffs >= limit {
			continue
		}
		if !first && !bytes.Equal(l.last[:w], out[:w]) {
			diffs++
		}
		diffs += differ(out, w, limit-min(limit, diffs))
		copy(l.last[:], out[len(out)-w:])
	}
	l.hash.Sum(digest[:0])
	return digest, diffs, number{}, true
}

// transcode is the function of that name for a piece in any format.
func (l *leafHasher) transcode(src []byte, d Dtype, c class) ([]byte, number, bool) {
	if !d.Quantised() {
		return transcode(l.scratch, src, d, c)
	}
	if d == Q4_K {
		l.plain = plainQ4K(l.plain, src)
		if c == classF32 {
			return l.plain, number{}, true
		}
	} else {
		l.values = Decode(l.values, src, d)
		l.plain = float32s(l.plain, l.values)
	}
	return transcode(l.scratch, l.plain, F32, c)
}
