package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

type keyNewCmd struct {
	Name string `required:"" help:"Name of the witness: a URL without scheme, such as witness.example/w1."`
	Out  string `required:"" type:"path" help:"File to write the private key to. It must not exist."`
	Type string `default:"ml-dsa-44" enum:"ed25519,ml-dsa-44" help:"Kind of cosignature: ${enum}. A witness may hold one key of each."`
}

func (c *keyNewCmd) Run(e *env) error {
	typ := checkpoint.TypeMLDSA44Cosignature
	if c.Type == "ed25519" {
		typ = checkpoint.TypeEd25519Cosignature
	}
	skey, vkey, err := checkpoint.GenerateKey(typ, c.Name, nil)
	if err != nil {
		return err
	}
	// The floor first: a key without one is refused by serve, a floor without
	// a key harms nobody.
	if err := createFloor(floorPath(c.Out)); err != nil {
		return err
	}
	if err := writeNew(c.Out, []byte(skey+"\n")); err != nil {
		return errors.Join(err, os.Remove(floorPath(c.Out)))
	}
	_, err = fmt.Fprintln(e.stdout, vkey)
	return err
}

type keyShowCmd struct {
	File string `arg:"" type:"path" help:"Private key file."`
}

func (c *keyShowCmd) Run(e *env) error {
	s, err := readKey(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, s.VKey())
	return err
}

// maxKeyFile is more than any key takes: a file of another kind named by
// mistake is not read whole.
const maxKeyFile = 8 << 10

// readKey reads a private key file: one line. No error shows any of it.
func readKey(path string) (checkpoint.Signer, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() > maxKeyFile {
		return nil, fmt.Errorf("read key: %s is not a key file", path)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read key: %s can be read by others (mode %04o); chmod 600 it", path, st.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	s, err := checkpoint.ParseSigner(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return nil, fmt.Errorf("read key: %s: %w", path, err)
	}
	if s.VKey().Type == checkpoint.TypeEd25519 {
		return nil, fmt.Errorf("read key: %s is a log's key, not a witness's", path)
	}
	return s, nil
}

func readKeys(paths []string) ([]checkpoint.Signer, error) {
	var all []checkpoint.Signer
	for _, p := range paths {
		s, err := readKey(p)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// writeNew writes a file that must not exist yet, for its owner only, and
// makes it durable.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
