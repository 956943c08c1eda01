package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

type restoreCmd struct {
	DB          string   `required:"" type:"existingfile" name:"db" help:"Database that was restored."`
	Key         []string `required:"" type:"path" help:"Private key file; twice for one of each kind."`
	Accept      bool     `help:"Take the database as the newest although the floor file is lost or ahead. Only if you know that this witness has cosigned nothing newer."`
	Checkpoints []string `arg:"" optional:"" type:"existingfile" name:"checkpoint" help:"Signed checkpoints that this witness cosigned, the newest of each log."`
}

// Help is what serve points to.
func (c *restoreCmd) Help() string {
	return `A witness whose database is older than what it has signed could be brought to
sign a second root. Collect for each log the newest checkpoint that this witness
cosigned (from the log, its mirrors or monitors), and give the files here: each
is verified under the log's key and this witness's own, and the database moves
forward to it, never back. serve then starts again. If the floor file beside the
key is lost too, or ahead of anything that can be found, only --accept goes on;
rather retire the key than use it in doubt.`
}

func (c *restoreCmd) Run(e *env) (err error) {
	o, err := openWitness(e, c.DB, c.Key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.store.Close()) }()
	for _, p := range c.Checkpoints {
		if err := c.one(e, o, p); err != nil {
			return err
		}
	}
	if !c.Accept {
		if err := o.checkFloors(e); err != nil {
			return err
		}
	}
	now, err := currentFloor(e, o.witness)
	if err != nil {
		return err
	}
	if err := now.writeAll(o.keys); err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.stdout, "the database may be served")
	return err
}

func (c *restoreCmd) one(e *env, o *opened, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() > checkpoint.MaxNote {
		return fmt.Errorf("%s: longer than a checkpoint", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	origin, size, err := o.witness.Restore(e.ctx, b)
	switch {
	case errors.Is(err, witness.ErrInconsistent):
		return look("%s: %w: the log signed both, or two witnesses run with one key", path, err)
	case errors.Is(err, witness.ErrForbidden), errors.Is(err, witness.ErrUnknownLog), errors.Is(err, witness.ErrMalformed):
		return no("%s: %w", path, err)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err = fmt.Fprintf(e.stdout, "%s at size %d\n", origin, size)
	return err
}
