package main

import (
	"bytes"
	"encoding/hex"
	"slices"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/log"
)

// markFlags are common to what officers say of labels and of the log.
type markFlags struct {
	officersFlags `embed:""`
	Reason        string `required:"" help:"Why, for people: it stands in the log."`
	Out           string `required:"" type:"path" help:"Sign request to write. It must not exist."`
}

// signing are the steps after a draft.
type signing struct {
	Sign    signCmd    `cmd:"" help:"As one officer, sign the request."`
	Combine combineCmd `cmd:"" help:"Put the officers' signatures together."`
	Submit  submitCmd  `cmd:"" help:"Post the signed statement."`
}

type allowlistCmd struct {
	Draft   allowlistDraftCmd `cmd:"" help:"Draft labels that are never listed."`
	signing `embed:""`
}

type allowlistDraftCmd struct {
	markFlags `embed:""`
	Sequence  uint64   `required:"" help:"Number of the statement, one more than the last one's."`
	Kind      string   `default:"tensor" help:"Kind of the labels."`
	Label     []string `required:"" help:"Labels, in hex."`
}

func (c *allowlistDraftCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	st := &log.AllowList{Origin: a.Genesis.Origin, Sequence: c.Sequence, LabelKind: c.Kind, Reason: c.Reason}
	for _, s := range c.Label {
		l, err := label(c.Kind, s)
		if err != nil {
			return err
		}
		st.Labels = append(st.Labels, l)
	}
	slices.SortFunc(st.Labels, func(x, y log.Bytes) int { return bytes.Compare(x, y) })
	return e.request(a, st, nil, c.Out)
}

// label reads a label of a kind that this version lists.
func label(kind, s string) (log.Bytes, error) {
	if _, err := fingerprint.ParseKind(kind); err != nil {
		return nil, usage("--kind: %v", err)
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		return nil, usage("--label %q: want 64 hexadecimal digits", s)
	}
	return b, nil
}

type strikeCmd struct {
	Draft   strikeDraftCmd `cmd:"" help:"Draft the strike of a wrongly listed label: it stays, and counts for nothing."`
	signing `embed:""`
}

type strikeDraftCmd struct {
	markFlags `embed:""`
	Sequence  uint64 `required:"" help:"Number of the statement, one more than the last one's."`
	Kind      string `default:"tensor" help:"Kind of the label."`
	Label     string `required:"" help:"Label, in hex."`
}

func (c *strikeDraftCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	l, err := label(c.Kind, c.Label)
	if err != nil {
		return err
	}
	return e.request(a, &log.Strike{Origin: a.Genesis.Origin, Sequence: c.Sequence, LabelKind: c.Kind, Label: l, Reason: c.Reason}, nil, c.Out)
}

type freezeCmd struct {
	Draft   freezeDraftCmd `cmd:"" help:"Draft the end of the log."`
	signing `embed:""`
}

type freezeDraftCmd struct {
	markFlags `embed:""`
	Successor string `help:"Name of the log that follows."`
}

func (c *freezeDraftCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	return e.request(a, &log.Freeze{Origin: a.Genesis.Origin, Successor: c.Successor, Reason: c.Reason}, nil, c.Out)
}
