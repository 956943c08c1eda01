package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// smallDisk mounts a file system of size bytes, which takes root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestDiskFull: while the disk is full the witness signs nothing and says 503;
// when there is room again it goes on where it was, without a restart.
func TestDiskFull(t *testing.T) {
	t.Attr("invariant", "W1")
	dir := smallDisk(t, "256k")
	s := newSite(t, 1)
	l := s.logs[0]
	db := filepath.Join(dir, "w.db")
	copyFile(t, s.db, db)
	s.db = db
	p := s.start(t)
	add(t, p, l.Request(t, 0, 5), 200)
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := f.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
			break
		}
	}
	f.Close()
	// A checkpoint too long for the pages that are free inside the file.
	c := l.Checkpoint(t, 6)
	c.Extensions = []string{strings.Repeat("x", 90<<10)}
	line, err := l.Signer.Sign(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkpoint.ParseNote([]byte(c.String() + "\n" + line))
	if err != nil {
		t.Fatal(err)
	}
	long := witness.Request{Old: 5, Proof: l.Proof(t, 5, 6), Note: n}.Bytes()
	for range 3 {
		add(t, p, long, 503)
	}
	if n := stored(t, p, l); n != 5 {
		t.Fatalf("at %d, answered up to 5", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	add(t, p, l.Fork().Request(t, 5, 5), 422)
	add(t, p, long, 200)
	add(t, p, l.Request(t, 6, 13), 200)
	p.stop(t)
	p = s.start(t)
	if n := stored(t, p, l); n != 13 {
		t.Fatal(n)
	}
	p.stop(t)
}

// TestReadOnly: a folder that cannot be written is told at the start.
func TestReadOnly(t *testing.T) {
	dir := smallDisk(t, "256k")
	s := newSite(t, 1)
	db := filepath.Join(dir, "w.db")
	copyFile(t, s.db, db)
	s.db = db
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=256k"); err != nil {
		t.Fatal(err)
	}
	refuses(t, 1, "read-only file system", s.serveArgs()...)
	s.db = filepath.Join(dir, "new.db")
	refuses(t, 1, "read-only file system", s.serveArgs()...)
}
