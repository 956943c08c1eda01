package main

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/logtest"
)

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestServe(t *testing.T) {
	s := newSite(t, 2)
	p := s.start(t)
	l := s.logs[0]
	add(t, p, l.Request(t, 0, 5), 200)
	add(t, p, l.Request(t, 5, 9), 200)
	resp, err := http.Get(p.url + "/" + witness.OriginHash(l.Origin) + "/checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	var policy strings.Builder
	policy.WriteString("log " + l.Signer.VKey().String() + "\n")
	for i, k := range s.keys {
		policy.WriteString("witness w" + strconv.Itoa(i) + " " + mustCmd(t, "key", "show", k))
	}
	q, err := checkpoint.ParseQuorum([]byte(policy.String() + "group g all w0 w1\nquorum g\n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := q.VerifyExact(b); err != nil || v.Checkpoint.Size != 9 {
		t.Fatal(v, err)
	}
	p.stop(t)
	want := "log0.example\tsize 9\t1 keys\nlog1.example\tnever cosigned\t1 keys\n"
	if got := mustCmd(t, "logs", "--db", s.db); got != want {
		t.Fatalf("%s", got)
	}
	p = s.start(t)
	add(t, p, l.Request(t, 5, 12), 409)
	add(t, p, l.Request(t, 9, 12), 200)
	p.stop(t)
}

// TestRefusals: one clear sentence, the exit code, nothing lost.
func TestRefusals(t *testing.T) {
	s := newSite(t, 1)
	p := s.start(t)
	add(t, p, s.logs[0].Request(t, 0, 5), 200)
	refuses(t, 1, "in use by another process", s.serveArgs()...)
	refuses(t, 1, "in use by another process", "add-log", "--db", s.db, s.logs[0].Signer.VKey().String())
	p.stop(t)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refuses(t, 1, "address already in use", s.serveArgs("--listen", l.Addr().String())...)

	dir := t.TempDir()
	file := func(name, content string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	_, logKey := logtest.Key(t, checkpoint.TypeEd25519, "log0.example", 1)
	refuses(t, 1, "is a log's key", "serve", "--db", s.db, "--key", file("log.key", logKey+"\n"))
	refuses(t, 1, "private key: ", "serve", "--db", s.db, "--key", file("noise.key", "noise\n"))
	refuses(t, 1, "no such file", "serve", "--db", s.db, "--key", filepath.Join(dir, "none.key"))
	open := file("open.key", logKey+"\n")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, "can be read by others", "serve", "--db", s.db, "--key", open)
	refuses(t, 1, "not a readable database", "serve", "--db", file("noise.db", "noise"), "--key", s.keys[0])
	b, err := os.ReadFile(s.db)
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, "not a readable database", "serve", "--db", file("cut.db", string(b[:len(b)/3])), "--key", s.keys[0])
	refuses(t, 1, "file exists", "key", "new", "--name", "w", "--out", s.keys[0])
	refuses(t, 1, "key ID is not that of the key", "add-log", "--db", s.db, "log0.example+00000000+"+strings.SplitN(s.logs[0].Signer.VKey().String(), "+", 3)[2])
	refuses(t, 1, "is a witness's key", "add-log", "--db", s.db, strings.TrimSpace(mustCmd(t, "key", "show", s.keys[0])))
	refuses(t, 2, "unknown flag", "serve", "--no-such-flag")
	refuses(t, 2, "http or https", s.serveArgs("--forward", "ftp://log.example/")...)
	refuses(t, 1, "no log", "serve", "--db", filepath.Join(dir, "new.db"), "--key", freshKey(t))

	// After all of that it serves as before.
	p = s.start(t)
	add(t, p, s.logs[0].Request(t, 5, 6), 200)
	p.stop(t)
}

// TestKeyRotation: both keys at first, then only the new one; what was cosigned
// under the old one is not forgotten.
func TestKeyRotation(t *testing.T) {
	s := newSite(t, 1)
	l := s.logs[0]
	oldKey := l.Signer
	p := s.start(t)
	add(t, p, l.Request(t, 0, 5), 200)
	p.stop(t)
	next, _ := logtest.Key(t, checkpoint.TypeMLDSA44Cosignature, l.Origin, 200)
	refuses(t, 1, "last key", "remove-key", "--db", s.db, oldKey.VKey().String())
	mustCmd(t, "add-log", "--db", s.db, next.VKey().String())
	if got := mustCmd(t, "add-log", "--db", s.db, next.VKey().String()); !strings.HasPrefix(got, "known") {
		t.Fatal(got)
	}
	p = s.start(t)
	add(t, p, l.Request(t, 5, 6), 200)
	l.Signer = next
	add(t, p, l.Request(t, 6, 7), 200)
	p.stop(t)
	mustCmd(t, "remove-key", "--db", s.db, oldKey.VKey().String())
	refuses(t, 3, "no such key", "remove-key", "--db", s.db, oldKey.VKey().String())
	p = s.start(t)
	add(t, p, l.Request(t, 0, 8), 409)
	add(t, p, l.Request(t, 7, 8), 200)
	l.Signer = oldKey
	add(t, p, l.Request(t, 8, 9), 403)
	p.stop(t)
}

func freshKey(t testing.TB) string {
	t.Helper()
	k := filepath.Join(t.TempDir(), "w.key")
	mustCmd(t, "key", "new", "--name", "fresh.example", "--out", k)
	return k
}

// TestRestoredBackup: on an older database the witness refuses to start until
// it was brought forward by what it has cosigned itself.
func TestRestoredBackup(t *testing.T) {
	t.Attr("invariant", "W3")
	s := newSite(t, 2)
	l := s.logs[0]
	p := s.start(t)
	add(t, p, l.Request(t, 0, 5), 200)
	p.stop(t)
	backup := s.db + ".backup"
	copyFile(t, s.db, backup)
	p = s.start(t)
	cosigned := add(t, p, l.Request(t, 5, 9), 200)
	p.stop(t)
	published := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(published, append(l.Signed(t, 9), cosigned...), 0o600); err != nil {
		t.Fatal(err)
	}
	only := filepath.Join(t.TempDir(), "uncosigned")
	if err := os.WriteFile(only, l.Signed(t, 9), 0o600); err != nil {
		t.Fatal(err)
	}
	restore := []string{"restore", "--db", s.db, "--key", s.keys[0], "--key", s.keys[1]}

	copyFile(t, backup, s.db)
	refuses(t, 4, "older copy", s.serveArgs()...)
	refuses(t, 4, "older copy", restore...)
	refuses(t, 3, "no cosignature of this witness", append(restore, only)...)
	refuses(t, 4, "older copy", s.serveArgs()...)
	if got := mustCmd(t, append(restore, published)...); !strings.Contains(got, "at size 9") {
		t.Fatal(got)
	}
	p = s.start(t)
	add(t, p, l.Fork().Request(t, 5, 9), 409)
	add(t, p, l.Fork().Request(t, 9, 9), 422)
	add(t, p, l.Request(t, 9, 11), 200)
	p.stop(t)

	// The database is lost altogether.
	if err := os.Remove(s.db); err != nil {
		t.Fatal(err)
	}
	mustCmd(t, "add-log", "--db", s.db, l.Signer.VKey().String())
	refuses(t, 4, "does not know it", s.serveArgs()...)

	// The floor is lost: only a person can go on.
	copyFile(t, backup, s.db)
	floor := s.keys[1] + ".floor"
	if err := os.Remove(floor); err != nil {
		t.Fatal(err)
	}
	refuses(t, 4, "older copy", s.serveArgs()...) // by the other key's floor
	refuses(t, 4, "is missing", "serve", "--db", s.db, "--key", s.keys[1])
	refuses(t, 4, "is missing", "restore", "--db", s.db, "--key", s.keys[1], published)
	mustCmd(t, append(restore, "--accept", published)...)
	p = s.start(t)
	if n := stored(t, p, l); n != 9 {
		t.Fatal(n)
	}
	p.stop(t)
	if err := os.WriteFile(floor, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, 4, "damaged", s.serveArgs()...)
}

// TestKill kills the witness with SIGKILL under load, again and again: nothing
// that it answered is forgotten, and no second root gets through afterwards.
// It does so 50 times, 3 with -short; HALTWITNESS_KILL_ROUNDS sets another number.
func TestKill(t *testing.T) {
	t.Attr("invariant", "W1")
	t.Attr("invariant", "W3")
	rounds := 50
	if testing.Short() {
		rounds = 3
	}
	if n, err := strconv.Atoi(os.Getenv("HALTWITNESS_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	s := newSite(t, 4)
	acked := make([]atomic.Int64, len(s.logs))
	for round := range rounds {
		p := s.start(t)
		var wg sync.WaitGroup
		var total atomic.Int64
		killAt := 1 + rand.Int64N(120)
		due := make(chan struct{})
		client := &http.Client{Transport: &http.Transport{}}
		for i, l := range s.logs {
			old := stored(t, p, l)
			if int64(old) < acked[i].Load() {
				t.Fatalf("round %d: %s was answered at size %d and is at %d", round, l.Origin, acked[i].Load(), old)
			}
			if old > 0 {
				add(t, p, l.Fork().Request(t, old, old), 422)
				add(t, p, l.Fork().Request(t, old, old+1), 422)
				add(t, p, l.Request(t, old, old), 200)
			}
			wg.Go(func() {
				for {
					size := old + 1 + rand.IntN(3)
					status, answer := post(t.Context(), client, p.url, l.Request(t, old, size))
					if status == 0 {
						return // killed
					}
					if status != 200 {
						t.Errorf("round %d: status %d: %s", round, status, answer)
						return
					}
					acked[i].Store(int64(size))
					old = size
					if total.Add(1) == killAt {
						close(due)
					}
				}
			})
		}
		all := make(chan struct{})
		go func() { wg.Wait(); close(all) }()
		select {
		case <-due:
		case <-all: // every log was refused; told above
		}
		p.kill(t)
		<-all
		client.CloseIdleConnections()
	}
	p := s.start(t)
	for i, l := range s.logs {
		if n := stored(t, p, l); int64(n) < acked[i].Load() {
			t.Fatalf("%s was answered at size %d and is at %d", l.Origin, acked[i].Load(), n)
		}
	}
	p.stop(t)
}
