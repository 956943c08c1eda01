package ceremony

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

func samples() (holder, set, batch []byte) {
	label := func() voprf.Label { return voprf.Label(voprf.GenerateKey().Public().Bytes()) }
	pk := log.Bytes(voprf.GenerateKey().Public().Bytes())
	holder = FormatHolder(log.Holder{Name: "alice", KeyID: strings.Repeat("a", 64), Address: "https://alice.example", Seal: pk})
	set = FormatSet(log.EvaluatorSet{Version: 1, PublicKey: pk, T: 1, N: 1, Commitments: []log.Bytes{pk}})
	b := &Batch{Offset: 3, Old: []voprf.Label{label(), label()}, Answers: map[int]log.Bytes{2: {1, 2}, 1: {3}}}
	return holder, set, b.Marshal()
}

// TestFiles: what is passed around comes back as it went, and nothing else is read.
func TestFiles(t *testing.T) {
	t.Attr("invariant", "CE2")
	holder, set, batch := samples()
	h, err := ParseHolder(holder)
	if err != nil || !bytes.Equal(FormatHolder(h), holder) {
		t.Errorf("holder: %v", err)
	}
	s, err := ParseSet(set)
	if err != nil || !bytes.Equal(FormatSet(s), set) {
		t.Errorf("set: %v", err)
	}
	b, err := ParseBatch(batch)
	if err != nil || !bytes.Equal(b.Marshal(), batch) {
		t.Errorf("batch: %v", err)
	}
	if other := (&Batch{Offset: b.Offset, Old: b.Old}); !b.Is(other) {
		t.Error("a batch is not itself")
	}
	if other := (&Batch{Offset: b.Offset, Old: b.Old[:1]}); b.Is(other) || b.Is(nil) || b.Is(&Batch{Offset: 4, Old: b.Old}) {
		t.Error("a batch is another")
	}
	for name, raw := range map[string][]byte{
		"unknown member": bytes.Replace(batch, []byte("{"), []byte("{\n  \"x\": 1,"), 1),
		"other layout":   bytes.ReplaceAll(batch, []byte("  "), []byte(" ")),
		"trailing":       append(bytes.Clone(batch), '\n'),
		"no labels":      []byte("{\n  \"offset\": 0,\n  \"old\": null\n}\n"),
		"empty":          nil,
	} {
		if _, err := ParseBatch(raw); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Seal = make(log.Bytes, 32) // the identity
	if _, err := ParseHolder(FormatHolder(h)); !errors.Is(err, ErrFile) {
		t.Errorf("identity for a seal key: %v", err)
	}
	s.Commitments = nil
	if _, err := ParseSet(FormatSet(s)); !errors.Is(err, ErrFile) {
		t.Errorf("a set without commitments: %v", err)
	}
}

// FuzzFiles: whatever is read prints as it was.
func FuzzFiles(f *testing.F) {
	holder, set, batch := samples()
	f.Add(holder)
	f.Add(set)
	f.Add(batch)
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h, err := ParseHolder(raw); err == nil && !bytes.Equal(FormatHolder(h), raw) {
			t.Error("holder")
		}
		if s, err := ParseSet(raw); err == nil && !bytes.Equal(FormatSet(s), raw) {
			t.Error("set")
		}
		if b, err := ParseBatch(raw); err == nil && !bytes.Equal(b.Marshal(), raw) {
			t.Error("batch")
		}
	})
}
