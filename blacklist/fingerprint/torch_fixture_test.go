package fingerprint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
)

// torchTensor is a tensor of a fixture: a view of storage key.
type torchTensor struct {
	name    string
	class   string // of the storage
	key     string
	numel   uint64 // of the storage
	offset  uint64
	shape   []uint64
	strides []uint64 // nil: row-major
	param   bool     // wrapped as a parameter
	dtype   string   // of _rebuild_tensor_v3
}

// pickler writes protocol 2 as Python's does: what was written before is
// fetched from the memo.
type pickler struct {
	bytes.Buffer
	memo map[string]int
}

func (p *pickler) put() {
	n := len(p.memo)
	if n < 256 {
		p.Write([]byte{'q', byte(n)})
	} else {
		p.WriteByte('r')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	}
}

// once runs write and remembers it as key; the second time it is fetched.
func (p *pickler) once(key string, write func()) {
	n, ok := p.memo[key]
	switch {
	case ok && n < 256:
		p.Write([]byte{'h', byte(n)})
		return
	case ok:
		p.WriteByte('j')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
		return
	}
	write()
	p.put()
	p.memo[key] = len(p.memo)
}

// fresh remembers something that is never fetched.
func (p *pickler) fresh() {
	p.put()
	p.memo["#"+strconv.Itoa(len(p.memo))] = len(p.memo)
}

func (p *pickler) global(module, name string) {
	p.once("g:"+module+"."+name, func() { fmt.Fprintf(p, "c%s\n%s\n", module, name) })
}

func (p *pickler) text(s string, shared bool) {
	key := "s:" + s
	if !shared {
		key = "s:" + s + "#" + strconv.Itoa(len(p.memo))
	}
	p.once(key, func() {
		p.WriteByte('X')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
		p.WriteString(s)
	})
}

func (p *pickler) number(n uint64) {
	switch {
	case n < 1<<8:
		p.Write([]byte{'K', byte(n)})
	case n < 1<<16:
		p.Write([]byte{'M', byte(n), byte(n >> 8)})
	case n < 1<<31:
		p.WriteByte('J')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	default:
		b := binary.LittleEndian.AppendUint64(nil, n)
		for len(b) > 1 && b[len(b)-1] == 0 && b[len(b)-2] < 0x80 {
			b = b[:len(b)-1]
		}
		p.Write([]byte{0x8a, byte(len(b))})
		p.Write(b)
	}
}

func (p *pickler) numbers(list []uint64) {
	if len(list) == 0 {
		p.WriteByte(')')
		return
	}
	if len(list) > 3 {
		p.WriteByte('(')
	}
	for _, n := range list {
		p.number(n)
	}
	if len(list) > 3 {
		p.WriteByte('t')
	} else {
		p.WriteByte(0x84 + byte(len(list)))
	}
	p.fresh()
}

func (p *pickler) orderedDict() {
	p.global("collections", "OrderedDict")
	p.WriteString(")R")
	p.fresh()
}

func rowMajor(shape []uint64) []uint64 {
	strides := make([]uint64, len(shape))
	next := uint64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = next
		next *= shape[i]
	}
	return strides
}

func (p *pickler) tensor(t torchTensor) {
	if t.param {
		p.global("torch._utils", "_rebuild_parameter")
	}
	rebuild := "_rebuild_tensor_v2"
	if t.dtype != "" {
		rebuild = "_rebuild_tensor_v3"
	}
	p.global("torch._utils", rebuild)
	p.WriteString("((")
	p.text("storage", true)
	module := "torch"
	if t.class == "UntypedStorage" {
		module = "torch.storage"
	}
	p.global(module, t.class)
	p.text(t.key, false)
	p.text("cpu", true)
	p.number(t.numel)
	p.WriteByte('t')
	p.fresh()
	p.WriteByte('Q')
	p.number(t.offset)
	p.numbers(t.shape)
	strides := t.strides
	if strides == nil {
		strides = rowMajor(t.shape)
	}
	p.numbers(strides)
	p.WriteByte(0x89)
	p.orderedDict()
	if t.dtype != "" {
		p.global("torch", t.dtype)
	}
	p.WriteByte('t')
	p.fresh()
	p.WriteByte('R')
	p.fresh()
	if t.param {
		p.WriteByte(0x88)
		p.orderedDict()
		p.WriteByte(0x87)
		p.fresh()
		p.WriteByte('R')
		p.fresh()
	}
}

