package main

import (
	"fmt"
	"io"
	"os"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// readFile reads a bounded file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := officer.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// parseFile reads a file and says its name where it is no good.
func parseFile[T any](path string, parse func([]byte) (T, error)) (T, error) {
	b, err := readFile(path)
	if err != nil {
		var none T
		return none, err
	}
	v, err := parse(b)
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

// create writes a new file, whole or not at all, and never over another.
func create(path string, b []byte) error {
	return keys.Create(path, b)
}

// genesisFile reads entry 0 from a file and judges it as the fold does; pin is its
// hash in hex, or empty.
func genesisFile(path, pin string) (*trust.Authority, log.Hash, error) {
	leaf, err := readFile(path)
	if err != nil {
		return nil, log.Hash{}, err
	}
	hash := log.GenesisHash(leaf)
	if pin != "" && pin != hash.Hex() {
		return nil, hash, no(fmt.Errorf("%s: its hash is %s, pinned is %s", path, hash.Hex(), pin))
	}
	a, err := trust.NewAuthority(leaf, keys.NewVerifier())
	if err != nil {
		return nil, hash, fmt.Errorf("%s: %w", path, err)
	}
	return a, hash, nil
}

// terminal reports whether a reader is a terminal where somebody can be asked.
// The null device is a character device too, and nobody sits there.
func terminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// confirm asks on a terminal; without one, or with yes, nobody is asked.
func (e *env) confirm(yes bool, question string) error {
	if yes || !terminal(e.stdin) {
		return nil
	}
	fmt.Fprintf(e.stderr, "%s [y/N] ", question)
	var answer string
	_, _ = fmt.Fscanln(e.stdin, &answer)
	if answer != "y" && answer != "yes" {
		return no(fmt.Errorf("not done: the answer was no"))
	}
	return nil
}
