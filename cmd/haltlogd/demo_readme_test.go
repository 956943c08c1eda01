package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asLab runs the commands that the README tells a lab, and no others.
func asLab(t *testing.T, env string) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := bytes.Cut(readme, []byte("<!-- lab -->"))
	_, rest, open := bytes.Cut(rest, []byte("```sh\n"))
	script, _, shut := bytes.Cut(rest, []byte("```"))
	if !found || !open || !shut {
		t.Fatal("the README tells a lab nothing")
	}
	if n := strings.Count(string(script), "haltlog "); n != 4 {
		t.Errorf("the README tells a lab %d commands, not four", n)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", ". \"$0\"\ncp -r \"$MODEL\" model\n"+string(script), env)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the commands of the README: %v\n%s", err, out)
	}
}
