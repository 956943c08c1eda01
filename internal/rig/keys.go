// Package rig sets up a whole log with all its keys on disk, for tests of several
// parts together and for benchmarks: officers, registrar, engine, members and
// their rings, monitors, witnesses, escrow, evaluator; the genesis that they
// sign; a daemon's configuration. Everything is made on the spot and real.
//
// It is no part of the product: nothing but tests and internal/bench imports it.
package rig

import (
	"cmp"
	"crypto/ecdh"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/ring"
	"github.com/haltlog/haltlog/log"
)

// Names of what a rig registers.
const (
	Origin = "log.example/rig"
	Chain  = "main"
	Class  = "standard"
	Group  = "council"
)

// Options shape a rig; zero values take the numbers in brackets.
type Options struct {
	Members   int // [8]
	Witnesses int // [3], a quorum of 2
	Engines   int // [1]
	Monitors  int // [0]
	// Genesis changes the genesis before it is signed.
	Genesis func(*log.Genesis)
}

// Member is a member of the group with both secrets.
type Member struct {
	Pseudonym string
	Checkin   *keys.Signer
	Ring      *ring.Secret
}

// Keys are all keys of a log.
type Keys struct {
	Dir       string
	Options   Options
	Officers  []*keys.Signer // 3, of whom 2 sign
	Registrar *keys.Signer
	Engines   []*keys.Signer
	Monitors  []*keys.Signer
	Actuator  *keys.Signer
	Counts    *keys.Signer
	Guard     *keys.Signer
	Members   []*Member
	Escrow    *ecdh.PrivateKey
	Evaluator *voprf.PrivateKey
	Log       checkpoint.Signer
	Witnesses []checkpoint.Signer

	Genesis     []byte
	GenesisHash log.Hash
}

// NewKeys makes all keys in a folder. urls are where the witnesses will listen.
func NewKeys(dir string, o Options, urls []string) (*Keys, error) {
	o.Members, o.Witnesses, o.Engines = cmp.Or(o.Members, 8), cmp.Or(o.Witnesses, 3), cmp.Or(o.Engines, 1)
	k := &Keys{Dir: dir, Options: o}
	if err := k.statementKeys(); err != nil {
		return nil, err
	}
	if err := k.noteKeys(); err != nil {
		return nil, err
	}
	for i := range o.Members {
		name := fmt.Sprintf("member-%02d", i)
		secret, _, err := ring.GenerateKey(nil)
		if err != nil {
			return nil, err
		}
		signer, err := k.signer(name)
		if err != nil {
			return nil, err
		}
		if err := keys.Create(filepath.Join(dir, name+".ring"), keys.MarshalRing(secret)); err != nil {
			return nil, err
		}
		k.Members = append(k.Members, &Member{Pseudonym: name, Checkin: signer, Ring: secret})
	}
	return k, k.sign(urls)
}

// signer makes an Ed25519 key, kept in NAME.pem.
func (k *Keys) signer(name string) (*keys.Signer, error) {
	private, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return nil, err
	}
	text, err := keys.MarshalPrivate(private)
	if err != nil {
		return nil, err
	}
	if err := keys.Create(filepath.Join(k.Dir, name+".pem"), text); err != nil {
		return nil, err
	}
	return keys.NewSigner(private)
}

func (k *Keys) statementKeys() (err error) {
	one := func(to **keys.Signer, name string) {
		if err == nil {
			*to, err = k.signer(name)
		}
	}
	many := func(to *[]*keys.Signer, n int, name string) {
		for i := range n {
			var s *keys.Signer
			one(&s, fmt.Sprintf("%s-%d", name, i))
			*to = append(*to, s)
		}
	}
	many(&k.Officers, 3, "officer")
	many(&k.Engines, k.Options.Engines, "engine")
	many(&k.Monitors, k.Options.Monitors, "monitor")
	one(&k.Registrar, "registrar")
	one(&k.Actuator, "actuator")
	one(&k.Counts, "counts")
	one(&k.Guard, "guard")
	if err != nil {
		return err
	}
	private, err := keys.Generate(keys.X25519)
	if err != nil {
		return err
	}
	k.Escrow = private.(*ecdh.PrivateKey)
	text, err := keys.MarshalPrivate(private)
	if err != nil {
		return err
	}
	k.Evaluator = voprf.GenerateKey()
	return cmp.Or(
		keys.Create(filepath.Join(k.Dir, "escrow.pem"), text),
		keys.Create(filepath.Join(k.Dir, "evaluator.key"), []byte(hex.EncodeToString(k.Evaluator.Bytes())+"\n")),
	)
}

