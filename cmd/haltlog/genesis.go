package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

type genesisCmd struct {
	Draft   genesisDraftCmd `cmd:"" help:"Draft entry 0 of a log from its holders' grants, and write the sign request."`
	Sign    signCmd         `cmd:"" help:"As one officer, sign the request."`
	Combine combineCmd      `cmd:"" help:"Put the officers' signatures together: entry 0, and its hash to pin."`
	Show    genesisShowCmd  `cmd:"" help:"Judge a file that holds entry 0, and print its hash and what it says."`
}

type genesisDraftCmd struct {
	Origin         string        `required:"" env:"HALTLOG_ORIGIN" help:"Name of the log."`
	Grant          []string      `required:"" type:"path" help:"Grant files of every first key (key prove): officers, registrar, engines, escrow, and so on."`
	Threshold      int           `required:"" help:"How many officers sign together."`
	Quorum         string        `required:"" type:"path" help:"Quorum file (C2SP tlog-policy) with the log's own line."`
	Evaluator      string        `required:"" help:"Public key of the evaluator, in hex (key show)."`
	Skew           time.Duration `default:"2s" help:"How far clocks may differ."`
	AnchorPeriod   time.Duration `default:"10s" help:"An anchor is logged at least this often."`
	DecisionPeriod time.Duration `default:"10s" help:"A decision is logged at least this often."`
	AuthorityDelay time.Duration `default:"24h" help:"How long a loosening of authority waits."`
	Created        time.Time     `help:"Time of creation, RFC 3339; now if it is not given."`
	Out            string        `required:"" type:"path" help:"Sign request to write. It must not exist."`
}

func (c *genesisDraftCmd) Run(e *env) error {
	verifier := keys.NewVerifier()
	grants := make([]*officer.Grant, 0, len(c.Grant))
	for _, path := range c.Grant {
		g, err := parseFile(path, func(b []byte) (*officer.Grant, error) { return officer.ParseGrant(b, c.Origin, verifier) })
		if err != nil {
			return err
		}
		grants = append(grants, g)
	}
	quorum, err := parseFile(c.Quorum, checkpoint.ParseQuorum)
	if err != nil {
		return err
	}
	pk, err := hex.DecodeString(c.Evaluator)
	if err != nil {
		return usage("--evaluator: want 64 hexadecimal digits")
	}
	evaluators, err := officer.Alone(1, pk)
	if err != nil {
		return err
	}
	if c.Created.IsZero() {
		c.Created = time.Now()
	}
	g := &log.Genesis{
		Origin: c.Origin, Created: log.TimeOf(c.Created), Nonce: make(log.Bytes, 16), Threshold: c.Threshold,
		Keys: officer.Grants(grants), Quorum: quorum.String(),
		SkewMS: c.Skew.Milliseconds(), AnchorPeriodMS: c.AnchorPeriod.Milliseconds(),
		DecisionPeriodMS: c.DecisionPeriod.Milliseconds(), AuthorityDelayMS: c.AuthorityDelay.Milliseconds(),
		Evaluators: evaluators,
	}
	rand.Read(g.Nonce) // does not fail (Go 1.24)
	r, err := officer.NewRequest(g, g.Keys, c.Threshold)
	if err != nil {
		return err
	}
	return e.drafted(r, c.Out)
}

type genesisShowCmd struct {
	File    string `arg:"" type:"path" help:"File with entry 0."`
	Genesis string `env:"HALTLOG_GENESIS" help:"Hash that it has to have, in hex."`
}

func (c *genesisShowCmd) Run(e *env) error {
	a, hash, err := genesisFile(c.File, c.Genesis)
	if err != nil {
		return err
	}
	type key struct {
		Role  log.Role `json:"role"`
		Name  string   `json:"name"`
		KeyID string   `json:"keyid"`
	}
	g := a.Genesis
	out := struct {
		Genesis   string   `json:"genesis"`
		Origin    string   `json:"origin"`
		Created   log.Time `json:"created"`
		Threshold int      `json:"threshold"`
		Keys      []key    `json:"keys"`
		Quorum    string   `json:"quorum"`
	}{hash.Hex(), g.Origin, g.Created, g.Threshold, nil, g.Quorum}
	for _, k := range g.Keys {
		out.Keys = append(out.Keys, key{k.Role, k.Name, log.KeyID(k.SPKI)})
	}
	return e.print(out, func(w io.Writer) error {
		fmt.Fprintf(w, "genesis %s\norigin %s\ncreated %s\n%d of %d officers sign\n", out.Genesis, out.Origin, out.Created, out.Threshold, len(a.Officers))
		for _, k := range out.Keys {
			fmt.Fprintf(w, "%-10s %-20s %s\n", k.Role, k.Name, k.KeyID)
		}
		_, err := fmt.Fprint(w, g.Quorum)
		return err
	})
}
