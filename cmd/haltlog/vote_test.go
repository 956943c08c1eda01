package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/cli"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/trust/trusttest"
	"github.com/haltlog/haltlog/log"
)

// wire takes connections, keeps every byte of each, and answers as told.
type wire struct {
	net.Listener
	seen chan []byte
}

func listen(t *testing.T, status string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{l, make(chan []byte, 64)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var raw bytes.Buffer
			r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &raw)))
			if err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 "+status+"\r\nConnection: close\r\n\r\n"+`{"index":1,"identity":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}`)
			c.Close()
			w.seen <- raw.Bytes()
		}
	}()
	return w
}

// voters is a log with a group of 8, whose ring keys and group statement lie in files.
func voters(t *testing.T) (l *foldtest.Log, dir string) {
	t.Helper()
	l = foldtest.New(t, foldtest.Options{})
	l.Setup()
	l.Run("run-1")
	l.Anchor()
	dir = t.TempDir()
	for _, m := range l.Members {
		write(t, filepath.Join(dir, m.Pseudonym), keys.MarshalRing(m.Ring))
	}
	for i, s := range l.Steps {
		if s.Signed.Kind() == log.KindGroup {
			write(t, filepath.Join(dir, "group"), l.Leaves[i])
		}
	}
	return l, dir
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVotesOnTheWire: what members of a group of 8 send differs in nothing but the
// ring signature, and the vote's own nonce, to the byte.
func TestVotesOnTheWire(t *testing.T) {
	t.Attr("invariant", "MB4")
	l, dir := voters(t)
	w := listen(t, "201 Created")
	payload := regexp.MustCompile(`"payload":"([^"]*)"`)
	sig := regexp.MustCompile(`"sig":"[^"]*"`)
	expires := regexp.MustCompile(`"expires":"[^"]*"`)
	nonce := regexp.MustCompile(`"nonce":"[^"]*"`)
	var first []byte
	var nonces []string
	for i, m := range l.Members {
		cmd := exec.CommandContext(t.Context(), "haltlog", "vote", "--run=run-1", "--ring="+filepath.Join(dir, m.Pseudonym), "--group-file="+filepath.Join(dir, "group"), "--to=http://"+w.Addr().String())
		// Whatever a member's machine is called or set to.
		cmd.Env = append(os.Environ(), "LANG="+m.Pseudonym, "USER="+m.Pseudonym, "TZ=Etc/GMT"+string(rune('0'+i)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", m.Pseudonym, err, out)
		}
		raw := <-w.seen
		whole := len(raw)
		text, err := base64.StdEncoding.DecodeString(string(payload.FindSubmatch(raw)[1]))
		if err != nil {
			t.Fatal(err)
		}
		nonces = append(nonces, nonce.FindString(string(text)))
		// The full hour may pass while the test runs.
		text = expires.ReplaceAll(nonce.ReplaceAll(text, nil), nil)
		raw = sig.ReplaceAll(payload.ReplaceAll(raw, text), nil)
		raw = append(raw, byte(whole>>8), byte(whole))
		if first == nil {
			first = raw
		}
		if !bytes.Equal(raw, first) {
			t.Errorf("member %d:\n%s\nthe first:\n%s", i, raw, first)
		}
	}
	for i := range nonces {
		for j := range i {
			if nonces[i] == nonces[j] {
				t.Error("one nonce twice")
			}
		}
	}
	for _, h := range []string{"Accept-Language", "Cookie", "Traceparent", "Forwarded"} {
		if bytes.Contains(first, []byte(h)) {
			t.Errorf("header %s", h)
		}
	}
}

func TestVote(t *testing.T) {
	l, dir := voters(t)
	s := trusttest.New(t, l)
	genesis := log.GenesisHash(l.Leaves[0]).Hex()
	ring := "--ring=" + filepath.Join(dir, l.Members[3].Pseudonym)
	// The group is fetched and believed by the officers' signatures.
	code, out, errs := haltlog(t, "vote", "--run=run-1", ring, "--log="+s.URL, "--genesis="+genesis)
	if code != cli.OK || !strings.Contains(out, "was taken") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if last := l.Steps[len(l.Steps)-1]; last.Signed.Kind() != log.KindLiveVote || last.Validity != log.Valid {
		t.Errorf("%s %s", last.Validity, last.Reason)
	}

	// A group of the server's own making, in which the voter stands among strangers:
	// to vote in it would be to give a name.
	mine := l.Members[3]
	trap := l.GroupStatement(append([]*foldtest.Member{mine}, foldtest.NewMember(t, "a1"), foldtest.NewMember(t, "a2"), foldtest.NewMember(t, "a3"))...)
	leaf := l.Seal(trap, l.Guard, l.Registrar)
	parsed, err := log.Parse(leaf)
	if err != nil {
		t.Fatal(err)
	}
	hash := log.GroupHash(parsed.Envelope.Payload)
	s.Lock()
	s.Override = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/v1/runs/run-1":
			b, _ := json.Marshal(map[string]any{"run": "run-1", "group": hash})
			_, _ = w.Write(b)
		case strings.HasPrefix(r.URL.Path, "/v1/groups/"):
			_, _ = w.Write(leaf)
		default:
			return false
		}
		return true
	}
	n := len(s.Posted)
	s.Unlock()
	code, _, errs = haltlog(t, "vote", "--run=run-1", ring, "--log="+s.URL, "--genesis="+genesis)
	if code != cli.No || len(s.Posted) != n {
		t.Errorf("a group of strangers: %d %s", code, errs)
	}
	s.Lock()
	s.Override = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/v1/groups/") {
			return false
		}
		_, _ = w.Write(leaf)
		return true
	}
	s.Unlock()
	if code, _, errs = haltlog(t, "vote", "--run=run-1", ring, "--log="+s.URL, "--genesis="+genesis); code != cli.No || len(s.Posted) != n {
		t.Errorf("another group than asked for: %d %s", code, errs)
	}
}

