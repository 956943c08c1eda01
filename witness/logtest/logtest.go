// Package logtest is a small log in memory, with a fork of it, that talks to a
// witness: for tests and benchmarks.
package logtest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

// Key makes a signer from a fixed seed.
func Key(t testing.TB, typ byte, name string, seed byte) (s checkpoint.Signer, skey string) {
	t.Helper()
	skey, _, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if s, err = checkpoint.ParseSigner(skey); err != nil {
		t.Fatal(err)
	}
	return s, skey
}

// A Log is a log that grows by itself, as far as it is asked. It is safe for
// concurrent use.
type Log struct {
	Origin string
	Signer checkpoint.Signer

	salt string
	mu   sync.Mutex
	tree checkpoint.Tree
}

// New makes a log with an Ed25519 key from the seed.
func New(t testing.TB, origin string, seed byte) *Log {
	t.Helper()
	s, _ := Key(t, checkpoint.TypeEd25519, origin, seed)
	return &Log{Origin: origin, Signer: s, salt: "leaf"}
}

// Fork is another log under the same key, different from its first leaf on.
func (l *Log) Fork() *Log { return &Log{Origin: l.Origin, Signer: l.Signer, salt: "forked leaf"} }

// Config is the log as a witness is told of it.
func (l *Log) Config() witness.Log {
	return witness.Log{Origin: l.Origin, Keys: []checkpoint.VKey{l.Signer.VKey()}}
}

func (l *Log) grow(t testing.TB, n int) {
	t.Helper()
	for i := l.tree.Size(); i < uint64(n); i++ {
		if err := l.tree.Append(fmt.Appendf(nil, "%s %d", l.salt, i)); err != nil {
			t.Fatal(err)
		}
	}
}

// Checkpoint is the log's checkpoint at a size.
func (l *Log) Checkpoint(t testing.TB, size int) checkpoint.Checkpoint {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grow(t, size)
	root, err := l.tree.Root(uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.Checkpoint{Origin: l.Origin, Size: uint64(size), Root: root}
}

// Proof is the consistency proof between two sizes, empty where there is none.
func (l *Log) Proof(t testing.TB, old, size int) []checkpoint.Hash {
	t.Helper()
	if old > size {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grow(t, size)
	p, err := l.tree.Consistency(uint64(old), uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Signed is the signed checkpoint at a size.
func (l *Log) Signed(t testing.TB, size int) []byte {
	t.Helper()
	c := l.Checkpoint(t, size)
	line, err := l.Signer.Sign(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(c.String() + "\n" + line)
}

// Request is an add-checkpoint body from old to size.
func (l *Log) Request(t testing.TB, old, size int) []byte {
	t.Helper()
	n, err := checkpoint.ParseNote(l.Signed(t, size))
	if err != nil {
		t.Fatal(err)
	}
	return witness.Request{Old: uint64(old), Proof: l.Proof(t, old, size), Note: n}.Bytes()
}
