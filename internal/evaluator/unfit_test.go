package evaluator

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
)

// TestUnfit: a holder whose share is not of the set in force answers nobody: it would
// sign what blames it. Its right share answers.
func TestUnfit(t *testing.T) {
	t.Attr("invariant", "EV4")
	s := newSite(t)
	s.publish()
	request := voprf.GenerateKey().Public().Bytes()
	ask := func(e *Evaluator) int {
		t.Helper()
		if err := e.watch.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/blacklist/evaluate?version=1", bytes.NewReader(request)))
		return w.Code
	}
	if code := ask(s.evaluator(t, 0, "")); code != http.StatusOK {
		t.Errorf("the right share: %d", code)
	}
	other, err := voprf.Deal(voprf.GenerateKey(), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	s.shares[0].Labels = other.Shares[0]
	if code := ask(s.evaluator(t, 0, "")); code != http.StatusServiceUnavailable {
		t.Errorf("another sharing's: %d", code)
	}
}
