// Package obs owns what operators see of a running process: structured logs and
// metrics. It is the one importer of the Prometheus client.
//
// No key or label here can hold a client's address: the route that takes votes is
// shared with everything else, and who spoke to it must not be learnt from the
// operator's logs (SECURITY.md, votes and anonymity; see Keys).
package obs

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// Keys is the one list of the attributes that log lines carry. A line with another
// key is a defect: it is printed under the key "refused" by name, without its value.
func Keys() []string {
	return []string{
		"err", "origin", "size", "run", "index", "kind", "witness", "policy", "engine", "cause",
		"lane", "count", "duration", "status", "route", "listen", "version", "path", "state", "part", "number", "url",
	}
}

// Logger returns a logger that writes one JSON line an event to w. Errors pass
// through as text; nothing else than the attributes of Keys does.
func Logger(w io.Writer, level slog.Level) *slog.Logger {
	known := Keys()
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey):
				return a
			case !slices.Contains(known, a.Key):
				return slog.String("refused", a.Key)
			}
			if err, ok := a.Value.Any().(error); ok {
				return slog.String(a.Key, fmt.Sprint(err))
			}
			return a
		},
	}))
}

// Discard is the logger of a caller that wants none.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
