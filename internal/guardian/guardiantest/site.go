// Package guardiantest serves a log over HTTP for tests of guards: a foldtest.Log with all its real keys, its proofs, and
// an engine that grants leases by the ledger's own judgement. It serves what a daemon serves to a guard, and lies where a
// test says so.
package guardiantest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
	"github.com/haltlog/haltlog/policy"
)

// Run is the run that every site has registered and armed.
const Run = "run-1"

// Site is a served log. Its methods may be called from any goroutine.
type Site struct {
	t         testing.TB
	Server    *httptest.Server
	Evaluator *voprf.PrivateKey

	mu      sync.Mutex
	log     *foldtest.Log
	tree    checkpoint.Tree
	last    int64 // second of the last anchor
	pushed  []pushed
	down    bool
	streams int
	lie     func(*log.Lease)
}

type pushed struct {
	event string
	leaf  []byte
}

// New builds the log up to a run that is armed at the present time, and serves it. change, if not nil, alters the run's
// registration.
func New(t testing.TB, change func(*log.Run)) *Site {
	t.Helper()
	return NewWith(t, voprf.GenerateKey(), change)
}

// NewWith is New with an evaluator's key that is known before.
func NewWith(t testing.TB, key *voprf.PrivateKey, change func(*log.Run)) *Site {
	t.Helper()
	s := &Site{t: t, Evaluator: key}
	pk := s.Evaluator.Public().Bytes()
	s.log = foldtest.New(t, foldtest.Options{Genesis: func(g *log.Genesis) {
		g.Evaluators = log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}}
	}})
	l := s.log
	l.Now = time.Now().Add(-2 * time.Second)
	l.Genesis()
	l.Policy(func(d *policy.Document) { d.Expires = l.Now.AddDate(1, 0, 0).Truncate(time.Millisecond) })
	s.anchor()
	l.Group(l.Members...)
	st := l.RunStatement(Run)
	if change != nil {
		change(st)
	}
	l.Must(st, l.Registrar)
	l.Now = time.Now()
	s.anchor()
	l.Decide(l.Engines[0])
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.RouteGenesis, func(w http.ResponseWriter, _ *http.Request) { s.locked(func() { _, _ = w.Write(l.Leaves[0]) }) })
	mux.HandleFunc("GET "+api.RouteAnchor, s.serveAnchor)
	mux.HandleFunc("GET "+api.RouteEntries, s.serveEntries)
	mux.HandleFunc("GET "+api.RouteEntryProof, s.serveProof)
	mux.HandleFunc("GET "+api.RouteGroup, s.serveGroup)
	mux.HandleFunc("GET "+api.RoutePolicies, s.servePolicies)
	mux.HandleFunc("GET "+api.RouteRunEvents, s.serveEvents)
	mux.HandleFunc("POST "+api.RouteStatements, s.serveStatements)
	mux.HandleFunc("POST "+api.RouteLeases, s.serveLease)
	mux.HandleFunc("POST "+api.RouteEvaluate, s.serveEvaluate)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var down bool
		s.locked(func() { down = s.down })
		if down {
			problem(w, http.StatusServiceUnavailable, "unavailable")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Server.CloseClientConnections(); s.Server.Close() })
	return s
}

func (s *Site) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Do works on the log with nobody else at it.
func (s *Site) Do(f func(l *foldtest.Log)) { s.locked(func() { f(s.log) }) }

// Genesis is the hash to pin.
func (s *Site) Genesis() (h log.Hash) {
	s.Do(func(l *foldtest.Log) { h = log.GenesisHash(l.Leaves[0]) })
	return h
}

// Quorum is the tlog-policy of the site's log.
func (s *Site) Quorum() (text string) {
	s.Do(func(l *foldtest.Log) { text = l.QuorumText(l.Options.Quorum, l.Witnesses...) })
	return text
}

// Down makes every route answer 503, or ends that.
func (s *Site) Down(yes bool) { s.locked(func() { s.down = yes }) }

// Lie alters every lease before it is signed.
func (s *Site) Lie(f func(*log.Lease)) { s.locked(func() { s.lie = f }) }

// Push sends an event to every stream of the run, before anything is logged.
func (s *Site) Push(event string, leaf []byte) {
	s.locked(func() { s.pushed = append(s.pushed, pushed{event, leaf}) })
}

// Streams is how many event streams are open.
func (s *Site) Streams() (n int) {
	s.locked(func() { n = s.streams })
	return n
}

