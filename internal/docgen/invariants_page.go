package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// invariantsPage is the table of invariants and the tests that show them.
func invariantsPage(found map[string][]shown) string {
	var b strings.Builder
	b.WriteString("# Invariants and their tests\n\n" +
		"Each invariant is a promise that the parts keep to one another. A test shows one by carrying its number\n" +
		"(`t.Attr(\"invariant\", \"E3\")`). `go run ./internal/docgen -check`, and with it the gate, fails while an invariant of the\n" +
		"first table has no test.\n\n## Of the whole system\n\n")
	whole := map[string]bool{}
	var rows [][]string
	for _, i := range invariants() {
		whole[i.Number] = true
		rows = append(rows, []string{i.Number, "*" + i.Title + "*", i.Says, tests(found[i.Number])})
	}
	table(&b, []string{"number", "title", "what holds", "shown by"}, rows)
	b.WriteString("## Of single packages\n\nTheir sentences stand in the comments of the packages that keep them.\n\n")
	rows = nil
	for _, number := range slices.SortedFunc(maps.Keys(found), byNumber) {
		if !whole[number] {
			rows = append(rows, []string{number, tests(found[number])})
		}
	}
	table(&b, []string{"number", "shown by"}, rows)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// tests lists tests by file, each a link to it.
func tests(list []shown) string {
	byFile := map[string][]string{}
	for _, s := range list {
		byFile[s.File] = append(byFile[s.File], "`"+s.Test+"`")
	}
	var out []string
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		names := slices.Sorted(slices.Values(byFile[file]))
		out = append(out, fmt.Sprintf("[%s](../%s): %s", file, file, strings.Join(names, ", ")))
	}
	return strings.Join(out, "<br>")
}

// byNumber sorts B2 before B10, and B before E.
func byNumber(a, b string) int {
	split := func(s string) (string, int) {
		letters := strings.TrimRight(s, "0123456789")
		n, _ := strconv.Atoi(s[len(letters):])
		return letters, n
	}
	la, na := split(a)
	lb, nb := split(b)
	return cmp.Or(strings.Compare(la, lb), cmp.Compare(na, nb), strings.Compare(a, b))
}
