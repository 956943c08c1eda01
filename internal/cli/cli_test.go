package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

type env struct{ word string }

type do struct {
	Fail int `help:"Exit code to fail with, of ${codes}."`
}

var errOther = errors.New("other\nproblem")

func (d *do) Run(e *env) error {
	switch d.Fail {
	case OK:
		return nil
	case -1:
		return errOther
	case -2:
		return errors.New("plain")
	}
	return fmt.Errorf("%s: %w", e.word, Exitf(d.Fail, "told so"))
}

func TestRun(t *testing.T) {
	p := Program{Name: "tool", Description: "A tool.", Vars: map[string]string{"codes": "many codes"}, OneLine: true, Code: func(err error) int {
		if errors.Is(err, errOther) {
			return No
		}
		return Error
	}}
	for _, c := range []struct {
		args        []string
		code        int
		stdout, err string
	}{
		{[]string{"do"}, OK, "", ""},
		{[]string{"do", "--fail=2"}, Usage, "", "tool: do: told so\n"},
		{[]string{"do", "--fail=4"}, Look, "", "tool: do: told so\n"},
		{[]string{"do", "--fail=-1"}, No, "", "tool: other; problem\n"},
		{[]string{"do", "--fail=-2"}, Error, "", "tool: plain\n"},
		{[]string{"do", "--help"}, OK, "many codes", ""},
		{[]string{"do", "--fail=x"}, Usage, "", "tool: --fail"},
		{[]string{"undo"}, Usage, "", "tool: unexpected argument undo"},
		{nil, Usage, "", "tool: expected"},
	} {
		var grammar struct {
			Do do `cmd:""`
		}
		var stdout, stderr bytes.Buffer
		code := p.Run(&grammar, func(words []string) any { return &env{words[0]} }, c.args, &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.HasPrefix(stderr.String(), c.err) || (c.err == "") != (stderr.Len() == 0) {
			t.Errorf("%v: %d\n%s\n%s", c.args, code, &stdout, &stderr)
		}
	}
}

// TestGrammar: a grammar that the library refuses is a program's mistake, and no panic.
func TestGrammar(t *testing.T) {
	var grammar struct {
		A int `name:"same"`
		B int `name:"same"`
	}
	var stderr bytes.Buffer
	if code := (Program{Name: "tool"}).Run(&grammar, func([]string) any { return nil }, nil, io.Discard, &stderr); code != Error || stderr.Len() == 0 {
		t.Errorf("%d: %s", code, &stderr)
	}
}

func TestExit(t *testing.T) {
	inner := errors.New("inner")
	err := Exit(No, Exit(Look, inner))
	if code, ok := codeOf(err); code != No || !ok || !errors.Is(err, inner) || err.Error() != "inner" {
		t.Errorf("%v: %d", err, code)
	}
	if _, ok := codeOf(inner); ok {
		t.Error("a plain error carries a code")
	}
}

func TestBuild(t *testing.T) {
	b := ReadBuild()
	var out bytes.Buffer
	if err := b.Print(&out, "tool"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "tool "+b.Version+" go1.") || strings.Count(out.String(), "\n") != 1+len(b.Needs) {
		t.Errorf("%s", &out)
	}
	b = Build{Version: "v1", Go: "go1", Revision: "abc", Time: "then", Modified: true, Needs: []Need{{"m", "v2", "h1:x"}}}
	out.Reset()
	if err := b.Print(&out, "tool"); err != nil || out.String() != "tool v1 go1 revision abc of then with local changes\n  m v2 h1:x\n" {
		t.Errorf("%v: %s", err, &out)
	}
	if err := b.Print(failing{}, "tool"); err == nil {
		t.Error("an answer that could not be written")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
