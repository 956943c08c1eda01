package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// structs holds what the source of a package says beside each member of its
// structs, by the struct's name and the member's.
type structs map[string]map[string]string

func parseStructs(dir string) (structs, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := structs{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if st, ok := spec.Type.(*ast.StructType); ok {
				all[spec.Name.Name] = comments(st)
			}
			return true
		})
	}
	return all, nil
}

func comments(st *ast.StructType) map[string]string {
	m := map[string]string{}
	for _, f := range st.Fields.List {
		text := cmp.Or(f.Comment.Text(), f.Doc.Text())
		for _, name := range f.Names {
			m[name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
	return m
}

// payload lists the members of a statement in the order of the encoding, those
// of its parts behind a dot.
func (s structs) payload(st any) ([][]string, error) {
	return s.members(reflect.TypeOf(st).Elem(), "")
}

func (s structs) members(t reflect.Type, path string) ([][]string, error) {
	doc, ok := s[t.Name()]
	if !ok {
		return nil, fmt.Errorf("no source of %s", t)
	}
	fields := make([]reflect.StructField, 0, t.NumField())
	for f := range t.Fields() {
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b reflect.StructField) int {
		return strings.Compare(a.Tag.Get("json"), b.Tag.Get("json"))
	})
	var rows [][]string
	for _, f := range fields {
		name := path + f.Tag.Get("json")
		form, inner := form(f.Type)
		// Comments refer to Go names in brackets; here they are only words.
		meaning := strings.NewReplacer("[", "", "]", "").Replace(doc[f.Name])
		rows = append(rows, []string{"`" + name + "`", form, meaning})
		if inner == nil {
			continue
		}
		if strings.HasPrefix(form, "array") {
			name += "[]"
		}
		more, err := s.members(inner, name+".")
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// form is a type in the words of the encoding, and the struct in it if there is
// one.
func form(t reflect.Type) (string, reflect.Type) {
	switch t.Name() {
	case "Hash":
		return "base64 of 32 bytes", nil
	case "Bytes":
		return "base64", nil
	case "Time":
		return "time", nil
	case "RawObject":
		return "object", nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		f, inner := form(t.Elem())
		return f + ", or null", inner
	case reflect.Slice:
		f, inner := form(t.Elem())
		if inner != nil {
			return "array of objects", inner
		}
		return "array of " + f, nil
	case reflect.Struct:
		return "object", t
	case reflect.Bool:
		return "true or false", nil
	case reflect.String:
		return "string", nil
	default:
		return "integer", nil
	}
}
