package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/durable"
)

func deliverAll(t *testing.T, s *Spool) []string {
	t.Helper()
	var got []string
	err := s.DeliverOnce(t.Context(), func(_ context.Context, b []byte) error { got = append(got, string(b)); return nil })
	if err != nil {
		t.Error(err)
	}
	return got
}

func TestSpoolOrderAndRetry(t *testing.T) {
	t.Attr("invariant", "G4")
	dir := t.TempDir()
	s, err := OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 12 {
		st := fmt.Sprintf("statement %d", i)
		want = append(want, st)
		for range 2 { // idempotent
			if err := s.Put([]byte(st)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The log takes five, then goes away; the sixth was taken, but its answer was lost.
	var got []string
	away := errors.New("away")
	err = s.DeliverOnce(t.Context(), func(_ context.Context, b []byte) error {
		got = append(got, string(b))
		if len(got) == 6 {
			return away
		}
		return nil
	})
	if !errors.Is(err, away) || !slices.Equal(got, want[:6]) {
		t.Errorf("%v %q", err, got)
	}
	// Another process goes on, in order, behind what it adds.
	if s, err = OpenSpool(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Put([]byte("later")); err != nil {
		t.Fatal(err)
	}
	if rest := deliverAll(t, s); !slices.Equal(rest, append(slices.Clone(want[5:]), "later")) {
		t.Errorf("%q", rest)
	}
	if n, err := s.Len(); n != 0 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
}

func TestSpoolRefusedStepsAside(t *testing.T) {
	t.Attr("invariant", "G4")
	dir := t.TempDir()
	s, err := OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range []string{"bad", "damaged", "good"} {
		if err := s.Put([]byte(st)); err != nil {
			t.Fatal(err)
		}
	}
	items, err := s.list("stmt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, items[1].name), []byte("dAmaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = s.DeliverOnce(t.Context(), func(_ context.Context, b []byte) error {
		got = append(got, string(b))
		if string(b) == "bad" {
			return fmt.Errorf("403: %w", ErrRefused)
		}
		return nil
	})
	if !errors.Is(err, ErrRefused) || !slices.Equal(got, []string{"bad", "good"}) {
		t.Errorf("%v %q", err, got)
	}
	if aside, err := s.list("refused"); err != nil || len(aside) != 2 {
		t.Errorf("%v %v", aside, err)
	}
	if rest := deliverAll(t, s); len(rest) != 0 {
		t.Errorf("sent again: %q", rest)
	}
	for _, st := range [][]byte{nil, make([]byte, maxSpoolItem+1)} {
		if s.Put(st) == nil {
			t.Errorf("took %d bytes", len(st))
		}
	}
}

// spoolForever is the process that TestSpoolKilled kills: it says which statements it has been acknowledged.
func spoolForever(dir string) int {
	s, err := OpenSpool(dir)
	if err != nil {
		return 1
	}
	for i := 0; ; i++ {
		st := fmt.Sprintf("%d %d", os.Getpid(), i)
		if err := s.Put([]byte(st)); err != nil {
			return 1
		}
		fmt.Println(st)
	}
}

// TestSpoolKilled: kill -9 at any moment loses nothing acknowledged and delivers in order.
func TestSpoolKilled(t *testing.T) {
	t.Attr("invariant", "G4")
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var acked []string
	for round := range 5 {
		cmd := &exec.Cmd{Path: exe, Args: []string{"child-spool", dir}, Stderr: os.Stderr}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acked = append(acked, lines.Text())
			if n == 3+round*5 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
	}
	s, err := OpenSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.Sweep(dir); err != nil {
		t.Fatal(err)
	}
	got := deliverAll(t, s)
	i := 0
	for _, st := range got {
		if i < len(acked) && st == acked[i] {
			i++
		}
	}
	if i != len(acked) || len(got) > len(acked)+5 {
		t.Errorf("%d of %d acknowledged delivered in order, %d in all", i, len(acked), len(got))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestStoreRefuses(t *testing.T) {
	t.Attr("invariant", "G3")
	dir := filepath.Join(t.TempDir(), "state")
	s, err := openStore(dir, "log", "run")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, "log", "run"); !errors.Is(err, ErrStateBusy) {
		t.Errorf("two guards of one run: %v", err)
	}
	if err := s.save(Memory{Sequence: 7}); err != nil {
		t.Fatal(err)
	}
	if err := s.save(Memory{Sequence: 6}); err != nil || s.memory().Sequence != 7 {
		t.Errorf("went back to %d, %v", s.memory().Sequence, err)
	}
	if n, err := s.number(); n != 1 || err != nil {
		t.Errorf("number %d, %v", n, err)
	}
	path := filepath.Join(dir, memoryFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Somebody puts an older copy back while the guard runs.
	older := []byte(strings.Replace(string(good), `"sequence":7`, `"sequence":6`, 1))
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.save(Memory{Sequence: 8}); !errors.Is(err, ErrState) {
		t.Errorf("wrote over a changed file: %v", err)
	}
	if _, err := s.number(); !errors.Is(err, ErrState) {
		t.Errorf("numbered over a changed file: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "cut": string(good[:len(good)-3]), "spaces": " " + string(good), "unknown field": `{"x":1}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openStore(dir, "log", "run"); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, "log", "another"); !errors.Is(err, ErrState) {
		t.Errorf("another run's state: %v", err)
	}
	if s, err = openStore(dir, "log", "run"); err != nil || s.memory().Sequence != 7 {
		t.Errorf("after restart %+v, %v", s, err)
	}
	_ = s.close()
}
