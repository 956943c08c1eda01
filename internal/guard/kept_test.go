package guard

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLeasesAreKept: what an engine granted stays as it was signed, the run's end included, for an audit.
func TestLeasesAreKept(t *testing.T) {
	t.Attr("invariant", "G3")
	w := newWorld(time.Minute)
	c := testConfig(t, ModeNamespace, "exit", "0")
	runGuard(t, c, w.deps()).wait(t)
	b, err := os.ReadFile(filepath.Join(c.StateDir, keptFile))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		lease, _, err := w.CheckLease(t.Context(), []byte(l), Seen{})
		if err != nil || lease.Run != c.Run {
			t.Errorf("%q: %v", l, err)
		}
	}
	if info, err := os.Stat(filepath.Join(c.StateDir, keptFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestKeptIsBounded: the files stay within their bound, the newest leases stay, and a line that was cut by a crash is
// no part of them.
func TestKeptIsBounded(t *testing.T) {
	k := &kept{dir: t.TempDir()}
	lease := func(i int) []byte { return append(fmt.Appendf(nil, "%06d ", i), bytes.Repeat([]byte("x"), 60<<10)...) }
	const n = 3 * maxKept / (60 << 10)
	for i := range n {
		if err := k.add(lease(i)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, name := range []string{keptPast, keptFile} {
		b, err := os.ReadFile(filepath.Join(k.dir, name))
		if err != nil || len(b) > maxKept {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		for l := range strings.Lines(string(b)) {
			got = append(got, strings.Fields(l)[0])
		}
	}
	if !slices.IsSorted(got) || len(got) < n/3 || got[len(got)-1] != fmt.Sprintf("%06d", n-1) {
		t.Errorf("%d leases, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	path := filepath.Join(k.dir, keptFile)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("torn")
	f.Close()
	if err := k.add([]byte("after")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || bytes.Contains(b, []byte("torn")) || !bytes.HasSuffix(b, []byte("\nafter\n")) {
		t.Errorf("after a crash: %q %v", b[max(0, len(b)-20):], err)
	}
	for name, bad := range map[string][]byte{"empty": nil, "two lines": []byte("a\nb"), "too long": make([]byte, maxKeptLease+1)} {
		if k.add(bad) == nil {
			t.Errorf("%s was kept", name)
		}
	}
}

// TestStateOfStrangers: a state directory that others may write to is refused: they could take a halt out of it.
func TestStateOfStrangers(t *testing.T) {
	t.Attr("invariant", "G3")
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o777, 0o770, 0o702} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if s, err := openStore(dir, "o", "r"); err == nil {
			s.close()
			t.Errorf("mode %o was taken", mode)
		}
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	s, err := openStore(dir, "o", "r")
	if err != nil {
		t.Fatal(err)
	}
	s.close()
}
