package fingerprint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrPickle is returned for a pickle that is malformed or beyond the bounds.
var ErrPickle = errors.New("malformed pickle")

// ErrGlobal is returned for a pickle that names something other than tensors
// and plain data: reading it would mean to run code, which is never done.
var ErrGlobal = errors.New("pickle of more than tensors and plain data")

// What the machine holds. Contents of lists, dicts and objects are not kept:
// tensors are collected where they are rebuilt.
type (
	pickleMark   struct{}
	pickleNone   struct{}
	pickleList   struct{}
	pickleDict   struct{}
	pickleSet    struct{}
	pickleObject struct{} // plain data of no interest here
	pickleBytes  struct{}
	pickleTuple  []any
	pickleGlobal string // module.name, one of those known

	// pickleStorage is a storage by its key in the archive.
	pickleStorage struct {
		key   string
		dtype Dtype // 0: bytes without a format
		numel uint64
	}
)

// pickleTensor is a view of a storage: sizes and strides in elements.
type pickleTensor struct {
	name    string
	storage pickleStorage
	dtype   Dtype
	offset  uint64
	shape   []uint64
	strides []uint64
}

// storageGlobals are the classes of storages; dtypeGlobals the formats of
// storages that have none of their own.
// Source: pytorch/pytorch torch/storage.py (_dtype_to_storage_type_map).
func storageGlobal(name pickleGlobal) (Dtype, bool) {
	switch name {
	case "torch.FloatStorage":
		return F32, true
	case "torch.DoubleStorage":
		return F64, true
	case "torch.HalfStorage":
		return F16, true
	case "torch.BFloat16Storage":
		return BF16, true
	case "torch.ByteStorage":
		return U8, true
	case "torch.CharStorage":
		return I8, true
	case "torch.ShortStorage":
		return I16, true
	case "torch.IntStorage":
		return I32, true
	case "torch.LongStorage":
		return I64, true
	case "torch.BoolStorage":
		return BOOL, true
	case "torch.storage.UntypedStorage":
		return 0, true
	}
	return 0, false
}

func dtypeGlobal(name pickleGlobal) (Dtype, bool) {
	switch name {
	case "torch.float32":
		return F32, true
	case "torch.float64":
		return F64, true
	case "torch.float16":
		return F16, true
	case "torch.bfloat16":
		return BF16, true
	case "torch.float8_e4m3fn":
		return F8E4M3, true
	case "torch.float8_e5m2":
		return F8E5M2, true
	case "torch.float8_e8m0fnu":
		return F8E8M0, true
	case "torch.uint8":
		return U8, true
	case "torch.int8":
		return I8, true
	case "torch.uint16":
		return U16, true
	case "torch.int16":
		return I16, true
	case "torch.uint32":
		return U32, true
	case "torch.int32":
		return I32, true
	case "torch.uint64":
		return U64, true
	case "torch.int64":
		return I64, true
	case "torch.bool":
		return BOOL, true
	}
	return 0, false
}

// knownGlobal reports the names that a pickle may hold at all.
func knownGlobal(name pickleGlobal) bool {
	switch name {
	case "collections.OrderedDict", "torch.Size", "torch.device", "_codecs.encode",
		"builtins.set", "__builtin__.set", "collections.Counter",
		"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
		"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		return true
	}
	_, storage := storageGlobal(name)
	_, dtype := dtypeGlobal(name)
	return storage || dtype
}

// pickle is a machine for pickles of tensors. It knows the opcodes that such
// pickles are made of, builds values of its own, and calls nothing.
type pickle struct {
	b       []byte
	at      int
	stack   []any
	memo    map[uint32]any
	tensors []*pickleTensor
}

