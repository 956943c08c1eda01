package faults

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/rig"
)

// Distinctive addresses of voters, all of this machine.
const (
	voter    = "127.77.31.5"
	refusee  = "127.77.31.6"
	listener = "127.77.31.7"
	forward  = "203.0.113.77" // in a header, as a proxy would name it
)

// from makes requests from a source address.
func from(address string) *http.Client {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
}

func post(ctx context.Context, t *testing.T, address, url string, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", forward)
	req.Header.Set("Forwarded", "for="+forward)
	res, err := from(address).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// TestNoAddressIsKept votes from addresses that can be told apart, with a daemon
// that says all it can, and looks for them in everything that it wrote: standard
// error, every file of store and state, metrics, and answers.
func TestNoAddressIsKept(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	s := newSite(t, rig.Options{})
	metrics := freePort(t)
	s.set("http.metrics=" + metrics)
	p := s.start(t, "--verbose")
	if err := s.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	// A stream that ends in the middle, a broken request, a refused vote, a vote.
	stream, stop := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(stream, http.MethodGet, p.url+"/v1/runs/run-1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := from(listener).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(refusee)}}).DialContext(ctx, "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("POST /v1/statements HTTP/9.9\r\n\x00\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	leaf, err := s.VoteLeaf("run-1", 3)
	if err != nil {
		t.Fatal(err)
	}
	if code := post(ctx, t, refusee, p.url+api.RouteStatements, leaf[:len(leaf)-2]); code != http.StatusBadRequest {
		t.Errorf("half a vote got %d", code)
	}
	if code := post(ctx, t, voter, p.url+api.RouteStatements, leaf); code != http.StatusCreated {
		t.Errorf("a vote got %d", code)
	}
	if code := post(ctx, t, voter, p.url+api.RouteStatements, leaf); code != http.StatusOK {
		t.Errorf("the vote again got %d", code)
	}
	if err := rig.Until(ctx, func() (bool, error) {
		r, err := s.Client.Run(ctx, "run-1")
		return err == nil && r.Fingerprints != nil, err
	}); err != nil {
		t.Fatal(err)
	}
	stop()
	_ = res.Body.Close()

	written := map[string][]byte{}
	for _, url := range []string{"http://" + metrics + "/metrics", p.url + "/v1/entries", p.url + "/v1/runs"} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if written[url], err = io.ReadAll(res.Body); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	p.stop(t)
	written["standard error"] = p.stderr.Bytes()
	for _, dir := range []string{"log", "log.state"} {
		if err := filepath.WalkDir(filepath.Join(s.Dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				written[path], err = os.ReadFile(path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(written["standard error"]) == 0 || len(written) < 8 {
		t.Fatalf("%d places: nothing was looked at", len(written))
	}
	for where, what := range written {
		for _, address := range []string{voter, refusee, listener, forward, "127.77", "203.0.113"} {
			if bytes.Contains(what, []byte(address)) {
				t.Errorf("%s is in %s", address, where)
			}
			if ip := net.ParseIP(address); ip != nil && filepath.IsAbs(where) && bytes.Contains(what, ip.To16()) {
				t.Errorf("%s is in %s in binary", address, where)
			}
		}
	}
}

// freePort is an address that was free a moment ago: the metrics' own is not printed.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
