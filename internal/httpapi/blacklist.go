package httpapi

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

// quotaError carries when to come again.
type quotaError struct {
	err   error
	retry time.Duration
}

func (e *quotaError) Error() string { return e.err.Error() }
func (e *quotaError) Unwrap() error { return e.err }

// evaluate is the oblivious evaluation: RFC 9497's serialisation in and out.
func (s *Server) evaluate(w http.ResponseWriter, r *http.Request) {
	if s.deps.Evaluate == nil {
		s.fail(w, r, errNoService)
		return
	}
	request, err := body(w, r, maxEvaluate)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	version, err := number(r, "version", 0)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	token := ""
	if h := r.Header.Get("Authorization"); h != "" {
		var ok bool
		if token, ok = strings.CutPrefix(h, "Bearer "); !ok {
			s.fail(w, r, evaluate.ErrToken)
			return
		}
	}
	out, err := s.deps.Evaluate.Answer(token, version, request)
	if errors.Is(err, evaluate.ErrQuota) {
		err = &quotaError{err, s.deps.Evaluate.RetryAfter()}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(out)
}

// epoch is the newest valid epoch's entry.
func (s *Server) epoch(w http.ResponseWriter, r *http.Request) {
	var newest *projection.Entry
	q := projection.Query{Kind: string(log.KindEpoch), Limit: pageLimit}
	for {
		page, err := s.deps.Index.Find(q)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		for _, e := range page.Entries {
			if log.Validity(e.Validity) == log.Valid {
				newest = &e
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if newest == nil {
		s.fail(w, r, ErrNotFound)
		return
	}
	full, err := s.entryOf(r.Context(), *newest)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, full)
}

// part finds a part's tree by the path: version, kind, prefix.
func (s *Server) part(r *http.Request) (blacklist.Part, uint64, error) {
	version, err := strconv.ParseUint(r.PathValue("version"), 10, 63)
	if err != nil {
		return blacklist.Part{}, 0, fmt.Errorf("%w: version is no number", errQuery)
	}
	kind, err := fingerprint.ParseKind(r.PathValue("kind"))
	if err != nil {
		return blacklist.Part{}, 0, fmt.Errorf("%w: %w", errQuery, err)
	}
	p := blacklist.Part{Kind: kind, Prefix: r.PathValue("prefix")}
	if err := p.Validate(); err != nil {
		return p, 0, fmt.Errorf("%w: %w", errQuery, err)
	}
	return p, version, nil
}

// tree is the tree of the first of some parts that is one. A tree never changes:
// what is made of it is made outside the lock that keeps the fold waiting, which
// strangers must not be able to hold for long (L5).
func (s *Server) tree(version uint64, parts ...blacklist.Part) (t *blacklist.Tree, ok bool) {
	s.deps.Follower.Alone(func(m *fold.Machine) {
		for _, p := range parts {
			if t, ok = m.List().Tree(p, version); ok {
				return
			}
		}
	})
	return t, ok
}

// full is the full list of a part as it is now; its hash stands in the newest
// epoch once that has caught up.
func (s *Server) full(w http.ResponseWriter, r *http.Request) {
	p, version, err := s.part(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	t, ok := s.tree(version, p)
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	text(w, blacklist.FullList{Part: p, KeyVersion: version, Labels: t.Labels()}.Marshal())
}

func labelOf(r *http.Request) (blacklist.Label, error) {
	raw, err := hex.DecodeString(r.PathValue("label"))
	if err != nil {
		return blacklist.Label{}, fmt.Errorf("%w: label is not hex", errQuery)
	}
	l, err := blacklist.ParseLabel(raw)
	if err != nil {
		return l, fmt.Errorf("%w: %w", errQuery, err)
	}
	return l, nil
}

// labelProof is a membership proof behind the byte 1, or an absence proof behind 0.
func (s *Server) labelProof(w http.ResponseWriter, r *http.Request) {
	p, version, err := s.part(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	label, err := labelOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var parts []blacklist.Part
	for bits := range blacklist.MaxPrefix + 1 {
		parts = append(parts, blacklist.PartOf(p.Kind, label, bits))
	}
	var out []byte
	if t, ok := s.tree(version, parts...); ok {
		if member, ok := t.Prove(label); ok {
			out = append([]byte{1}, member.Marshal()...)
		} else if absent, ok := t.ProveAbsence(label); ok {
			out = append([]byte{0}, absent.Marshal()...)
		}
	}
	if out == nil {
		s.fail(w, r, ErrNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(out)
}

// listing says by which halt a label is listed, and whether it is contested or struck.
func (s *Server) listing(w http.ResponseWriter, r *http.Request) {
	kind, err := fingerprint.ParseKind(r.PathValue("kind"))
	if err != nil {
		s.fail(w, r, fmt.Errorf("%w: %w", errQuery, err))
		return
	}
	label, err := labelOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := api.Listing{Kind: string(kind), Label: label[:], State: "absent"}
	s.deps.Follower.View(func(m *fold.Machine) {
		for _, rec := range m.List().Lookup(kind, label) {
			out.State, out.Run, out.Reason = string(rec.Status), rec.Run, rec.Reason
			out.Halt, out.Fingerprints = &rec.Halt, &rec.Listing
			if rec.Status == blacklist.Active {
				out.State = "listed"
				return
			}
		}
	})
	answer(w, http.StatusOK, out)
}
