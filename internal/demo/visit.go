package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// visit writes a file for the shell of a lab that visits a demo which stays:
// which log it pins, where it is, a model of its own, and the programs.
func (w *world) visit() (string, error) {
	var b strings.Builder
	for _, v := range [][2]string{
		{"HALTLOG_GENESIS", w.genesis},
		{"HALTLOG_QUORUM", w.file("quorum")},
		{"HALTLOG_LOG", w.url},
		{"MODEL", filepath.Join(w.dir, "lab", "run-1-other")},
		{"PATH", filepath.Dir(w.bin.Haltlog) + ":$PATH"},
	} {
		fmt.Fprintf(&b, "export %s=\"%s\"\n", v[0], v[1])
	}
	path := w.file("lab.env")
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}