// Tick lets the engine do what is due: an anchor a second, and a decision over what came; halts are pushed and logged.
func (s *Site) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Now = time.Now()
	if s.log.Now.Unix() > s.last {
		s.anchor()
	}
	s.decide()
}

func (s *Site) anchor() {
	s.last = s.log.Now.Unix()
	s.log.Must(&log.Anchor{Origin: s.log.Origin, Checkpoint: s.log.Checkpoint(s.log.Size())})
}

func (s *Site) decide() {
	engine := s.log.Engines[0]
	p := s.log.Propose(engine)
	step := s.log.Must(p.Decision, engine)
	for _, h := range p.Halts(step.Signed.Identity) {
		leaf := s.log.Seal(h, engine)
		s.pushed = append(s.pushed, pushed{api.EventHalt, leaf})
		s.log.Append(leaf)
	}
}

// Kinds counts the valid entries of a kind.
func (s *Site) Kinds(k log.Kind) (valid []*log.Signed) {
	s.Do(func(l *foldtest.Log) {
		for _, step := range l.Steps {
			if step.Validity == log.Valid && step.Signed != nil && step.Signed.Kind() == k {
				valid = append(valid, step.Signed)
			}
		}
	})
	return valid
}

func problem(w http.ResponseWriter, status int, name string) {
	w.Header().Set("Content-Type", api.TypeProblem)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Type: api.ProblemBase + name, Title: name, Status: status})
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func (s *Site) grow() {
	for s.tree.Size() < s.log.Size() {
		if err := s.tree.Append(s.log.Leaves[s.tree.Size()]); err != nil {
			s.t.Error(err)
			return
		}
	}
}

func (s *Site) serveAnchor(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, _ := s.log.Machine.Ledger().NewestAnchor()
	parsed, err := log.Parse(s.log.Leaves[a.Index])
	if err != nil {
		s.t.Error(err)
		return
	}
	answer(w, api.Anchor{Index: a.Index, Size: a.Size, Root: a.Root, Checkpoint: parsed.Statement.(*log.Anchor).Checkpoint})
}

func (s *Site) entry(i uint64) api.Entry {
	step := s.log.Steps[i]
	e := api.Entry{Index: i, Validity: string(step.Validity), Reason: step.Reason, Leaf: s.log.Leaves[i]}
	if step.Signed != nil {
		e.Kind, e.Identity = string(step.Signed.Kind()), step.Signed.Identity
		e.Run = runOf(step.Signed.Statement)
	}
	return e
}

func runOf(st log.Statement) string {
	switch st := st.(type) {
	case *log.Run:
		return st.Run
	case *log.LiveVote:
		return st.Run
	case *log.Halt:
		return st.Run
	case *log.Artefact:
		return st.Run
	case *log.Actuation:
		return st.Run
	case *log.Close:
		return st.Run
	case *log.Heartbeat:
		if st.Run != nil {
			return *st.Run
		}
	}
	return ""
}

func (s *Site) serveEntries(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	from, _ := strconv.ParseUint(q.Get("from"), 10, 64)
	out := api.Entries{Built: s.log.Size(), Entries: []api.Entry{}}
	for i := from; i < s.log.Size(); i++ {
		e := s.entry(i)
		if (q.Get("run") == "" || q.Get("run") == e.Run) && (q.Get("kind") == "" || q.Get("kind") == e.Kind) {
			out.Entries = append(out.Entries, e)
		}
	}
	answer(w, out)
}

func (s *Site) serveProof(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow()
	index, err := strconv.ParseUint(r.PathValue("index"), 10, 64)
	if err != nil || index >= s.log.Size() {
		problem(w, http.StatusNotFound, "not-found")
		return
	}
	hashes, err := s.tree.Inclusion(index, s.log.Size())
	if err != nil {
		s.t.Error(err)
	}
	p := checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: s.log.NoteAt(s.log.Size(), s.log.Root(s.log.Size()), time.Now())}
	_, _ = w.Write(p.Format())
}

func (s *Site) serveGroup(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash, err := log.ParseHex(r.PathValue("hash"))
	if err == nil {
		if g, ok := s.log.Machine.Ledger().Group(hash); ok {
			_, _ = w.Write(s.log.Leaves[g.Index])
			return
		}
	}
	problem(w, http.StatusNotFound, "not-found")
}

