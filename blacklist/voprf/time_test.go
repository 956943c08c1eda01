package voprf

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"strings"
	"testing"
)

// TestVarTimeIsForPublicData names every place that takes variable time. The
// composite is of what is on the wire; verify sees nothing secret. A new
// place has to be argued here. weigh adds up what holders answered, on the wire
// too; evaluateAt takes commitments that stand in the log.
func TestVarTimeIsForPublicData(t *testing.T) {
	t.Attr("invariant", "VO6")
	found := map[string]int{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
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
					found[f.Name.Name]++
				}
				return true
			})
		}
	}
	if want := map[string]int{"composite": 1, "verify": 4, "weigh": 4, "evaluateAt": 1, "VerifyLabels": 1, "verifyPossession": 1}; !maps.Equal(found, want) {
		t.Errorf("variable time in %v, argued for %v", found, want)
	}
}
