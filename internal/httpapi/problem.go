package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/engine"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/internal/tesseralog"
	"github.com/haltlog/haltlog/log"
)

// ErrNotFound is a path that names nothing.
var ErrNotFound = errors.New("no such resource")

// kind is one row of the table from errors to answers (docs/protocol.md, HTTP).
type kind struct {
	err    error
	status int
	name   string // last element of the problem's type
	title  string
}

// kindsOf lists the families, the more particular first.
func kindsOf() []kind {
	return []kind{
		{log.ErrRefusedKind, http.StatusBadRequest, "kind-not-served", "kind is not served"},
		{admission.ErrMalformed, http.StatusBadRequest, "malformed", "malformed"},
		{log.ErrSyntax, http.StatusBadRequest, "malformed", "malformed"},
		{evaluate.ErrMalformed, http.StatusBadRequest, "malformed", "malformed"},
		{projection.ErrQuery, http.StatusBadRequest, "bad-query", "bad query"},
		{errQuery, http.StatusBadRequest, "bad-query", "bad query"},
		{errTooLarge, http.StatusBadRequest, "too-large", "too large"},
		{evaluate.ErrToken, http.StatusUnauthorized, "unknown-token", "unknown token"},
		{admission.ErrForbidden, http.StatusForbidden, "forbidden", "key may not say this"},
		{admission.ErrUnknown, http.StatusNotFound, "unknown", "names what the log does not hold"},
		{ErrNotFound, http.StatusNotFound, "not-found", "no such resource"},
		{tesseralog.ErrNotFound, http.StatusNotFound, "not-found", "no such resource"},
		{tesseralog.ErrRange, http.StatusNotFound, "not-found", "beyond the log"},
		{projection.ErrFuture, http.StatusServiceUnavailable, "not-built", "index is not built yet"},
		{evaluate.ErrVersion, http.StatusNotFound, "unknown-version", "no such key version"},
		{admission.ErrConflict, http.StatusConflict, "conflict", "state or replay key is in the way"},
		{engine.ErrReplayed, http.StatusConflict, "replayed", "lease request replayed"},
		{admission.ErrTooFast, http.StatusTooManyRequests, "too-fast", "too fast"},
		{evaluate.ErrQuota, http.StatusTooManyRequests, "quota", "quota is used up"},
		{admission.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "storage or quorum trouble"},
		{engine.ErrNotNow, http.StatusServiceUnavailable, "not-now", "no lease now"},
		{tesseralog.ErrNotPublished, http.StatusServiceUnavailable, "not-published", "no published checkpoint covers it yet"},
		{errNoService, http.StatusServiceUnavailable, "no-service", "this daemon does not serve it"},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout", "took too long"},
		{context.Canceled, http.StatusServiceUnavailable, "timeout", "went away"},
	}
}

// problemOf finds an error's row. A void statement that nobody classed is by its class.
func problemOf(err error) (api.Problem, time.Duration) {
	p := api.Problem{Type: api.ProblemBase + "internal", Title: "internal error", Status: http.StatusInternalServerError}
	for _, k := range kindsOf() {
		if errors.Is(err, k.err) {
			p = api.Problem{Type: api.ProblemBase + k.name, Title: k.title, Status: k.status, Detail: err.Error()}
			break
		}
	}
	if v, ok := errors.AsType[*log.VoidError](err); ok && p.Status == http.StatusInternalServerError {
		status := map[log.Class]int{
			log.Forbidden: http.StatusForbidden, log.Unknown: http.StatusNotFound,
			log.Conflict: http.StatusConflict, log.Stale: http.StatusConflict,
		}[v.Class]
		p = api.Problem{Type: api.ProblemBase + string(v.Class), Title: string(v.Class), Status: status, Detail: v.Reason}
	}
	if s, ok := errors.AsType[*log.SyntaxError](err); ok {
		p.Place, p.Detail = s.Place, s.Reason
	}
	if errors.Is(err, errTooLarge) {
		p.Place = "body"
	}
	var retry time.Duration
	if r, ok := errors.AsType[*admission.Refusal](err); ok {
		retry = r.RetryAfter
	}
	if retry == 0 && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests) {
		retry = time.Second
	}
	return p, retry
}

// fail answers with an error's problem. What is internal is logged and not shown.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, retry := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.deps.Logger.Error("request failed", "route", route(r), "err", err)
	}
	if q, ok := errors.AsType[*quotaError](err); ok {
		retry = q.retry
	}
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	h := w.Header()
	h.Set("Content-Type", api.TypeProblem)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if this fails
}