// parsePickle returns the tensors that a pickle rebuilds, in its order, each
// with the key of the dict that it was put into first.
func parsePickle(b []byte) ([]*pickleTensor, error) {
	p := &pickle{b: b, memo: make(map[uint32]any)}
	for {
		if p.at >= len(p.b) {
			return nil, p.bad("ends without STOP")
		}
		op := p.b[p.at]
		p.at++
		if op == '.' {
			break
		}
		if err := p.step(op); err != nil {
			return nil, err
		}
		if len(p.stack) > maxPickleStack || len(p.memo) > maxPickleMemo {
			return nil, p.bad("more than %d values on the stack or %d in the memo", maxPickleStack, maxPickleMemo)
		}
		if len(p.tensors) > MaxTensors {
			return nil, p.bad("more than %d tensors", MaxTensors)
		}
	}
	if len(p.stack) != 1 || p.at != len(p.b) {
		return nil, p.bad("stops with %d values and %d bytes left", len(p.stack), len(p.b)-p.at)
	}
	if _, ok := p.stack[0].(pickleMark); ok {
		return nil, p.bad("is a mark")
	}
	return p.tensors, nil
}

func (p *pickle) bad(format string, args ...any) error {
	return fmt.Errorf("%w: at %d: "+format, append([]any{ErrPickle, p.at}, args...)...)
}

func (p *pickle) take(n uint64) ([]byte, error) {
	if n > uint64(len(p.b)-p.at) {
		return nil, p.bad("%d bytes of %d", n, len(p.b)-p.at)
	}
	b := p.b[p.at:][:n]
	p.at += int(n)
	return b, nil
}

// number reads a little-endian integer of n bytes without a sign.
func (p *pickle) number(n int) (uint64, error) {
	b, err := p.take(uint64(n))
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	return binary.LittleEndian.Uint64(full[:]), nil
}

func (p *pickle) line() (string, error) {
	n := bytes.IndexByte(p.b[p.at:], '\n')
	if n < 0 || n > maxGlobal {
		return "", p.bad("line without an end")
	}
	b, err := p.take(uint64(n) + 1)
	return string(b[:n]), err
}

func (p *pickle) push(v any) { p.stack = append(p.stack, v) }

// pop takes the top value; a mark is none.
func (p *pickle) pop() (any, error) {
	if len(p.stack) == 0 {
		return nil, p.bad("empty stack")
	}
	v := p.stack[len(p.stack)-1]
	if _, ok := v.(pickleMark); ok {
		return nil, p.bad("mark where a value is due")
	}
	p.stack = p.stack[:len(p.stack)-1]
	return v, nil
}

// marked takes everything above the topmost mark, and the mark. The slice is
// the stack's own memory: it holds until the next push.
func (p *pickle) marked() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if _, ok := p.stack[i].(pickleMark); ok {
			list := p.stack[i+1:]
			p.stack = p.stack[:i]
			return list, nil
		}
	}
	return nil, p.bad("no mark")
}

// top returns the value that an opcode works on in place.
func (p *pickle) top() any {
	if len(p.stack) == 0 {
		return nil
	}
	return p.stack[len(p.stack)-1]
}

// named gives a tensor the key that it is stored under.
func named(key, value any) {
	if t, ok := value.(*pickleTensor); ok && t.name == "" {
		if s, ok := key.(string); ok {
			t.name = s
		}
	}
}

// sizes turns a tuple of integers into numbers that are not negative.
func sizes(v any) ([]uint64, bool) {
	t, ok := v.(pickleTuple)
	if !ok {
		return nil, false
	}
	list := make([]uint64, 0, len(t))
	for _, e := range t {
		n, ok := e.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		list = append(list, uint64(n))
	}
	return list, true
}

// global admits a name or refuses the pickle.
func (p *pickle) global(module, name string) error {
	g := pickleGlobal(module + "." + name)
	if !knownGlobal(g) {
		return fmt.Errorf("%w: %q", ErrGlobal, string(g))
	}
	p.push(g)
	return nil
}

