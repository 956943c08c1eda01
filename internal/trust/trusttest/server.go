// Package trusttest serves a log of package foldtest over HTTP, as a daemon does,
// to whoever has to be shown what it believes: every key is at hand, so a test can
// answer with what only operator and witnesses in collusion could make.
package trusttest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// Server answers for a log. Its fields may be changed between requests, under
// Lock.
type Server struct {
	sync.Mutex
	URL string
	Log *foldtest.Log
	// Size is the published size; 0 is all there is.
	Size uint64
	// Evaluator answers evaluations under key version 1; nil refuses them.
	Evaluator *voprf.PrivateKey
	// Member answers for any member.
	Member api.Member
	// Posted are the statements that were handed in; Take says what becomes of one.
	Posted [][]byte
	Take   func(leaf []byte, query string) (int, any)
	// Override answers instead where it returns true.
	Override func(w http.ResponseWriter, r *http.Request) bool
	// Paths are the requests that were answered.
	Paths []string
}

// New serves a log until the test ends.
func New(t testing.TB, l *foldtest.Log) *Server {
	t.Helper()
	s := &Server{Log: l}
	h := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// Client speaks to the server.
func (s *Server) Client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *Server) size() uint64 {
	if s.Size > 0 {
		return s.Size
	}
	return s.Log.Size()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	s.Paths = append(s.Paths, r.URL.Path)
	if s.Override != nil && s.Override(w, r) {
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodGet && s.plain(w, r, path):
	case r.Method == http.MethodPost && r.URL.Path == api.RouteStatements:
		s.statement(w, r)
	case r.Method == http.MethodPost && r.URL.Path == api.RouteEvaluate:
		s.evaluate(w, r)
	case r.URL.Path == api.RouteCheckpoint:
		_, _ = w.Write(s.Log.Checkpoint(s.size()))
	case path[0] == "tile":
		s.tile(w, path[1:])
	case r.URL.Path == api.RouteGenesis:
		_, _ = w.Write(s.Log.Leaves[0])
	case r.URL.Path == api.RouteQuorum:
		_, _ = w.Write([]byte(s.Log.QuorumText(s.Log.Options.Quorum, s.Log.Witnesses...)))
	case r.URL.Path == api.RouteAnchor:
		a, ok := s.Log.Machine.Ledger().NewestAnchor()
		answer(w, ok, api.Anchor{Index: a.Index, Size: a.Size, Root: a.Root})
	case r.URL.Path == api.RouteEntries:
		s.entries(w, r)
	case strings.HasPrefix(r.URL.Path, api.RouteEntries+"/"):
		s.entryOrProof(w, path[2:])
	case r.URL.Path == api.RoutePolicies:
		s.policies(w, r)
	case r.URL.Path == api.RouteRuns:
		answer(w, true, s.runs())
	case strings.HasPrefix(r.URL.Path, "/v1/runs/"):
		s.run(w, path[2:])
	case strings.HasPrefix(r.URL.Path, "/v1/groups/"):
		s.group(w, path[2])
	case strings.HasPrefix(r.URL.Path, "/v1/blacklist/"):
		s.blacklist(w, path[2:])
	default:
		missing(w)
	}
}

func missing(w http.ResponseWriter) {
	w.Header().Set("Content-Type", api.TypeProblem)
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(api.Problem{Title: "not found", Status: http.StatusNotFound})
}

func answer(w http.ResponseWriter, ok bool, v any) {
	if !ok {
		missing(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Server) statement(w http.ResponseWriter, r *http.Request) {
	leaf := make([]byte, r.ContentLength)
	if _, err := r.Body.Read(leaf); err != nil && err.Error() != "EOF" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.Posted = append(s.Posted, leaf)
	if s.Take != nil {
		status, v := s.Take(leaf, r.URL.RawQuery)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
		return
	}
	step := s.Log.Append(leaf)
	w.WriteHeader(http.StatusCreated)
	a := api.Accepted{Index: step.Index, Validity: string(step.Validity), Reason: step.Reason}
	if step.Signed != nil {
		a.Identity = step.Signed.Identity
	}
	_ = json.NewEncoder(w).Encode(a)
}

func (s *Server) evaluate(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 0, r.ContentLength)
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		body = append(body, buf[:n]...)
		if err != nil {
			break
		}
	}
	if s.Evaluator == nil || r.URL.Query().Get("version") != "1" {
		missing(w)
		return
	}
	out, err := voprf.NewEvaluator(s.Evaluator).Answer(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = w.Write(out)
}

// Hash is the root over the leaves from index·2^level, all of them there.
func (s *Server) Hash(level int, index uint64) checkpoint.Hash {
	if level == 0 {
		return checkpoint.LeafHash(s.Log.Leaves[index])
	}
	return checkpoint.NodeHash(s.Hash(level-1, 2*index), s.Hash(level-1, 2*index+1))
}

func (s *Server) tile(w http.ResponseWriter, path []string) {
	level, err := strconv.Atoi(path[0])
	width, index := 256, uint64(0)
	if last := path[len(path)-1]; strings.HasSuffix(path[len(path)-2], ".p") {
		width, _ = strconv.Atoi(last)
		path = path[:len(path)-1]
	}
	for _, p := range path[1:] {
		n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(p, "x"), ".p"), 10, 64)
		index = index*1000 + n
	}
	if err != nil || (index*256+uint64(width))<<(8*level) > s.Log.Size() {
		missing(w)
		return
	}
	for i := range uint64(width) {
		h := s.Hash(8*level, index*256+i)
		_, _ = w.Write(h[:])
	}
}

