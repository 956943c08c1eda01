package blacklist

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"strings"
	"testing"
)

// TestVarTimeIsForPublicData names every place that takes variable time: a wrap and a
// partial opening are verified before anything secret touches them, of what is in the log
// or on the wire; a new place has to be argued here.
func TestVarTimeIsForPublicData(t *testing.T) {
	t.Attr("invariant", "B5")
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
	if want := map[string]int{"kem.go parseWrap": 2, "partial.go verify": 2}; !maps.Equal(found, want) {
		t.Errorf("variable time in %v, argued for %v", found, want)
	}
}
