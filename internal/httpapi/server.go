// Package httpapi owns the daemon's routes: the tlog-tiles read side, submission,
// entries and runs, event streams, leases, and the blacklist. It is the one
// importer of chi.
//
// It decides nothing: admission takes or refuses, the engine grants, the fold
// answers. It keeps no client's address, in logs, metrics or elsewhere: the route
// that takes votes is shared with everything else (SECURITY.md, votes and anonymity).
package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	stdlog "log"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/engine"
	"github.com/haltlog/haltlog/internal/evaluate"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/internal/projection"
)

var (
	errQuery     = errors.New("bad parameter")
	errTooLarge  = errors.New("body is too large")
	errNoService = errors.New("not configured")
)

// Log is what the routes read of the tree.
type Log interface {
	ReadTile(ctx context.Context, path string) (data []byte, immutable bool, err error)
	Proof(ctx context.Context, index uint64) ([]byte, error)
	WaitPublished(ctx context.Context, size uint64) (checkpoint.Verified, error)
	Entries(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error]
	Size() uint64
}

// Deps are the parts that the routes speak for. Engine and Evaluate may be nil:
// their routes then answer 503.
type Deps struct {
	Log       Log
	Submit    func(ctx context.Context, leaf []byte) (admission.Receipt, error)
	Follower  *follow.Follower
	Index     *projection.Projection
	Hub       *Hub
	Decisions *Decisions
	Runs      *Runs
	Engine    *engine.Engine
	Evaluate  *evaluate.Service
	Metrics   *obs.Metrics
	// Ready says what is missing, nil if the daemon serves everything.
	Ready  func() error
	Now    func() time.Time
	Logger *slog.Logger
}

// Server answers the routes.
type Server struct {
	deps     Deps
	requests obs.Counter
	handler  http.Handler
}

// New makes the routes.
func New(d Deps) (*Server, error) {
	if d.Log == nil || d.Submit == nil || d.Follower == nil || d.Index == nil || d.Hub == nil || d.Decisions == nil || d.Runs == nil || d.Metrics == nil || d.Ready == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("httpapi: a required dependency is missing")
	}
	s := &Server{deps: d, requests: d.Metrics.Counter("haltlog_http_requests_total", "Requests by route and status.", "route", "status")}
	r := chi.NewRouter()
	r.Use(s.count, cors, middleware.Compress(5, "application/json", "text/plain", "application/octet-stream"))
	r.NotFound(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, ErrNotFound) })
	r.Get(api.RouteCheckpoint, s.tile)
	r.Get(api.RouteTile+"*", s.tile)
	r.Post(api.RouteStatements, s.submit)
	r.Get(api.RouteGenesis, s.genesis)
	r.Get(api.RouteQuorum, s.quorum)
	r.Get(api.RouteAnchor, s.anchor)
	r.Get(api.RouteEntries, s.entries)
	r.Get(api.RouteEntry, s.entry)
	r.Get(api.RouteEntryProof, s.proof)
	r.Get(api.RouteRuns, s.runs)
	r.Get(api.RouteRun, s.run)
	r.Get(api.RouteRunWhy, s.why)
	r.Get(api.RouteRunMember, s.member)
	r.Get(api.RouteRunEvents, s.events)
	r.Get(api.RouteGroup, s.group)
	r.Get(api.RoutePolicies, s.policies)
	r.Post(api.RouteLeases, s.lease)
	r.Post(api.RouteEvaluate, s.evaluate)
	r.Get(api.RouteEpoch, s.epoch)
	r.Get(api.RouteFull, s.full)
	r.Get(api.RouteFullWhole, s.full)
	r.Get(api.RouteHead, s.head)
	r.Get(api.RouteHeadOf, s.headOf)
	r.Get(api.RouteObject, s.object)
	r.Get(api.RouteBucket, s.bucket)
	r.Get(api.RouteLabelProof, s.labelProof)
	r.Get(api.RouteListing, s.listing)
	r.Get(api.RouteHealth, func(w http.ResponseWriter, _ *http.Request) { text(w, []byte("ok\n")) })
	r.Get(api.RouteReady, s.ready)
	s.handler = r
	return s, nil
}

// Handler serves the public listener.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTPServer wraps a handler with the bounds that every listener of the daemon
// has: none of a connection's states lasts without work being done, so that
// strangers cannot hold all of the process's files open and keep guards out. It
// logs nothing by itself: net/http's own lines name addresses.
func HTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, MaxHeaderBytes: maxHeader,
		ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		ErrorLog: stdlog.New(io.Discard, "", 0),
	}
}

// cors lets pages of any origin read: everything served is public. Nothing
// depends on who asks but evaluations, whose token a page must hold itself.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// route is the pattern that a request matched: never its path, which may name a label or a member.
func route(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil && c.RoutePattern() != "" {
		return c.RoutePattern()
	}
	return "none"
}

func (s *Server) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r)
		s.requests.Add(1, route(r), strconv.Itoa(max(ww.Status(), http.StatusOK)))
	})
}

// body reads a request's body up to a bound.
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

func text(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Type", api.TypeProof)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(b)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.deps.Ready(); err != nil {
		answer(w, http.StatusServiceUnavailable, api.Problem{Type: api.ProblemBase + "not-ready", Title: "not ready", Status: http.StatusServiceUnavailable, Detail: err.Error()})
		return
	}
	text(w, []byte("ready\n"))
}
