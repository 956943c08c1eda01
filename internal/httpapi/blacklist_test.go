package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/follow"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/obs"
	"github.com/haltlog/haltlog/log"
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
	epoch := l.EpochStatement()
	l.Must(epoch, l.Engines[0])
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

	// What the epoch commits to is there under its hash, and nothing else.
	hashes := []log.Hash{*epoch.State}
	for _, p := range epoch.Parts {
		for _, c := range p.Commitments {
			if c.Name != blacklist.CommitRoot && c.Name != blacklist.CommitDeltaRoot {
				hashes = append(hashes, c.Hash)
			}
		}
	}
	object := func(head, hash string) (int, []byte) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetPathValue("head", head)
		r.SetPathValue("hash", hash)
		w := httptest.NewRecorder()
		s.object(w, r)
		return w.Code, w.Body.Bytes()
	}
	for _, h := range hashes {
		name := h.Hex()
		if code, b := object(name[:2], name); code != http.StatusOK || sha256.Sum256(b) != [32]byte(h) {
			t.Errorf("object %s: %d", name, code)
		}
	}
	name := hashes[0].Hex()
	for what, c := range map[string][2]string{
		"another head": {"zz", name}, "short": {name[:2], name[:62]}, "upper case": {strings.ToUpper(name[:2]), strings.ToUpper(name)}, "no hex": {"xx", strings.Repeat("x", 64)},
	} {
		if code, _ := object(c[0], c[1]); code != http.StatusBadRequest {
			t.Errorf("%s: %d", what, code)
		}
	}
	if code, _ := object("00", strings.Repeat("0", 64)); code != http.StatusNotFound {
		t.Errorf("unknown object: %d", code)
	}

	bucket := func(bits, number string) (int, []byte) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for k, v := range map[string]string{"version": "1", "kind": string(kind), "prefix": "-", "bits": bits, "bucket": number} {
			r.SetPathValue(k, v)
		}
		w := httptest.NewRecorder()
		s.bucket(w, r)
		return w.Code, w.Body.Bytes()
	}
	code, raw = bucket("0", "0")
	b, err := blacklist.ParseBucket(raw, tree.Count())
	if code != http.StatusOK || err != nil || b.Verify(tree.Root(), tree.Count()) != nil {
		t.Fatalf("bucket: %d, %v", code, err)
	}
	for want, label := range map[bool]blacklist.Label{true: listed, false: clear} {
		if in, err := b.Contains(label); err != nil || in != want {
			t.Errorf("bucket: %v %v", in, err)
		}
	}
	for _, c := range [][2]string{{"1", "0"}, {"0", "1"}, {"x", "0"}, {"0", "-1"}, {"99", "0"}} {
		if code, _ := bucket(c[0], c[1]); code != http.StatusBadRequest {
			t.Errorf("bucket %v: %d", c, code)
		}
	}
}
