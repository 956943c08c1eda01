package group

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExpandMessage is RFC 9380, appendix K.3.
func TestExpandMessage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "rfc9380-k3.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		DST   Tag `json:"dst"`
		Tests []struct {
			Message string `json:"msg"`
			Length  int    `json:"len_in_bytes"`
			Uniform string `json:"uniform_bytes"`
		} `json:"tests"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Tests) != 10 {
		t.Fatalf("%d vectors", len(file.Tests))
	}
	for _, v := range file.Tests {
		got, err := ExpandMessage(v.Length, file.DST, []byte(v.Message))
		if err != nil || hex.EncodeToString(got) != v.Uniform || len(got) != v.Length {
			t.Errorf("%q to %d: %x, %v", v.Message, v.Length, got, err)
		}
		// In parts it is the same.
		parts := []byte(v.Message)
		half := len(parts) / 2
		if again, err := ExpandMessage(v.Length, file.DST, parts[:half], nil, parts[half:]); err != nil || !bytes.Equal(got, again) {
			t.Errorf("%q in parts: %v", v.Message, err)
		}
	}
	for _, test := range []struct {
		n   int
		tag Tag
	}{
		{0, "t"},
		{-1, "t"},
		{maxExpand + 1, "t"},
		{32, ""},
		{32, Tag(strings.Repeat("t", 256))},
	} {
		if _, err := ExpandMessage(test.n, test.tag); !errors.Is(err, ErrLength) {
			t.Errorf("%d bytes, tag of %d: %v", test.n, len(test.tag), err)
		}
	}
	if b, err := ExpandMessage(maxExpand, Tag(strings.Repeat("t", 255))); err != nil || len(b) != maxExpand {
		t.Errorf("the longest: %v", err)
	}
}

// TestHashToGroup: with the RFC's inputs (RFC 9497, appendix A.1.1.1), an input's
// element times its blind is the blinded element.
func TestHashToGroup(t *testing.T) {
	blind, err := hex.DecodeString("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706")
	if err != nil {
		t.Fatal(err)
	}
	s, err := DecodeScalar(blind)
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		"\x00":                     "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
		strings.Repeat("\x5a", 17): "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
	} {
		if got := hex.EncodeToString(HashToGroup(OPRF(0).HashToGroup, []byte(input)).Mul(s).Bytes()); got != want {
			t.Errorf("%x: %s", input, got)
		}
	}
	// RFC 9497, appendix A.1.1: the derived key, which is HashToScalar's.
	seed := bytes.Repeat([]byte{0xa3}, 32)
	key := HashToScalar(OPRF(0).DeriveKeyPair, seed, []byte{0, 8}, []byte("test key"), []byte{0})
	if got := hex.EncodeToString(key.Bytes()); got != "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e" {
		t.Errorf("key %s", got)
	}
}

// allTags are the constants of type Tag in tags.go, as its source has them, and
// the RFC's.
func allTags(t *testing.T) []Tag {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "tags.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []Tag
	ast.Inspect(parsed, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Tag" {
				for _, value := range v.Values {
					s, err := strconv.Unquote(value.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, Tag(s))
				}
			}
		}
		return true
	})
	if len(out) < 4 {
		t.Fatalf("%d tags found", len(out))
	}
	for mode := range byte(3) {
		o := OPRF(mode)
		out = append(out, o.HashToGroup, o.HashToScalar, o.DeriveKeyPair, o.Seed)
	}
	return out
}

func TestTagsAreApart(t *testing.T) {
	t.Attr("invariant", "GA6")
	tags := allTags(t)
	for i, a := range tags {
		if len(a) < 1 || len(a) > maxTag {
			t.Errorf("%q: %d bytes", a, len(a))
		}
		for j, b := range tags {
			if i != j && strings.HasPrefix(string(a), string(b)) {
				t.Errorf("%q begins with %q", a, b)
			}
		}
	}
	// One input, two tags: two scalars, two elements.
	if HashToScalar(TagRingChallenge, []byte("x")).Equal(HashToScalar(TagRingPossession, []byte("x"))) {
		t.Error("two tags give one scalar")
	}
	if HashToGroup(TagRingChallenge, []byte("x")).Equal(HashToGroup(TagRingPossession, []byte("x"))) {
		t.Error("two tags give one element")
	}
	for _, call := range []func(){
		func() { OPRF(3) },
		func() { HashToScalar("", []byte("x")) },
		func() { HashToGroup(Tag(strings.Repeat("t", 256)), []byte("x")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a bad tag was used")
				}
			}()
			call()
		}()
	}
}

// TestTagsAreInOneFile: no other file of the package makes a Tag of a literal,
// and no other package of those that hash into the group.
func TestTagsAreInOneFile(t *testing.T) {
	t.Attr("invariant", "GA6")
	for _, dir := range []string{".", "../ring", "../../blacklist/voprf"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || file == "tags.go" {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, mark := range []string{"Tag(\"", "HashToScalar(\"", "HashToGroup(\"", "haltlog/v1/"} {
				if bytes.Contains(source, []byte(mark)) {
					t.Errorf("%s has a tag of its own: %s", file, mark)
				}
			}
		}
	}
}
