package fingerprint

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// step executes one opcode.
// Source: python/cpython Lib/pickletools.py. Those that are not here either
// build instances of classes (INST, OBJ, NEWOBJ, EXT…) or are written by no
// protocol that torch.save uses.
func (p *pickle) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		n, err := p.number(1)
		if err == nil && (n < 2 || n > 5) {
			err = p.bad("protocol %d", n)
		}
		return err
	case 0x95: // FRAME
		_, err := p.number(8)
		return err
	case '(':
		p.push(pickleMark{})
	case '0':
		if len(p.stack) == 0 {
			return p.bad("empty stack")
		}
		p.stack = p.stack[:len(p.stack)-1]
	case 'N':
		p.push(pickleNone{})
	case 0x88:
		p.push(true)
	case 0x89:
		p.push(false)
	case 'G':
		return p.float()
	case ']':
		p.push(pickleList{})
	case '}':
		p.push(pickleDict{})
	case 0x8f:
		p.push(pickleSet{})
	case ')':
		p.push(pickleTuple{})
	case 'c', 0x93:
		return p.globalOp(op)
	case 'Q':
		return p.persistent()
	case 'R':
		return p.reduce()
	case 'b':
		return p.build()
	case 'q', 'r', 'h', 'j', 0x94:
		return p.memoOp(op)
	case 'J', 'K', 'M', 0x8a, 0x8b:
		return p.intOp(op)
	case 'X', 0x8c, 0x8d, 'U', 'T', 'B', 'C', 0x8e:
		return p.textOp(op)
	case 't', 0x85, 0x86, 0x87:
		return p.tupleOp(op)
	case 's', 'u', 'a', 'e', 0x90:
		return p.fill(op)
	default:
		return fmt.Errorf("%w: opcode %#02x", ErrGlobal, op)
	}
	return nil
}

func (p *pickle) globalOp(op byte) error {
	if op == 'c' {
		module, err := p.line()
		if err != nil {
			return err
		}
		name, err := p.line()
		if err != nil {
			return err
		}
		return p.global(module, name)
	}
	n, err := p.pop()
	if err != nil {
		return err
	}
	m, err := p.pop()
	if err != nil {
		return err
	}
	name, ok := n.(string)
	module, isText := m.(string)
	if !ok || !isText {
		return p.bad("global of %T and %T", m, n)
	}
	return p.global(module, name)
}

// build gives an object its attributes. A dict's (a state_dict's _metadata) are
// no tensors' names; nothing else has any here.
func (p *pickle) build() error {
	if _, err := p.pop(); err != nil {
		return err
	}
	if _, ok := p.top().(pickleDict); !ok {
		return fmt.Errorf("%w: BUILD of %T", ErrGlobal, p.top())
	}
	return nil
}

func (p *pickle) memoOp(op byte) error {
	var index uint64
	var err error
	switch op {
	case 'q', 'h':
		index, err = p.number(1)
	case 'r', 'j':
		index, err = p.number(4)
	default:
		index = uint64(len(p.memo))
	}
	if err != nil {
		return err
	}
	if op == 'h' || op == 'j' {
		v, ok := p.memo[uint32(index)]
		if !ok {
			return p.bad("nothing at %d of the memo", index)
		}
		p.push(v)
		return nil
	}
	v, err := p.pop()
	if err != nil {
		return err
	}
	p.push(v)
	p.memo[uint32(index)] = v
	return nil
}

func (p *pickle) intOp(op byte) error {
	switch op {
	case 'J':
		n, err := p.number(4)
		p.push(int64(int32(n)))
		return err
	case 'K':
		n, err := p.number(1)
		p.push(int64(n))
		return err
	case 'M':
		n, err := p.number(2)
		p.push(int64(n))
		return err
	}
	size := 1
	if op == 0x8b {
		size = 4
	}
	n, err := p.number(size)
	if err != nil {
		return err
	}
	return p.long(n)
}

func (p *pickle) textOp(op byte) error {
	size := 4
	switch op {
	case 0x8c, 'U', 'C':
		size = 1
	case 0x8d, 0x8e:
		size = 8
	}
	n, err := p.number(size)
	if err != nil {
		return err
	}
	b, err := p.take(n)
	if err != nil {
		return err
	}
	switch {
	case op == 'B' || op == 'C' || op == 0x8e:
		p.push(pickleBytes{})
	case len(b) > maxPickleText:
		p.push(pickleObject{}) // no name or key is that long
	case (op == 'X' || op == 0x8c || op == 0x8d) && !utf8.Valid(b):
		return p.bad("text is not UTF-8")
	default:
		p.push(string(b))
	}
	return nil
}

func (p *pickle) tupleOp(op byte) error {
	var list []any
	if op == 't' {
		var err error
		if list, err = p.marked(); err != nil {
			return err
		}
	} else {
		n := int(op - 0x84)
		for range n {
			v, err := p.pop()
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		slices.Reverse(list)
	}
	if len(list) > maxPickleTuple {
		p.push(pickleObject{}) // no tensor has that many arguments
		return nil
	}
	p.push(pickleTuple(slices.Clone(list)))
	return nil
}

// fill puts values into the container below them.
func (p *pickle) fill(op byte) error {
	var list []any
	switch op {
	case 's', 'a':
		n := 1
		if op == 's' {
			n = 2
		}
		for range n {
			v, err := p.pop()
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		slices.Reverse(list)
	default:
		var err error
		if list, err = p.marked(); err != nil {
			return err
		}
	}
	var ok bool
	switch op {
	case 's', 'u':
		_, ok = p.top().(pickleDict)
		ok = ok && len(list)%2 == 0
		for i := 0; ok && i < len(list); i += 2 {
			named(list[i], list[i+1])
		}
	case 'a', 'e':
		_, ok = p.top().(pickleList)
	default:
		_, ok = p.top().(pickleSet)
	}
	if !ok {
		return p.bad("%q into %T", op, p.top())
	}
	return nil
}