// Entry is an entry as the projection would give it.
func (s *Server) Entry(i uint64) api.Entry {
	step := s.Log.Steps[i]
	e := api.Entry{Index: i, Validity: string(step.Validity), Reason: step.Reason, Leaf: s.Log.Leaves[i]}
	if step.Signed != nil {
		e.Kind, e.Identity = string(step.Signed.Kind()), step.Signed.Identity
	}
	return e
}

func (s *Server) entries(w http.ResponseWriter, r *http.Request) {
	page := api.Entries{Built: s.Log.Size(), Entries: []api.Entry{}}
	from, _ := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
	for i := from; i < s.Log.Size(); i++ {
		if e := s.Entry(i); r.URL.Query().Get("kind") == "" || e.Kind == r.URL.Query().Get("kind") {
			page.Entries = append(page.Entries, e)
		}
	}
	answer(w, true, page)
}

// Proof is an entry's tlog-proof under the published checkpoint.
func (s *Server) Proof(index uint64) []byte {
	var t checkpoint.Tree
	for _, l := range s.Log.Leaves {
		if err := t.Append(l); err != nil {
			panic(err)
		}
	}
	hashes, err := t.Inclusion(index, s.size())
	if err != nil {
		return nil
	}
	return checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: s.Log.Checkpoint(s.size())}.Format()
}

func (s *Server) entryOrProof(w http.ResponseWriter, path []string) {
	i, err := strconv.ParseUint(path[0], 10, 64)
	if err != nil || i >= s.Log.Size() {
		missing(w)
		return
	}
	if len(path) == 1 {
		answer(w, true, s.Entry(i))
		return
	}
	proof := s.Proof(i)
	if proof == nil {
		missing(w)
		return
	}
	_, _ = w.Write(proof)
}

func (s *Server) policies(w http.ResponseWriter, r *http.Request) {
	list := []api.Policy{}
	if d, ok := s.Log.Machine.Policy(r.URL.Query().Get("chain")); ok {
		list = append(list, api.Policy{Chain: d.Chain, Number: d.Number, Hash: log.PolicyHash(d.Encode()), InForce: true, Document: d.Encode()})
	}
	answer(w, true, list)
}

func (s *Server) runs() []api.Run {
	list := []api.Run{}
	for _, step := range s.Log.Steps {
		if step.Signed == nil || step.Validity != log.Valid {
			continue
		}
		st, ok := step.Signed.Statement.(*log.Run)
		if !ok {
			continue
		}
		r, _ := s.Log.Machine.Ledger().Run(st.Run)
		x := api.Run{Run: st.Run, Class: st.Class, Task: st.Task, Chain: st.Chain, Group: r.Group.Hash, Registered: step.Index, State: api.RunArmed}
		if r.Halted {
			x.State, x.Halt = api.RunHalted, &r.HaltIndex
		}
		list = append(list, x)
	}
	return list
}

func (s *Server) run(w http.ResponseWriter, path []string) {
	runs := s.runs()
	i := slices.IndexFunc(runs, func(r api.Run) bool { return r.Run == path[0] })
	switch {
	case i < 0:
		missing(w)
	case len(path) == 1:
		answer(w, true, runs[i])
	case path[1] == "why":
		answer(w, true, api.Why{Run: path[0], Sentence: fmt.Sprintf("run %s is %s", path[0], runs[i].State)})
	case path[1] == "members":
		m := s.Member
		m.Run, m.Member = path[0], path[2]
		answer(w, true, m)
	default:
		missing(w)
	}
}

func (s *Server) group(w http.ResponseWriter, hash string) {
	for i, step := range s.Log.Steps {
		if step.Signed != nil && step.Signed.Kind() == log.KindGroup && log.GroupHash(step.Signed.Envelope.Payload).Hex() == hash {
			_, _ = w.Write(s.Log.Leaves[i])
			return
		}
	}
	missing(w)
}

func (s *Server) blacklist(w http.ResponseWriter, path []string) {
	switch path[0] {
	case "epoch":
		for i := s.Log.Size(); i > 0; i-- {
			if e := s.Entry(i - 1); e.Kind == string(log.KindEpoch) {
				answer(w, true, e)
				return
			}
		}
		missing(w)
	case "full":
		p := blacklist.Part{Kind: fingerprint.Kind(path[2])}
		if len(path) > 3 {
			p.Prefix = path[3]
		}
		version, _ := strconv.ParseUint(path[1], 10, 64)
		t, ok := s.Log.Machine.List().Tree(p, version)
		if !ok {
			missing(w)
			return
		}
		_, _ = w.Write(blacklist.FullList{Part: p, KeyVersion: version, Labels: t.Labels()}.Marshal())
	case "objects":
		raw, _ := hex.DecodeString(path[2])
		b, ok := s.Log.Machine.List().Object(blacklist.Hash(raw))
		if !ok {
			missing(w)
			return
		}
		_, _ = w.Write(b)
	case "labels":
		raw, _ := hex.DecodeString(path[2])
		label, err := blacklist.ParseLabel(raw)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		out := api.Listing{Kind: path[1], Label: raw, State: "absent"}
		for _, rec := range s.Log.Machine.List().Lookup(fingerprint.Kind(path[1]), label) {
			out.State, out.Run, out.Halt, out.Fingerprints, out.Reason = string(rec.Status), rec.Run, &rec.Halt, &rec.Listing, rec.Reason
			if rec.Status == blacklist.Active {
				out.State = "listed"
				break
			}
		}
		answer(w, true, out)
	default:
		missing(w)
	}
}
