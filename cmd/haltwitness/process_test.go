package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/logtest"
)

// The real program, built once, is what these tests start, stop and kill.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "haltwitness")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "haltwitness")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("HALTWITNESS_TEST_BINARY", bin); err != nil {
		return 1
	}
	return m.Run()
}

func binary() string { return os.Getenv("HALTWITNESS_TEST_BINARY") }

// cmd runs the program to its end.
func cmd(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	// A witness that should have refused would serve for ever.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(), args...)
	var o, e bytes.Buffer
	c.Stdout, c.Stderr = &o, &e
	err := c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), o.String(), e.String()
}

func mustCmd(t testing.TB, args ...string) string {
	t.Helper()
	code, o, e := cmd(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, e)
	}
	return o
}

// refuses runs the program and wants one clear sentence and the exit code.
func refuses(t testing.TB, code int, sentence string, args ...string) {
	t.Helper()
	got, o, e := cmd(t, args...)
	if got != code || !strings.Contains(e, sentence) || strings.Count(e, "\n") != 1 || strings.Contains(e, "goroutine") {
		t.Fatalf("%v: exit %d, want %d with %q:\n%s%s", args, got, code, sentence, o, e)
	}
}

// site is a witness's folder with its keys, and the logs it knows.
type site struct {
	db   string
	keys []string
	logs []*logtest.Log
}

func newSite(t testing.TB, logs int) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{db: filepath.Join(dir, "w.db"), keys: []string{filepath.Join(dir, "ed.key"), filepath.Join(dir, "pq.key")}}
	mustCmd(t, "key", "new", "--name", "w.example", "--type", "ed25519", "--out", s.keys[0])
	mustCmd(t, "key", "new", "--name", "w.example", "--out", s.keys[1])
	for i := range logs {
		l := logtest.New(t, fmt.Sprintf("log%d.example", i), byte(i+1))
		s.logs = append(s.logs, l)
		mustCmd(t, "add-log", "--db", s.db, l.Signer.VKey().String())
	}
	return s
}

func (s *site) serveArgs(more ...string) []string {
	return append([]string{"serve", "--db", s.db, "--key", s.keys[0], "--key", s.keys[1]}, more...)
}

// process is a running witness.
type process struct {
	cmd    *exec.Cmd
	url    string
	stderr *bytes.Buffer
}

func (s *site) start(t testing.TB, more ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary(), s.serveArgs(more...)...), stderr: &bytes.Buffer{}}
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Both fail where the test has ended it already.
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("no address: %v\n%s", err, p.stderr)
	}
	p.url = strings.TrimPrefix(strings.TrimSpace(line), "listening ")
	return p
}

// stop ends the process as an operator would.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
}

// kill ends it with SIGKILL.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // "signal: killed" is what was asked for
}

// post returns status 0 if the witness was gone before it answered.
func post(ctx context.Context, client *http.Client, url string, body []byte) (int, string) {
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

func add(t testing.TB, p *process, body []byte, want int) string {
	t.Helper()
	status, b := post(t.Context(), http.DefaultClient, p.url, body)
	if status != want {
		t.Fatalf("status %d, want %d: %s", status, want, b)
	}
	return b
}

// stored asks the witness for the size it last cosigned, as a monitor would.
func stored(t testing.TB, p *process, l *logtest.Log) int {
	t.Helper()
	resp, err := http.Get(p.url + "/" + witness.OriginHash(l.Origin) + "/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return 0
	}
	n, err := checkpoint.ParseNote(b)
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	if err != nil {
		t.Fatal(err)
	}
	return int(c.Size)
}
