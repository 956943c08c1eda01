package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// root is the module's folder, seen from this package's.
const root = "../.."

// Every page is what the code gives, and every invariant has a test.
func TestPages(t *testing.T) {
	if err := run(root, true, io.Discard); err != nil {
		t.Error(err)
	}
}

// The same sources give the same pages.
func TestDeterministic(t *testing.T) {
	a, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	b, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range a.files {
		if string(b.files[name]) != string(text) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

func TestMissing(t *testing.T) {
	found := map[string][]shown{}
	for _, i := range invariants() {
		found[i.Number] = []shown{{"a_test.go", "TestA"}}
	}
	if p := missing(found); len(p) != 0 {
		t.Errorf("%v", p)
	}
	delete(found, "E3")
	if p := missing(found); len(p) != 1 || !strings.Contains(p[0].Error(), "E3") {
		t.Errorf("%v", p)
	}
}

// scan reads tests as they are written, also those in subtests.
func TestScan(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a_test.go"), "package a\n\nfunc TestA(t *testing.T) {\n\tt.Run(\"x\", func(t *testing.T) { t.Attr(\"invariant\", \"E3\") })\n\tt.Attr(\"owner\", \"E4\")\n}\n\nfunc help(t *testing.T) { t.Attr(\"invariant\", \"E5\") }\n")
	found, err := scan(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !slices.Equal(found["E3"], []shown{{"a_test.go", "TestA"}}) {
		t.Errorf("%v", found)
	}
}

// A block that is unknown, nested, open or forgotten is an error.
func TestFillRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown":   "<!-- docgen:nothing -->\n<!-- /docgen -->\n",
		"nested":    "<!-- docgen:keys -->\n<!-- docgen:hashes -->\n<!-- /docgen -->\n",
		"open":      "<!-- docgen:keys -->\n",
		"closed":    "<!-- /docgen -->\n",
		"twice":     "<!-- docgen:keys -->\n<!-- /docgen -->\n<!-- docgen:keys -->\n<!-- /docgen -->\n",
		"forgotten": "nothing\n",
	} {
		if _, err := fill(root, []byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What is out of date is written, and said by -check.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, from := range []string{"log", "internal/api"} {
		if err := os.CopyFS(filepath.Join(dir, from), os.DirFS(filepath.Join(root, from))); err != nil {
			t.Fatal(err)
		}
	}
	protocol, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "docs", "protocol.md"), string(protocol))
	if err := run(dir, true, io.Discard); !errors.Is(err, errOutdated) {
		t.Errorf("%v", err)
	}
	// The copy holds one package's tests: invariants are missing, pages are written.
	_ = run(dir, false, io.Discard)
	if err := run(dir, true, io.Discard); errors.Is(err, errOutdated) {
		t.Errorf("%v", err)
	}
}

// The kinds that the tripwires' table describes have a row of fields each.
func TestTripwiresHaveFields(t *testing.T) {
	for _, w := range policy.Tripwires() {
		ok := slices.ContainsFunc(policy.Fields(), func(f policy.Field) bool { return strings.HasPrefix(f.Name, w+".") })
		if !ok && w != "semantics" {
			t.Errorf("%s has no field", w)
		}
	}
}

// No member of a payload is without a meaning.
func TestMembersHaveMeanings(t *testing.T) {
	structs, err := parseStructs(filepath.Join(root, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range log.Kinds() {
		rows, err := structs.payload(i.New())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r[2] == "" {
				t.Errorf("%s: %s has no meaning", i.Kind, r[0])
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// documents are all Markdown pages of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			pages = append(pages, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// Every relative link leads to a file, and to a heading where it names one.
func TestLinks(t *testing.T) {
	for _, page := range documents(t) {
		text := fence.ReplaceAllString(read(t, page), "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // of another site
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, path)), anchor) {
				t.Errorf("%s: link %s names no heading", page, m[1])
			}
		}
	}
}

// anchors are a page's headings as links name them.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r > 127:
				b.WriteRune(r)
			}
		}
		out = append(out, b.String())
	}
	return out
}

// Commands that the pages name are there.
func TestCommandsExist(t *testing.T) {
	run := regexp.MustCompile(`go run (\./[a-z/]+)`)
	for _, page := range documents(t) {
		for _, m := range run.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: go run %s: no such command", page, m[1])
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
