package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	// voprfBatch and voprfRuns: elements of a batch, and how many batches.
	voprfBatch = 256
	voprfRuns  = 50
)

// voprfReport is what the peer's program prints: nanoseconds of whole batches.
type voprfReport struct {
	Batch        int             `json:"batch"`
	OursBlind    []time.Duration `json:"ours_blind_ns"`
	OursEvaluate []time.Duration `json:"ours_evaluate_ns"`
	OursFinish   []time.Duration `json:"ours_finish_ns"`
	PeerBlind    []time.Duration `json:"circl_blind_ns"`
	PeerEvaluate []time.Duration `json:"circl_evaluate_ns"`
	PeerFinish   []time.Duration `json:"circl_finish_ns"`
}

// benchVOPRF times the label function beside circl's, element by element in one
// process on one core. The peer is in a module of its own.
func benchVOPRF(ctx context.Context, b *bench) error {
	program := filepath.Join(b.work, "voprf")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./voprf")
	build.Dir = filepath.Join(b.root, "tools", "interop")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the peer: %w\n%s", err, out)
	}
	raw, err := exec.CommandContext(ctx, program, "-batch", fmt.Sprint(voprfBatch), "-runs", fmt.Sprint(b.scale(voprfRuns))).Output()
	if err != nil {
		return fmt.Errorf("run the peer: %w", err)
	}
	var r voprfReport
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	perElement := func(list []time.Duration) sample {
		s := sample{unit: micros}
		for _, d := range list {
			s.all = append(s.all, float64(d.Nanoseconds())/1e3/float64(r.Batch))
		}
		return s
	}
	for _, f := range []struct {
		name       string
		ours, peer []time.Duration
		faster     float64 // than the peer; 0 without a target
		note       string
	}{
		{"blind", r.OursBlind, r.PeerBlind, 0, "ours is additive, the peer's multiplicative"},
		{"evaluate and prove", r.OursEvaluate, r.PeerEvaluate, 1.6, ""},
		{"verify and finish", r.OursFinish, r.PeerFinish, 2.5, "ours ends with labels, the peer with the RFC's output"},
	} {
		var target *Target
		if f.faster > 0 {
			target = &Target{Ratio: new(1 / f.faster)}
		}
		note := "one core"
		if f.note != "" {
			note += "; " + f.note
		}
		b.add(fmt.Sprintf("VOPRF, an element of %d: %s", r.Batch, f.name), perElement(f.ours), target, perElement(f.peer).peer("circl, same batch"), note)
	}
	return nil
}
