package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// removeKeyCmd ends a key rotation. What was cosigned stays remembered, so that
// the log goes on under its other keys and cannot start again.
type removeKeyCmd struct {
	DB     string `required:"" type:"existingfile" name:"db" help:"Database of the witness."`
	Origin string `help:"Origin line of the log, where it is not the key's name."`
	VKey   string `arg:"" name:"vkey" help:"Public key to trust no longer."`
}

func (c *removeKeyCmd) Run(e *env) (err error) {
	k, err := checkpoint.ParseVKey(c.VKey)
	if err != nil {
		return err
	}
	origin := c.Origin
	if origin == "" {
		origin = k.Name
	}
	s, err := boltstore.Open(c.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	old, err := s.Load(e.ctx, logPrefix+origin)
	if err != nil && !errors.Is(err, witness.ErrNotFound) {
		return err
	}
	lines := slices.Collect(strings.Lines(string(old)))
	rest := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return l == k.String()+"\n" })
	if len(rest) == len(lines) {
		return no("log %s has no such key", origin)
	}
	if len(rest) == 0 {
		return fmt.Errorf("this is the last key of log %s: add its next one first", origin)
	}
	if err := s.Swap(e.ctx, logPrefix+origin, old, []byte(strings.Join(rest, ""))); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "removed a key of %s\n", origin)
	return err
}
