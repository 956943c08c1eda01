package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// officersFlags say, offline, which log it is and who its officers are.
type officersFlags struct {
	GenesisFile string   `required:"" type:"path" env:"HALTLOG_GENESIS_FILE" help:"Entry 0 of the log, as genesis combine wrote it."`
	Genesis     string   `env:"HALTLOG_GENESIS" help:"Hash of the genesis, in hex: another file is refused."`
	Authority   []string `type:"path" help:"Every authority statement since, in order, as authority combine wrote it."`
}

// standing is the officers in office.
func (f *officersFlags) standing() (*trust.Authority, error) {
	a, _, err := genesisFile(f.GenesisFile, f.Genesis)
	if err != nil {
		return nil, err
	}
	for _, path := range f.Authority {
		s, err := parseFile(path, log.Parse)
		if err != nil {
			return nil, err
		}
		if a, err = a.Apply(s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return a, nil
}

// drafted is the answer of every command that writes a sign request.
type drafted struct {
	Kind      log.Kind `json:"kind"`
	Digest    string   `json:"digest"`
	Threshold int      `json:"threshold"`
	Officers  []string `json:"officers"`
	Request   string   `json:"request"`
}

// request writes the sign request of a statement.
func (e *env) request(a *trust.Authority, st log.Statement, against []byte, out string) error {
	ks := make([]log.KeyGrant, 0, len(a.Officers))
	for _, k := range a.Officers {
		ks = append(ks, k)
	}
	r, err := officer.NewRequest(st, ks, a.Threshold)
	if err != nil {
		return err
	}
	r.Against = against
	return e.drafted(r, out)
}

func (e *env) drafted(r *officer.Request, out string) error {
	if err := create(out, r.Marshal()); err != nil {
		return err
	}
	d := drafted{Kind: r.Kind, Digest: r.Digest(), Threshold: r.Threshold, Request: out}
	for _, o := range r.Officers {
		d.Officers = append(d.Officers, o.Name)
	}
	return e.print(d, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s waits for %d of %d officers (%s)\ndigest %s\n", r.Kind, r.Threshold, len(r.Officers), strings.Join(d.Officers, ", "), d.Digest)
		return err
	})
}

type signCmd struct {
	Request string `arg:"" type:"path" help:"Sign request."`
	Key     string `required:"" help:"The officer's private key file, or the reference of a key in a KMS (provider://resource)."`
	Out     string `required:"" type:"path" help:"Signature file to write. It must not exist."`
	Yes     bool   `help:"Do not ask on a terminal."`
}

func (c *signCmd) Run(e *env) error {
	r, err := e.parseRequest(c.Request)
	if err != nil {
		return err
	}
	s, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	if err := explain(e.stderr, r); err != nil {
		return err
	}
	if err := e.confirm(c.Yes, "Sign this "+string(r.Kind)+"?"); err != nil {
		return err
	}
	sig, err := r.Sign(s)
	if err != nil {
		return err
	}
	if err := create(c.Out, sig.Marshal()); err != nil {
		return err
	}
	return e.print(struct {
		Kind      log.Kind `json:"kind"`
		Digest    string   `json:"digest"`
		KeyID     string   `json:"keyid"`
		Signature string   `json:"signature"`
	}{r.Kind, r.Digest(), sig.KeyID, c.Out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "signed %s with %s\ndigest %s\n", r.Kind, sig.KeyID, r.Digest())
		return err
	})
}

// parseRequest reads a request, and refuses one of another kind than the command's:
// who types "policy sign" shall not sign a change of the officers.
func (e *env) parseRequest(path string) (*officer.Request, error) {
	r, err := parseFile(path, officer.ParseRequest)
	if err != nil {
		return nil, err
	}
	if string(r.Kind) != e.command {
		return nil, fmt.Errorf("%s: holds kind %s, not %s", path, r.Kind, e.command)
	}
	return r, nil
}

// explain prints what is about to be signed, so that it is read where it is signed.
func explain(w io.Writer, r *officer.Request) error {
	st, err := r.Statement()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if p, ok := st.(*log.Policy); ok {
		if err := explainPolicy(&b, p, r.Against); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "%s for %s\n", r.Kind, log.OriginOf(st))
	if err := json.Indent(&b, r.Payload, "", "  "); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\ndigest %s\n", r.Digest())
	_, err = io.WriteString(w, plain(b.String()))
	return err
}

