package labcheck

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/query"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// Plan is what asking about a model would send.
type Plan struct {
	Fingerprints int `json:"fingerprints"` // blinded elements, for each key version
	Requests     int `json:"requests"`     // for each key version
	Bytes        int `json:"bytes"`        // of request bodies, for each key version
}

// PlanOf counts without asking anything.
func PlanOf(m fingerprint.Model) Plan {
	n := len(blacklist.Questions(m))
	return Plan{Fingerprints: n, Requests: (n + voprf.MaxBatch - 1) / voprf.MaxBatch, Bytes: n * voprf.ElementSize}
}

// Match is what a model shares with one halted run.
type Match struct {
	Run       string      `json:"run"`
	Halt      uint64      `json:"halt"` // index of the halt's entry
	Causes    []log.Cause `json:"causes"`
	Proven    bool        `json:"proven"` // the halt and its labels were verified in the log
	Manifest  bool        `json:"manifest"`
	Tensors   int         `json:"tensors"`
	Elements  uint64      `json:"elements"` // parameters that they cover
	Bands     int         `json:"bands"`    // of sketches, of tensors that are not shared as they are
	Shared    []Shared    `json:"shared"`   // what of the model it is
	Contested int         `json:"contested"`
	Struck    int         `json:"struck"`
	Notes     []string    `json:"notes,omitempty"`

	prints *prints // the verified fingerprints
}

// Shared is a tensor of the model that hits; one without a name is the manifest.
type Shared struct {
	Name  string `json:"name,omitempty"`
	File  string `json:"file,omitempty"`
	Exact bool   `json:"exact"` // value by value
	Bands int    `json:"bands"` // of its sketches
}

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
	base   map[uint64][]blacklist.Entry // by key version, once asked
}

