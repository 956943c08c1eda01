package fingerprint

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// tensorTag begins what a tensor's leaves are hashed into.
const tensorTag = "haltlog/tensor/v1"

// tensor is one tensor while its leaves are hashed by any worker in any order.
type tensor struct {
	Entry
	file     int      // index into the files
	offset   uint64   // of the first byte in the file
	strides  []uint64 // in elements; nil: row-major
	swap     bool     // big-endian
	elements uint64

	class atomic.Uint32 // the first class not yet ruled out; only grows

	mu     sync.Mutex
	leaves []leaf
	open   int // leaves not hashed yet
	diffs  uint64
}

// leaf is the hash of leafElements elements in one class: BLAKE3, since the
// manifest already takes SHA-256 of every byte, and a second one would cost as
// much as everything else together.
type leaf struct {
	digest [32]byte
	class  class // 0: not hashed yet
}

func newTensor(e Entry, file int, data uint64) *tensor {
	t := &tensor{Entry: e, file: file, offset: data + e.Begin, elements: e.Elements()}
	t.class.Store(uint32(classU8))
	t.open = t.count()
	return t
}

// count is the number of leaves; an empty tensor has none.
func (t *tensor) count() int {
	return int((t.elements + leafElements - 1) / leafElements)
}

// span returns the byte range of leaf i in the file.
func (t *tensor) span(i int) (offset uint64, length int) {
	// Leaves hold whole blocks: leafElements is a multiple of every block.
	elements, size := t.Dtype.Block()
	block := uint64(elements)
	begin := uint64(i) * leafElements
	n := min(t.elements-begin, leafElements)
	return t.offset + begin/block*uint64(size), int(n/block) * size
}

// raise rules out every class before c.
func (t *tensor) raise(c class) {
	for {
		old := t.class.Load()
		if old >= uint32(c) || t.class.CompareAndSwap(old, uint32(c)) {
			return
		}
	}
}

// pairs is the number of neighbours that the near-constant rule looks at:
// elements that follow one another in row-major order under one leaf.
func (t *tensor) pairs() uint64 { return t.elements - uint64(t.count()) }

// enough is the number of differing neighbours from which a tensor is not
// near-constant: ceil(pairs / constantShare), at least 1.
func (t *tensor) enough() uint64 {
	return max(1, (t.pairs()+constantShare-1)/constantShare)
}

// hashLeaf hashes src, the elements of leaf i, in the tensor's class at that
// moment, raising the class as far as src demands. It reports whether this
// closed the tensor's last open leaf, which happens once.
func (t *tensor) hashLeaf(i int, src []byte, h *leafHasher) (last bool) {
	limit := t.wanted(i)
	for {
		c := class(t.class.Load())
		digest, diffs, bad, ok := h.digest(src, t.Dtype, c, limit)
		if ok {
			return t.record(i, leaf{digest, c}, diffs)
		}
		t.raise(c.after(bad))
	}
}

// wanted is how many differing neighbours are worth counting in leaf i. They
// are counted once per leaf, whatever class it was hashed in (equal numbers
// have equal bits in any class), and no longer than until there are enough.
func (t *tensor) wanted(i int) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaves == nil {
		t.leaves = make([]leaf, t.count())
	}
	if t.leaves[i].class != 0 {
		return 0
	}
	return t.enough() - min(t.enough(), t.diffs)
}

// record stores leaf i and the neighbours that were counted in it.
func (t *tensor) record(i int, l leaf, diffs uint64) (last bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.leaves[i].class == 0
	t.leaves[i] = l
	if !first {
		return false
	}
	t.diffs += diffs
	t.open--
	return t.open == 0
}

// stale reports whether leaf i was hashed before the class was raised. It is
// for the worker that closed the last leaf, the only one then left here.
func (t *tensor) stale(i int) bool { return t.leaves[i].class != class(t.class.Load()) }

// print closes the tensor: SHA-256 over the tag, the class, the rank, each
// dimension and the leaves' digests, all integers big-endian.
func (t *tensor) print() TensorPrint {
	h := sha256.New()
	head := []byte(tensorTag)
	head = append(head, 0, byte(t.class.Load()), byte(len(t.Shape)))
	for _, d := range t.Shape {
		head = binary.BigEndian.AppendUint64(head, d)
	}
	h.Write(head)
	for _, l := range t.leaves {
		h.Write(l.digest[:])
	}
	p := TensorPrint{
		Fingerprint: Fingerprint{Tensor, [32]byte(h.Sum(nil))},
		Shape:       t.Shape,
		Elements:    t.elements,
		Reason:      t.reason(),
		Name:        t.Name,
	}
	p.Eligible = p.Reason == ""
	t.leaves = nil
	return p
}

// reason applies the rules of what is never listed that one tensor's own
// values decide. The declared base and the allow-list are the blacklist's.
func (t *tensor) reason() Reason {
	long := 0
	for _, d := range t.Shape {
		if d > 1 {
			long++
		}
	}
	switch {
	case long <= 1:
		return OneDimensional
	case t.elements < MinElements:
		return Small
	case t.diffs < t.enough():
		return NearConstant
	}
	return ""
}

// differ counts the elements of w bytes that differ from the one before, up
// to limit.
func differ(b []byte, w int, limit uint64) uint64 {
	n := uint64(0)
	switch w {
	case 1:
		for i := 1; i < len(b) && n < limit; i++ {
			if b[i] != b[i-1] {
				n++
			}
		}
	case 2:
		last := binary.LittleEndian.Uint16(b)
		for i := 2; i < len(b) && n < limit; i += 2 {
			x := binary.LittleEndian.Uint16(b[i:])
			if x != last {
				n++
			}
			last = x
		}
	case 4:
		last := binary.LittleEndian.Uint32(b)
		for i := 4; i < len(b) && n < limit; i += 4 {
			x := binary.LittleEndian.Uint32(b[i:])
			if x != last {
				n++
			}
			last = x
		}
	default:
		last := binary.LittleEndian.Uint64(b)
		for i := 8; i < len(b) && n < limit; i += 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			if x != last {
				n++
			}
			last = x
		}
	}
	return n
}