// plain spells out what a terminal would not show where it stands: an officer who is
// shown a text backwards signs another one.
func plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// explainPolicy says what a policy changes, from the document whose hash it names.
func explainPolicy(w io.Writer, p *log.Policy, against []byte) error {
	next, err := policy.Parse(p.Document)
	if err != nil {
		return err
	}
	if next.Previous == nil {
		_, err := fmt.Fprintf(w, "the first policy of chain %s\n", next.Chain)
		return err
	}
	if against == nil {
		_, err := fmt.Fprintln(w, "the request does not hold the policy before: what changes cannot be shown")
		return err
	}
	old, err := policy.Parse(against)
	if err != nil {
		return err
	}
	if old.Hash() != *next.Previous {
		return no(errors.New("the request compares with another policy than the one that the document names as its previous"))
	}
	return diffText(w, old, next)
}

type combineCmd struct {
	Request    string   `arg:"" type:"path" help:"Sign request."`
	Signatures []string `arg:"" type:"path" help:"Signature files, of the threshold of officers or more."`
	Out        string   `required:"" type:"path" help:"Statement to write, ready to submit. It must not exist."`
}

func (c *combineCmd) Run(e *env) error {
	leaf, names, err := c.combine(e)
	if err != nil {
		return err
	}
	return e.combined(leaf, names, c.Out)
}

func (c *combineCmd) combine(e *env) ([]byte, []string, error) {
	r, err := e.parseRequest(c.Request)
	if err != nil {
		return nil, nil, err
	}
	sigs := make([]*officer.Signature, 0, len(c.Signatures))
	for _, path := range c.Signatures {
		s, err := parseFile(path, officer.ParseSignature)
		if err != nil {
			return nil, nil, err
		}
		sigs = append(sigs, s)
	}
	leaf, names, err := r.Combine(keys.NewVerifier(), sigs...)
	if errors.Is(err, officer.ErrThreshold) || errors.Is(err, officer.ErrSignature) || errors.Is(err, officer.ErrNotOfficer) {
		err = no(err)
	}
	return leaf, names, err
}

// combined is the answer of combine.
type combined struct {
	Kind      log.Kind  `json:"kind"`
	Identity  log.Hash  `json:"identity"`
	Signed    []string  `json:"signed"`
	Genesis   string    `json:"genesis,omitempty"` // hash to pin
	Group     string    `json:"group,omitempty"`   // hash of a group
	Policy    *log.Hash `json:"policy,omitempty"`  // hash of a policy's document
	Statement string    `json:"statement"`         // file
}

func (e *env) combined(leaf []byte, names []string, out string) error {
	s, err := log.Parse(leaf)
	if err != nil {
		if s, err = log.ParseWhole(leaf); err != nil {
			return err
		}
	}
	c := combined{Kind: s.Kind(), Identity: s.Identity, Signed: names, Statement: out}
	switch st := s.Statement.(type) {
	case *log.Genesis:
		if _, err := trust.NewAuthority(leaf, keys.NewVerifier()); err != nil {
			return err
		}
		c.Genesis = log.GenesisHash(leaf).Hex()
	case *log.Group:
		c.Group = log.GroupHash(s.Envelope.Payload).Hex()
	case *log.Policy:
		c.Policy = new(log.PolicyHash(st.Document))
	}
	if err := create(out, leaf); err != nil {
		return err
	}
	return e.print(c, func(w io.Writer) error {
		fmt.Fprintf(w, "%s signed by %s\n", c.Kind, strings.Join(names, ", "))
		if c.Genesis != "" {
			fmt.Fprintf(w, "genesis %s\n", c.Genesis)
		}
		if c.Group != "" {
			fmt.Fprintf(w, "group %s\n", c.Group)
		}
		if c.Policy != nil {
			fmt.Fprintf(w, "policy %s\n", *c.Policy)
		}
		_, err := fmt.Fprintf(w, "identity %s\n", c.Identity)
		return err
	})
}
