package witnesshttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/haltlog/haltlog/witness"
)

// Config is what the handler serves besides the witness.
type Config struct {
	// Forward is the http or https URL that statements handed to the witness
	// are posted to; nil where none are taken.
	Forward *url.URL
}

// Deps is what the handler works with.
type Deps struct {
	Witness *witness.Witness
	Logger  *slog.Logger
	// Changed is called with an origin after each checkpoint that was cosigned
	// for it, before it is answered. It must not block. May be nil.
	Changed func(origin string)
	// Transport carries forwarded statements; nil for a transport of its own.
	Transport http.RoundTripper
}

// A Handler is the witness's HTTP side.
type Handler struct {
	w       *witness.Witness
	logger  *slog.Logger
	changed func(string)
	forward *forwarder // nil where no statements are taken
	metrics metrics
	mux     *http.ServeMux
}

// New makes a handler.
func New(cfg Config, deps Deps) (*Handler, error) {
	if deps.Witness == nil || deps.Logger == nil {
		return nil, errors.New("witness handler: no witness or no logger")
	}
	h := &Handler{w: deps.Witness, logger: deps.Logger, changed: deps.Changed, mux: http.NewServeMux()}
	h.metrics.init(deps.Witness.Origins())
	if cfg.Forward != nil {
		if cfg.Forward.Scheme != "http" && cfg.Forward.Scheme != "https" || cfg.Forward.Host == "" || cfg.Forward.User != nil {
			return nil, fmt.Errorf("witness handler: %s is not an http or https address", cfg.Forward.Redacted())
		}
		h.forward = newForwarder(cfg.Forward, deps.Transport)
	}
	h.mux.HandleFunc("POST /add-checkpoint", h.addCheckpoint)
	h.mux.HandleFunc("GET /{hash}/checkpoint", h.checkpoint)
	h.mux.HandleFunc("GET /{hash}/evidence", h.evidence)
	h.mux.HandleFunc("POST /v1/statements", h.statements)
	h.mux.HandleFunc("GET /metrics", h.serveMetrics)
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return h, nil
}

// ServeHTTP implements [http.Handler]. A panic is logged without what the
// server would add: the client's address.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			h.logger.Error("panic", "err", v)
			problem(w, http.StatusInternalServerError, "internal error", "")
		}
	}()
	h.mux.ServeHTTP(w, r)
}

// Server is an HTTP server with this package's deadlines. It logs nothing of
// its own: its messages hold addresses.
func (h *Handler) Server() *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}

// addCheckpoint is tlog-witness's POST <submission prefix>/add-checkpoint.
func (h *Handler) addCheckpoint(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, ok := readBody(w, r, witness.MaxBody)
	if !ok {
		h.metrics.added("", http.StatusBadRequest, time.Since(start))
		return
	}
	var lines []byte
	var origin string
	req, err := witness.ParseRequest(body)
	if err == nil {
		// Empty for a log not served here, so that no stranger makes a new
		// counter or log line.
		origin, _ = h.w.Origin(witness.OriginHash(req.Checkpoint.Origin))
		lines, err = h.w.Add(r.Context(), req)
	}
	status := addStatus(err)
	if err == nil && h.changed != nil {
		h.changed(origin)
	}
	h.metrics.added(origin, status, time.Since(start))
	switch status {
	case http.StatusOK:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(lines)
	case http.StatusConflict:
		// "The response body MUST consist of the tree size of the latest
		// cosigned checkpoint in decimal, followed by a newline (U+000A). The
		// response MUST have a Content-Type of text/x.tlog.size."
		c, _ := errors.AsType[*witness.ConflictError](err)
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strconv.FormatUint(c.Size, 10)+"\n")
	case http.StatusServiceUnavailable:
		// The cause may name files; it is for the operator.
		h.logger.Error("add checkpoint", "origin", origin, "err", err)
		w.Header().Set("Retry-After", "1")
		problem(w, status, "the witness cannot write its state", "")
	case http.StatusUnprocessableEntity:
		h.logger.Warn("inconsistent checkpoint", "origin", origin, "err", err)
		problem(w, status, "inconsistent checkpoint", err.Error())
	default:
		problem(w, status, "refused", err.Error())
	}
}

// addStatus is the one table from the witness's errors to tlog-witness's
// answers. Whatever is not in it was no fault of the client's.
func addStatus(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if _, ok := errors.AsType[*witness.ConflictError](err); ok {
		return http.StatusConflict
	}
	for _, e := range []struct {
		err    error
		status int
	}{
		// The store first: its errors may wrap anything.
		{witness.ErrStore, http.StatusServiceUnavailable},
		{witness.ErrMalformed, http.StatusBadRequest},
		{witness.ErrUnknownLog, http.StatusNotFound},
		{witness.ErrNeverCosigned, http.StatusNotFound},
		{witness.ErrForbidden, http.StatusForbidden},
		{witness.ErrInconsistent, http.StatusUnprocessableEntity},
	} {
		if errors.Is(err, e.err) {
			return e.status
		}
	}
	return http.StatusServiceUnavailable
}

// checkpoint is tlog-witness's GET <monitoring prefix>/<origin hash>/checkpoint.
func (h *Handler) checkpoint(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	origin, ok := h.w.Origin(r.PathValue("hash"))
	if !ok {
		problem(w, http.StatusNotFound, "unknown log", "")
		return
	}
	note, err := h.w.Checkpoint(r.Context(), origin)
	if err != nil {
		h.fail(w, origin, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// A cache that held it for long would make it older than an hour.
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(note)
}

// evidence serves what is kept of a log that signed two roots for one size: a
// JSON array, empty for every honest log.
func (h *Handler) evidence(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	origin, ok := h.w.Origin(r.PathValue("hash"))
	if !ok {
		problem(w, http.StatusNotFound, "unknown log", "")
		return
	}
	all, err := h.w.Evidence(r.Context(), origin)
	if err != nil {
		h.fail(w, origin, err)
		return
	}
	if all == nil {
		all = []witness.Evidence{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_ = json.NewEncoder(w).Encode(all)
}

func (h *Handler) fail(w http.ResponseWriter, origin string, err error) {
	status := addStatus(err)
	if status == http.StatusServiceUnavailable {
		h.logger.Error("serve checkpoint", "origin", origin, "err", err)
		w.Header().Set("Retry-After", "1")
		problem(w, status, "the witness cannot read its state", "")
		return
	}
	problem(w, status, err.Error(), "")
}

// readBody reads at most limit bytes, or has answered.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	if r.Header.Get("Content-Encoding") != "" {
		problem(w, http.StatusUnsupportedMediaType, "encoded bodies are not taken", "")
		return nil, false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		problem(w, http.StatusBadRequest, "body too long", fmt.Sprintf("at most %d bytes", limit))
		return nil, false
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "body not readable", "")
		return nil, false
	}
	return b, true
}

// problem answers with an RFC 9457 problem.
func problem(w http.ResponseWriter, status int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{title, status, detail})
}
