package query_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/query"
)

// TestOverHTTP: whatever one of three servers does to its answers, the labels come from
// the other two; where one of those is away there are none (QU1, QU2, QU4). Only a whole
// answer that is wrong is a lie: a connection that breaks blames nobody.
func TestOverHTTP(t *testing.T) {
	t.Attr("invariant", "QU1")
	t.Attr("invariant", "QU4")
	key := voprf.GenerateKey()
	set, hs := shared(t, key)
	want, err := key.Label(inputs(1)[0])
	if err != nil {
		t.Fatal(err)
	}
	serve := func(e *voprf.Evaluator, spoil func(w http.ResponseWriter, answer []byte)) query.Source {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			answer, err := e.Answer(body)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			spoil(w, answer)
		}))
		t.Cleanup(s.Close)
		c, err := client.New(client.Config{URL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	well := func(w http.ResponseWriter, answer []byte) { _, _ = w.Write(answer) }
	for name, c := range map[string]struct {
		spoil func(w http.ResponseWriter, answer []byte)
		lie   bool
	}{
		"cut in the body": {func(w http.ResponseWriter, answer []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
			_, _ = w.Write(answer[:len(answer)/2])
			panic(http.ErrAbortHandler)
		}, false},
		"too short":    {func(w http.ResponseWriter, answer []byte) { _, _ = w.Write(answer[:len(answer)-1]) }, true},
		"too long":     {func(w http.ResponseWriter, answer []byte) { _, _ = w.Write(append(answer, 0)) }, true},
		"empty":        {func(http.ResponseWriter, []byte) {}, false},
		"the identity": {func(w http.ResponseWriter, answer []byte) { _, _ = w.Write(append(make([]byte, 32), answer[32:]...)) }, true},
		"no canonical element": {func(w http.ResponseWriter, answer []byte) {
			_, _ = w.Write(append(bytes.Repeat([]byte{255}, 32), answer[32:]...))
		}, true},
		"another proof": {func(w http.ResponseWriter, answer []byte) { answer[len(answer)-1] ^= 1; _, _ = w.Write(answer) }, true},
		"not found":     {func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusNotFound) }, false},
	} {
		for _, others := range []int{2, 1} {
			var lies atomic.Int32
			sources := []query.Source{serve(hs[0].e, c.spoil), serve(hs[1].e, well), nil}
			if others == 2 {
				sources[2] = serve(hs[2].e, well)
			}
			q, err := query.New(query.Config{Set: set, Wait: time.Nanosecond}, query.Deps{Sources: sources, Lie: func(l query.Lie) error {
				lies.Add(1)
				if l.Misanswer.Index != 1 || l.Misanswer.Verify(query.SetOf(set)) != nil {
					t.Errorf("%s: blames %d", name, l.Misanswer.Index)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			labels, err := q.All(t.Context(), inputs(3))
			switch {
			case others == 2 && (err != nil || len(labels) != 3 || labels[0] != want):
				t.Errorf("%s: %v", name, err)
			case others == 1 && (labels != nil || !errors.Is(err, query.ErrFew) || errors.Is(err, query.ErrLied) != c.lie):
				t.Errorf("%s, and one is away: %v", name, err)
			}
			if c.lie != (lies.Load() > 0) {
				t.Errorf("%s: %d lies", name, lies.Load())
			}
		}
	}
}
