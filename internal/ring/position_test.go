package ring

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// TestPositionIsNoPlace reads the signer's source and follows the secret: the
// position, and all that is computed from it or from the secret, may be operands
// and arguments, but never a condition, a loop's bound, an index, a slice bound,
// or a side of a short-circuit. It holds the same for the scans in group.
//
// Two conditions are public by argument and named here: whether the ring holds
// the key at all, and errors, which values that were valid when they were put in
// do not raise.
func TestPositionIsNoPlace(t *testing.T) {
	t.Attr("invariant", "RS3")
	for file, roots := range map[string]map[string][]string{
		"sign.go": {
			"sign":       {"secret", "position", "alpha"},
			"position":   {"secret"},
			"commitment": {"index", "responses", "c"},
		},
		"../group/select.go": {
			"SelectScalar": {"bit", "a", "b"},
			"LookupScalar": {"index"},
			"LookupBytes":  {"index"},
		},
	} {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, decl := range parsed.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || roots[f.Name.Name] == nil {
				continue
			}
			seen++
			for _, leak := range leaks(f, roots[f.Name.Name]) {
				t.Errorf("%s: a secret decides where or whether", fset.Position(leak.Pos()))
			}
		}
		if seen != len(roots) {
			t.Errorf("%s: %d of %d functions found", file, seen, len(roots))
		}
	}
}

// TestLeaksAreSeen holds the test above to a source that leaks in each way.
func TestLeaksAreSeen(t *testing.T) {
	const source = `package p
func f(secret int, list []int, n int) {
	a := secret + 1
	if a > 2 { n++ }
	_ = list[a]
	_ = list[:a]
	for i := 0; i < a; i++ { n++ }
	for range a { n++ }
	switch a { case 1: n++ }
	_ = n > 1 && a > 1
	b, c := g(a), 1
	_ = list[b]
	_ = list[c]
	_ = list[n]
}`
	parsed, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(leaks(parsed.Decls[0].(*ast.FuncDecl), []string{"secret"})); got != 8 {
		t.Errorf("%d leaks seen of 8", got)
	}
}

// public are names that taint does not pass into, as the comment above argues.
var public = map[string]bool{"err": true, "found": true, "_": true}

// leaks returns the expressions of f that decide where or whether, and that a
// secret flows into. Flow is by names, to a fixed point.
func leaks(f *ast.FuncDecl, roots []string) []ast.Node {
	tainted := map[string]bool{}
	for _, r := range roots {
		tainted[r] = true
	}
	has := func(n ast.Node) bool {
		found := false
		if n == nil {
			return false
		}
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				// secret.x is secret, secret.public is not.
				if n.Sel.Name == "public" || n.Sel.Name == "encoded" {
					return false
				}
			case *ast.CallExpr:
				// A length is public, whatever it is the length of.
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "len" {
					return false
				}
			case *ast.Ident:
				found = found || tainted[n.Name] && !public[n.Name]
			}
			return !found
		})
		return found
	}
	for grown := true; grown; {
		grown = false
		mark := func(e ast.Expr) {
			if id, ok := e.(*ast.Ident); ok && !tainted[id.Name] && !public[id.Name] {
				tainted[id.Name], grown = true, true
			}
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for i, left := range a.Lhs {
					right := a.Rhs[0]
					if len(a.Lhs) == len(a.Rhs) {
						right = a.Rhs[i]
					}
					if has(right) {
						mark(left)
					}
				}
			}
			return true
		})
	}
	var out []ast.Node
	check := func(n ast.Node) {
		if has(n) {
			out = append(out, n)
		}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			check(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				check(n.Cond)
			}
		case *ast.RangeStmt:
			// Ranging over a list shows its length; over a number, the number.
			if id, ok := n.X.(*ast.Ident); ok && id.Name != "responses" {
				check(id)
			}
		case *ast.SwitchStmt:
			if n.Tag != nil {
				check(n.Tag)
			}
		case *ast.IndexExpr:
			check(n.Index)
		case *ast.SliceExpr:
			for _, bound := range []ast.Expr{n.Low, n.High, n.Max} {
				if bound != nil {
					check(bound)
				}
			}
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				check(n)
			}
		}
		return true
	})
	return out
}

// TestEveryPositionAllocatesAlike counts what a position could change in the
// memory that signing takes.
func TestEveryPositionAllocatesAlike(t *testing.T) {
	t.Attr("invariant", "RS3")
	r, secrets, _ := newRing(t, 16)
	var first float64
	for position, secret := range secrets {
		count := testing.AllocsPerRun(3, func() { sign(t, r, secret, nil) })
		if position == 0 {
			first = count
		}
		if count != first {
			t.Errorf("position %d: %v allocations, position 0: %v", position, count, first)
		}
	}
}
