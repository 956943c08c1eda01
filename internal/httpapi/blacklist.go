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
	binary(w, "no-store", out)
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
	if p.Prefix == "-" {
		p.Prefix = "" // as it stands in lists
	}
	if err := p.Validate(); err != nil {
		return p, 0, fmt.Errorf("%w: %w", errQuery, err)
	}
	return p, version, nil
}

// lists are what the newest epoch commits to, so that lists and proofs are those
// of the root that a reader has; before the first epoch they are what there is.
// They never change: what is made of them is made outside the lock that keeps the
// fold waiting, which strangers must not be able to hold for long (L5).
func (s *Server) lists() (l blacklist.Lists) {
	s.deps.Follower.Alone(func(m *fold.Machine) {
		var ok bool
		if l, _, _, ok = m.List().Committed(); !ok {
			l = m.List().Present()
		}
	})
	return l
}

// full is the full list of a part, as the newest epoch commits to it.
func (s *Server) full(w http.ResponseWriter, r *http.Request) {
	p, version, err := s.part(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	t, ok := s.lists().Tree(p, version)
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	text(w, blacklist.FullList{Part: p, KeyVersion: version, Labels: t.Labels()}.Marshal())
}

// object is anything that an epoch commits to, by its hash: it never changes.
func (s *Server) object(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("hash")
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) != 32 || hex.EncodeToString(raw) != name || name[:2] != r.PathValue("head") {
		s.fail(w, r, fmt.Errorf("%w: no hash in lower-case hex behind its first two digits", errQuery))
		return
	}
	var o blacklist.Object
	var ok bool
	s.deps.Follower.Alone(func(m *fold.Machine) { o, ok = m.List().Find(blacklist.Hash(raw)) })
	var b []byte
	if ok {
		b, ok = o.Bytes()
	}
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	binary(w, "public, max-age=31536000, immutable", b)
}

// bucket is every scalar of a part that begins with a prefix, with one proof, in
// the same number of bytes for each prefix: whoever asks says no more than it.
func (s *Server) bucket(w http.ResponseWriter, r *http.Request) {
	p, version, err := s.part(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	bits, err := strconv.ParseUint(r.PathValue("bits"), 10, 5)
	if err != nil {
		s.fail(w, r, fmt.Errorf("%w: bits is no number", errQuery))
		return
	}
	prefix, err := strconv.ParseUint(r.PathValue("bucket"), 10, 32)
	if err != nil {
		s.fail(w, r, fmt.Errorf("%w: bucket is no number", errQuery))
		return
	}
	t, ok := s.lists().Tree(p, version)
	if !ok {
		s.fail(w, r, ErrNotFound)
		return
	}
	b, ok := t.Bucket(int(bits), uint32(prefix))
	if !ok {
		s.fail(w, r, fmt.Errorf("%w: a part of %d labels has buckets of at most %d bits", errQuery, t.Count(), blacklist.BucketBits(t.Count())))
		return
	}
	binary(w, "no-cache", b.Marshal(t.Count()))
}

func binary(w http.ResponseWriter, caching string, b []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", caching)
	_, _ = w.Write(b)
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
	var out []byte
	lists := s.lists()
	if p, ok := lists.PartOf(p.Kind, version, label); ok {
		t, _ := lists.Tree(p, version)
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
	binary(w, "no-cache", out)
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
