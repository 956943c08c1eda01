package main

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

type authorityCmd struct {
	Add        authorityAddCmd        `cmd:"" help:"Draft the grant of keys (a loosening: it waits)."`
	Revoke     authorityRevokeCmd     `cmd:"" help:"Draft the revocation of keys (a tightening: in force at once)."`
	Rotate     authorityRotateCmd     `cmd:"" help:"Draft the exchange of keys, in one statement."`
	Quorum     authorityQuorumCmd     `cmd:"" help:"Draft a new quorum of witnesses, or new log keys."`
	Evaluators authorityEvaluatorsCmd `cmd:"" help:"Draft a new evaluator key."`
	Sign       signCmd                `cmd:"" help:"As one officer, sign the request."`
	Combine    combineCmd             `cmd:"" help:"Put the officers' signatures together."`
	Submit     submitCmd              `cmd:"" help:"Post the signed statement."`
}

// authorityFlags are common to all changes of authority.
type authorityFlags struct {
	officersFlags `embed:""`
	Threshold     *int   `help:"New number of officers who sign together."`
	Out           string `required:"" type:"path" help:"Sign request to write. It must not exist."`
}

// draft writes the request of the next authority statement.
func (f *authorityFlags) draft(e *env, change func(*trust.Authority, *log.Authority) error) error {
	a, err := f.standing()
	if err != nil {
		return err
	}
	st := &log.Authority{
		Origin: a.Genesis.Origin, Number: a.Number + 1, Previous: a.Identity,
		Threshold: f.Threshold, Add: []log.KeyGrant{}, Revoke: []string{},
	}
	if err := change(a, st); err != nil {
		return err
	}
	return e.request(a, st, nil, f.Out)
}

// grants reads grants into a statement.
func grants(a *trust.Authority, st *log.Authority, paths []string) error {
	verifier := keys.NewVerifier()
	var gs []*officer.Grant
	for _, path := range paths {
		g, err := parseFile(path, func(b []byte) (*officer.Grant, error) { return officer.ParseGrant(b, a.Genesis.Origin, verifier) })
		if err != nil {
			return err
		}
		if k, ok := a.Keys[log.KeyID(g.SPKI)]; ok {
			return no(fmt.Errorf("%s: the key is already that of %s %s", path, k.Role, k.Name))
		}
		gs = append(gs, g)
	}
	st.Add = officer.Grants(gs)
	return nil
}

// revoke takes keys back that hold a role.
func revoke(a *trust.Authority, st *log.Authority, ids []string) error {
	for _, id := range ids {
		if _, ok := a.Keys[id]; !ok {
			return no(fmt.Errorf("no key %s holds a role", id))
		}
	}
	st.Revoke = slices.Clone(ids)
	slices.Sort(st.Revoke)
	return nil
}

type authorityAddCmd struct {
	authorityFlags `embed:""`
	Grant          []string `required:"" type:"path" help:"Grant files (key prove)."`
}

func (c *authorityAddCmd) Run(e *env) error {
	return c.draft(e, func(a *trust.Authority, st *log.Authority) error { return grants(a, st, c.Grant) })
}

type authorityRevokeCmd struct {
	authorityFlags `embed:""`
	KeyID          []string `name:"keyid" required:"" help:"Key IDs to revoke."`
}

func (c *authorityRevokeCmd) Run(e *env) error {
	return c.draft(e, func(a *trust.Authority, st *log.Authority) error { return revoke(a, st, c.KeyID) })
}

type authorityRotateCmd struct {
	authorityFlags `embed:""`
	Grant          []string `required:"" type:"path" help:"Grant files of the new keys."`
	KeyID          []string `name:"keyid" required:"" help:"Key IDs of the old ones."`
}

func (c *authorityRotateCmd) Run(e *env) error {
	return c.draft(e, func(a *trust.Authority, st *log.Authority) error {
		if err := grants(a, st, c.Grant); err != nil {
			return err
		}
		return revoke(a, st, c.KeyID)
	})
}

type authorityQuorumCmd struct {
	authorityFlags `embed:""`
	File           string `arg:"" type:"path" help:"Quorum file (C2SP tlog-policy)."`
}

func (c *authorityQuorumCmd) Run(e *env) error {
	return c.draft(e, func(_ *trust.Authority, st *log.Authority) error {
		q, err := parseFile(c.File, checkpoint.ParseQuorum)
		if err != nil {
			return err
		}
		st.Quorum = new(q.String())
		return nil
	})
}

type authorityEvaluatorsCmd struct {
	authorityFlags `embed:""`
	Public         string `arg:"" optional:"" help:"Public key of an evaluator alone, in hex."`
	Set            string `type:"path" help:"Set of several, as evaluator set wrote it, in the place of the key."`
}

func (c *authorityEvaluatorsCmd) Run(e *env) error {
	if (c.Public == "") == (c.Set == "") {
		return usage("give the public key of an evaluator alone, or --set")
	}
	return c.draft(e, func(a *trust.Authority, st *log.Authority) error {
		if c.Set != "" {
			set, err := parseFile(c.Set, ceremony.ParseSet)
			if err != nil {
				return err
			}
			st.Evaluators = &set
			return nil
		}
		pk, err := hex.DecodeString(c.Public)
		if err != nil {
			return usage("want 64 hexadecimal digits")
		}
		set, err := officer.Alone(a.Evaluators[len(a.Evaluators)-1].Version+1, pk)
		if err != nil {
			return err
		}
		st.Evaluators = &set
		return nil
	})
}
