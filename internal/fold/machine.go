package fold

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// Config is what a reader of a log knows beforehand.
type Config struct {
	// GenesisHash is pinned; nil trusts on first use.
	GenesisHash *log.Hash
}

// Deps are a Machine's ports.
type Deps struct {
	Verifier log.Verifier
}

// A Machine folds a log, entry by entry. It is deterministic and does no I/O.
// Apply must be called alone; everything else only reads.
type Machine struct {
	ledger *log.Ledger
	book   *book
	set    *blacklist.Set
	chains map[string]*Chain
	// events are those that some chain has not decided on; base is the number
	// of the first.
	events  []event
	base    uint64
	backlog int
	// owed is what some engine has yet to answer, by run: see owed.
	owed map[string]owed
	// contests that the officers may yet decide on, oldest first.
	contests []contest
}

// New is a machine of the empty log.
func New(c Config, d Deps) *Machine {
	m := &Machine{book: newBook(policy.Book{}), set: blacklist.NewSet(), chains: map[string]*Chain{}, backlog: maxBacklog, owed: map[string]owed{}}
	m.ledger = log.NewLedger(log.LedgerConfig{
		GenesisHash: c.GenesisHash, Verifier: d.Verifier, Book: m.book, Labels: labels{m.set},
	})
	return m
}

// Step is what one entry did.
type Step struct {
	log.Judged
	// Decision is set by a valid decision.
	Decision *Replayed
	// Anchor is set by a valid anchor.
	Anchor *log.AnchorInfo
	// Halt is set by a valid halt.
	Halt *log.RunHalted
	// Listing is set by valid fingerprints.
	Listing *Listing
	// Trips says that the entry can trip a tripwire at once, so that an engine
	// decides now and not at its period.
	Trips bool
	// Lapsed are engines whose chains start over here, see maxBacklog.
	Lapsed []string
	// Err is a valid entry that could not be folded: an inconsistency between
	// the parts of this program, never something that a log can cause.
	Err error
}

// Ledger is the judge, to be read only.
func (m *Machine) Ledger() *log.Ledger { return m.ledger }

// List is the blacklist after the entries applied, to be read only; Clone it
// to keep it. Its Epoch and Tree build what they show: they must be called
// alone, as Apply, or on a clone.
func (m *Machine) List() *blacklist.Set { return m.set }

// Size is how many entries were applied.
func (m *Machine) Size() uint64 { return m.ledger.Size() }

// Chain is an engine's chain by its keyid; nil if it holds no role.
func (m *Machine) Chain(engine string) *Chain { return m.chains[engine] }

// Chains are all chains, sorted by keyid.
func (m *Machine) Chains() []*Chain {
	return slices.SortedFunc(maps.Values(m.chains), func(a, b *Chain) int { return cmp.Compare(a.engine, b.engine) })
}

// Policy is the document in force of a policy chain.
func (m *Machine) Policy(chain string) (*policy.Document, bool) { return m.book.Book.InForce(chain) }

// Policies is the whole book, a value.
func (m *Machine) Policies() policy.Book { return m.book.Book }

// Waits reports whether anything waits for an anchor to take force: a policy, a
// group, an authority change. Until then somebody has to go on anchoring, also
// where nothing else happens.
func (m *Machine) Waits() bool {
	return m.ledger.Waits() || slices.ContainsFunc(m.book.Book.Chains(), func(c string) bool { return len(m.book.Book.Pending(c)) > 0 })
}

func (m *Machine) end() uint64          { return m.base + uint64(len(m.events)) }
func (m *Machine) at(pos uint64) *event { return &m.events[pos-m.base] }

func (m *Machine) push(e policy.Event, index uint64, engine string, s *Step) {
	m.events = append(m.events, event{index: index, engine: engine, event: e})
	s.Trips = s.Trips || policy.Trips(e)
}

// Apply judges and folds the next entry.
func (m *Machine) Apply(leaf []byte) Step {
	s := Step{Judged: m.ledger.Apply(leaf)}
	for _, e := range s.Effects {
		m.effect(e, &s)
	}
	if s.Validity == log.Valid {
		m.statement(&s)
	}
	m.lapse(&s)
	m.trim()
	return s
}

// effect folds what a valid entry brought about.
func (m *Machine) effect(e log.Effect, s *Step) {
	switch e := e.(type) {
	case log.GenesisAccepted:
		m.book.Book = policy.NewBook(m.config())
		for _, k := range m.ledger.Keys(log.RoleEngine) {
			m.start(k.ID, 0)
		}
	case log.AuthorityInForce:
		for _, k := range e.Added {
			if k.Role == log.RoleEngine {
				m.start(k.ID, e.Index)
			}
		}
		for _, k := range e.Revoked {
			delete(m.chains, k.ID)
		}
	case log.AnchorAccepted:
		a := e.Anchor
		s.Anchor = &a
		m.lapseContests(a)
		m.push(anchored(a), a.Index, "", s)
	case log.PolicyInForce:
		if doc, ok := m.book.Book.InForce(e.Chain); ok {
			m.push(policy.Enforced{Doc: doc, Index: e.Index}, e.Index, "", s)
		}
	case log.GroupInForce:
		for _, run := range e.Runs {
			m.push(policy.Regrouped{Run: run, Members: members(e.Group), Index: e.Index}, e.Index, "", s)
		}
	case log.RunClosed:
		delete(m.owed, e.Run)
	case log.RunRegistered:
		m.push(registered(e.Run), e.Run.Index, "", s)
	case log.RunHalted:
		s.Halt = &e
		delete(m.owed, e.Run)
		if e.First {
			m.push(policy.Halted{Run: e.Run, Index: e.Index}, e.Index, "", s)
		}
	}
}

