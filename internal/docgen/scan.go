package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// shown is one test that carries an invariant's number.
type shown struct{ File, Test string }

// scan finds each `t.Attr("invariant", "E3")` below root and the test function that it stands in.
func scan(root string) (map[string][]shown, error) {
	found := map[string][]shown{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("scan %s: %w", path, err)
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			for _, number := range attrs(fn) {
				s := shown{filepath.ToSlash(rel), fn.Name.Name}
				if !slices.Contains(found[number], s) {
					found[number] = append(found[number], s)
				}
			}
		}
		return nil
	})
	return found, err
}

// attrs lists the invariants that a test names, also inside its subtests.
func attrs(fn *ast.FuncDecl) []string {
	var out []string
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Attr" {
			return true
		}
		key, ok1 := literal(call.Args[0])
		value, ok2 := literal(call.Args[1])
		if ok1 && ok2 && key == "invariant" {
			out = append(out, value)
		}
		return true
	})
	return out
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
