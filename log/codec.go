package log

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The codec maps the payload structs to canonical JSON. The rules are few on
// purpose: every exported field has a json name and is always present, but for
// those marked omitzero, which are absent exactly where they are zero (a list:
// empty), so that a later field leaves what was logged before it as it is; a
// pointer may be null, a slice never is; there are no maps and no interfaces.
// A field that joined a kind after its first release carries omitzero: it is
// absent when it says nothing (nil, empty, zero), and is never printed so, which
// leaves the statements of before as they were.

var (
	hashType  = reflect.TypeFor[Hash]()
	bytesType = reflect.TypeFor[Bytes]()
	timeType  = reflect.TypeFor[Time]()
	rawType   = reflect.TypeFor[RawObject]()
)

// field is one member of a struct's object.
type field struct {
	name  string
	index int
	omit  bool // absent when zero
}

// fieldsOf lists a struct's members sorted by name.
func fieldsOf(t reflect.Type) []field {
	fs := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fs = append(fs, field{name, i, option == "omitzero"})
	}
	slices.SortFunc(fs, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return fs
}

// encodeValue prints v. The error is a [*SyntaxError] with the field's path.
func encodeValue(b []byte, v reflect.Value, path string) ([]byte, error) {
	switch v.Type() {
	case hashType, bytesType:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"'), nil
	case timeType:
		t := Time(v.Int())
		if t < 0 || t > MaxTime {
			return nil, &SyntaxError{Place: path, Reason: "time out of range"}
		}
		return append(append(append(b, '"'), t.String()...), '"'), nil
	case rawType:
		c, err := Canonical(v.Bytes())
		if err != nil || len(c) == 0 || c[0] != '{' || !bytes.Equal(c, v.Bytes()) {
			return nil, &SyntaxError{Place: path, Reason: "not a canonical JSON object", Err: err}
		}
		return append(b, c...), nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int64:
		if n := v.Int(); n > MaxInteger || n < -MaxInteger {
			return nil, &SyntaxError{Place: path, Reason: ErrRange.Error(), Err: ErrRange}
		}
		return strconv.AppendInt(b, v.Int(), 10), nil
	case reflect.Uint64:
		if v.Uint() > MaxInteger {
			return nil, &SyntaxError{Place: path, Reason: ErrRange.Error(), Err: ErrRange}
		}
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return nil, &SyntaxError{Place: path, Reason: "not UTF-8"}
		}
		return appendString(b, v.String()), nil
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return encodeValue(b, v.Elem(), path)
	case reflect.Slice:
		return encodeList(b, v, path)
	case reflect.Struct:
		return encodeStruct(b, v, path)
	}
	return nil, &SyntaxError{Place: path, Reason: "type " + v.Type().String() + " has no encoding"}
}

func encodeList(b []byte, v reflect.Value, path string) ([]byte, error) {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = encodeValue(b, v.Index(i), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func encodeStruct(b []byte, v reflect.Value, path string) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, f := range fieldsFor(v.Type()) {
		if f.omit && saysNothing(v.Field(f.index)) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, f.name)
		b = append(b, ':')
		var err error
		if b, err = encodeValue(b, v.Field(f.index), join(path, f.name)); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// saysNothing reports whether a field with omitzero is absent.
func saysNothing(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// decodeValue sets v from n. The error is a [*SyntaxError] with the field's
// path and byte offset.
func decodeValue(v reflect.Value, n node, raw []byte, path string) error {
	bad := func(reason string) error {
		return &SyntaxError{Place: place(path, n.at), Reason: reason}
	}
	if v.Kind() == reflect.Pointer {
		if n.kind == nullNode {
			v.SetZero()
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(v.Elem(), n, raw, path)
	}
	if want := nodeFor(v.Type()); n.kind != want {
		return bad(fmt.Sprintf("%s, want %s", n.kind.name(), want.name()))
	}
	switch v.Type() {
	case hashType, bytesType:
		b, ok := decodeBase64(n.str)
		if !ok {
			return bad("not padded standard base64")
		}
		if v.Type() == hashType {
			if len(b) != len(Hash{}) {
				return bad("want 32 bytes")
			}
			v.Set(reflect.ValueOf(Hash(b)))
			return nil
		}
		v.SetBytes(b)
		return nil
	case timeType:
		t, err := ParseTime(n.str)
		if err != nil {
			return bad(err.Error())
		}
		v.SetInt(int64(t))
		return nil
	case rawType:
		v.SetBytes(appendNode(nil, n))
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n.yes)
	case reflect.Int, reflect.Int64:
		v.SetInt(n.num)
	case reflect.Uint64:
		if n.num < 0 {
			return bad("negative")
		}
		v.SetUint(uint64(n.num))
	case reflect.String:
		v.SetString(n.str)
	case reflect.Slice:
		return decodeList(v, n, raw, path)
	case reflect.Struct:
		return decodeStruct(v, n, raw, path)
	}
	return nil
}

// nodeFor is the one kind of JSON value that a Go type is read from.
func nodeFor(t reflect.Type) nodeKind {
	switch t {
	case hashType, bytesType, timeType:
		return stringNode
	case rawType:
		return objectNode
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolNode
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return numberNode
	case reflect.String:
		return stringNode
	case reflect.Slice:
		return arrayNode
	}
	return objectNode
}

func decodeList(v reflect.Value, n node, raw []byte, path string) error {
	// Never null, and never nil either: an empty list has one form in memory.
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		if err := decodeValue(v.Index(i), item, raw, path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

func decodeStruct(v reflect.Value, n node, raw []byte, path string) error {
	fs := fieldsFor(v.Type())
	for i, k := range n.names {
		j, ok := slices.BinarySearchFunc(fs, k, func(f field, k string) int { return cmp.Compare(f.name, k) })
		if !ok {
			return &SyntaxError{Place: place(join(path, k), n.items[i].at), Reason: "no such field"}
		}
		if err := decodeValue(v.Field(fs[j].index), n.items[i], raw, join(path, k)); err != nil {
			return err
		}
		if fs[j].omit && saysNothing(v.Field(fs[j].index)) {
			return &SyntaxError{Place: place(join(path, k), n.items[i].at), Reason: "says nothing: want it absent"}
		}
	}
	if len(n.names) != len(fs) {
		for _, f := range fs {
			if !f.omit && !slices.Contains(n.names, f.name) {
				return &SyntaxError{Place: place(join(path, f.name), n.at), Reason: "field is missing"}
			}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func place(path string, at int) string {
	if path == "" {
		return "byte " + strconv.Itoa(at)
	}
	return path + " (byte " + strconv.Itoa(at) + ")"
}
