package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

func audit1(t *testing.T, l *foldtest.Log, s *server, o options) *Report {
	t.Helper()
	r, err := run(t, l, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is not in the log: the checkpoint, the tiles, the witnesses' views, the
// reader's clock and pin.
func TestForgedViews(t *testing.T) {
	l, _ := world(t, foldtest.Options{}, nil)
	// The same keys, another history.
	other := l.Fork(int(l.Size()) - 4)
	other.Now = l.Now
	for other.Size() < l.Size()+6 {
		other.Heartbeat(theRun)
	}
	for _, c := range []struct {
		name      string
		invariant string
		serve     func(s *server, o *options)
		want      []string
	}{
		{"below the quorum", "L3", func(s *server, _ *options) {
			s.Note = l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[0])
		}, []string{"A01"}},
		{"not the log's key", "L3", func(s *server, _ *options) {
			s.Note = bytes.Replace(s.Note, []byte(foldtest.Origin+"\n"), []byte(foldtest.Origin+"/\n"), 1)
		}, []string{"A01"}},
		{"no note", "L3", func(s *server, _ *options) { s.Note = []byte("<html>") }, []string{"A01"}},
		{"leaf altered", "L2", func(s *server, _ *options) {
			s.Leaves = slices.Clone(s.Leaves)
			leaf := bytes.Clone(s.Leaves[7])
			leaf[len(leaf)/2] ^= 1
			s.Leaves[7] = leaf
		}, []string{"A02"}},
		{"leaf altered, re-signed by its signer", "L2", func(s *server, _ *options) {
			s.Leaves = slices.Clone(s.Leaves)
			s.Leaves[5] = l.Seal(l.RunStatement("run-2"), l.Registrar)
		}, []string{"A02"}},
		{"tiles altered too", "L2", func(s *server, _ *options) {
			s.Leaves, s.Hashes = slices.Clone(s.Leaves), slices.Clone(s.Hashes)
			s.Leaves[7] = []byte("{}")
			s.Hashes[7] = checkpoint.LeafHash(s.Leaves[7])
		}, []string{"A02"}},
		{"partial tiles are gone", "L2", func(s *server, _ *options) { s.Gone = true }, nil},
		{"split view, same size", "W3", func(s *server, _ *options) {
			s.Views["w1"] = other.Note(checkpointAt(other, l.Size()), l.Now, l.Witnesses[1])
		}, []string{"A04"}},
		{"split view, smaller size", "L3", func(s *server, _ *options) {
			s.Views["w1"] = other.Note(checkpointAt(other, l.Size()-2), l.Now, l.Witnesses[1])
		}, []string{"A04"}},
		{"two roots that a witness kept", "W3", func(s *server, _ *options) {
			s.Views["w1"] = l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[1])
			s.Kept = map[string]string{"w1": kept(t, string(l.Checkpoint(10)), string(other.Note(checkpointAt(other, l.Size()-2), l.Now)), string(l.Checkpoint(l.Size()-2)))}
		}, []string{"A04"}},
		{"a witness's evidence is none", "W3", func(s *server, _ *options) {
			s.Views["w1"] = l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[1])
			s.Kept = map[string]string{"w1": "<html>"}
		}, []string{"A05 note", "A10 note"}},
		{"a witness ahead", "L3", func(s *server, _ *options) {
			s.Views["w1"] = other.Note(checkpointAt(other, other.Size()), l.Now, l.Witnesses[1])
		}, []string{"A04 note", "A10 note"}},
		{"the end is withheld", "L3", func(s *server, o *options) {
			s.Views["w1"] = other.Note(checkpointAt(other, other.Size()), l.Now, l.Witnesses[1])
			o.now = l.Now.Add(time.Hour)
		}, []string{"A04 cannot-judge", "A06 outage"}},
		{"nothing for two days", "E3", func(_ *server, o *options) { o.now = l.Now.Add(48 * time.Hour) }, []string{"A06 cannot-judge"}},
		{"a witness's answer altered", "W2", func(s *server, _ *options) {
			s.Views["w1"] = bytes.Replace(l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[1]), []byte("\n"), []byte("/\n"), 1)
		}, []string{"A05"}},
		{"another witness's answer", "W2", func(s *server, _ *options) {
			s.Views["w1"] = l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[2])
		}, []string{"A05"}},
		{"a witness that knows nothing", "W2", func(s *server, o *options) {
			o.config = func(c *Config) {
				c.Witnesses = []WitnessView{{"w1", "http://127.0.0.1:1/"}}
			}
		}, []string{"A05 note", "A10 note"}},
		{"nothing for an hour", "E3", func(_ *server, o *options) { o.now = l.Now.Add(time.Hour) }, []string{"A06 outage"}},
		{"the reader's clock is wrong", "E3", func(_ *server, o *options) { o.now = l.Now.Add(-time.Hour) }, []string{"A06 cannot-judge"}},
		{"trusted on first use", "S3", func(_ *server, o *options) {
			o.config = func(c *Config) { c.Genesis = nil }
		}, []string{"A07 cannot-judge"}},
		{"another genesis", "S3", func(_ *server, o *options) {
			o.config = func(c *Config) { c.Genesis = &log.Hash{1} }
		}, []string{"A07"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Attr("invariant", c.invariant)
			s, o := serveLog(t, l), options{}
			c.serve(s, &o)
			expect(t, l, audit1(t, l, s, o), c.want...)
		})
	}
}

