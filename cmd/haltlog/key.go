package main

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

type keyCmd struct {
	New   keyNewCmd   `cmd:"" help:"Make a private key file, and print its public part."`
	Show  keyShowCmd  `cmd:"" help:"Print the public part of a key file."`
	Prove keyProveCmd `cmd:"" help:"As the key's holder, make a grant file: the public key, and the proof that it is yours for one role of one log."`
}

// Kinds of key files.
const (
	kindEd25519   = "ed25519"
	kindP256      = "p256"
	kindLog       = "log"
	kindEscrow    = "escrow"
	kindRing      = "ring"
	kindEvaluator = "evaluator"
)

// public is what may be shown of a key.
type public struct {
	Kind   string `json:"kind"`
	KeyID  string `json:"keyid,omitempty"`  // of keys that statements are signed with or sealed to
	SPKI   []byte `json:"spki,omitempty"`   // DER SubjectPublicKeyInfo
	VKey   string `json:"vkey,omitempty"`   // of the log's key (C2SP signed-note)
	Public string `json:"public,omitempty"` // of ring and evaluator keys: 32 bytes in hex
}

func (p public) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "kind %s\n", p.Kind)
	for _, l := range []struct{ name, value string }{{"keyid", p.KeyID}, {"vkey", p.VKey}, {"public", p.Public}} {
		if l.value != "" {
			fmt.Fprintf(&b, "%s %s\n", l.name, l.value)
		}
	}
	if p.SPKI != nil {
		b.Write(keys.MarshalPublic(p.SPKI))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type keyNewCmd struct {
	Kind string `arg:"" enum:"ed25519,p256,log,escrow,ring,evaluator" help:"Kind of key: ${enum}. ed25519 and p256 sign statements; log signs checkpoints."`
	File string `arg:"" type:"path" help:"File to write. It must not exist."`
	Name string `help:"Name of a log's key: the log's origin."`
	Pub  string `type:"path" help:"File for the public part, in PEM. It must not exist."`
}

func (c *keyNewCmd) Run(e *env) error {
	if (c.Name != "") != (c.Kind == kindLog) {
		return usage("--name is the origin of a log's key, and of no other")
	}
	content, err := c.make()
	if err != nil {
		return err
	}
	p, err := publicOf(content)
	if err != nil {
		return err
	}
	if c.Pub != "" && p.SPKI == nil {
		return usage("--pub: a %s key has no public part in PEM; it is printed", c.Kind)
	}
	if err := create(c.File, content); err != nil {
		return err
	}
	if c.Pub != "" {
		if err := create(c.Pub, keys.MarshalPublic(p.SPKI)); err != nil {
			return err
		}
	}
	return e.print(p, p.text)
}

// make is a new key in its file's form.
func (c *keyNewCmd) make() ([]byte, error) {
	algorithm := map[string]keys.Algorithm{kindEd25519: keys.Ed25519, kindP256: keys.P256, kindEscrow: keys.X25519}
	switch c.Kind {
	case kindLog:
		if !log.ValidOrigin(c.Name) {
			return nil, usage("--name %q: an origin is printable ASCII without blank and plus", c.Name)
		}
		skey, _, err := checkpoint.GenerateKey(checkpoint.TypeEd25519, c.Name, nil)
		return []byte(skey + "\n"), err
	case kindRing:
		s, _, err := ring.GenerateKey(nil)
		if err != nil {
			return nil, err
		}
		return keys.MarshalRing(s), nil
	case kindEvaluator:
		return officer.MarshalEvaluator(voprf.GenerateKey()), nil
	}
	k, err := keys.Generate(algorithm[c.Kind])
	if err != nil {
		return nil, err
	}
	return keys.MarshalPrivate(k)
}

type keyShowCmd struct {
	File string `arg:"" type:"path" help:"Key file: private or public."`
}

func (c *keyShowCmd) Run(e *env) error {
	p, err := parseFile(c.File, publicOf)
	if err != nil {
		return err
	}
	return e.print(p, p.text)
}

// errKey says no more than that: a cause could quote a part of a secret.
var errKey = errors.New("no key file that haltlog knows")

// publicOf tells a key file's kind by its form.
func publicOf(text []byte) (public, error) {
	switch {
	case bytes.HasPrefix(text, []byte("PRIVATE+KEY+")):
		s, err := checkpoint.ParseSigner(strings.TrimSuffix(string(text), "\n"))
		if err != nil {
			return public{}, err
		}
		if s.VKey().Type != checkpoint.TypeEd25519 {
			return public{}, fmt.Errorf("%w: a witness's key", errKey)
		}
		return public{Kind: kindLog, VKey: s.VKey().String()}, nil
	case bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----")):
		spki, err := keys.ParsePublic(text)
		if err != nil {
			return public{}, err
		}
		return ofSPKI(spki), nil
	case bytes.HasPrefix(text, []byte("-----BEGIN PRIVATE KEY-----")):
		k, err := keys.ParsePrivate(text)
		if err != nil {
			return public{}, err
		}
		spki, err := keys.SPKI(k.(interface{ Public() crypto.PublicKey }).Public())
		if err != nil {
			return public{}, err
		}
		return ofSPKI(spki), nil
	case bytes.HasPrefix(text, []byte("-----BEGIN HALTLOG RING SECRET-----")):
		b, rest := pem.Decode(text)
		if b == nil || len(b.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 {
			return public{}, errKey
		}
		s, err := ring.ParseSecret(b.Bytes)
		if err != nil {
			return public{}, errKey
		}
		p := s.Public()
		return public{Kind: kindRing, Public: hex.EncodeToString(p[:])}, nil
	}
	k, err := officer.ParseEvaluator(text)
	if err != nil {
		return public{}, errKey
	}
	return public{Kind: kindEvaluator, Public: hex.EncodeToString(k.Public().Bytes())}, nil
}

func ofSPKI(spki []byte) public {
	p := public{KeyID: log.KeyID(spki), SPKI: spki}
	switch a, _ := log.CheckSPKI(spki); a {
	case log.P256:
		p.Kind = kindP256
	case log.X25519:
		p.Kind = kindEscrow
	default:
		p.Kind = kindEd25519
	}
	return p
}

type keyProveCmd struct {
	Key    string `arg:"" help:"Private key file, or the reference of a key in a KMS (provider://resource)."`
	Origin string `required:"" env:"HALTLOG_ORIGIN" help:"Name of the log."`
	Role   string `required:"" enum:"officer,registrar,engine,monitor,actuator,evaluator,escrow,guard" help:"Role: ${enum}."`
	Name   string `required:"" help:"Name of the holder in that role."`
	Out    string `required:"" type:"path" help:"Grant file to write. It must not exist."`
}

func (c *keyProveCmd) Run(e *env) error {
	g, err := c.grant(e)
	if err != nil {
		return err
	}
	if err := create(c.Out, g.Marshal()); err != nil {
		return err
	}
	p := ofSPKI(g.SPKI)
	return e.print(p, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s holds keyid %s as %s of %s\n", g.Name, p.KeyID, g.Role, g.Origin)
		return err
	})
}

func (c *keyProveCmd) grant(e *env) (*officer.Grant, error) {
	if log.Role(c.Role) == log.RoleEscrow {
		k, err := keys.LoadPrivate(c.Key)
		if err != nil {
			return nil, err
		}
		x, ok := k.(*ecdh.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("%s: %w: the escrow's is an X25519 key", c.Key, keys.ErrKey)
		}
		spki, err := keys.SPKI(x.PublicKey())
		if err != nil {
			return nil, err
		}
		return officer.EscrowGrant(spki, c.Origin, c.Name)
	}
	s, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return nil, err
	}
	return officer.Prove(s, s.SPKI(), c.Origin, log.Role(c.Role), c.Name)
}