func (k *Keys) noteKeys() error {
	note := func(typ byte, name, file string) (checkpoint.Signer, error) {
		secret, _, err := checkpoint.GenerateKey(typ, name, nil)
		if err != nil {
			return nil, err
		}
		if err := keys.Create(filepath.Join(k.Dir, file), []byte(secret+"\n")); err != nil {
			return nil, err
		}
		return checkpoint.ParseSigner(secret)
	}
	var err error
	if k.Log, err = note(checkpoint.TypeEd25519, Origin, "log.key"); err != nil {
		return err
	}
	for i := range k.Options.Witnesses {
		w, err := note(checkpoint.TypeEd25519Cosignature, fmt.Sprintf("witness.example/%d", i), fmt.Sprintf("witness-%d.key", i))
		if err != nil {
			return err
		}
		k.Witnesses = append(k.Witnesses, w)
	}
	return nil
}

// Quorum is the tlog-policy text: two of the witnesses, or as many as there are below that.
func (k *Keys) Quorum(urls []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", k.Log.VKey())
	var names []string
	for i, w := range k.Witnesses {
		names = append(names, fmt.Sprintf("w%d", i))
		line := fmt.Sprintf("witness w%d %s", i, w.VKey())
		if i < len(urls) {
			line += " " + urls[i]
		}
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "group q %d %s\nquorum q\n", min(2, len(names)), strings.Join(names, " "))
	return b.String()
}

func grant(s *keys.Signer, role log.Role, name string) (log.KeyGrant, error) {
	proof, err := log.Prove(s, Origin, role, s.SPKI())
	return log.KeyGrant{Role: role, Name: name, SPKI: s.SPKI(), Proof: proof}, err
}

// sign makes the genesis.
func (k *Keys) sign(urls []string) error {
	g := &log.Genesis{
		Origin: Origin, Created: log.TimeOf(time.Now()), Nonce: make([]byte, 16), Threshold: 2, Quorum: k.Quorum(urls),
		SkewMS: 2000, AnchorPeriodMS: 1000, DecisionPeriodMS: 1000, AuthorityDelayMS: 2000,
	}
	add := func(role log.Role, ss ...*keys.Signer) error {
		for i, s := range ss {
			x, err := grant(s, role, fmt.Sprintf("%s-%d", role, i))
			if err != nil {
				return err
			}
			g.Keys = append(g.Keys, x)
		}
		return nil
	}
	if err := cmp.Or(
		add(log.RoleOfficer, k.Officers...), add(log.RoleRegistrar, k.Registrar), add(log.RoleEngine, k.Engines...),
		add(log.RoleMonitor, k.Monitors...), add(log.RoleActuator, k.Actuator), add(log.RoleEvaluator, k.Counts),
	); err != nil {
		return err
	}
	spki, err := keys.SPKI(k.Escrow.PublicKey())
	if err != nil {
		return err
	}
	g.Keys = append(g.Keys, log.KeyGrant{Role: log.RoleEscrow, Name: "escrow", SPKI: spki, Proof: log.Bytes{}})
	slices.SortFunc(g.Keys, func(a, b log.KeyGrant) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name)) })
	public := k.Evaluator.Public().Bytes()
	g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: public, T: 1, N: 1, Commitments: []log.Bytes{public}}
	if k.Options.Genesis != nil {
		k.Options.Genesis(g)
	}
	if k.Genesis, err = log.Seal(g, k.Threshold()...); err != nil {
		return err
	}
	k.GenesisHash = log.GenesisHash(k.Genesis)
	return cmp.Or(
		os.WriteFile(filepath.Join(k.Dir, "genesis.json"), k.Genesis, 0o644),
		os.WriteFile(filepath.Join(k.Dir, "quorum.txt"), []byte(g.Quorum), 0o644),
	)
}

// Threshold are as many officers as sign together.
func (k *Keys) Threshold() []log.Signer { return []log.Signer{k.Officers[0], k.Officers[1]} }
