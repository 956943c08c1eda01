package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

const (
	// witnessRequests is how many checkpoints all logs together submit.
	witnessRequests = 6000
	// witnessStep is by how many entries a log grows between two of them.
	witnessStep = 16
)

// benchWitness measures add-checkpoint of a haltwitness, durable, with one and
// with twenty logs that each submit their next checkpoint when the last one was
// answered; beside it what the disk syncs alone.
func benchWitness(ctx context.Context, b *bench) error {
	for _, c := range []struct {
		logs   int
		target float64
	}{{1, 750}, {20, 710}} {
		logs, target := c.logs, c.target
		dir := filepath.Join(b.work, fmt.Sprintf("witness-%d", logs))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		key, db := filepath.Join(dir, "w.key"), filepath.Join(dir, "w.db")
		if _, err := command(ctx, b.bin.haltwitness, "key", "new", "--type", "ed25519", "--name", "witness.example/bench", "--out", key); err != nil {
			return err
		}
		bodies := make([][][]byte, logs)
		for i := range logs {
			vkey, mine, err := checkpoints(fmt.Sprintf("log%d.example/bench", i), b.scale(witnessRequests)/logs)
			if err != nil {
				return err
			}
			if _, err := command(ctx, b.bin.haltwitness, "add-log", "--db", db, vkey); err != nil {
				return err
			}
			bodies[i] = mine
		}
		syncs, err := syncRate(dir, b.scale(1000))
		if err != nil {
			return err
		}
		p, url, err := serve(ctx, filepath.Join(dir, "w.log"), []string{b.bin.haltwitness, "serve", "--db", db, "--key", key})
		if err != nil {
			return err
		}
		r, err := closed(ctx, url+"/add-checkpoint", bodies, 0, true, http.StatusOK)
		p.stop()
		if err != nil {
			return err
		}
		took := durations(millis, r.took)
		b.add(fmt.Sprintf("witness add-checkpoint, %d logs", logs), r.rates(), &Target{P50: new(target)}, syncs.peer("4 KiB written and synced, one after another"),
			fmt.Sprintf("Ed25519; an answer takes p50 %g, p99 %g ms", round(took.at(0.5)), round(took.at(0.99))))
	}
	return nil
}

// checkpoints are add-checkpoint requests of a log that grows from 0.
func checkpoints(origin string, n int) (vkey string, bodies [][]byte, err error) {
	secret, vkey, err := checkpoint.GenerateKey(checkpoint.TypeEd25519, origin, nil)
	if err != nil {
		return "", nil, err
	}
	signer, err := checkpoint.ParseSigner(secret)
	if err != nil {
		return "", nil, err
	}
	var tree checkpoint.Tree
	for old := uint64(0); len(bodies) < n; old += witnessStep {
		size := old + witnessStep
		for i := old; i < size; i++ {
			if err := tree.Append(fmt.Appendf(nil, "%s %d", origin, i)); err != nil {
				return "", nil, err
			}
		}
		c := checkpoint.Checkpoint{Origin: origin, Size: size}
		if c.Root, err = tree.Root(size); err != nil {
			return "", nil, err
		}
		line, err := signer.Sign(c, 0)
		if err != nil {
			return "", nil, err
		}
		note, err := checkpoint.ParseNote([]byte(c.String() + "\n" + line))
		if err != nil {
			return "", nil, err
		}
		r := witness.Request{Old: old, Note: note}
		if old > 0 {
			if r.Proof, err = tree.Consistency(old, size); err != nil {
				return "", nil, err
			}
		}
		bodies = append(bodies, r.Bytes())
	}
	return vkey, bodies, nil
}

// syncRate is how often a second the disk takes a page and says that it is safe,
// over runs of ten.
func syncRate(dir string, n int) (s sample, err error) {
	const run = 10
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return s, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	s.unit = perSecond
	for range n / run {
		began := time.Now()
		for range run {
			if _, err := f.WriteAt(page, 0); err != nil {
				return s, err
			}
			if err := f.Sync(); err != nil {
				return s, err
			}
		}
		s.all = append(s.all, run/time.Since(began).Seconds())
	}
	return s, nil
}
