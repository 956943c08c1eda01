package app

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
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
		l.escrow, err = keys.LoadEscrow(cfg.Blacklist.Escrow)
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
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", config.ErrInvalid, errors.Join(problems...))
	}
	// Before there is a log: a refused daemon leaves none.
	if _, err := os.Stat(l.store); errors.Is(err, fs.ErrNotExist) {
		if err := l.agree(l.founding()); err != nil {
			return nil, err
		}
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

// authority is who holds which key, by the genesis or by the log's present state.
type authority struct {
	source     string // for people: where this stands
	quorum     *checkpoint.Quorum
	keys       []log.KeyGrant // role, name and SPKI alone
	evaluators log.EvaluatorSet
}

func (l *loaded) founding() authority {
	return authority{"the genesis", l.quorum, l.parsed.Keys, l.parsed.Evaluators}
}

// agree holds every key against who holds which role: a wrong key file is found
// at start, not at the first halt. A log that has entries may know keys that its
// genesis does not, so there its own state is asked, once it is folded.
func (l *loaded) agree(a authority) error {
	var problems []error
	fail := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf(field+": "+format, args...))
	}
	signs := func(k checkpoint.PolicyLog) bool { return k.Key.Equal(l.logKey.VKey()) }
	if l.logKey.VKey().Name != l.parsed.Origin {
		fail("log.key", "is the key of %s, the genesis is of %s", l.logKey.VKey().Name, l.parsed.Origin)
	} else if a.quorum != nil && !slices.ContainsFunc(a.quorum.Logs(), signs) {
		fail("log.key", "is not the log key that %s names", a.source)
	}
	role := func(field, id string, want log.Role) {
		i := slices.IndexFunc(a.keys, func(g log.KeyGrant) bool { return log.KeyID(g.SPKI) == id })
		switch {
		case i < 0:
			fail(field, "is no key of role %s that %s names", want, a.source)
		case a.keys[i].Role != want:
			fail(field, "is the key of %s %q, not of role %s", a.keys[i].Role, a.keys[i].Name, want)
		}
	}
	if l.engine != nil {
		role("engine.key", l.engine.KeyID(), log.RoleEngine)
	}
	if l.counts != nil {
		role("blacklist.counts_key", l.counts.KeyID(), log.RoleEvaluator)
	}
	if l.escrow != nil {
		if spki, err := keys.SPKI(l.escrow.PublicKey()); err != nil {
			fail("blacklist.escrow_key", "%w", err)
		} else {
			role("blacklist.escrow_key", log.KeyID(spki), log.RoleEscrow)
		}
	}
	if l.evaluator != nil && a.evaluators.N > 1 {
		fail("blacklist.evaluator_key", "is not for this daemon: %s names %d holders of shares, who answer by themselves", a.source, a.evaluators.N)
	}
	if l.evaluator != nil && a.evaluators.N == 1 && !bytes.Equal(l.evaluator.Public().Bytes(), a.evaluators.PublicKey) {
		fail("blacklist.evaluator_key", "is not the key that %s names", a.source)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", config.ErrInvalid, errors.Join(problems...))
	}
	return nil
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