// statement folds what a valid statement says.
func (m *Machine) statement(s *Step) {
	i := s.Index
	switch st := s.Signed.Statement.(type) {
	case *log.Checkin:
		if len(s.Signers) == 1 {
			m.push(policy.Checkin{Run: st.Run, Member: s.Signers[0].Name, Index: i}, i, "", s)
		}
	case *log.LiveVote:
		m.push(policy.Vote{Run: st.Run, Index: i}, i, "", s)
		m.owe(st.Run, policy.Vote{Run: st.Run, Index: i})
	case *log.Heartbeat:
		if st.Run != nil {
			m.push(policy.Beat{Run: *st.Run, Alive: st.Alive, Index: i}, i, "", s)
		} else {
			m.push(policy.MonitorBeat{Monitor: s.Signed.Signer(), Index: i}, i, "", s)
		}
	case *log.Artefact:
		m.push(policy.Artefact{Run: st.Run, Index: i}, i, "", s)
	case *log.Close:
		m.push(policy.Closed{Run: st.Run, Index: i}, i, "", s)
		m.owe(st.Run, policy.Closed{Run: st.Run, Index: i})
	case *log.Decision:
		m.decision(st, s)
	case *log.Fingerprints:
		s.Listing, s.Err = m.list(st, s.Judged)
	case *log.Epoch:
		m.set.Commit(st.Number, st.Size, Epoch(st))
	case *log.Rotation:
		s.Err = m.rotate(st, i)
	case *log.AllowList, *log.Strike, *log.Contest:
		if err := m.mark(s.Signed.Statement, s.Judged); err != nil {
			s.Err = fmt.Errorf("fold: mark label: %w", err)
		}
	}
}

// decision replays a valid decision in its own chain, and lets the others know
// which runs may go on.
func (m *Machine) decision(st *log.Decision, s *Step) {
	engine := s.Signed.Signer()
	c, ok := m.chains[engine]
	info, known := m.ledger.Decision(engine)
	if !ok || !known {
		s.Err = fmt.Errorf("fold: valid decision of %s, which has no chain", engine)
		return
	}
	r, err := c.commit(st, info, s.Signed.Envelope.Payload)
	if err != nil {
		s.Err = err
		return
	}
	s.Decision = r
	m.settle(r)
	d := policy.Decided{Engine: engine, Go: []string{}, Index: s.Index}
	// A chain that does not replay vouches for no run.
	if r.Mismatch == nil {
		for _, v := range r.Outcome.Verdicts {
			if v.State == policy.StateGo {
				d.Go = append(d.Go, v.Run)
			}
		}
	}
	m.push(d, s.Index, engine, s)
}

func (m *Machine) config() policy.Config {
	p := m.ledger.Params()
	return policy.Config{Skew: p.Skew, AnchorPeriod: p.AnchorPeriod, DecisionPeriod: p.DecisionPeriod}
}

// start begins an engine's chain at an index, with the policies, runs, newest
// anchor, and unanswered votes and closes of that index as events of its first
// range: an engine that comes later arms what runs then (E8).
func (m *Machine) start(engine string, index uint64) {
	c := &Chain{machine: m, engine: engine, state: policy.New(m.config()), pos: m.end(), from: index}
	if d, ok := m.ledger.Decision(engine); ok {
		c.last, c.decided = d, true
	}
	if a, ok := m.ledger.NewestAnchor(); ok {
		c.state = policy.Fold(c.state, anchored(a))
	}
	for _, chain := range m.book.Book.Chains() {
		if doc, ok := m.book.Book.InForce(chain); ok {
			c.state = policy.Fold(c.state, policy.Enforced{Doc: doc, Index: index})
		}
	}
	for _, id := range m.ledger.Runs() {
		if r, ok := m.ledger.Run(id); ok && !r.Ended() {
			c.state = policy.Fold(c.state, registered(r))
			for _, e := range m.owed[id].events() {
				c.state = policy.Fold(c.state, e)
			}
		}
	}
	if old, ok := m.chains[engine]; ok {
		// In place: whoever holds the chain goes on with it.
		*old = *c
		return
	}
	m.chains[engine] = c
}

// lapse lets chains start over that are too far behind.
func (m *Machine) lapse(s *Step) {
	if len(m.events) <= m.backlog {
		return
	}
	for _, c := range m.Chains() {
		if c.Waiting() > m.backlog {
			m.start(c.engine, s.Index)
			s.Lapsed = append(s.Lapsed, c.engine)
		}
	}
}

// trim forgets the events that every chain has decided on.
func (m *Machine) trim() {
	low := m.end()
	for _, c := range m.chains {
		low = min(low, c.pos)
	}
	// In steps, so that the cost for each event stays constant.
	if n := low - m.base; n > 0 && n >= uint64(len(m.events))/2 {
		m.events = slices.Clone(m.events[n:])
		m.base = low
	}
}

func anchored(a log.AnchorInfo) policy.Anchored {
	return policy.Anchored{Size: a.Size, Min: a.Min, Max: a.Max, Index: a.Index}
}

func registered(r log.RunInfo) policy.Registered {
	return policy.Registered{
		Run: r.Statement.Run, Chain: r.Statement.Chain, Class: r.Statement.Class,
		Members: members(r.Group), MaxLife: time.Duration(r.Statement.MaxLifeMS) * time.Millisecond, Index: r.Index,
	}
}

// members are a group's pseudonyms: a check-in key may change under one.
func members(g log.GroupInfo) []string {
	if g.Statement == nil {
		return nil
	}
	names := make([]string, len(g.Statement.Members))
	for i, m := range g.Statement.Members {
		names[i] = m.Pseudonym
	}
	return names
}
