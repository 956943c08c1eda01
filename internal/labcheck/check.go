package labcheck

import (
	"context"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/query"
)

// Result is the answer about one model.
type Result struct {
	Verdict    blacklist.Verdict `json:"verdict"`
	Parameters uint64            `json:"parameters"`
	Asked      int               `json:"asked"`     // fingerprints, for each key version
	Explained  int               `json:"explained"` // bands that the declared base has too
	Epoch      uint64            `json:"epoch"`
	Size       uint64            `json:"size"`     // log size that the list is of
	LogSize    uint64            `json:"log_size"` // newest witnessed one: a list far behind it is old
	Matches    []Match           `json:"matches"`
	Skipped    []string          `json:"skipped,omitempty"` // weights in formats that are not read
}

// Options are how evaluators are asked.
type Options struct {
	Origin string // of the log
	Token  string // bearer token of the evaluate route
	// Base is the model that the lab declares the checked ones to be tuned from; nil
	// for none. Its bands explain themselves, and nothing else.
	Base  *fingerprint.Model
	Cache *query.Cache // may be nil
	// Provers confirm hits where the list holds lookup lists alone, one after the
	// other; without any, such a hit is an error.
	Provers []Prover
	// Lie is told of each answer of an evaluator that is proven wrong; may be nil.
	Lie func(query.Lie) error
}

// Checker asks about models against one list.
type Checker struct {
	log    Log
	source Source
	list   *List
	opts   Options
	asks   map[uint64]*query.Client
	base   map[uint64][]blacklist.Entry          // by key version, once asked
	fulls  map[blacklist.Hash]blacklist.FullList // that confirm hits, once fetched
}

// New makes a checker. Log and source may both be nil with a list that is held
// locally: then a hit is not named.
func New(l Log, s Source, list *List, o Options) *Checker {
	return &Checker{log: l, source: s, list: list, opts: o, asks: map[uint64]*query.Client{}, base: map[uint64][]blacklist.Entry{}, fulls: map[blacklist.Hash]blacklist.FullList{}}
}

// Check asks about a model. Nothing is sent if nothing is listed.
func (c *Checker) Check(ctx context.Context, m fingerprint.Model) (Result, error) {
	r := Result{Parameters: m.Parameters, Epoch: c.list.Number, Size: c.list.Size, LogSize: c.list.Size, Matches: []Match{}, Skipped: m.Skipped}
	if c.log != nil {
		r.LogSize = c.log.Newest().Checkpoint.Size
	}
	questions := blacklist.Questions(m)
	place := make(map[string]int, len(questions))
	for i, q := range questions {
		place[string(q.Input)] = i
	}
	known := map[halt]*Match{}
	records := make([][]blacklist.Record, len(questions))
	for _, version := range c.list.Versions() {
		labels, err := c.labels(ctx, version, questions)
		if err != nil {
			return Result{}, err
		}
		r.Asked += len(labels)
		base, err := c.baseOf(ctx, version)
		if err != nil {
			return Result{}, err
		}
		left, labels := blacklist.Unexplained(questions, labels, base...)
		r.Explained += len(questions) - len(left)
		for i, q := range left {
			in, err := c.listed(ctx, q.Kind, version, labels[i])
			if err != nil {
				return Result{}, err
			}
			if !in {
				continue
			}
			rec, err := c.name(ctx, q.Kind, version, labels[i], known)
			if err != nil {
				return Result{}, err
			}
			at := place[string(q.Input)]
			records[at] = append(records[at], rec)
		}
	}
	var hits []blacklist.Hit
	for i, rs := range records {
		if q := questions[i]; len(rs) > 0 {
			hits = append(hits, blacklist.Hit{Kind: q.Kind, Elements: q.Elements, Records: rs, Name: q.Name, File: q.File})
		}
	}
	answer := blacklist.Judge(m.Parameters, hits)
	r.Verdict = answer.Verdict
	for _, a := range answer.Matches {
		x := *known[halt{a.Run, a.Halt}]
		x.Manifest, x.Tensors, x.Elements, x.Bands, x.Contested, x.Struck = a.Manifest, a.Tensors, a.Elements, a.Bands, a.Contested, a.Struck
		x.Shared = shared(hits, a.Run, a.Halt)
		r.Matches = append(r.Matches, x)
	}
	return r, nil
}
