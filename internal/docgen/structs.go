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
// structs, by the struct's name and the member's; and the values of its string
// types, by the type's name.
type structs struct {
	members map[string]map[string]string
	values  map[string][]string
}

func parseStructs(dir string) (*structs, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := &structs{members: map[string]map[string]string{}, values: map[string][]string{}}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch spec := n.(type) {
			case *ast.TypeSpec:
				if st, ok := spec.Type.(*ast.StructType); ok {
					all.members[spec.Name.Name] = comments(st)
				}
			case *ast.ValueSpec:
				t, ok := spec.Type.(*ast.Ident)
				if ok && len(spec.Values) == 1 {
					if v, ok := literal(spec.Values[0]); ok {
						all.values[t.Name] = append(all.values[t.Name], v)
					}
				}
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
func (s *structs) payload(st any) ([][]string, error) {
	return s.rows(reflect.TypeOf(st).Elem(), "")
}

// common are the meanings of members whose names say enough where they stand in
// the source, by their path or the last of it.
func common() map[string]string {
	return map[string]string{
		"anchor":              "the newest anchor that the signer has verified (S4)",
		"as_of":               "the time of every entry of the range",
		"base.count":          "of its labels",
		"base.root":           "of its labels' tree",
		"boot_id":             "the machine's, new at each boot",
		"causes":              "those of the decision's verdict",
		"chain":               "name of the policy chain",
		"commitments[].name":  "`full` and `root` in semantics 1; in 2 also `lookup`, `polynomial`, and the four of the delta",
		"commitments[].hash":  "the commitment",
		"count":               "how many there are",
		"created":             "when it was made, by its makers' clock; nothing rests on it",
		"document":            "the policy document, canonical; its hash is the policy hash",
		"duration_ms":         "how long, from the request's sending",
		"elements":            "how many were evaluated",
		"evaluators":          "who holds the label key",
		"evidence":            "what was seen of the end",
		"excluded[].leaf":     "its leaf in the artefact's tree",
		"excluded[].number":   "in the artefact, from 0",
		"excluded[].reason":   "why it is left out",
		"from":                "begin of the period",
		"group":               "group hash",
		"key_version":         "version of the label key, from 1",
		"kind":                "kind of label: `manifest`, `tensor`, `band-0` to `band-15`, `bandp-0` to `bandp-15`; in an epoch the family, its index in `band`",
		"label":               "32 bytes",
		"max_life_ms":         "its longest life",
		"members[].pseudonym": "name of the member, the same from one group to the next",
		"n":                   "how many hold a share of the key",
		"name":                "of the holder; for people, and in the audit",
		"observed":            "when it was seen",
		"of":                  "kind of the whole",
		"origin":              "name of the log",
		"policy":              "number of the policy in force",
		"policy_hash":         "its hash",
		"proof":               "possession proof of the key",
		"reason":              "for people",
		"run":                 "name of the run",
		"sealed":              "the labels, encrypted under the data key",
		"spki":                "public key, DER SubjectPublicKeyInfo",
		"t":                   "how many evaluators answer together",
		"to":                  "size up to which it folds",
		"tripwire":            "name of the tripwire",
		"until":               "end of the period",
		"wraps":               "the data key, for each escrow; sorted by suite, then keyid",
		"wraps[].bytes":       "encapsulated key and ciphertext",
		"wraps[].keyid":       "of the escrow key",
		"wraps[].suite":       "1: HPKE; 2: TDH2 under a key that evaluators share",
	}
}

// meaning is a member's comment, and the values that it may have.
func (s *structs) meaning(doc, path string, t reflect.Type) string {
	// Comments refer to Go names in brackets; here they are only words.
	text := strings.NewReplacer("[", "", "]", "").Replace(doc)
	for rest, more := path, true; text == "" && more; {
		text = common()[rest]
		_, rest, more = strings.Cut(rest, ".")
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if list := s.values[t.Name()]; t.Kind() == reflect.String && t.Name() != "Kind" && len(list) > 0 {
		if text != "" {
			text += ": "
		}
		text += "`" + strings.Join(list, "`, `") + "`"
	}
	return text
}

func (s *structs) rows(t reflect.Type, path string) ([][]string, error) {
	doc, ok := s.members[t.Name()]
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
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		name = path + name
		form, inner := form(f.Type)
		if option == "omitzero" {
			form = strings.TrimSuffix(form, ", or null") + ", or absent"
		}
		rows = append(rows, []string{"`" + name + "`", form, s.meaning(doc[f.Name], name, f.Type)})
		if inner == nil {
			continue
		}
		if strings.HasPrefix(form, "array") {
			name += "[]"
		}
		more, err := s.rows(inner, name+".")
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
