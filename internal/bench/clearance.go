package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/clearance"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	arithmetic "github.com/haltlog/haltlog/internal/group"
)

// clearanceRuns is how often a proof of each size is made and verified.
const clearanceRuns = 20

// benchClearance proves and verifies on one core, against lists of four sizes. The
// polynomial is made of random roots, outside of the times: what a proof costs
// depends on their number alone.
func benchClearance(ctx context.Context, b *bench) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, c := range []struct {
		labels        int
		prove, verify float64 // milliseconds; 0 without a target
	}{
		{1<<10 - 1, 0, 0}, {1<<14 - 1, 10, 6}, {1<<17 - 1, 0, 0}, {1<<20 - 1, 500, 200},
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.quick && c.labels > 1<<17 {
			continue // half a minute for the polynomial
		}
		began := time.Now()
		st := &clearance.Statement{
			Origin: "log.example/bench", Size: 1, KeyVersion: 1, Part: blacklist.Part{Kind: fingerprint.Tensor}, Polynomial: polynomial.New(randomRoots(c.labels)),
		}
		made := time.Since(began)
		c0, secret := clearance.Commit(blacklist.Label(arithmetic.MulBase(arithmetic.RandomScalar()).Bytes()))
		var prove, verify, baseline []time.Duration
		size := 0
		for range b.scale(clearanceRuns) {
			began := time.Now()
			proof, err := clearance.Prove(st, secret)
			if err != nil {
				return err
			}
			proved := time.Now()
			if err := clearance.Verify(st, c0, proof); err != nil {
				return err
			}
			prove, verify = append(prove, proved.Sub(began)), append(verify, time.Since(proved))
			began = time.Now()
			for range baselineProducts {
				arithmetic.MulBase(arithmetic.RandomScalar())
			}
			baseline = append(baseline, time.Since(began))
			size = len(proof)
		}
		target := func(ms float64) *Target {
			if ms == 0 {
				return nil
			}
			return &Target{P50: &ms}
		}
		peer := durations(millis, baseline).peer(fmt.Sprintf("%d products with the generator", baselineProducts))
		again := *peer
		b.add(fmt.Sprintf("clearance against %d labels: prove", c.labels), durations(millis, prove), target(c.prove), peer,
			fmt.Sprintf("one core; %d bytes; its polynomial took %.1f s of one core to make from the list", size, made.Seconds()))
		b.add(fmt.Sprintf("clearance against %d labels: verify", c.labels), durations(millis, verify), target(c.verify), &again, "one core")
		s := sample{unit: kilobytes, all: []float64{float64(size) / 1e3}}
		var limit *Target
		if c.labels == 1<<20-1 {
			limit = &Target{P50: new(3.5)}
		}
		b.add(fmt.Sprintf("clearance against %d labels: size", c.labels), s, limit, nil, "of one proof, without its commitment")
	}
	return nil
}

// baselineProducts is the yardstick beside a proof: products in constant time.
const baselineProducts = 100

// kilobytes is a unit of sizes.
const kilobytes = "kB"

func randomRoots(n int) [][32]byte {
	roots := make([][32]byte, n)
	for i := range roots {
		roots[i] = [32]byte(arithmetic.HashToScalar("haltlog/bench/root", binary.BigEndian.AppendUint64(nil, uint64(i))).Bytes())
	}
	return roots
}
