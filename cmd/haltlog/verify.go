package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// VerifyCmd verifies, offline, what somebody hands over: a tlog-proof with its
// entry, a checkpoint, a finding of an audit or a whole report; and a clearance,
// against the list.
type VerifyCmd struct {
	File      []string `arg:"" type:"path" help:"tlog-proof, checkpoint, finding or report of an audit, the evidence of a fork that another command kept, or a clearance."`
	Leaf      string   `type:"path" help:"The entry's bytes, for a tlog-proof."`
	listFlags `embed:""`
}

// verified is what holds of one file.
type verified struct {
	File  string   `json:"file"`
	Kind  string   `json:"kind"` // proof, checkpoint, finding, fork
	Check string   `json:"check,omitempty"`
	Text  string   `json:"text,omitempty"`
	Facts []string `json:"facts"`
	// Whole says that the facts prove it all; else a replay has to show the
	// rest (haltlog audit).
	Whole bool `json:"whole"`
}

// Run is the command.
func (c *VerifyCmd) Run(e *env) error {
	var quorum []byte
	if c.Quorum != "" {
		var err error
		if quorum, err = readFile(c.Quorum); err != nil {
			return err
		}
		if _, err := checkpoint.ParseQuorum(quorum); err != nil {
			return fmt.Errorf("%s: %w", c.Quorum, err)
		}
	}
	for _, path := range c.File {
		if cleared, err := isClearance(path); err != nil {
			return err
		} else if cleared {
			if err := c.clearance(e, path); err != nil {
				return clearError(err)
			}
			continue
		}
		if quorum == nil {
			return usage("give --quorum: by whom you trust the log")
		}
		raw, err := readFile(path)
		if err != nil {
			return err
		}
		if c.Leaf == "" && isProof(raw) {
			return usage("%s: a tlog-proof is verified with the entry that it is of: --leaf", path)
		}
		vs, err := c.one(path, raw, quorum)
		if err != nil {
			return no(fmt.Errorf("%s: %w", path, err))
		}
		for _, v := range vs {
			if err := e.print(v, func(w io.Writer) error { return printVerified(w, v) }); err != nil {
				return err
			}
		}
	}
	return nil
}

var forkHead, forkMiddle = "seen before:\n\n", "\n\nshown now:\n\n"

// one tells the kinds of files apart by how they begin.
func (c *VerifyCmd) one(path string, raw, quorum []byte) ([]verified, error) {
	v := verified{File: path, Whole: true}
	switch {
	case isProof(raw):
		return c.proof(v, raw, quorum)
	case bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")):
		return findings(path, raw, quorum)
	case bytes.HasPrefix(raw, []byte(forkHead)):
		return fork(v, raw, quorum)
	}
	q, err := checkpoint.ParseQuorum(quorum)
	if err != nil {
		return nil, err
	}
	s, err := q.Verify(raw)
	if err != nil {
		return nil, err
	}
	v.Kind = "checkpoint"
	v.Facts = []string{fmt.Sprintf("%s has %d entries with root %s", s.Checkpoint.Origin, s.Checkpoint.Size, checkpoint.FormatHash(s.Checkpoint.Root))}
	for _, w := range s.Cosigned {
		v.Facts = append(v.Facts, fmt.Sprintf("witness %s cosigned it at %s", w.Name, time.Unix(int64(w.Time), 0).UTC().Format(time.RFC3339)))
	}
	return []verified{v}, nil
}

func isProof(raw []byte) bool { return bytes.HasPrefix(raw, []byte("c2sp.org/tlog-proof@")) }

// proof is a tlog-proof with its entry.
func (c *VerifyCmd) proof(v verified, raw, quorum []byte) ([]verified, error) {
	leaf, err := readFile(c.Leaf)
	if err != nil {
		return nil, err
	}
	r, err := log.VerifyReceipt(quorum, leaf, raw)
	if err != nil {
		return nil, err
	}
	v.Kind = "proof"
	v.Facts = []string{fmt.Sprintf("entry %d of %s is this %s", r.Signed.Index, r.Origin, r.Signed.Kind())}
	if !r.Latest.IsZero() {
		v.Facts = append(v.Facts, fmt.Sprintf("witnessed at size %d by %s", r.Size, r.Latest.Format(time.RFC3339)))
	}
	return []verified{v}, nil
}

// findings is one finding, or all of a report.
func findings(path string, raw, quorum []byte) ([]verified, error) {
	list := [][]byte{raw}
	var report struct {
		Findings *[]json.RawMessage `json:"findings"`
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		return nil, err
	}
	if report.Findings != nil {
		list = nil
		for _, f := range *report.Findings {
			list = append(list, f)
		}
	}
	var out []verified
	for _, one := range list {
		f, err := audit.ParseFinding(one)
		if err != nil {
			return nil, err
		}
		if f.Severity == audit.SeverityNote {
			continue // for people, and without evidence
		}
		p, err := audit.Verify(quorum, f, keys.NewVerifier())
		if err != nil {
			return nil, err
		}
		out = append(out, verified{File: path, Kind: "finding", Check: f.Check, Text: f.Text, Facts: p.Facts, Whole: p.Whole})
	}
	return out, nil
}

// fork is what other commands keep beside their state when they were shown two
// histories.
func fork(v verified, raw, quorum []byte) ([]verified, error) {
	seen, shown, ok := bytes.Cut(raw[len(forkHead):], []byte(forkMiddle))
	if !ok {
		return nil, errors.New("holds no second checkpoint")
	}
	f := audit.Finding{Check: audit.CheckFork, Evidence: audit.Evidence{
		Checkpoints: []audit.SignedNote{{From: "shown now", Note: shown}, {From: "seen before", Note: seen}},
	}}
	p, err := audit.Verify(quorum, f, keys.NewVerifier())
	if err != nil {
		return nil, err
	}
	v.Kind, v.Facts, v.Whole = "fork", p.Facts, p.Whole
	return []verified{v}, nil
}

func printVerified(w io.Writer, v verified) error {
	head := v.File + ": " + v.Kind
	if v.Check != "" {
		head += " " + v.Check + ": " + v.Text
	}
	if _, err := fmt.Fprintln(w, line(head)); err != nil {
		return err
	}
	for _, f := range v.Facts {
		if _, err := fmt.Fprintln(w, "  "+line(f)); err != nil {
			return err
		}
	}
	if !v.Whole {
		_, err := fmt.Fprintln(w, "  the rest is the finder's word, or takes a replay: haltlog audit")
		return err
	}
	return nil
}
