package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/admission"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/obs"
)

// TestWaitIsReadFirst: a request that will be refused for its query has put nothing into the log.
func TestWaitIsReadFirst(t *testing.T) {
	taken := 0
	s := &Server{deps: Deps{
		Submit: func(context.Context, []byte) (admission.Receipt, error) {
			taken++
			return admission.Receipt{Index: 7, First: true}, nil
		},
		Logger: obs.Discard(), Metrics: obs.NewMetrics(),
	}}
	for _, c := range []struct {
		query  string
		status int
		taken  int
	}{{"?wait=forever", http.StatusBadRequest, 0}, {"?wait=", http.StatusCreated, 1}, {"", http.StatusCreated, 2}} {
		w := httptest.NewRecorder()
		s.submit(w, httptest.NewRequest(http.MethodPost, api.RouteStatements+c.query, strings.NewReader("{}")))
		if w.Code != c.status || taken != c.taken {
			t.Errorf("%q: %d, %d taken: %s", c.query, w.Code, taken, w.Body)
		}
	}
}
