package httpapi

import (
	"context"
	"net/http"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/log"
)

// submit takes a statement: 201 with its index once it is durable, 200 for one
// that was there before. With ?wait=folded the answer has what became of it, with
// ?wait=witnessed it is the tlog-proof.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	wait := r.URL.Query().Get("wait")
	if wait != "" && wait != api.WaitFolded && wait != api.WaitWitnessed {
		s.fail(w, r, errQuery) // before anything is taken: nothing refused enters the log
		return
	}
	leaf, err := body(w, r, maxStatement)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	receipt, err := s.deps.Submit(r.Context(), leaf)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if receipt.First {
		status = http.StatusCreated
	}
	switch wait {
	case api.WaitFolded:
		a, err := s.folded(r.Context(), receipt)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, status, a)
	case api.WaitWitnessed:
		if _, err := s.deps.Log.WaitPublished(r.Context(), receipt.Index+1); err != nil {
			s.fail(w, r, err)
			return
		}
		proof, err := s.deps.Log.Proof(r.Context(), receipt.Index)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", api.TypeProof)
		w.WriteHeader(status)
		_, _ = w.Write(proof)
	default:
		answer(w, status, accepted(receipt))
	}
}

func accepted(r admission.Receipt) api.Accepted {
	return api.Accepted{Index: r.Index, Identity: r.Identity, Repeat: !r.First, Validity: string(r.Validity), Reason: r.Reason}
}

// folded waits for the fold's verdict on an entry and for the decision whose
// range holds it. A log in which nothing is armed decides in genesis' period.
func (s *Server) folded(ctx context.Context, r admission.Receipt) (api.Accepted, error) {
	ctx, cancel := context.WithTimeout(ctx, foldedWait)
	defer cancel()
	a := accepted(r)
	if err := s.deps.Follower.Wait(ctx, r.Index); err != nil {
		return a, err
	}
	e, err := s.deps.Index.Entry(r.Index)
	if err != nil {
		return a, err
	}
	a.Validity, a.Reason = e.Validity, e.Reason
	if log.Validity(e.Validity) != log.Valid {
		return a, nil // nothing is ever decided on it
	}
	d, err := s.deps.Decisions.Covering(ctx, r.Index)
	if err != nil {
		return a, err
	}
	a.Decision, a.Verdicts = new(d.Index), d.Changed
	return a, nil
}

// lease answers a guard's request with a lease, or with the halt of its run.
func (s *Server) lease(w http.ResponseWriter, r *http.Request) {
	if s.deps.Engine == nil {
		s.fail(w, r, errNoService)
		return
	}
	request, err := body(w, r, maxLease)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	leaf, err := s.deps.Engine.Grant(r.Context(), request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(leaf)
}
