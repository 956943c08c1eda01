// Package evaluate owns the evaluator's service: who may have how many elements
// evaluated, and the count that is logged for each period so that fishing is
// visible (docs/protocol.md, labels).
//
// What it knows of a client is a token's name and a number. The elements are
// uniform and fresh for each query; nothing about them is kept, and an address
// never comes here.
package evaluate

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// Errors of Answer.
var (
	ErrToken     = errors.New("unknown token")
	ErrQuota     = errors.New("quota of this period is used up")
	ErrVersion   = errors.New("no such key version")
	ErrMalformed = errors.New("malformed evaluation request")
)

// maxTokens bounds a token file: a hundred labs with ten tokens each, ten times over.
const maxTokens = 10_000

// minToken is the shortest token, in bytes: 128 bits in hex.
const minToken = 32

// Token lets a client evaluate.
type Token struct {
	Name  string
	Hash  [32]byte // SHA-256 of the secret: a memory dump shows no token
	Quota uint64   // elements per period
}

// ParseTokens reads lines of NAME TOKEN QUOTA; # begins a comment line.
func ParseTokens(r io.Reader) ([]Token, error) {
	var out []Token
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("tokens: line %d: want NAME TOKEN QUOTA", n)
		}
		quota, err := strconv.ParseUint(f[2], 10, 48)
		switch {
		case err != nil:
			return nil, fmt.Errorf("tokens: line %d: quota is no number", n)
		case len(f[1]) < minToken:
			return nil, fmt.Errorf("tokens: line %d: a token has at least %d characters", n, minToken)
		case seen[f[0]] || seen["\x00"+f[1]]:
			return nil, fmt.Errorf("tokens: line %d: name or token stands twice", n)
		case len(out) == maxTokens:
			return nil, fmt.Errorf("tokens: more than %d", maxTokens)
		}
		seen[f[0]], seen["\x00"+f[1]] = true, true
		out = append(out, Token{Name: f[0], Hash: sha256.Sum256([]byte(f[1])), Quota: quota})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return out, nil
}

// Config are the service's settings.
type Config struct {
	Origin    string
	Tokens    []Token
	Anonymous uint64 // elements per period for all clients without a token together
	Period    time.Duration
}

// Deps are the service's ports.
type Deps struct {
	// Evaluators answer, by key version: each with the whole key, or with one
	// holder's share of it. There are two while labels are carried over.
	Evaluators map[uint64]*voprf.Evaluator
	// Signer signs the counts, with a key of role evaluator; nil logs none.
	Signer log.Signer
	Submit func(ctx context.Context, leaf []byte) (uint64, error)
	// LastSequence is that of the last count in the log.
	LastSequence func() uint64
	Now          func() time.Time
	Logger       *slog.Logger
}

// Service evaluates. It is safe for concurrent use.
type Service struct {
	cfg  Config
	deps Deps

	mu    sync.Mutex
	used  map[string]uint64 // by token name, "" for the anonymous
	since time.Time
	count uint64
}

// New checks what it is given.
func New(cfg Config, d Deps) (*Service, error) {
	if len(d.Evaluators) == 0 || d.Evaluators[0] != nil || d.Now == nil || d.Logger == nil || cfg.Period <= 0 {
		return nil, errors.New("evaluate: a required setting is missing")
	}
	if d.Signer != nil && (d.Submit == nil || d.LastSequence == nil) {
		return nil, errors.New("evaluate: counts need a log")
	}
	d.Evaluators = maps.Clone(d.Evaluators)
	return &Service{cfg: cfg, deps: d, used: map[string]uint64{}, since: d.Now()}, nil
}

// Answer evaluates a request body for the bearer of a token; "" is anonymous.
// A request counts before it is evaluated, and whatever comes of it.
func (s *Service) Answer(token string, version uint64, body []byte) ([]byte, error) {
	evaluator := s.deps.Evaluators[version]
	if evaluator == nil {
		return nil, fmt.Errorf("%w: %d, there is %v", ErrVersion, version, slices.Sorted(maps.Keys(s.deps.Evaluators)))
	}
	name, quota, err := s.client(token)
	if err != nil {
		return nil, err
	}
	n := uint64(len(body) / voprf.ElementSize)
	if err := s.charge(name, quota, n); err != nil {
		return nil, err
	}
	answer, err := evaluator.Answer(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return answer, nil
}

// client finds a token. All are compared, in constant time each, so that an
// answer's time tells nothing of how near a guess came.
func (s *Service) client(token string) (name string, quota uint64, err error) {
	if token == "" {
		return "", s.cfg.Anonymous, nil
	}
	h := sha256.Sum256([]byte(token))
	found := -1
	for i, t := range s.cfg.Tokens {
		if subtle.ConstantTimeCompare(h[:], t.Hash[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", 0, ErrToken
	}
	return s.cfg.Tokens[found].Name, s.cfg.Tokens[found].Quota, nil
}

func (s *Service) charge(name string, quota, n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used[name]+n > quota {
		return fmt.Errorf("%w: %d of %d", ErrQuota, s.used[name], quota)
	}
	s.used[name] += n
	s.count += n
	return nil
}

// RetryAfter is how long until quotas begin again.
func (s *Service) RetryAfter() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.since.Add(s.cfg.Period).Sub(s.deps.Now()))
}

// Run logs the count of each period in which anything was evaluated, until the
// context ends; what the last period holds is then logged too.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.Period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.close(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalCount)
			s.close(last)
			cancel()
			return context.Cause(ctx)
		}
	}
}

// finalCount is how long a daemon that stops waits for its last count to be logged.
const finalCount = 2 * time.Second

// close ends a period. A count that cannot be logged is carried into the next.
func (s *Service) close(ctx context.Context) {
	s.mu.Lock()
	count, from, until := s.count, s.since, s.deps.Now()
	s.mu.Unlock()
	if count > 0 && s.deps.Signer != nil {
		leaf, err := log.Seal(&log.Evaluations{
			Origin: s.cfg.Origin, Sequence: s.deps.LastSequence() + 1,
			From: log.TimeOf(from), Until: log.TimeOf(until), Elements: count,
		}, s.deps.Signer)
		if err == nil {
			_, err = s.deps.Submit(ctx, leaf)
		}
		if err != nil {
			s.deps.Logger.Error("count of evaluations not logged", "err", err, "count", count)
			s.mu.Lock()
			clear(s.used)
			s.mu.Unlock()
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.used)
	s.count -= count
	s.since = until
}
