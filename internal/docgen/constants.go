package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// constant is a named bound.
type constant struct{ name, value, doc string }

// constants are those of a file that imports nothing, in its order.
func constants(path string) ([]constant, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	pkg, err := new(types.Config).Check(file.Name.Name, fset, []*ast.File{file}, nil)
	if err != nil {
		return nil, err
	}
	var list []constant
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			doc := strings.Join(strings.Fields(v.Doc.Text()), " ")
			for _, n := range v.Names {
				if c, ok := pkg.Scope().Lookup(n.Name).(*types.Const); ok {
					list = append(list, constant{n.Name, c.Val().ExactString(), doc})
				}
			}
		}
	}
	return list, nil
}