// statePickle is what torch.save pickles of a state_dict with these tensors.
func statePickle(tensors ...torchTensor) []byte {
	p := &pickler{memo: make(map[string]int)}
	p.Write([]byte{0x80, 2})
	p.orderedDict()
	if len(tensors) > 1 {
		p.WriteByte('(')
	}
	for _, t := range tensors {
		p.text(t.name, false)
		p.tensor(t)
	}
	if len(tensors) > 1 {
		p.WriteByte('u')
	} else {
		p.WriteByte('s')
	}
	p.WriteByte('}')
	p.fresh()
	p.text("_metadata", true)
	p.orderedDict()
	p.text("", true)
	p.WriteByte('}')
	p.fresh()
	p.text("version", true)
	p.number(1)
	p.WriteString("sssb.")
	return p.Bytes()
}

// zipEntry is one entry of an archive; what is set makes it a bad one.
type zipEntry struct {
	name   string
	data   []byte
	method uint16
	flags  uint16 // besides torch's
	size   uint64 // claimed, if not the data's
	at     uint64 // claimed place of the local header, if not its own
}

// torchZip lays entries out as PyTorch's writer (over miniz) does: sizes in a
// descriptor behind the data, the data at multiples of 64 by an extra field
// "FB" full of Z.
// Source: pytorch/pytorch caffe2/serialize/inline_container.cc (getPadding).
func torchZip(entries ...zipEntry) []byte {
	var b, directory bytes.Buffer
	u16 := func(w *bytes.Buffer, list ...uint16) {
		for _, n := range list {
			w.Write(binary.LittleEndian.AppendUint16(nil, n))
		}
	}
	u32 := func(w *bytes.Buffer, list ...uint32) {
		for _, n := range list {
			w.Write(binary.LittleEndian.AppendUint32(nil, n))
		}
	}
	for _, e := range entries {
		size, at := uint32(len(e.data)), uint32(b.Len())
		if e.size != 0 {
			size = uint32(e.size)
		}
		if e.at != 0 {
			at = uint32(e.at)
		}
		start := b.Len() + 30 + len(e.name) + 4
		padding := (64 - start%64) % 64
		crc := crc32.ChecksumIEEE(e.data)
		b.WriteString("PK\x03\x04")
		u16(&b, 0, 0x0808|e.flags, e.method, 0, 0)
		u32(&b, 0, 0, 0)
		u16(&b, uint16(len(e.name)), uint16(padding+4))
		b.WriteString(e.name)
		b.WriteString("FB")
		u16(&b, uint16(padding))
		b.Write(bytes.Repeat([]byte("Z"), padding))
		b.Write(e.data)
		b.WriteString("PK\x07\x08")
		u32(&b, crc, size, size)

		directory.WriteString("PK\x01\x02")
		u16(&directory, 0, 0, 0x0808|e.flags, e.method, 0, 0)
		u32(&directory, crc, size, size)
		u16(&directory, uint16(len(e.name)), 0, 0, 0, 0)
		u32(&directory, 0, at)
		directory.WriteString(e.name)
	}
	start := b.Len()
	b.Write(directory.Bytes())
	b.WriteString("PK\x05\x06")
	u16(&b, 0, 0, uint16(len(entries)), uint16(len(entries)))
	u32(&b, uint32(directory.Len()), uint32(start))
	u16(&b, 0)
	return b.Bytes()
}

// torchEntries are the entries of a checkpoint, in torch's order.
func torchEntries(pickle []byte, storages ...[]byte) []zipEntry {
	list := []zipEntry{{name: "archive/data.pkl", data: pickle}, {name: "archive/byteorder", data: []byte("little")}}
	for i, s := range storages {
		list = append(list, zipEntry{name: "archive/data/" + strconv.Itoa(i), data: s})
	}
	return append(list, zipEntry{name: "archive/version", data: []byte("3\n")},
		zipEntry{name: "archive/.data/serialization_id", data: []byte("0123456789012345678901234567890123456789")})
}

func torchBytes(pickle []byte, storages ...[]byte) []byte {
	return torchZip(torchEntries(pickle, storages...)...)
}
