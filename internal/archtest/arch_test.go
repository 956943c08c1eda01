package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file probably holds a second noun.
const maxLines = 500

func list(t *testing.T) []Package {
	t.Helper()
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages: the test would show nothing", len(all))
	}
	return all
}

// matches reports whether an import path falls under a table's path. For this module that path may be
// relative; it is written in full where the standard library has a package of the same name.
func matches(imp, path string) bool {
	if r := rel(imp); r != "" && under(r, path) {
		return true
	}
	return under(imp, path)
}

func TestBans(t *testing.T) {
	for _, p := range list(t) {
		for _, ban := range Bans() {
			if !under(rel(p.ImportPath), ban.From) {
				continue
			}
			for _, imp := range p.Imports {
				for _, to := range ban.To {
					// Nothing in `net` but its address types is pure; net/netip and net/url are values.
					if imp == "net/netip" || imp == "net/url" {
						continue
					}
					if matches(imp, to) && !under(rel(imp), ban.From) {
						t.Errorf("%s imports %s: %s", rel(p.ImportPath), imp, ban.Reason)
					}
				}
			}
		}
	}
}

func TestOwners(t *testing.T) {
	owners := Owners()
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			if !thirdParty(imp) {
				continue
			}
			i := slices.IndexFunc(owners, func(o Owner) bool { return under(imp, o.Module) })
			switch {
			case i < 0:
				t.Errorf("%s imports %s, which is in no table: name its one importer and the reason in Owners", rel(p.ImportPath), imp)
			case !underAny(rel(p.ImportPath), owners[i].By):
				t.Errorf("%s imports %s: only %v may (%s)", rel(p.ImportPath), imp, owners[i].By, owners[i].Reason)
			}
		}
	}
}

func TestLinks(t *testing.T) {
	for _, p := range list(t) {
		for _, l := range Links() {
			if rel(p.ImportPath) != l.Binary {
				continue
			}
			for _, dep := range p.Deps {
				for _, never := range l.Never {
					if matches(dep, never) {
						t.Errorf("%s links %s: %s", l.Binary, dep, l.Reason)
					}
				}
			}
		}
	}
}

// TestWorkshop: the tools of the workshop, and fixtures with everybody's keys, stay out of what is shipped.
func TestWorkshop(t *testing.T) {
	binaries := 0
	for _, p := range list(t) {
		if !under(rel(p.ImportPath), "cmd") {
			continue
		}
		binaries++
		for _, dep := range p.Deps {
			if r := rel(dep); r != "" && (underAny(r, Workshop()) || strings.HasSuffix(r, "test")) {
				t.Errorf("%s links %s", rel(p.ImportPath), r)
			}
		}
	}
	if binaries != 3 {
		t.Errorf("%d binaries", binaries)
	}
}

// TestProcesses: library code returns; it neither ends the process nor takes its
// signals, and says nothing through the process's default logger.
func TestProcesses(t *testing.T) {
	banned := map[string][]string{
		"os":     {"Exit"},
		"signal": {"Notify", "NotifyContext", "Ignore", "Reset"},
		"slog":   {"Default", "Debug", "Info", "Warn", "Error", "Log"},
	}
	for _, p := range list(t) {
		if underAny(rel(p.ImportPath), Processes()) {
			continue
		}
		for _, name := range p.GoFiles {
			eachCall(t, filepath.Join(p.Dir, name), func(pkg, fn string, pos token.Position) {
				if slices.Contains(banned[pkg], fn) {
					t.Errorf("%s: %s.%s: only what is a process of its own may", pos, pkg, fn)
				}
			})
		}
	}
}

// TestPureClock refuses what reads a clock or the environment's randomness for a decision.
func TestPureClock(t *testing.T) {
	banned := map[string]string{"Now": "", "Since": "", "Until": "", "After": "", "Tick": "", "Sleep": "", "NewTimer": "", "NewTicker": "", "AfterFunc": ""}
	pure := []string{"log", "witness", "blacklist", "policy", "internal/fold"}
	for _, p := range list(t) {
		if !underAny(rel(p.ImportPath), pure) {
			continue
		}
		for _, name := range p.GoFiles {
			eachCall(t, filepath.Join(p.Dir, name), func(pkg, fn string, pos token.Position) {
				if _, bad := banned[fn]; bad && pkg == "time" {
					t.Errorf("%s: time.%s: time is an argument here (E1)", pos, fn)
				}
			})
		}
	}
}

func eachCall(t *testing.T, path string, visit func(pkg, fn string, pos token.Position)) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok {
				visit(id.Name, sel.Sel.Name, fset.Position(sel.Pos()))
			}
		}
		return true
	})
}

// TestFiles holds the house's shape: no init, no grab-bag packages, no file that hides a second noun.
func TestFiles(t *testing.T) {
	for _, p := range list(t) {
		switch filepath.Base(p.ImportPath) {
		case "util", "utils", "common", "helpers", "types", "misc":
			t.Errorf("%s: a package is a noun of the domain", rel(p.ImportPath))
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(src, []byte("\n")); n > maxLines {
				t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
					t.Errorf("%s: init runs before anybody asked", path)
				}
			}
		}
	}
}

// TestMatches keeps the test itself honest: a table that matched nothing would pass for ever.
func TestMatches(t *testing.T) {
	for _, c := range []struct {
		imp, path string
		want      bool
	}{
		{"net/http", "net", true},
		{"network", "net", false},
		{Module + "/log", "log", true},
		{Module + "/log/x", "log", true},
		{Module + "/logic", "log", false},
		{"log", "log", true},
		{"github.com/transparency-dev/tessera/storage/posix", "github.com/transparency-dev/tessera", true},
	} {
		if got := matches(c.imp, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.imp, c.path, got)
		}
	}
	if !thirdParty("filippo.io/mldsa") || thirdParty("crypto/hpke") || thirdParty(Module+"/log") {
		t.Error("thirdParty misjudges")
	}
	if !strings.HasPrefix(Module, "github.com/") {
		t.Error("module path")
	}
}
