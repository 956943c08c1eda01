package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

type groupCmd struct {
	Appoint groupAppointCmd `cmd:"" help:"Draft the appointment of a consensus group from its members' enrolments."`
	Show    groupShowCmd    `cmd:"" help:"Print a group's hash and members."`
	Sign    signCmd         `cmd:"" help:"As one officer, sign the request."`
	Combine combineCmd      `cmd:"" help:"Put the officers' signatures together."`
	Submit  submitCmd       `cmd:"" help:"Post the signed statement."`
}

type groupAppointCmd struct {
	officersFlags `embed:""`
	Name          string   `required:"" help:"Name of the group."`
	Chain         string   `required:"" help:"Policy chain that it serves."`
	Enrolment     []string `required:"" type:"path" help:"Enrolment files of all members (member keygen)."`
	After         string   `type:"path" help:"The group of this name before, as group combine wrote it."`
	Out           string   `required:"" type:"path" help:"Sign request to write. It must not exist."`
}

func (c *groupAppointCmd) Run(e *env) error {
	a, err := c.standing()
	if err != nil {
		return err
	}
	g := &log.Group{Origin: a.Genesis.Origin, Name: c.Name, Number: 1, Chain: c.Chain, Method: log.MethodAppointed}
	if c.After != "" {
		last, hash, err := readGroup(c.After)
		if err != nil {
			return err
		}
		if last.Name != c.Name || last.Chain != c.Chain || last.Origin != g.Origin {
			return no(fmt.Errorf("%s is group %s of chain %s in %s", c.After, last.Name, last.Chain, last.Origin))
		}
		g.Number, g.Previous = last.Number+1, &hash
	}
	verifier := keys.NewVerifier()
	for _, path := range c.Enrolment {
		m, err := parseFile(path, func(b []byte) (*officer.Enrolment, error) {
			return officer.ParseEnrolment(b, g.Origin, c.Name, verifier)
		})
		if err != nil {
			return err
		}
		if k, ok := a.Keys[log.KeyID(m.Checkin)]; ok {
			return no(fmt.Errorf("%s: the check-in key is that of %s %s", path, k.Role, k.Name))
		}
		g.Members = append(g.Members, m.Member())
	}
	slices.SortFunc(g.Members, func(x, y log.Member) int { return cmp.Compare(x.Pseudonym, y.Pseudonym) })
	return e.request(a, g, nil, c.Out)
}

// readGroup reads a signed group, and its hash.
func readGroup(path string) (*log.Group, log.Hash, error) {
	s, err := parseFile(path, log.Parse)
	if err != nil {
		return nil, log.Hash{}, err
	}
	g, ok := s.Statement.(*log.Group)
	if !ok {
		return nil, log.Hash{}, fmt.Errorf("%s: holds kind %s, not group", path, s.Kind())
	}
	return g, log.GroupHash(s.Envelope.Payload), nil
}

type groupShowCmd struct {
	File string `arg:"" type:"path" help:"Signed group, as group combine wrote it."`
}

func (c *groupShowCmd) Run(e *env) error {
	g, hash, err := readGroup(c.File)
	if err != nil {
		return err
	}
	type member struct {
		Pseudonym string    `json:"pseudonym"`
		KeyID     string    `json:"keyid"` // of the check-in key
		Ring      log.Bytes `json:"ring"`
	}
	out := struct {
		Hash    string     `json:"hash"`
		Origin  string     `json:"origin"`
		Name    string     `json:"name"`
		Number  uint64     `json:"number"`
		Chain   string     `json:"chain"`
		Method  log.Method `json:"method"`
		Members []member   `json:"members"`
	}{hash.Hex(), g.Origin, g.Name, g.Number, g.Chain, g.Method, nil}
	for _, m := range g.Members {
		out.Members = append(out.Members, member{m.Pseudonym, log.KeyID(m.Checkin), m.Ring})
	}
	return e.print(out, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "group %s\n%s %d of chain %s in %s, %s\n", out.Hash, out.Name, out.Number, out.Chain, out.Origin, out.Method)
		for _, m := range out.Members {
			_, err = fmt.Fprintf(w, "%-20s %s\n", m.Pseudonym, m.KeyID)
		}
		return err
	})
}