func TestVoteRefused(t *testing.T) {
	l, dir := voters(t)
	refusing := listen(t, "403 Forbidden")
	group := "--group-file=" + filepath.Join(dir, "group")
	ring := "--ring=" + filepath.Join(dir, l.Members[0].Pseudonym)
	stranger := foldtest.NewMember(t, "x")
	write(t, filepath.Join(dir, "stranger"), keys.MarshalRing(stranger.Ring))
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"refused for good", []string{"--run=run-1", ring, group, "--to=http://" + refusing.Addr().String()}, cli.Error, "vote refused"},
		{"nobody there", []string{"--run=run-1", ring, group, "--to=http://127.0.0.1:1", "--timeout=300ms"}, cli.Error, "not done within 300ms"},
		{"a stranger", []string{"--run=run-1", "--ring=" + filepath.Join(dir, "stranger"), group, "--to=http://127.0.0.1:1"}, cli.No, "is no key of group"},
		{"no group", []string{"--run=run-1", ring, "--group-file=" + filepath.Join(dir, "stranger"), "--to=http://127.0.0.1:1"}, cli.Error, "envelope"},
		{"no name", []string{"--run=Run 1", ring, group, "--to=http://127.0.0.1:1"}, cli.Usage, "no name of a run"},
		{"nowhere", []string{"--run=run-1", ring, group}, cli.Usage, "--to or --log"},
		{"no group and no log", []string{"--run=run-1", ring, "--to=http://127.0.0.1:1"}, cli.Usage, "--group-file"},
		{"a check-in key as ring key", []string{"--run=run-1", "--ring=" + filepath.Join(dir, "group"), group, "--to=http://127.0.0.1:1"}, cli.Error, "PEM"},
	} {
		code, _, errs := haltlog(t, append([]string{"vote"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%s: %d %s, want %d %s", c.name, code, errs, c.code, c.says)
		}
	}
}

// haltlog runs the program within the test.
func haltlog(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}
