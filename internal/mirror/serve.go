package mirror

import (
	"io"
	"io/fs"
	stdlog "log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/api"
)

// Handler serves a folder with the types and the caching that C2SP tlog-tiles asks
// for. Any other web server over it is a mirror as well.
func Handler(dir string) (http.Handler, error) {
	root, err := os.OpenRoot(dir) // no path of a request leaves the folder
	if err != nil {
		return nil, err
	}
	return handler{root}, nil
}

type handler struct{ root *os.Root }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a mirror is read only", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	kind, caching := headers(r.URL.Path)
	if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || kind == "" {
		http.NotFound(w, r)
		return
	}
	f, err := h.root.Open(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	head := w.Header()
	head.Set("Content-Type", kind)
	head.Set("Cache-Control", caching)
	head.Set("Access-Control-Allow-Origin", "*")
	// Without a date: a checkpoint changes more often than its seconds.
	http.ServeContent(w, r, "", time.Time{}, f)
}

// headers are the type and the caching of a path; none for one that no mirror has.
func headers(path string) (kind, caching string) {
	const day, forever = "public, max-age=604800, immutable", "public, max-age=31536000, immutable"
	switch {
	case path == api.RouteCheckpoint || path == api.RouteQuorum:
		return api.TypeProof, "no-cache"
	case path == api.RouteGenesis:
		return "application/json", day
	case path == api.RouteHead:
		return "application/json", "no-cache"
	case strings.HasPrefix(path, "/v1/blacklist/heads/"):
		return "application/json", day
	case strings.HasPrefix(path, "/v1/blacklist/objects/"):
		return "application/octet-stream", forever
	case strings.HasPrefix(path, api.RouteTile) && strings.Contains(path, ".p/"):
		return "application/octet-stream", "public, max-age=60"
	case strings.HasPrefix(path, api.RouteTile):
		return "application/octet-stream", day
	}
	return "", ""
}

// Server serves a folder with bounds on each connection, so that strangers cannot
// hold all of the process's files open. It logs no addresses.
func Server(dir string) (*http.Server, error) {
	h, err := Handler(dir)
	if err != nil {
		return nil, err
	}
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: answerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: stdlog.New(io.Discard, "", 0),
	}, nil
}
