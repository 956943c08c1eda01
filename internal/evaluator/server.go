package evaluator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/evaluate"
)

// errTooLarge is a body past its bound.
var errTooLarge = errors.New("body is too large")

// errQuery is a parameter that is none.
var errQuery = errors.New("bad parameter")

// handler serves the evaluator's few routes. No address of a client is kept.
func (e *Evaluator) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.RouteEvaluate, e.serveEvaluate)
	mux.HandleFunc("POST "+api.RouteEscrowOpen, e.serveOpen)
	mux.HandleFunc("GET "+api.RouteHealth, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET "+api.RouteReady, e.serveReady)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, api.Problem{Type: api.ProblemBase + "not-found", Title: "no such resource", Status: http.StatusNotFound}, 0)
	})
	// Pages of any origin may ask: whoever asks holds the token itself.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", evaluate.Header)
		w.Header().Set("Cache-Control", "no-store")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// problemOf is the table from errors to answers.
func problemOf(err error) (p api.Problem) {
	table := []struct {
		err    error
		status int
		name   string
		title  string
	}{
		{errTooLarge, http.StatusBadRequest, "too-large", "too large"},
		{errQuery, http.StatusBadRequest, "bad-query", "bad query"},
		{evaluate.ErrMalformed, http.StatusBadRequest, "malformed", "malformed"},
		{evaluate.ErrToken, http.StatusUnauthorized, "unknown-token", "unknown token"},
		{evaluate.ErrVersion, http.StatusNotFound, "unknown-version", "no such key version"},
		{evaluate.ErrQuota, http.StatusTooManyRequests, "quota", "quota is used up"},
		{ErrRequest, http.StatusForbidden, "forbidden", "key may not ask this"},
		{ErrNoHalt, http.StatusConflict, "no-halt", "no witnessed halt"},
		{ErrArtefact, http.StatusConflict, "artefact", "not the artefact of the halt"},
		{ErrWrap, http.StatusConflict, "wrap", "not sealed to this evaluator"},
		{ErrUnfit, http.StatusServiceUnavailable, "unfit", "share is not of the set in force"},
		{ErrUnfollowed, http.StatusServiceUnavailable, "not-ready", "log is not followed"},
	}
	for _, t := range table {
		if errors.Is(err, t.err) {
			return api.Problem{Type: api.ProblemBase + t.name, Title: t.title, Status: t.status, Detail: err.Error()}
		}
	}
	return api.Problem{Type: api.ProblemBase + "internal", Title: "internal error", Status: http.StatusInternalServerError}
}

func fail(w http.ResponseWriter, p api.Problem, retry int) {
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(retry))
	}
	w.Header().Set("Content-Type", api.TypeProblem)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if this fails
}

func (e *Evaluator) fail(w http.ResponseWriter, err error) {
	p := problemOf(err)
	retry := 0
	switch p.Status {
	case http.StatusInternalServerError:
		e.deps.Logger.Error("request failed", "err", err)
	case http.StatusTooManyRequests:
		retry = max(1, int(math.Ceil(e.service.RetryAfter().Seconds())))
	case http.StatusServiceUnavailable:
		retry = 1
	}
	fail(w, p, retry)
}

func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errQuery, err)
	}
	return b, nil
}

// serveEvaluate is the daemon's route, and signs (EV4).
func (e *Evaluator) serveEvaluate(w http.ResponseWriter, r *http.Request) {
	request, err := body(w, r, maxRequest)
	if err != nil {
		e.fail(w, err)
		return
	}
	text := r.URL.Query().Get("version")
	version, err := strconv.ParseUint(text, 10, 63)
	if err != nil || strconv.FormatUint(version, 10) != text {
		e.fail(w, fmt.Errorf("%w: version is no number", errQuery))
		return
	}
	token := ""
	if h := r.Header.Get("Authorization"); h != "" {
		var ok bool
		if token, ok = strings.CutPrefix(h, "Bearer "); !ok {
			e.fail(w, evaluate.ErrToken)
			return
		}
	}
	for _, s := range e.deps.Shares {
		if err := e.watch.fits(s); s.Version == version && err != nil {
			e.fail(w, err)
			return
		}
	}
	out, err := e.service.Answer(token, version, request)
	if err != nil {
		e.fail(w, err)
		return
	}
	header, err := evaluate.Signed{
		Origin: e.cfg.Origin, Version: version, Holder: e.holders[version], Request: request, Response: out,
	}.Sign(e.deps.Signer)
	if err != nil {
		e.fail(w, err)
		return
	}
	w.Header().Set(evaluate.Header, header)
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(out)
}

// serveOpen gives this holder's part of one artefact's opening (EV1).
func (e *Evaluator) serveOpen(w http.ResponseWriter, r *http.Request) {
	raw, err := body(w, r, maxOpen)
	if err != nil {
		e.fail(w, err)
		return
	}
	var req api.EscrowRequest
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		e.fail(w, fmt.Errorf("%w: %w", errQuery, err))
		return
	}
	a, err := e.Open(r.Context(), req)
	if err != nil {
		e.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a)
}

func (e *Evaluator) serveReady(w http.ResponseWriter, _ *http.Request) {
	if !e.watch.ready() {
		e.fail(w, ErrUnfollowed)
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}
