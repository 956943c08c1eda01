// Command docgen writes what the documentation takes from the code: the tables
// of invariants and their tests, of policy and configuration fields, of
// statements, tripwires and audit checks, and every worked example that stands
// between `<!-- docgen:NAME -->` and `<!-- /docgen -->` in a page of docs/.
//
//	go run ./internal/docgen          writes
//	go run ./internal/docgen -check   writes nothing; exit code 1 if anything
//	                                  is out of date, or an invariant has no test
//
// It owns no fact: a table's row comes from the package that keeps it, an
// example's bytes from the golden samples or from the code that it explains.
// Equal sources give equal pages.
package main
