package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/rig"
)

// TestReadSide holds what the routes say about themselves: types, caching, CORS, gzip, paths.
func TestReadSide(t *testing.T) {
	t.Attr("invariant", "L4")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	r := begin(ctx, t, rig.Options{}, nil)
	vote, err := r.VoteLeaf("run-1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Client.SubmitWitnessed(ctx, vote); err != nil {
		t.Fatal(err)
	}
	const text, octets, object = "text/plain; charset=utf-8", "application/octet-stream", "application/json"
	for _, c := range []struct {
		path, typ, cache string
		status           int
	}{
		{"/checkpoint", text, "no-cache", 200},
		{"/tile/0/000.p/1", octets, "public, max-age=60", 200},
		{"/tile/entries/000.p/1", octets, "public, max-age=60", 200},
		{"/tile/0/000", api.TypeProblem, "no-store", 404}, // not full yet
		{"/tile/0/000.p/0", api.TypeProblem, "no-store", 404},
		{"/tile/0/0", api.TypeProblem, "no-store", 404},
		{"/tile/0/../0/000.p/1", api.TypeProblem, "no-store", 404},
		{"/v1/genesis", object, "public, max-age=604800, immutable", 200},
		{"/v1/quorum", text, "no-cache", 200},
		{"/v1/anchor", object, "no-cache", 200},
		{"/v1/entries", object, "no-cache", 200},
		{"/v1/entries/0", object, "no-cache", 200},
		{"/v1/entries/0/proof", text, "no-cache", 200},
		{"/v1/entries/1000000", api.TypeProblem, "no-store", 404},
		{"/v1/entries/-1", api.TypeProblem, "no-store", 404},
		{"/v1/entries?limit=0", api.TypeProblem, "no-store", 400},
		{"/v1/entries?limit=100000", api.TypeProblem, "no-store", 400},
		{"/v1/entries?cursor=x", api.TypeProblem, "no-store", 400},
		{"/v1/entries?since=yesterday", api.TypeProblem, "no-store", 400},
		{"/v1/runs", object, "no-cache", 200},
		{"/v1/runs/run-1", object, "no-cache", 200},
		{"/v1/runs/none", api.TypeProblem, "no-store", 404},
		{"/v1/groups/xyz", api.TypeProblem, "no-store", 400},
		{"/v1/policies?chain=main", object, "no-cache", 200},
		{"/healthz", text, "no-cache", 200},
		{"/readyz", text, "no-cache", 200},
		{"/nothing", api.TypeProblem, "no-store", 404},
		{"/metrics", api.TypeProblem, "no-store", 404}, // on a listener of its own
	} {
		res, raw := send(t, http.MethodGet, r.Client.URL()+c.path, nil)
		h := res.Header
		if res.StatusCode != c.status || h.Get("Content-Type") != c.typ || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q: %.100s", c.path, res.StatusCode, h.Get("Content-Type"), h.Get("Cache-Control"), raw)
		}
		if h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: no page may read it", c.path)
		}
		if c.typ == api.TypeProblem {
			var p api.Problem
			if err := json.Unmarshal(raw, &p); err != nil || p.Status != c.status || !strings.HasPrefix(p.Type, api.ProblemBase) {
				t.Errorf("%s: %s", c.path, raw)
			}
		}
		if c.status != 200 {
			continue
		}
		// The same behind gzip.
		res, packed := send(t, http.MethodGet, r.Client.URL()+c.path, nil, "Accept-Encoding", "gzip")
		if res.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: not compressed", c.path)
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || (c.cache != "no-cache" && !bytes.Equal(got, raw)) {
			t.Errorf("%s: unpacks to something else, %v", c.path, err)
		}
	}
	res, _ := send(t, http.MethodOptions, r.Client.URL()+api.RouteStatements, nil, "Origin", "https://page.example", "Access-Control-Request-Method", "POST")
	if res.StatusCode != http.StatusNoContent || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := send(t, http.MethodDelete, r.Client.URL()+"/v1/entries/0", nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("DELETE got %d", res.StatusCode)
	}

	// Pages of one entry, by their cursors, are the whole; what comes later shifts none.
	var walked []uint64
	for next := ""; ; {
		res, raw := send(t, http.MethodGet, r.Client.URL()+"/v1/entries?limit=1&cursor="+next, nil)
		var page api.Entries
		if err := json.Unmarshal(raw, &page); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, raw)
		}
		for _, e := range page.Entries {
			walked = append(walked, e.Index)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	for i, n := range walked {
		if n != uint64(i) {
			t.Fatalf("page %d holds entry %d", i, n)
		}
	}
	if len(walked) < 6 {
		t.Errorf("%d entries", len(walked))
	}

	// The stream of a halted run begins with its halt, replays in order, and stays alive.
	if err := rig.Until(ctx, func() (bool, error) { x, err := r.Client.Run(ctx, "run-1"); return err == nil && x.Halt != nil, err }); err != nil {
		t.Fatal(err)
	}
	stream, stop := context.WithCancel(ctx)
	defer stop()
	var names []string
	last := int64(-1)
	for e, err := range r.Client.Events(stream, "run-1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Name == "" {
			break // a comment: the stream lives
		}
		names = append(names, e.Name)
		if e.Name != api.EventEntry {
			continue
		}
		var entry api.Entry
		if err := json.Unmarshal(e.Data, &entry); err != nil || int64(entry.Index) <= last || entry.Run != "run-1" {
			t.Errorf("event %s: %v", e.Data, err)
		}
		last = int64(entry.Index)
	}
	if len(names) < 4 || names[0] != api.EventHalt || names[1] != api.EventEntry {
		t.Errorf("the stream was %v", names)
	}
}
