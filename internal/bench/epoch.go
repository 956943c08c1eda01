package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/log"
)

const (
	// epochNew is how many labels an update brings: those of a small model.
	epochNew = 200
	// epochRuns is how many updates are timed at each size.
	epochRuns = 5
	// fuseBits is what a binary-fuse filter with 32-bit fingerprints takes for each
	// label (Graf and Lemire, 2022: 1.125 times the fingerprint); it errs once in 2^32.
	fuseBits = 1.125 * 32
	// lookupBits is how long a lookup list's values are.
	lookupBits = 64
)

// Units of sizes.
const (
	kibibytes     = "KiB"
	bitsPerLabel  = "bit/label"
	bytesPerLabel = "B/label"
)

// benchEpoch measures what one halt costs the list at three sizes, and what the
// list takes on the wire for each label.
func benchEpoch(ctx context.Context, b *bench) error {
	sizes := []int{1e4, 1e6, 1e7}
	if b.quick {
		sizes = sizes[:1]
	}
	for _, n := range sizes {
		if err := epochAt(ctx, b, n); err != nil {
			return err
		}
		runtime.GC()
	}
	return nil
}

// epochList is a list that grows as halts make it grow.
type epochList struct {
	set    *blacklist.Set
	index  uint64
	number uint64
	made   uint64 // labels so far
}

// kindAt mixes kinds as a model's labels are: in a hundred 37 tensors, some thirty labels
// in the sixteen bands of each of the two families, a manifest in front.
func kindAt(i int) fingerprint.Kind {
	switch r := i % 100; {
	case i == 0:
		return fingerprint.Manifest
	case r >= 69:
		return fingerprint.BandP(i % 16)
	case r >= 37:
		return fingerprint.Band(i % 16)
	}
	return fingerprint.Tensor
}

// add lists n labels of one run. They are hashes and no elements: nothing here looks
// at the difference.
func (l *epochList) add(n int) error {
	var entries []blacklist.Entry
	for i := range n {
		l.made++
		entries = append(entries, blacklist.Entry{Kind: kindAt(i), Label: sha256.Sum256(binary.BigEndian.AppendUint64(nil, l.made))})
	}
	l.index += 3
	a := blacklist.NewArtefact(entries)
	x := blacklist.Listing{
		Index: l.index, Run: fmt.Sprint("run-", l.index), Halt: l.index - 1, KeyVersion: 1,
		Artefact: l.index - 2, Root: a.Root(), Count: a.Count(),
	}
	x.Labels, x.Excluded = l.set.Publish(entries)
	return l.set.List(x)
}

// epoch makes the next epoch's statement, and tells the set of it.
func (l *epochList) epoch() *log.Epoch {
	l.number++
	st := fold.EpochOf(l.set, "log.example/epochs", l.number, l.index+1)
	l.set.Commit(st.Number, st.Size, fold.Epoch(st))
	return st
}

func epochAt(ctx context.Context, b *bench, n int) error {
	l := &epochList{set: blacklist.NewSet()}
	for left := n; left > 0; left -= blacklist.MaxArtefactLabels {
		if err := l.add(min(left, blacklist.MaxArtefactLabels)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	name := fmt.Sprintf("epoch: %.0e labels: ", float64(n))
	began := time.Now()
	first := l.epoch()
	b.add(name+"first epoch after a start", durations(millis, []time.Duration{time.Since(began)}), nil, nil,
		fmt.Sprintf("everything of %d parts, outside the fold's lock, on half of the processors", len(first.Parts)))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.add(name+"memory of the list", sample{mebibytes, []float64{float64(m.HeapAlloc) / (1 << 20)}}, nil, nil,
		fmt.Sprintf("%.0f bytes for each label, after a collection", float64(m.HeapAlloc)/float64(n)))
	var times []time.Duration
	var statement, delta, parts sample
	statement.unit, delta.unit = kibibytes, kibibytes
	for range epochRuns {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.add(epochNew); err != nil {
			return err
		}
		began := time.Now()
		st := l.epoch()
		times = append(times, time.Since(began))
		payload, err := log.Encode(st)
		if err != nil {
			return err
		}
		statement.all = append(statement.all, float64(len(payload))/1024)
		total := 0
		for _, p := range st.Parts {
			h, _ := commitment(p, blacklist.CommitDeltaFull)
			d, ok := l.set.Object(h)
			if !ok {
				return fmt.Errorf("no delta of %s", p.Kind)
			}
			total += len(d)
		}
		delta.all = append(delta.all, float64(total)/1024)
		parts.all = append(parts.all, float64(len(st.Parts)))
	}
	note := fmt.Sprintf("%d new labels, in %.0f parts", epochNew, parts.at(0.5))
	b.add(name+"one epoch", durations(millis, times), nil, nil, note)
	b.add(name+"its statement", statement, nil, nil, note+"; the payload")
	b.add(name+"its deltas", delta, nil, nil, note+"; all of them")
	return wireOf(b, l, name)
}

func commitment(p log.EpochPart, name string) (blacklist.Hash, bool) {
	for _, c := range p.Commitments {
		if c.Name == name {
			return blacklist.Hash(c.Hash), true
		}
	}
	return blacklist.Hash{}, false
}

// wireOf compares what the tensors' lists take with the least that any code of the
// same values could, and with a filter.
func wireOf(b *bench, l *epochList, name string) error {
	lists := l.set.Present()
	var full, lookup, labels float64
	for _, p := range lists.Parts() {
		if p.Part.Kind != fingerprint.Tensor {
			continue
		}
		t, ok := lists.Tree(p.Part, p.KeyVersion)
		if !ok {
			return fmt.Errorf("no part %v", p.Part)
		}
		full += float64(len(blacklist.FullList{Part: p.Part, KeyVersion: p.KeyVersion, Labels: t.Labels()}.Marshal()))
		lookup += float64(len(blacklist.NewLookupList(p.Part, p.KeyVersion, t.Labels()).Marshal()))
		labels += float64(t.Count())
	}
	b.add(name+"full lists of tensors", sample{bytesPerLabel, []float64{full / labels}}, nil,
		sample{bytesPerLabel, []float64{32}}.peer("a group element"), fmt.Sprintf("%.0f labels, headers included", labels))
	// n values out of 2^64: log2 of the binomial, by Stirling.
	bound := lookupBits - math.Log2(labels) + math.Log2E
	b.add(name+"lookup lists of tensors", sample{bitsPerLabel, []float64{8 * lookup / labels}}, nil,
		sample{bitsPerLabel, []float64{bound}}.peer("the information bound, 64 − log2 n + log2 e"), "errs once in 2^64 / n")
	b.add(name+"lookup lists, beside a filter", sample{bitsPerLabel, []float64{8 * lookup / labels}}, nil,
		sample{bitsPerLabel, []float64{fuseBits}}.peer("a binary-fuse filter of 32 bits, computed"), "the filter errs once in 2^32, and has no canonical form")
	return nil
}
