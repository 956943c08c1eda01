package witnesshttp

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/witness"
)

// metrics are the few counters of a witness, in Prometheus' text format. Their
// labels are the configured origins and status codes: their number is fixed by
// the configuration, and nothing of a client is among them.
type metrics struct {
	mu      sync.Mutex
	adds    map[addKey]uint64
	seconds map[string]float64
	forward map[int]uint64
}

type addKey struct {
	origin string // empty for what belongs to no known log
	code   int
}

func (m *metrics) init(origins []string) {
	m.adds, m.seconds, m.forward = map[addKey]uint64{}, map[string]float64{}, map[int]uint64{}
	for _, o := range origins {
		m.adds[addKey{o, http.StatusOK}] = 0
	}
}

func (m *metrics) added(origin string, code int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adds[addKey{origin, code}]++
	m.seconds[origin] += took.Seconds()
}

func (m *metrics) forwarded(code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forward[code/100*100]++
}

// labelEscapes are those of the text format.
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (h *Handler) serveMetrics(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	b.WriteString("# HELP haltwitness_add_checkpoint_total Answers to add-checkpoint, by log and status.\n# TYPE haltwitness_add_checkpoint_total counter\n")
	m := &h.metrics
	m.mu.Lock()
	keys := slices.SortedFunc(maps.Keys(m.adds), func(a, b addKey) int {
		if c := strings.Compare(a.origin, b.origin); c != 0 {
			return c
		}
		return a.code - b.code
	})
	for _, k := range keys {
		fmt.Fprintf(&b, "haltwitness_add_checkpoint_total{origin=\"%s\",code=\"%d\"} %d\n", labelEscapes.Replace(k.origin), k.code, m.adds[k])
	}
	b.WriteString("# HELP haltwitness_add_checkpoint_seconds_total Time spent on add-checkpoint, by log.\n# TYPE haltwitness_add_checkpoint_seconds_total counter\n")
	for _, o := range slices.Sorted(maps.Keys(m.seconds)) {
		fmt.Fprintf(&b, "haltwitness_add_checkpoint_seconds_total{origin=\"%s\"} %g\n", labelEscapes.Replace(o), m.seconds[o])
	}
	b.WriteString("# HELP haltwitness_forwarded_total Forwarded statements, by class of the log's answer.\n# TYPE haltwitness_forwarded_total counter\n")
	for _, c := range slices.Sorted(maps.Keys(m.forward)) {
		fmt.Fprintf(&b, "haltwitness_forwarded_total{code=\"%d\"} %d\n", c, m.forward[c])
	}
	m.mu.Unlock()
	b.WriteString("# HELP haltwitness_cosigned_size Size last cosigned, by log.\n# TYPE haltwitness_cosigned_size gauge\n")
	for _, o := range h.w.Origins() {
		c, err := h.w.Last(r.Context(), o)
		if err != nil && !errors.Is(err, witness.ErrNeverCosigned) {
			continue // an unreadable size is absent, not 0
		}
		fmt.Fprintf(&b, "haltwitness_cosigned_size{origin=\"%s\"} %d\n", labelEscapes.Replace(o), c.Size)
	}
	b.WriteString("# HELP haltwitness_evidence Kept pairs of roots that a log signed for one size.\n# TYPE haltwitness_evidence gauge\n")
	for _, o := range h.w.Origins() {
		all, err := h.w.Evidence(r.Context(), o)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "haltwitness_evidence{origin=\"%s\"} %d\n", labelEscapes.Replace(o), len(all))
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}
