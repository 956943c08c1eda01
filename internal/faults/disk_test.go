package faults

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/rig"
)

// TestDiskFull fills the disk under a daemon that works, and makes room again:
// nothing acknowledged is lost, what was refused is taken then, and what the
// daemon could not write ended it, or did not, but never made it lie.
func TestDiskFull(t *testing.T) {
	t.Attr("invariant", "L1")
	t.Attr("invariant", "L6")
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk takes root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := newSite(t, rig.Options{}).set("log.store=dir:" + filepath.Join(disk, "log"))
	p := s.start(t)
	t.Cleanup(p.kill)
	if err := s.Setup(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx, "run-1"); err != nil {
		t.Fatal(err)
	}
	acked := map[uint64][]byte{}
	put := func(sequence uint64, submit func(context.Context, []byte) (api.Accepted, error)) (a api.Accepted, err error) {
		leaf, err := s.CheckinLeaf(ctx, "run-1", 0, sequence)
		if err != nil {
			return a, err
		}
		if a, err = submit(ctx, leaf); err == nil {
			acked[a.Index] = leaf
		}
		return a, err
	}
	if _, err := put(1, s.Client.Submit); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := f.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
			break
		}
	}
	_ = f.Close()
	sequence, refused := uint64(1), false
	for range 200 {
		sequence++
		if _, err := put(sequence, s.Client.Submit); err != nil {
			refused = true
			break
		}
	}
	if !refused {
		t.Error("a full disk took everything")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	// A daemon whose journal could not be written ends, whenever that is; one that
	// decides on a new entry did not, so that an acknowledgement alone is not enough.
	if err := rig.Until(ctx, func() (bool, error) {
		select {
		case err := <-p.ended:
			p.ended <- err
			if err == nil || !bytes.Contains(p.stderr.Bytes(), []byte("no space left on device")) {
				t.Fatalf("ended by %v:\n%s", err, p.stderr)
			}
			p = s.start(t)
			t.Cleanup(p.kill)
		default:
		}
		sequence++
		a, err := put(sequence, s.Client.SubmitFolded)
		return err == nil && a.Decision != nil, err
	}); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	halted(ctx, t, s, "run-2")
	p.stop(t)
	p = s.start(t)
	for e, err := range s.Client.Entries(ctx, client.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := acked[e.Index]; ok {
			if !bytes.Equal(want, e.Leaf) {
				t.Errorf("entry %d is not what was acknowledged", e.Index)
			}
			delete(acked, e.Index)
		}
	}
	for index := range acked {
		t.Errorf("acknowledged entry %d is lost", index)
	}
	p.stop(t)
}
