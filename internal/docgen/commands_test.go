package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Command lines in fenced blocks of the pages name programs, commands and flags
// that the programs' sources have.
func TestCommandLines(t *testing.T) {
	known := map[string]map[string]bool{}
	for _, program := range []string{"haltlog", "haltlogd", "haltwitness"} {
		known[program] = names(t, filepath.Join(root, "cmd", program))
	}
	shell := regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	word := regexp.MustCompile(`^[a-z][a-z-]*$`)
	lines := 0
	for _, page := range documents(t) {
		for _, block := range shell.FindAllStringSubmatch(read(t, page), -1) {
			for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
				line, _, _ = strings.Cut(line, " # ")
				words := strings.Fields(line)
				if len(words) == 0 || known[words[0]] == nil {
					continue
				}
				lines++
				commands := true
				for _, w := range words[1:] {
					if w == "--" {
						break
					}
					flag, isFlag := strings.CutPrefix(w, "--")
					flag, _, _ = strings.Cut(flag, "=")
					switch {
					case isFlag:
						commands = false
						if !known[words[0]][flag] {
							t.Errorf("%s: %s has no flag --%s: %s", page, words[0], flag, strings.TrimSpace(line))
						}
					case commands && word.MatchString(w) && !known[words[0]][w]:
						t.Errorf("%s: %s has no command %s: %s", page, words[0], w, strings.TrimSpace(line))
					}
					// What stands behind the second word may be an argument.
					commands = commands && words[2] != w && len(words) > 2
				}
			}
		}
	}
	if lines < 10 {
		t.Errorf("%d command lines found: the test shows nothing", lines)
	}
}

// names are the names that kong makes of a program's structs: fields in
// kebab-case, name tags, and the values of enumerations.
func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok || f.Tag == nil {
				return true
			}
			text, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				return true
			}
			tag := reflect.StructTag(text)
			for _, v := range append([]string{tag.Get("name")}, strings.Split(tag.Get("enum"), ",")...) {
				out[v] = true
			}
			for _, id := range f.Names {
				out[kebab(id.Name)] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// kebab is WatchEvery as watch-every.
func kebab(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
