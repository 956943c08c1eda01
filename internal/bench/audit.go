package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/audit"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/rig"
	"github.com/haltlog/haltlog/log"
)

// auditEntries is how many entries the log has at the second look; a quarter of
// them at the first.
const auditEntries = 80_000

// benchAudit audits a log over HTTP from outside, at two lengths: entries a second
// of `haltlog audit` as a process, and the heap of the same audit in this one.
func benchAudit(ctx context.Context, b *bench) error {
	k, err := newBulk(ctx, b, "audit", rig.Options{}, nil)
	if err != nil {
		return err
	}
	defer k.close()
	if err := k.Run(ctx, "audited"); err != nil {
		return err
	}
	var heaps [2]float64
	var sizes [2]uint64
	for i, total := range []int{b.scale(auditEntries) / 4, b.scale(auditEntries)} {
		if err := k.growTo(ctx, uint64(total)); err != nil {
			return err
		}
		if sizes[i], heaps[i], err = k.auditHeap(ctx); err != nil {
			return err
		}
	}
	rate := sample{unit: perSecond}
	note := ""
	for range 5 {
		began := time.Now()
		n, code, err := k.auditOnce(ctx)
		if err != nil {
			return err
		}
		rate.all = append(rate.all, float64(n)/time.Since(began).Seconds())
		note = fmt.Sprintf("%d entries over HTTP, exit code %d, the program's start included", n, code)
	}
	peer, err := ed25519Rate(b.scale(20000))
	if err != nil {
		return err
	}
	b.add("audit: entries", rate, nil, peer.peer("Ed25519 verifications alone, one core"), note)
	b.add("audit: heap at the end", sample{unit: mebibytes, all: heaps[1:]}, nil, sample{unit: mebibytes, all: heaps[:1]}.peer(fmt.Sprintf("at %d entries", sizes[0])),
		fmt.Sprintf("at %d entries: the ratio shows how flat it is", sizes[1]))
	return k.alive()
}

// growTo appends valid bulk until the log has a size.
func (k *bulk) growTo(ctx context.Context, size uint64) error {
	const each = 20
	for {
		a, err := k.Client.Anchor(ctx)
		if err != nil {
			return err
		}
		if a.Size >= size {
			return nil
		}
		bodies, err := k.all(each)
		if err != nil {
			return err
		}
		if _, err := closed(ctx, k.url+api.RouteStatements, bodies, 0, true, http.StatusCreated); err != nil {
			return err
		}
	}
}

// auditOnce runs the program. Its exit code is a part of the figure.
func (k *bulk) auditOnce(ctx context.Context) (entries uint64, code int, err error) {
	c := exec.CommandContext(ctx, k.b.bin.haltlog, "--output", "json", "audit", k.url, "--quorum", k.file("quorum.txt"), "--genesis", k.GenesisHash.Hex())
	c.Stderr = os.Stderr
	out, err := c.Output()
	if c.ProcessState == nil {
		return 0, 0, err
	}
	var r audit.Report
	if err := json.Unmarshal(out, &r); err != nil {
		return 0, 0, fmt.Errorf("audit ended with %d: %w", c.ProcessState.ExitCode(), err)
	}
	return r.Verified, c.ProcessState.ExitCode(), nil
}

// auditHeap is what is reachable of the heap shortly before an audit's end, above
// what was before it, in MiB.
func (k *bulk) auditHeap(ctx context.Context) (size uint64, heap float64, err error) {
	retained := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, high := retained(), uint64(0)
	r, err := audit.Run(ctx, audit.Config{Quorum: []byte(k.Quorum(nil)), Genesis: new(log.Hash(k.GenesisHash))}, audit.Deps{
		Log: k.Client, Verifier: keys.NewVerifier(), Now: time.Now,
		Progress: func(done, total uint64) {
			if high == 0 && done >= total-total/10 {
				high = retained()
			}
		},
	})
	if err != nil {
		return 0, 0, err
	}
	return r.Verified, float64(max(high, before)-before) / (1 << 20), nil
}

// ed25519Rate is how many signatures one core verifies a second, over runs of a thousand.
func ed25519Rate(n int) (sample, error) {
	s := sample{unit: perSecond}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return s, err
	}
	message := make([]byte, 512)
	sig := ed25519.Sign(private, message)
	for range max(1, n/1000) {
		began := time.Now()
		for range 1000 {
			if !ed25519.Verify(public, message, sig) {
				return s, fmt.Errorf("ed25519 does not verify")
			}
		}
		s.all = append(s.all, 1000/time.Since(began).Seconds())
	}
	return s, nil
}
