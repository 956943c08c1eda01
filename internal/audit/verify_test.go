package audit

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// finding is one real finding of a check.
func finding(t *testing.T, l *foldtest.Log, s *server, o options, check string) Finding {
	t.Helper()
	for _, f := range audit1(t, l, s, o).Findings {
		if f.Check == check && f.Severity == SeverityFinding {
			return f
		}
	}
	t.Fatalf("no %s", check)
	return Finding{}
}

// Evidence that was altered, or that shows something else, proves nothing.
func TestAlteredEvidenceProvesNothing(t *testing.T) {
	t.Attr("invariant", "E2")
	t.Attr("invariant", "L3")
	l, _ := world(t, foldtest.Options{}, patient)
	honest := lease(l, l.Engines[0], nil)
	plain := l.Fork(int(l.Size()))
	forge(l, l.Engines[0], func(d *log.Decision) { d.AsOf = log.TimeOf(l.Now.Add(time.Minute)) })
	settle(l)
	late := finding(t, l, serveLog(t, l), options{}, checkLate)

	s := serveLog(t, l)
	other := rewritten(l, 3, l.Size())
	s.Views["w1"] = other.Note(checkpointAt(other, l.Size()-1), l.Now, l.Witnesses[1])
	splitView := finding(t, l, s, options{}, checkSplit)

	state := filepath.Join(t.TempDir(), "audit")
	audit1(t, plain, serveLog(t, plain), options{state: state, now: plain.Now.Add(time.Second)})
	again := rewritten(plain, 5, plain.Size()+3)
	history := finding(t, plain, serveLog(t, again), options{state: state}, checkHistory)

	s = serveLog(t, l)
	s.Leaves = append([][]byte{}, s.Leaves...)
	s.Leaves[7] = []byte("{}")
	tree := finding(t, l, s, options{}, checkTree)

	for _, c := range []struct {
		name  string
		f     Finding
		alter func(f *Finding)
	}{
		{"another entry's bytes", late, func(f *Finding) { f.Evidence.Entries[1].Leaf = f.Evidence.Entries[0].Leaf }},
		{"another index", late, func(f *Finding) { f.Evidence.Entries[1].Index++ }},
		{"the anchor is missing", late, func(f *Finding) { f.Evidence.Entries = f.Evidence.Entries[:2] }},
		{"no genesis", late, func(f *Finding) { f.Evidence.Entries = f.Evidence.Entries[1:] }},
		{"said of another check", late, func(f *Finding) { f.Check = checkEarly }},
		{"no checkpoint", late, func(f *Finding) { f.Evidence.Checkpoints = nil }},
		{"a checkpoint below the quorum", late, func(f *Finding) {
			f.Evidence.Checkpoints[0].Note = l.Note(checkpointAt(l, l.Size()), l.Now, l.Witnesses[0])
		}},
		{"the same log twice", splitView, func(f *Finding) { f.Evidence.Checkpoints[1] = f.Evidence.Checkpoints[0]; f.Evidence.Root = nil }},
		{"an earlier state of the same log", splitView, func(f *Finding) {
			f.Evidence.Checkpoints[1].Note = l.Note(checkpointAt(l, l.Size()-1), l.Now, l.Witnesses[1])
		}},
		{"without the old root", splitView, func(f *Finding) { f.Evidence.Root = nil }},
		{"another old root", splitView, func(f *Finding) { f.Evidence.Root.Root[0]++ }},
		{"an old root of another size", splitView, func(f *Finding) { f.Evidence.Root.Size-- }},
		{"not signed by the log", splitView, func(f *Finding) {
			f.Evidence.Checkpoints[1].Note[len(f.Evidence.Checkpoints[1].Note)/2] ^= 1
		}},
		{"history that is an extension", history, func(f *Finding) { f.Evidence.Checkpoints[0].Note = plain.Checkpoint(plain.Size()) }},
		{"the leaf that the tree holds", tree, func(f *Finding) { f.Evidence.Entries[0].Leaf = l.Leaves[7] }},
		{"a lease that agrees", Finding{Check: checkLease}, func(f *Finding) {
			f.Evidence = late.Evidence
			f.Evidence.Lease = honest[:len(honest)-4]
		}},
		{"a checkpoint that verifies", Finding{Check: checkCheckpoint}, func(f *Finding) {
			f.Evidence = Evidence{Checkpoints: []SignedNote{{"log", l.Checkpoint(4)}}}
		}},
		{"a witness that nobody knows", Finding{Check: checkWitness, Witness: "w9"}, func(f *Finding) {
			f.Evidence = Evidence{Checkpoints: []SignedNote{{"w9", l.Checkpoint(4)}}}
		}},
		{"no entry", Finding{Check: checkReplay}, func(f *Finding) {
			f.Evidence = Evidence{Checkpoints: []SignedNote{{"log", l.Checkpoint(4)}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := json.Marshal(c.f)
			if err != nil {
				t.Fatal(err)
			}
			f, err := ParseFinding(raw)
			if err != nil {
				t.Fatal(err)
			}
			if c.f.Text != "" {
				prove(t, quorumOf(l), f)
			}
			c.alter(&f)
			quorum := quorumOf(l)
			if p, err := Verify(quorum, f, keys.NewVerifier()); !errors.Is(err, ErrUnproven) {
				t.Errorf("proves %v, %v", p.Facts, err)
			}
		})
	}
	// Another reader's quorum: what the finder trusted proves nothing to him.
	o, _ := world(t, foldtest.Options{}, nil)
	if _, err := Verify(quorumOf(o), late, keys.NewVerifier()); !errors.Is(err, ErrUnproven) {
		t.Errorf("proven under another log's quorum: %v", err)
	}
}

func TestParseFindingRefuses(t *testing.T) {
	for _, s := range []string{"", "{}", `{"check":"A99"}`, `{"check":"A12","more":1}`, "[]"} {
		if _, err := ParseFinding([]byte(s)); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

// The table is the specification's: numbered without gaps, each check with
// invariants and severities, and Verify knows what it says it proves.
func TestChecks(t *testing.T) {
	for i, c := range Checks() {
		if want := "A" + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)); c.Number != want {
			t.Errorf("%s stands where %s would", c.Number, want)
		}
		if c.Title == "" || len(c.Invariants) == 0 || len(c.Severities) == 0 || c.Evidence == "" {
			t.Errorf("%s has an empty field", c.Number)
		}
	}
}

func TestCompactTree(t *testing.T) {
	t.Attr("invariant", "L2")
	var a compactTree
	var b checkpoint.Tree
	for n := range uint64(300) {
		want, err := b.Root(n)
		if err != nil || a.root() != want || a.size != n {
			t.Fatalf("root at %d", n)
		}
		h := checkpoint.LeafHash([]byte{byte(n), byte(n >> 8)})
		a.add(h)
		if err := b.AppendHash(h); err != nil {
			t.Fatal(err)
		}
	}
}

// What is past the bound is counted and not kept.
func TestFindingsAreBounded(t *testing.T) {
	fs := newFindings()
	for range maxFindings + 10 {
		fs.add("", Finding{Check: checkVoid, Severity: SeverityNote})
		fs.add("engine", Finding{Check: checkReplay, Severity: SeverityFinding})
	}
	if len(fs.list) != maxFindings+1 {
		t.Fatalf("%d are kept", len(fs.list))
	}
	var n uint64
	for _, f := range fs.list {
		if f.Check == checkVoid {
			n += f.Count
		} else if f.Count != maxFindings+10 {
			t.Errorf("counted %d", f.Count)
		}
	}
	if n != maxFindings+10 {
		t.Errorf("counted %d", n)
	}
}
