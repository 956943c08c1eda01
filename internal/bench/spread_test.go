package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/haltlog/haltlog/internal/spread"
)

// The test binary is the parts of a measurement too.
func TestMain(m *testing.M) {
	if part, err := spreadRole(context.Background()); part {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestSpread: in a small world of two regions, a label gets from an accepted vote over
// the log, its witnesses and a mirror to every lab's own verified list.
func TestSpread(t *testing.T) {
	t.Attr("invariant", "LS1")
	t.Attr("invariant", "MI2")
	if testing.Short() {
		t.Skip("starts a small world")
	}
	root, err := checkout()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{work: t.TempDir()}
	if b.bin, err = build(t.Context(), root, filepath.Join(b.work, "bin"), false); err != nil {
		t.Fatal(err)
	}
	delay := 20 * time.Millisecond
	r, err := measureSpread(t.Context(), b, spreadPlan{
		Name: fmt.Sprintf("t%05d", os.Getpid()%100_000), Regions: []string{"west", "east"},
		Link: func(int, int) spread.Link {
			return spread.Link{Delay: delay, Jitter: delay / 10, Loss: 0.01, Queue: 4096}
		},
		Mirrors: []int{1}, Witness: []int{0, 1, 1}, Labs: 2, Halts: 2, Interval: time.Second,
	})
	if errors.Is(err, spread.ErrRefused) && os.Geteuid() != 0 {
		t.Skipf("needs root: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Labs) != 2 || len(r.Witnessed) != 2 || len(r.Logged) != 2 {
		t.Fatalf("%+v", r)
	}
	first, last := r.first(), r.lastOf(0)
	for i, labs := range r.Labs {
		if r.Logged[i] > r.Witnessed[i] || first[i] > last[i] || last[i] != r.last()[i] {
			t.Errorf("halt %d: logged %v, witnessed %v, seen %v to %v", i, r.Logged[i], r.Witnessed[i], first[i], last[i])
		}
		if len(labs) != 2 {
			t.Errorf("halt %d: %d labs saw it", i, len(labs))
		}
		for _, d := range labs {
			// The way crosses the network, and no lab sees what is not logged yet.
			if d < delay {
				t.Errorf("halt %d: seen %v after the vote was accepted", i, d)
			}
		}
	}
	if r.Sent == 0 {
		t.Error("nothing crossed the network")
	}
	for _, d := range r.Trips {
		if d < 2*delay {
			t.Errorf("a connection was open after %v: the network does not delay", d)
		}
	}
}