func (s *Site) servePolicies(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, _ := s.log.Machine.Policy(foldtest.Chain)
	answer(w, []api.Policy{{Chain: d.Chain, Number: d.Number, Document: d.Encode(), InForce: true}})
}

// serveStatements admits by the ledger, appends, and decides at once, as the daemon does of what can trip.
func (s *Site) serveStatements(w http.ResponseWriter, r *http.Request) {
	leaf, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Now = time.Now()
	if at, ok := s.find(leaf); ok {
		answer(w, api.Accepted{Index: at, Repeat: true})
		return
	}
	if err := s.log.Machine.Ledger().Admit(leaf); err != nil {
		status, name := http.StatusBadRequest, "malformed"
		if v, ok := errors.AsType[*log.VoidError](err); ok {
			status = map[log.Class]int{
				log.Forbidden: http.StatusForbidden, log.Unknown: http.StatusNotFound, log.Conflict: http.StatusConflict, log.Stale: http.StatusConflict,
			}[v.Class]
			name = string(v.Class)
		}
		problem(w, status, name)
		return
	}
	step := s.log.Append(leaf)
	w.WriteHeader(http.StatusCreated)
	answer(w, api.Accepted{Index: step.Index, Identity: step.Signed.Identity})
	if step.Trips || step.Signed.Kind() == log.KindClose {
		s.decide()
	}
}

func (s *Site) find(leaf []byte) (uint64, bool) {
	for i, l := range s.log.Leaves {
		if string(l) == string(leaf) {
			return uint64(i), true
		}
	}
	return 0, false
}

func (s *Site) serveLease(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range s.log.Steps {
		if step.Halt != nil {
			_, _ = w.Write(step.Signed.Leaf)
			return
		}
	}
	signed, asked, err := s.log.Machine.Ledger().JudgeRequest(raw)
	if err != nil {
		problem(w, http.StatusConflict, "conflict")
		return
	}
	lease := s.leaseFor(signed.Signer(), asked)
	if s.lie != nil {
		s.lie(lease)
	}
	_, _ = w.Write(s.log.Seal(lease, s.log.Engines[0]))
}

// Lease is what an honest engine grants to a request now.
func (s *Site) Lease(guard string, asked *log.LeaseRequest) *log.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaseFor(guard, asked)
}

func (s *Site) leaseFor(guard string, asked *log.LeaseRequest) *log.Lease {
	s.grow()
	rules, _ := s.log.Machine.Ledger().Rules(foldtest.Chain)
	last, _ := s.log.Machine.Chain(s.log.Engines[0].KeyID()).Last()
	size := s.log.Size()
	proof, err := s.tree.Consistency(asked.SeenSize, size)
	if err != nil {
		s.t.Error(err)
	}
	lease := &log.Lease{
		Origin: asked.Origin, Run: asked.Run, Guard: guard, BootID: asked.BootID, Nonce: asked.Nonce, Sequence: asked.Sequence,
		DurationMS: rules.Lease.Milliseconds(), Policy: rules.Number, PolicyHash: rules.Hash, DecisionIndex: last.Index,
		DecisionSize: last.To, Checkpoint: s.log.NoteAt(size, s.log.Root(size), time.Now()), Consistency: []log.Hash{},
	}
	for _, h := range proof {
		lease.Consistency = append(lease.Consistency, log.Hash(h))
	}
	return lease
}

func (s *Site) serveEvaluate(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	out, err := voprf.NewEvaluator(s.Evaluator).Answer(body)
	if err != nil {
		problem(w, http.StatusBadRequest, "malformed")
		return
	}
	_, _ = w.Write(out)
}

func (s *Site) serveEvents(w http.ResponseWriter, r *http.Request) {
	next, _ := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
	sent := 0
	s.locked(func() { s.streams++; sent = len(s.pushed) })
	defer s.locked(func() { s.streams-- })
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var b strings.Builder
		b.WriteString(":\n\n")
		s.locked(func() {
			for ; sent < len(s.pushed); sent++ {
				fmt.Fprintf(&b, "event: %s\ndata: %s\n\n", s.pushed[sent].event, s.pushed[sent].leaf)
			}
			for ; next < s.log.Size(); next++ {
				if e := s.entry(next); e.Run == r.PathValue("run") {
					data, err := json.Marshal(e)
					if err != nil {
						s.t.Error(err)
					}
					fmt.Fprintf(&b, "id: %d\nevent: entry\ndata: %s\n\n", next, data)
				}
			}
		})
		if _, err := io.WriteString(w, b.String()); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
