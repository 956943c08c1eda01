package query

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/log"
)

// Lie is an answer that is proven wrong, with what proves it.
type Lie struct {
	Name      string // of the holder
	Misanswer *voprf.Misanswer
	Header    string // the signature as it came; may be empty
	// Answer is the evidence. It blames the holder where Signed; else the answer is
	// wrong, and may be of anybody on the way.
	Answer evaluate.Signed
	Signed bool
}

func (c *Client) lie(m *voprf.Misanswer, header string) Lie {
	l := Lie{Name: c.name(m.Index - 1), Misanswer: m, Header: header, Answer: evaluate.Signed{
		Origin: c.cfg.Origin, Version: c.set.Version, Holder: m.Index, Request: m.Request, Response: m.Response,
	}}
	_, id, signature, err := evaluate.ParseHeader(header)
	if err != nil {
		return l
	}
	l.Answer.Signature, l.Answer.SPKI = signature, c.deps.Keys[id].SPKI
	l.Signed = len(l.Answer.SPKI) > 0 && l.Answer.Verify(c.cfg.Set, c.deps.Verifier) == nil
	return l
}

// WriteTo keeps the evidence in a folder, which is made: what evaluate.ParseSigned
// reads. What nobody signed says so in its name.
func (l Lie) WriteTo(dir string) (path string, err error) {
	raw, err := l.Answer.Marshal()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	name := fmt.Sprintf("evaluator-%d-%x", l.Answer.Holder, sum[:8])
	if !l.Signed {
		name += "-unsigned"
	}
	path = filepath.Join(dir, name+".json")
	return path, durable.Replace(path, raw, 0o600)
}

// Sources are a set's evaluators at the addresses that the log names; the log's own
// server stands in for one evaluator alone that names none.
func Sources(set log.EvaluatorSet, token string, server Source) ([]Source, error) {
	out := make([]Source, set.N)
	for i, h := range set.Holders {
		if h.Address == "" || i >= set.N {
			continue
		}
		c, err := client.New(client.Config{URL: h.Address, Token: token})
		if err != nil {
			return nil, fmt.Errorf("evaluator %s: %w", h.Name, err)
		}
		out[i] = c
	}
	if set.N == 1 && out[0] == nil && server != nil {
		out[0] = server
	}
	return out, nil
}
