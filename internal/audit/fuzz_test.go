package audit

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// A state's header has one form: what is read is what is written.
func FuzzParseHeader(f *testing.F) {
	h := fileHeader{Format: fileFormat, Saved: Saved{Origin: "log.example", Size: 3, Checkpoint: []byte("note"), Views: []SavedView{{"w1", []byte("n")}}}, Bytes: 12}
	raw, err := formatHeader(h)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte("12"), []byte("-1"), 1))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := parseHeader(raw)
		if err != nil {
			return
		}
		again, err := formatHeader(*h)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("read %q, printed %q", raw, again)
		}
	})
}

// Whatever a bundle is, it is cut into entries that make it again.
func FuzzBundle(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0})
	f.Add([]byte{0, 2, 'a'})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n := countEntries(raw)
		var again []byte
		rest := raw
		for range max(n, 0) {
			leaf, r, ok := cutEntry(rest)
			if !ok {
				t.Fatal("counted entries cannot be cut")
			}
			again = append(append(again, byte(len(leaf)>>8), byte(len(leaf))), leaf...)
			rest = r
		}
		if n >= 0 && !bytes.Equal(again, raw) {
			t.Errorf("%x became %x", raw, again)
		}
	})
}

// Verify takes findings from anybody: it answers, and never proves what a
// finding without evidence says.
func FuzzVerify(f *testing.F) {
	l, _ := world(f, foldtest.Options{}, nil)
	forge(l, l.Engines[0], func(d *log.Decision) { d.Armed++ })
	settle(l)
	for _, x := range audited(f, l, options{}).Findings {
		raw, err := json.Marshal(x)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, c := range Checks() {
		raw, err := json.Marshal(Finding{Check: c.Number, Index: new(uint64(1)), Evidence: Evidence{
			Checkpoints: []SignedNote{{"log", l.Checkpoint(3)}}, Root: &OldRoot{}, Lease: []byte("{}"),
		}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	quorum := quorumOf(l)
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := ParseFinding(raw)
		if err != nil {
			return
		}
		p, err := Verify(quorum, x, keys.NewVerifier())
		if err == nil && len(p.Facts) == 0 {
			t.Error("proven by no fact")
		}
	})
}
