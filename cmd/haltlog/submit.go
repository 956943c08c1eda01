package main

import (
	"fmt"
	"io"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

type submitCmd struct {
	logFlag   `embed:""`
	Statement string `arg:"" type:"path" help:"Signed statement, as combine wrote it."`
	Wait      string `enum:"durable,folded,witnessed" default:"durable" help:"Until when to wait: ${enum}."`
	Key       string `help:"For a statement that is larger than one entry: the key file of one of its signers, who signs its parts."`
	Receipt   string `type:"path" help:"With --wait=witnessed: file for the receipt (C2SP tlog-proof)."`
	Quorum    string `type:"path" env:"HALTLOG_QUORUM" help:"With --wait=witnessed: quorum file to verify the receipt by."`
}

func (c *submitCmd) Run(e *env) error {
	if (c.Wait == api.WaitWitnessed) != (c.Receipt != "") {
		return usage("--receipt goes with --wait=witnessed")
	}
	leaf, err := readFile(c.Statement)
	if err != nil {
		return err
	}
	leaves, err := c.split(e, leaf)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Statement, err)
	}
	client, err := c.client("")
	if err != nil {
		return err
	}
	last := len(leaves) - 1
	for _, l := range leaves[:last] {
		if _, err := client.Submit(e.ctx, l); err != nil {
			return err
		}
	}
	var a api.Accepted
	switch c.Wait {
	case api.WaitWitnessed:
		proof, err := client.SubmitWitnessed(e.ctx, leaves[last])
		if err != nil {
			return err
		}
		return e.receipt(c.Quorum, c.Receipt, leaves[last], proof)
	case api.WaitFolded:
		a, err = client.SubmitFolded(e.ctx, leaves[last])
	default:
		a, err = client.Submit(e.ctx, leaves[last])
	}
	if err != nil {
		return err
	}
	return e.accepted(a)
}

// split makes parts of what one entry does not hold.
func (c *submitCmd) split(e *env, leaf []byte) ([][]byte, error) {
	s, err := log.Parse(leaf)
	if err == nil {
		if string(s.Kind()) != e.command {
			return nil, fmt.Errorf("holds kind %s, not %s", s.Kind(), e.command)
		}
		return [][]byte{leaf}, nil
	}
	if _, whole := log.ParseWhole(leaf); whole != nil {
		return nil, err
	}
	if c.Key == "" {
		return nil, usage("the statement is larger than one entry: --key signs its parts")
	}
	k, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return nil, err
	}
	return log.Split(leaf, k)
}

// accepted prints where a statement stands, and says no if it is void.
func (e *env) accepted(a api.Accepted) error {
	err := e.print(a, func(w io.Writer) error {
		s := fmt.Sprintf("index %d", a.Index)
		if a.Repeat {
			s += ", which it had before"
		}
		if a.Validity != "" {
			s += ", " + a.Validity
		}
		if a.Decision != nil {
			s += fmt.Sprintf(", decided at %d", *a.Decision)
		}
		_, err := fmt.Fprintln(w, s)
		return err
	})
	switch log.Validity(a.Validity) {
	case log.Void, log.StaleVoid:
		return no(fmt.Errorf("entry %d is %s: %s", a.Index, a.Validity, a.Reason))
	}
	return err
}

// receipt verifies and keeps a tlog-proof.
func (e *env) receipt(quorum, path string, leaf, proof []byte) error {
	if quorum == "" {
		return usage("--quorum is needed to verify the receipt")
	}
	q, err := readFile(quorum)
	if err != nil {
		return err
	}
	r, err := log.VerifyReceipt(q, leaf, proof)
	if err != nil {
		return no(err)
	}
	if err := create(path, proof); err != nil {
		return err
	}
	return e.print(map[string]any{"index": r.Signed.Index, "origin": r.Origin, "size": r.Size, "root": r.Root, "receipt": path}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "index %d of %s, witnessed at size %d\n", r.Signed.Index, r.Origin, r.Size)
		return err
	})
}