// New makes a checker. Log and source may both be nil with a list that is held
// locally: then a hit is not named.
func New(l Log, s Source, list *List, o Options) *Checker {
	return &Checker{log: l, source: s, list: list, opts: o, asks: map[uint64]*query.Client{}, base: map[uint64][]blacklist.Entry{}}
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
			if !c.list.Contains(q.Kind, version, labels[i]) {
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

// shared is what of the model hits one halt, in the order of the scan.
func shared(hits []blacklist.Hit, run string, index uint64) []Shared {
	out := []Shared{}
	for _, h := range hits {
		if !slices.ContainsFunc(h.Records, func(r blacklist.Record) bool { return r.Run == run && r.Halt == index }) {
			continue
		}
		i := slices.IndexFunc(out, func(s Shared) bool { return s.Name == h.Name && s.File == h.File })
		if i < 0 {
			i = len(out)
			out = append(out, Shared{Name: h.Name, File: h.File})
		}
		if h.Kind.Sketch() {
			out[i].Bands++
		} else {
			out[i].Exact = true
		}
	}
	return out
}

// labels has the questions evaluated under one key version.
func (c *Checker) labels(ctx context.Context, version uint64, questions []blacklist.Question) ([]blacklist.Label, error) {
	ask := c.asks[version]
	if ask == nil {
		set, err := c.list.Set(version)
		if err != nil {
			return nil, err
		}
		if ask, err = Evaluators(c.list.authority, set, c.source, c.opts); err != nil {
			return nil, err
		}
		c.asks[version] = ask
	}
	labels, err := ask.All(ctx, blacklist.Inputs(questions))
	if errors.Is(err, query.ErrLied) {
		return nil, fmt.Errorf("evaluator under key version %d: %w: %w", version, trust.ErrUnverified, err)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluate under key version %d: %w", version, err)
	}
	return labels, nil
}

// Evaluators asks the set that the log names.
func Evaluators(a *trust.Authority, set log.EvaluatorSet, server query.Source, o Options) (*query.Client, error) {
	sources, err := query.Sources(set, o.Token, server)
	if err != nil {
		return nil, err
	}
	var before []log.EvaluatorSet
	if sets := a.EvaluatorSets(set.Version); len(sets) > 1 {
		before = sets[1:]
	}
	return query.New(query.Config{Origin: o.Origin, Set: set, Before: before}, query.Deps{
		Sources: sources, Keys: a.Keys, Verifier: keys.NewVerifier(), Cache: o.Cache, Lie: o.Lie,
	})
}

// baseOf are the labels of the declared base under a key version.
func (c *Checker) baseOf(ctx context.Context, version uint64) ([]blacklist.Entry, error) {
	if c.opts.Base == nil {
		return nil, nil
	}
	if entries, ok := c.base[version]; ok {
		return entries, nil
	}
	qs := blacklist.BaseQuestions(*c.opts.Base)
	labels, err := c.labels(ctx, version, qs)
	if err != nil {
		return nil, fmt.Errorf("declared base: %w", err)
	}
	c.base[version] = blacklist.Entries(qs, labels)
	return c.base[version], nil
}

type halt struct {
	run   string
	index uint64
}

// name finds the halt by which a label was listed, and what the label is worth.
func (c *Checker) name(ctx context.Context, kind fingerprint.Kind, version uint64, label blacklist.Label, known map[halt]*Match) (blacklist.Record, error) {
	rec := blacklist.Record{KeyVersion: version, Status: blacklist.Active}
	if c.source == nil || c.log == nil {
		m := known[halt{}]
		if m == nil {
			m = &Match{Causes: []log.Cause{}}
			known[halt{}] = m
		}
		m.note("a local list names no halt: ask the log which it is")
		return rec, nil
	}
	said, err := c.source.Listing(ctx, string(kind), label[:])
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return rec, fmt.Errorf("listing: %w", err)
	}
	if err == nil && said.Halt != nil && log.ValidName(said.Run) {
		rec.Run, rec.Halt = said.Run, *said.Halt
	}
	m := known[halt{rec.Run, rec.Halt}]
	if m == nil {
		m = &Match{Run: rec.Run, Halt: rec.Halt, Causes: []log.Cause{}}
		known[halt{rec.Run, rec.Halt}] = m
	}
	if err := c.prove(ctx, m, said.Fingerprints, kind, label); err != nil {
		m.note(err.Error())
		m.Proven = false
	}
	status, err := c.status(ctx, said.State, kind, label, m)
	if err != nil {
		return rec, err
	}
	rec.Status = status
	if want := said.State; status == blacklist.Active && want != "listed" {
		m.note(fmt.Sprintf("the server says that a label is %s, without proof: it counts as listed", printable(want)))
	}
	return rec, nil
}

func (m *Match) note(s string) {
	if slices.Contains(m.Notes, s) {
		return
	}
	m.Notes = append(m.Notes, s)
}

// prove verifies that a run was halted, and that its fingerprints hold a label.
func (c *Checker) prove(ctx context.Context, m *Match, fingerprints *uint64, kind fingerprint.Kind, label blacklist.Label) error {
	if m.Run == "" || fingerprints == nil {
		return errors.New("the server names no halt")
	}
	if m.Proven && len(m.Causes) > 0 && m.prints != nil {
		return m.prints.holds(kind, label)
	}
	if len(m.Notes) > 0 && m.prints == nil {
		return errors.New(m.Notes[0]) // tried before
	}
	h, err := c.log.Entry(ctx, m.Halt)
	if err != nil {
		return err
	}
	st, ok := h.Statement.(*log.Halt)
	if !ok || st.Run != m.Run {
		return fmt.Errorf("entry %d is no halt of run %s", m.Halt, m.Run)
	}
	if err := c.list.authority.SignedBy(h, log.RoleEngine); err != nil {
		return err
	}
	m.Causes = st.Causes
	f, err := c.log.Entry(ctx, *fingerprints)
	if err != nil {
		return err
	}
	fp, ok := f.Statement.(*log.Fingerprints)
	if !ok {
		// The last part of a long one: the other parts' places are not known.
		return fmt.Errorf("entry %d holds a %s: its labels are not proven one by one", *fingerprints, f.Kind())
	}
	if fp.Run != m.Run || fp.Halt != h.Identity {
		return fmt.Errorf("entry %d is of another halt", *fingerprints)
	}
	if err := c.list.authority.SignedBy(f, log.RoleEngine); err != nil {
		return err
	}
	m.prints, m.Proven = (*prints)(fp), true
	return m.prints.holds(kind, label)
}

// prints are the published labels of a halted run.
type prints log.Fingerprints

func (p *prints) holds(kind fingerprint.Kind, label blacklist.Label) error {
	for _, l := range p.Labels {
		if l.Kind == string(kind) && bytes.Equal(l.Label, label[:]) {
			return nil
		}
	}
	return fmt.Errorf("the fingerprints of run %s do not hold a label that is listed", p.Run)
}

// status is what a label is worth: less than listed only with proof (LC4).
func (c *Checker) status(ctx context.Context, said string, kind fingerprint.Kind, label blacklist.Label, m *Match) (blacklist.Status, error) {
	var k log.Kind
	switch blacklist.Status(said) {
	case blacklist.Struck:
		k = log.KindStrike
	case blacklist.Allow:
		k = log.KindAllowList
	case blacklist.Contested:
		k = log.KindContest
	default:
		return blacklist.Active, nil
	}
	n := 0
	for e, err := range c.source.Entries(ctx, client.Filter{Kind: k}) {
		if err != nil {
			return "", fmt.Errorf("read %s: %w", k, err)
		}
		if n++; n > maxMarks {
			break
		}
		s, err := log.Parse(e.Leaf)
		if err != nil || !speaks(s.Statement, kind, label) {
			continue
		}
		if s, err = c.log.Include(ctx, e.Index, e.Leaf); err != nil {
			return "", err
		}
		if k == log.KindContest {
			err = c.contested(ctx, s, kind, label, m)
		} else {
			err = c.list.authority.Signed(s)
		}
		if err == nil {
			return blacklist.Status(said), nil
		}
	}
	return blacklist.Active, nil
}

// speaks reports whether a statement is about a label.
func speaks(st log.Statement, kind fingerprint.Kind, label blacklist.Label) bool {
	switch st := st.(type) {
	case *log.Strike:
		return st.LabelKind == string(kind) && bytes.Equal(st.Label, label[:])
	case *log.Contest:
		return st.LabelKind == string(kind) && bytes.Equal(st.Label, label[:])
	case *log.AllowList:
		for _, l := range st.Labels {
			if st.LabelKind == string(kind) && bytes.Equal(l, label[:]) {
				return true
			}
		}
	}
	return false
}

// printable keeps a server's word from steering a terminal.
func printable(s string) string {
	if !log.ValidName(s) {
		return "0x" + hex.EncodeToString([]byte(s[:min(len(s), 32)]))
	}
	return s
}

// What says in words what is shared.
func (m Match) What(parameters uint64) string {
	switch {
	case m.Manifest:
		return "the whole release"
	case m.Tensors > 0 && parameters > 0:
		return fmt.Sprintf("%d tensor(s), %.1f %% of its parameters,", m.Tensors, 100*float64(m.Elements)/float64(parameters))
	case m.Bands > 0:
		return fmt.Sprintf("%d band(s) of the sketches of %d tensor(s)", m.Bands, m.sketched())
	case m.Contested > 0:
		return fmt.Sprintf("%d contested label(s)", m.Contested)
	}
	return fmt.Sprintf("%d struck label(s)", m.Struck)
}

// sketched counts the tensors that hit by bands alone.
func (m Match) sketched() int {
	n := 0
	for _, s := range m.Shared {
		if !s.Exact && s.Bands > 0 {
			n++
		}
	}
	return n
}
