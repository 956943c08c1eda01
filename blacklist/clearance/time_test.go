package clearance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"strings"
	"testing"
)

// TestVarTimeIsForPublicData names every place that takes variable time: those that
// see nothing but what a stranger is sent. Verify of an Unblinding and the moves that
// a verifier solves for are all; a new place has to be argued here.
func TestVarTimeIsForPublicData(t *testing.T) {
	t.Attr("invariant", "BG4")
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "VarTime") {
					found[file.Name()+" "+f.Name.Name]++
				}
				return true
			})
		}
	}
	if want := map[string]int{"pseudonym.go Verify": 1, "verify.go moves": 1}; !maps.Equal(found, want) {
		t.Errorf("variable time in %v, argued for %v", found, want)
	}
}
