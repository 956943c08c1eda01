package obs

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLoggerKeepsToItsKeys(t *testing.T) {
	var b bytes.Buffer
	Logger(&b, slog.LevelInfo).Info("accepted", "run", "r1", "addr", "192.0.2.7:1", "err", errors.New("boom"), slog.Group("g", "remote", "192.0.2.8"))
	got := b.String()
	for _, want := range []string{`"run":"r1"`, `"err":"boom"`, `"refused":"addr"`} {
		if !strings.Contains(got, want) {
			t.Errorf("line lacks %s: %s", want, got)
		}
	}
	if strings.Contains(got, "192.0.2") {
		t.Errorf("an address got through: %s", got)
	}
}

func TestMetrics(t *testing.T) {
	m := NewMetrics()
	c := m.Counter("haltlog_statements_total", "Statements.", "kind")
	c.Add(2, "checkin")
	m.Gauge("haltlog_log_size", "Entries.", func() float64 { return 7 })
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`haltlog_statements_total{kind="checkin"} 2`, "haltlog_log_size 7"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