// persistent reads the one form of reference that torch writes:
// ("storage", class, key, location, number of elements).
func (p *pickle) persistent() error {
	v, err := p.pop()
	if err != nil {
		return err
	}
	t, ok := v.(pickleTuple)
	if !ok || len(t) != 5 || t[0] != any("storage") {
		return p.bad("reference to %T", v)
	}
	class, isGlobal := t[1].(pickleGlobal)
	dtype, isStorage := storageGlobal(class)
	key, isKey := t[2].(string)
	_, isPlace := t[3].(string)
	n, isInt := t[4].(int64)
	if !isGlobal || !isStorage || !isKey || !isPlace || !isInt || n < 0 {
		return p.bad("malformed reference to a storage")
	}
	p.push(pickleStorage{key, dtype, uint64(n)})
	return nil
}

// reduce is what REDUCE does: never a call, only the values that these names
// stand for.
func (p *pickle) reduce() error {
	a, err := p.pop()
	if err != nil {
		return err
	}
	f, err := p.pop()
	if err != nil {
		return err
	}
	args, isTuple := a.(pickleTuple)
	name, isGlobal := f.(pickleGlobal)
	if !isTuple || !isGlobal {
		return p.bad("REDUCE of %T", f)
	}
	switch name {
	case "collections.OrderedDict", "collections.Counter":
		p.push(pickleDict{})
	case "builtins.set", "__builtin__.set":
		p.push(pickleSet{})
	case "torch.Size":
		if len(args) != 1 {
			return p.bad("%s of %d", name, len(args))
		}
		p.push(args[0])
	case "torch.device", "_codecs.encode":
		p.push(pickleObject{})
	case "torch._utils._rebuild_tensor":
		return p.tensor(args, 4)
	case "torch._utils._rebuild_tensor_v2":
		return p.tensor(args, 6)
	case "torch._utils._rebuild_tensor_v3":
		return p.tensor(args, 7)
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if len(args) < 3 || len(args) > 4 {
			return p.bad("%s of %d", name, len(args))
		}
		t, ok := args[0].(*pickleTensor)
		if !ok {
			return p.bad("parameter of %T", args[0])
		}
		p.push(t)
	default:
		return fmt.Errorf("%w: %q called", ErrGlobal, string(name))
	}
	return nil
}

// tensor rebuilds a view: storage, offset, sizes, strides, whether it wants a
// gradient, hooks, and with 7 arguments its format; then metadata, perhaps.
func (p *pickle) tensor(args pickleTuple, n int) error {
	if len(args) < n || len(args) > n+1 || n == 4 && len(args) != 4 {
		return p.bad("tensor of %d arguments", len(args))
	}
	s, isStorage := args[0].(pickleStorage)
	offset, isInt := args[1].(int64)
	shape, isShape := sizes(args[2])
	strides, isStrides := sizes(args[3])
	if !isStorage || !isInt || offset < 0 || !isShape || !isStrides || len(shape) != len(strides) {
		return p.bad("malformed tensor")
	}
	t := &pickleTensor{storage: s, dtype: s.dtype, offset: uint64(offset), shape: shape, strides: strides}
	if n == 7 {
		g, isGlobal := args[6].(pickleGlobal)
		d, isDtype := dtypeGlobal(g)
		if !isGlobal || !isDtype || s.dtype != 0 && s.dtype != d {
			return p.bad("tensor of a %T", args[6])
		}
		t.dtype = d
	}
	if t.dtype == 0 {
		return p.bad("tensor over bytes without a format")
	}
	p.tensors = append(p.tensors, t)
	p.push(t)
	return nil
}

// int64 reads a two's complement integer of any length that fits.
func (p *pickle) long(n uint64) error {
	b, err := p.take(n)
	if err != nil {
		return err
	}
	if len(b) > 8 {
		p.push(pickleObject{}) // no size or offset is that long
		return nil
	}
	v := int64(0)
	for i, c := range b {
		v |= int64(c) << (8 * i)
	}
	if n := len(b); n > 0 && n < 8 && b[n-1]&0x80 != 0 {
		v -= 1 << (8 * n)
	}
	p.push(v)
	return nil
}

func (p *pickle) float() error {
	b, err := p.take(8)
	if err == nil {
		p.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	return err
}
