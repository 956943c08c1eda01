package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	out := flag.String("out", "docs", "folder of the page and its pictures")
	n := flag.Int("models", 12, "models of each family")
	flag.Parse()
	if err := run(*out, *n); err != nil {
		fmt.Fprintln(os.Stderr, "printreport:", err)
		os.Exit(1)
	}
}

// run measures and writes.
func run(dir string, n int) error {
	r, err := measure(n, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{
		{"fingerprints.md", r.page()},
		{"fingerprints-recall.svg", r.recallPicture()},
		{"fingerprints-bits.svg", r.bitsPicture()},
		{"fingerprints-chance.svg", r.chancePicture()},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
