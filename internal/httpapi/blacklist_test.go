package httpapi

import (
	"context"
	"encoding/hex"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
)

// leaves is a log that does not grow.
type leaves [][]byte

func (l leaves) Size() uint64                             { return uint64(len(l)) }
func (l leaves) Wait(ctx context.Context, _ uint64) error { <-ctx.Done(); return ctx.Err() }
func (l leaves) Entries(_ context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, leaf := range l[from:to] {
			if !yield(leaf, nil) {
				return
			}
		}
	}
}

// TestList: the full list and the proofs are of the tree that the log gives.
func TestList(t *testing.T) {
	l := foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-1")
	l.Decide(l.Engines[0])
	entries := foldtest.Labels(3)
	l.Artefact("run-1", entries)
	l.Vote("run-1", l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement("run-1", entries), l.Engines[0])
	f := follow.New(follow.Config{}, follow.Deps{Source: leaves(l.Leaves), Fold: fold.Deps{Verifier: keys.NewVerifier()}, Logger: obs.Discard()})
	if err := f.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &Server{deps: Deps{Follower: f, Logger: obs.Discard(), Metrics: obs.NewMetrics()}}
	get := func(answer http.HandlerFunc, kind fingerprint.Kind, version, label string) (int, []byte) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetPathValue("version", version)
		r.SetPathValue("kind", string(kind))
		r.SetPathValue("label", label)
		w := httptest.NewRecorder()
		answer(w, r)
		return w.Code, w.Body.Bytes()
	}
	kind := entries[0].Kind
	tree, ok := l.Machine.List().Tree(blacklist.Part{Kind: kind}, 1)
	if !ok {
		t.Fatal("fixture: nothing is listed")
	}
	code, raw := get(s.full, kind, "1", "")
	if list, err := blacklist.ParseFullList(raw); code != http.StatusOK || err != nil || len(list.Labels) != int(tree.Count()) {
		t.Errorf("full list: %d, %v", code, err)
	}
	if code, _ := get(s.full, kind, "2", ""); code != http.StatusNotFound {
		t.Errorf("another key version: %d", code)
	}
	listed, clear := entries[0].Label, blacklist.Label(foldtest.Labels(9)[8].Label)
	for want, label := range map[byte]blacklist.Label{1: listed, 0: clear} {
		code, raw := get(s.labelProof, kind, "1", hex.EncodeToString(label[:]))
		if code != http.StatusOK || len(raw) == 0 || raw[0] != want {
			t.Fatalf("proof: %d, %x", code, raw)
		}
		var err error
		if want == 1 {
			var m blacklist.Membership
			if m, err = blacklist.ParseMembership(raw[1:]); err == nil {
				err = m.Verify(tree.Root(), tree.Count(), label)
			}
		} else {
			var a blacklist.Absence
			if a, err = blacklist.ParseAbsence(raw[1:]); err == nil {
				err = a.Verify(tree.Root(), tree.Count(), label)
			}
		}
		if err != nil {
			t.Errorf("proof %d: %v", want, err)
		}
	}
}
