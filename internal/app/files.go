package app

import (
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/config"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// maxKeyFile bounds a key file before it is read; an ML-DSA-44 note key is the longest.
const maxKeyFile = 16 << 10

// loaded is everything that is read from files before anything is opened.
type loaded struct {
	genesis   []byte
	parsed    *log.Genesis
	hash      log.Hash
	quorum    *checkpoint.Quorum
	logKey    checkpoint.Signer
	engine    *keys.Signer
	evaluator *voprf.PrivateKey
	counts    *keys.Signer
	escrow    *ecdh.PrivateKey
	tokens    []evaluate.Token
	store     string
	state     string
}

// load reads and checks every file that the configuration names, and reports all
// that is wrong at once.
func load(cfg *config.Config) (*loaded, error) {
	l := new(loaded)
	var problems []error
	fail := func(field string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", field, err))
		}
	}
	var ok bool
	if l.store, ok = strings.CutPrefix(cfg.Log.Store, "dir:"); !ok || l.store == "" {
		fail("log.store", fmt.Errorf("%q is not dir:PATH", cfg.Log.Store))
	}
	if l.state = cfg.Log.State; l.state == "" {
		l.state = l.store + ".state"
	}
	fail("log.genesis", l.readGenesis(cfg.Log.Genesis))
	var err error
	l.logKey, err = logKey(cfg.Log.Key)
	fail("log.key", err)
	if cfg.Engine.Key != "" {
		l.engine, err = keys.Load(cfg.Engine.Key)
		fail("engine.key", err)
	}
	if cfg.Blacklist.Escrow != "" {
		l.escrow, err = escrowKey(cfg.Blacklist.Escrow)
		fail("blacklist.escrow_key", err)
	}
	if cfg.Blacklist.Evaluator != "" {
		l.evaluator, err = evaluatorKey(cfg.Blacklist.Evaluator)
		fail("blacklist.evaluator_key", err)
		if cfg.Blacklist.Counts == "" {
			fail("blacklist.counts_key", errors.New("needed with blacklist.evaluator_key, so that evaluations are counted in the log"))
		} else {
			l.counts, err = keys.Load(cfg.Blacklist.Counts)
			fail("blacklist.counts_key", err)
		}
	}
	if cfg.Blacklist.Tokens != "" {
		l.tokens, err = tokens(cfg.Blacklist.Tokens)
		fail("blacklist.tokens", err)
	}
	if len(problems) == 0 {
		problems = l.agree()
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", config.ErrInvalid, errors.Join(problems...))
	}
	return l, nil
}

func (l *loaded) readGenesis(path string) error {
	if path == "" {
		return errors.New("not set: the genesis names the log, make one with `haltlog genesis`")
	}
	leaf, err := read(path, 1<<16)
	if err != nil {
		return err
	}
	s, err := log.Parse(leaf)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	g, ok := s.Statement.(*log.Genesis)
	if !ok {
		return fmt.Errorf("%s holds a %s, no genesis", path, s.Kind())
	}
	l.genesis, l.parsed, l.hash = leaf, g, log.GenesisHash(leaf)
	if l.quorum, err = checkpoint.ParseQuorum([]byte(g.Quorum)); err != nil {
		return fmt.Errorf("%s: quorum: %w", path, err)
	}
	return nil
}

// agree holds the keys against the genesis: a wrong key file is found at start,
// not at the first halt. Keys that an authority statement brought in later are
// not in the genesis: only the log knows them, so those are let through here.
func (l *loaded) agree() []error {
	var problems []error
	known := false
	for _, k := range l.quorum.Logs() {
		known = known || k.Key.Equal(l.logKey.VKey())
	}
	if !known && l.logKey.VKey().Name != l.parsed.Origin {
		problems = append(problems, fmt.Errorf("log.key: is the key of %s, the genesis is of %s", l.logKey.VKey().Name, l.parsed.Origin))
	}
	role := func(field string, k *keys.Signer, want log.Role) {
		if k == nil {
			return
		}
		for _, g := range l.parsed.Keys {
			if log.KeyID(g.SPKI) == k.KeyID() && g.Role != want {
				problems = append(problems, fmt.Errorf("%s: is the key of %s %q, not of role %s", field, g.Role, g.Name, want))
			}
		}
	}
	role("engine.key", l.engine, log.RoleEngine)
	role("blacklist.counts_key", l.counts, log.RoleEvaluator)
	if l.evaluator != nil && l.parsed.Evaluators.Version == 1 && string(l.evaluator.Public().Bytes()) != string(l.parsed.Evaluators.PublicKey) {
		problems = append(problems, errors.New("blacklist.evaluator_key: is not the key that the genesis names"))
	}
	return problems
}

// read reads a whole file up to a bound.
func read(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}

func logKey(path string) (checkpoint.Signer, error) {
	if path == "" {
		return nil, errors.New("not set")
	}
	b, err := read(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := checkpoint.ParseSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s is no log key: %w", path, err)
	}
	if k.VKey().Type != checkpoint.TypeEd25519 {
		return nil, fmt.Errorf("%s is no log key: signature type %#02x", path, k.VKey().Type)
	}
	return k, nil
}

func escrowKey(path string) (*ecdh.PrivateKey, error) {
	k, err := keys.LoadPrivate(path)
	if err != nil {
		return nil, err
	}
	x, ok := k.(*ecdh.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is no X25519 key", path)
	}
	return x, nil
}

// evaluatorKey reads the hex form that `haltlog key new evaluator` writes.
func evaluatorKey(path string) (*voprf.PrivateKey, error) {
	b, err := read(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("%s is no evaluator key", path) // the cause would show a part of it
	}
	k, err := voprf.ParsePrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no evaluator key: %w", path, err)
	}
	return k, nil
}

func tokens(path string) (out []evaluate.Token, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return evaluate.ParseTokens(f)
}