// kept is a witness's evidence: one pair that says nothing, one that does.
func kept(t *testing.T, other, second, first string) string {
	t.Helper()
	raw, err := json.Marshal([]Kept{{first, other}, {first, first}, {first, second}, {first, "junk"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A quorum that the officers changed is followed, and the reader is told that
// the file is an old one.
func TestQuorumChanged(t *testing.T) {
	t.Attr("invariant", "L3")
	l, _ := world(t, foldtest.Options{}, nil)
	old := quorumOf(l)
	number, identity := l.Machine.Ledger().Authority()
	fresh := l.NewWitness("witness.example/new")
	text := l.QuorumText(2, l.Witnesses[0], fresh)
	l.Must(&log.Authority{
		Origin: l.Origin, Number: number + 1, Previous: identity, Add: []log.KeyGrant{}, Revoke: []string{}, Quorum: &text,
	}, l.Threshold()...)
	for range 15 {
		if q := l.Machine.Ledger().Quorum(); len(q.Witnesses()) == 2 {
			l.Witnesses = []checkpoint.Signer{l.Witnesses[0], fresh}
		}
		tick(l)
	}
	s := serveLog(t, l)
	r := audit1(t, l, s, options{config: func(c *Config) { c.Quorum = old }})
	expect(t, l, r, "A01 note", "A10 note")
	expect(t, l, audit1(t, l, s, options{}))
}

// With a state only what is new is fetched, and history is held against it.
func TestResume(t *testing.T) {
	t.Attr("invariant", "L2")
	t.Attr("invariant", "L6")
	state := filepath.Join(t.TempDir(), "audit")
	l, labels := world(t, foldtest.Options{}, nil)
	first := audit1(t, l, serveLog(t, l), options{state: state, config: func(c *Config) { c.Genesis = nil }})
	expect(t, l, first, "A07 cannot-judge")
	if first.ExitCode() != ExitLook {
		t.Errorf("trust on first use exits with %d", first.ExitCode())
	}
	before := l.Size()
	copyState(t, state, state+".old")

	halt(l)
	list(l, labels)
	settle(l)
	s := serveLog(t, l)
	// The second time, the genesis is the state's.
	r := audit1(t, l, s, options{state: state, config: func(c *Config) { c.Genesis = nil }})
	expect(t, l, r)
	if r.Resumed != before || r.Verified != l.Size() || r.Trust != TrustState {
		t.Errorf("resumed at %d, verified %d by %s", r.Resumed, r.Verified, r.Trust)
	}
	if r := audit1(t, l, s, options{state: state}); r.Resumed != l.Size() {
		t.Errorf("resumed at %d", r.Resumed)
	}

	t.Run("shrunk", func(t *testing.T) {
		small := l.Fork(int(before))
		small.Now = l.Now
		expect(t, l, audit1(t, l, serveLog(t, small), options{state: state}), "A03")
	})
	t.Run("rewritten, same size", func(t *testing.T) {
		other := rewritten(l, before, l.Size())
		expect(t, l, audit1(t, l, serveLog(t, other), options{state: state}), "A03")
	})
	t.Run("rewritten, larger", func(t *testing.T) {
		other := rewritten(l, before, l.Size()+7)
		r := audit1(t, l, serveLog(t, other), options{state: state})
		expect(t, l, r, "A03")
		if r.Findings[0].Evidence.Root == nil {
			t.Error("without the old root's proof")
		}
	})
	t.Run("afterwards the state is as it was", func(t *testing.T) {
		expect(t, l, audit1(t, l, s, options{state: state}))
	})
	t.Run("the log as it was is an extension", func(t *testing.T) {
		expect(t, l, audit1(t, l, s, options{state: state + ".old"}))
	})
}

// rewritten is another history from a size on, with the same keys.
func rewritten(l *foldtest.Log, from, size uint64) *foldtest.Log {
	o := l.Fork(int(from))
	o.Now = l.Now
	for o.Size() < size {
		o.Append([]byte("another entry"))
	}
	return o
}

// A view that was ahead is compared when the log has grown.
func TestAheadIsRemembered(t *testing.T) {
	t.Attr("invariant", "L3")
	state := filepath.Join(t.TempDir(), "audit")
	l, _ := world(t, foldtest.Options{}, nil)
	other := rewritten(l, l.Size()-1, l.Size()+3)
	s := serveLog(t, l)
	s.Views["w1"] = other.Note(checkpointAt(other, other.Size()), l.Now, l.Witnesses[1])
	expect(t, l, audit1(t, l, s, options{state: state}), "A04 note", "A10 note")
	settle(l)
	expect(t, l, audit1(t, l, serveLog(t, l), options{state: state}), "A04")
}

func copyState(t *testing.T, from, to string) {
	t.Helper()
	for _, end := range []string{"", ".entries"} {
		b, err := os.ReadFile(from + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+end, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged state is refused and never repaired; what a crash leaves is not
// damage.
func TestDamagedState(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	l, _ := world(t, foldtest.Options{}, nil)
	audit1(t, l, serveLog(t, l), options{state: good})
	edit := func(name string, f func([]byte) []byte) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(path string)
		want error
	}{
		{"header cut", func(p string) { edit(p, func(b []byte) []byte { return b[:len(b)-3] }) }, ErrDamaged},
		{"header with more", func(p string) { edit(p, func(b []byte) []byte { return append(b, '\n') }) }, ErrDamaged},
		{"another size", func(p string) {
			edit(p, func(b []byte) []byte { return bytes.Replace(b, []byte(`"size": 1`), []byte(`"size": 2`), 1) })
		}, ErrDamaged},
		{"entries cut", func(p string) { edit(p+".entries", func(b []byte) []byte { return b[:len(b)-3] }) }, ErrDamaged},
		{"an entry altered", func(p string) { edit(p+".entries", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }) }, ErrDamaged},
		{"a length altered", func(p string) { edit(p+".entries", func(b []byte) []byte { b[0]++; return b }) }, ErrDamaged},
		{"entries behind, of a crash", func(p string) { edit(p+".entries", func(b []byte) []byte { return append(b, "junk"...) }) }, nil},
		{"header never written", func(p string) {
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, "x")
			copyState(t, good, path)
			c.do(path)
			for range 2 {
				_, err := run(t, l, serveLog(t, l), options{state: path})
				if !errors.Is(err, c.want) || (c.want == nil && err != nil) {
					t.Fatalf("got %v, want %v", err, c.want)
				}
			}
		})
	}
	t.Run("another log's", func(t *testing.T) {
		o, _ := world(t, foldtest.Options{}, nil)
		if _, err := run(t, o, serveLog(t, o), options{state: good}); !errors.Is(err, ErrOtherLog) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("busy", func(t *testing.T) {
		s, err := OpenState(good)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := run(t, l, serveLog(t, l), options{state: good}); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
	})
}

// What keeps an audit from being done is an error, and no finding.
func TestUnreachable(t *testing.T) {
	l, _ := world(t, foldtest.Options{}, nil)
	s := serveLog(t, l)
	s.Leaves = s.Leaves[:3]
	if r, err := run(t, l, s, options{}); err == nil {
		t.Errorf("got %+v", r)
	}
	for _, q := range []string{"", "quorum none\n", "log " + l.LogKey.VKey().String() + "\nquorum none\n"} {
		if _, err := run(t, l, serveLog(t, l), options{config: func(c *Config) { c.Quorum = []byte(q) }}); err == nil {
			t.Errorf("quorum %q was taken", q)
		}
	}
	if _, err := run(t, l, serveLog(t, l), options{config: func(c *Config) { c.Leases = [][]byte{l.Leaves[0]} }}); err == nil {
		t.Error("a leaf was taken as a lease")
	}
}
