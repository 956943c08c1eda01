package httpapi

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

// tile serves C2SP tlog-tiles. "Full tiles and bundles are immutable and cacheable
// for long, the checkpoint is not"; a partial tile is of no use for long.
func (s *Server) tile(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	data, immutable, err := s.deps.Log.ReadTile(r.Context(), path)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	switch {
	case !immutable:
		h.Set("Content-Type", api.TypeProof)
		h.Set("Cache-Control", "no-cache")
	case strings.Contains(path, ".p/"):
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=60")
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=604800, immutable")
	}
	_, _ = w.Write(data)
}

// leaf reads one entry of the log.
func (s *Server) leaf(ctx context.Context, index uint64) ([]byte, error) {
	for leaf, err := range s.deps.Log.Entries(ctx, index, index+1) {
		return leaf, err
	}
	return nil, fmt.Errorf("entry %d: %w", index, ErrNotFound)
}

func (s *Server) genesis(w http.ResponseWriter, r *http.Request) {
	if s.deps.Log.Size() == 0 {
		s.fail(w, r, ErrNotFound)
		return
	}
	s.entryLeaf(w, r, 0)
}

// entryLeaf answers with an entry's own bytes: they never change.
func (s *Server) entryLeaf(w http.ResponseWriter, r *http.Request, index uint64) {
	leaf, err := s.leaf(r.Context(), index)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=604800, immutable")
	_, _ = w.Write(leaf)
}

func (s *Server) quorum(w http.ResponseWriter, r *http.Request) {
	var q string
	s.deps.Follower.View(func(m *fold.Machine) {
		if x := m.Ledger().Quorum(); x != nil {
			q = x.String()
		}
	})
	if q == "" {
		s.fail(w, r, ErrNotFound)
		return
	}
	text(w, []byte(q))
}

func (s *Server) anchor(w http.ResponseWriter, r *http.Request) {
	var a log.AnchorInfo
	ok := false
	s.deps.Follower.View(func(m *fold.Machine) { a, ok = m.Ledger().NewestAnchor() })
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	leaf, err := s.leaf(r.Context(), a.Index)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	parsed, err := log.Parse(leaf)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	st, ok := parsed.Statement.(*log.Anchor)
	if !ok {
		s.fail(w, r, fmt.Errorf("entry %d is no anchor", a.Index))
		return
	}
	answer(w, http.StatusOK, api.Anchor{Index: a.Index, Size: a.Size, Root: a.Root, Checkpoint: st.Checkpoint})
}

// number reads a query parameter, which may be missing.
func number(r *http.Request, name string, or uint64) (uint64, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return or, nil
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: %s is no number", errQuery, name)
	}
	return n, nil
}

func instant(r *http.Request, name string) (time.Time, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return t, fmt.Errorf("%w: %s is no RFC 3339 time", errQuery, name)
	}
	return t, nil
}

// entries lists entries by run, kind, log time and index, page after page.
func (s *Server) entries(w http.ResponseWriter, r *http.Request) {
	q := projection.Query{Run: r.URL.Query().Get("run"), Kind: r.URL.Query().Get("kind"), Cursor: r.URL.Query().Get("cursor")}
	var err error
	if q.From, err = number(r, "from", 0); err == nil {
		q.Since, err = instant(r, "since")
	}
	if err == nil {
		q.Until, err = instant(r, "until")
	}
	limit := uint64(pageLimit)
	if err == nil {
		limit, err = number(r, "limit", pageLimit)
	}
	if err == nil && (limit < 1 || limit > pageLimit) {
		err = fmt.Errorf("%w: limit is not 1 to %d", errQuery, pageLimit)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	q.Limit = int(limit)
	page, err := s.deps.Index.Find(q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := api.Entries{Built: page.Built, Next: page.Next, Entries: make([]api.Entry, 0, len(page.Entries))}
	for _, e := range page.Entries {
		full, err := s.entryOf(r.Context(), e)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		out.Entries = append(out.Entries, full)
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) entryOf(ctx context.Context, e projection.Entry) (api.Entry, error) {
	leaf, err := s.leaf(ctx, e.Index)
	if err != nil {
		return api.Entry{}, err
	}
	out := api.Entry{Index: e.Index, Kind: e.Kind, Run: e.Run, Validity: e.Validity, Reason: e.Reason, LogTime: e.LogTime, Leaf: leaf}
	if len(e.Identities) > 0 {
		out.Identity = e.Identities[0]
	}
	return out, nil
}

// index reads the path's entry index, which must lie in the log.
func (s *Server) index(r *http.Request) (uint64, error) {
	n, err := strconv.ParseUint(r.PathValue("index"), 10, 63)
	if err != nil || n >= s.deps.Log.Size() {
		return 0, fmt.Errorf("entry %.20q: %w", r.PathValue("index"), ErrNotFound)
	}
	return n, nil
}

func (s *Server) entry(w http.ResponseWriter, r *http.Request) {
	n, err := s.index(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	e, err := s.deps.Index.Entry(n)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	full, err := s.entryOf(r.Context(), e)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, full)
}

// proof is a receipt: the C2SP tlog-proof under the published checkpoint (L4).
func (s *Server) proof(w http.ResponseWriter, r *http.Request) {
	n, err := s.index(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p, err := s.deps.Log.Proof(r.Context(), n)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	text(w, p)
}

// group is a group statement's leaf by the group's hash.
func (s *Server) group(w http.ResponseWriter, r *http.Request) {
	var hash log.Hash
	raw, err := hex.DecodeString(r.PathValue("hash"))
	if err != nil || copy(hash[:], raw) != len(hash) || len(raw) != len(hash) {
		s.fail(w, r, fmt.Errorf("%w: hash is not 64 hex digits", errQuery))
		return
	}
	var g log.GroupInfo
	ok := false
	s.deps.Follower.View(func(m *fold.Machine) { g, ok = m.Ledger().Group(hash) })
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	s.entryLeaf(w, r, g.Index)
}

// policies lists a chain's policies, oldest first.
func (s *Server) policies(w http.ResponseWriter, r *http.Request) {
	chain := r.URL.Query().Get("chain")
	out := []api.Policy{}
	var inForce uint64
	s.deps.Follower.View(func(m *fold.Machine) {
		if rules, ok := m.Ledger().Rules(chain); ok {
			inForce = rules.Number
		}
	})
	q := projection.Query{Kind: string(log.KindPolicy), Limit: pageLimit}
	for {
		page, err := s.deps.Index.Find(q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		for _, e := range page.Entries {
			leaf, err := s.leaf(r.Context(), e.Index)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			parsed, err := log.Parse(leaf)
			if err != nil || log.Validity(e.Validity) != log.Valid {
				continue
			}
			if st, ok := parsed.Statement.(*log.Policy); ok && st.Chain == chain {
				n := uint64(len(out)) + 1 // numbers rise by one, void ones are left out
				out = append(out, api.Policy{
					Chain: chain, Number: n, Hash: log.PolicyHash(st.Document), Index: e.Index, InForce: n == inForce, Document: st.Document,
				})
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	answer(w, http.StatusOK, out)
}
