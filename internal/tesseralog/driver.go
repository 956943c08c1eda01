package tesseralog

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"k8s.io/klog/v2"
)

// appendDriver is what Tessera asks of a driver in its append lifecycle.
type appendDriver interface {
	Appender(ctx context.Context, opts *tessera.AppendOptions) (*tessera.Appender, tessera.LogReader, error)
}

// A driver is Tessera's POSIX driver with the syncs that it leaves out, before
// the first entry can be acknowledged.
type driver struct {
	inner appendDriver
	dir   string
	dirs  dirSyncer
}

func newDriver(ctx context.Context, dir string, dirs dirSyncer) (*driver, error) {
	d, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, fmt.Errorf("open Tessera: %w", err)
	}
	inner, ok := d.(appendDriver)
	if !ok {
		return nil, fmt.Errorf("open Tessera: %T does not append", d)
	}
	return &driver{inner: inner, dir: dir, dirs: dirs}, nil
}

func (d *driver) Appender(ctx context.Context, opts *tessera.AppendOptions) (*tessera.Appender, tessera.LogReader, error) {
	if err := syncAncestors(d.dirs, d.dir); err != nil {
		return nil, nil, err
	}
	a, r, err := d.inner.Appender(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	// After, and not before: opening makes the folder of the state.
	return a, r, syncRightEdge(d.dirs, d.dir)
}

// innerName is the origin of Tessera's own checkpoints. It is no log that
// anybody could trust: the key is made anew at each start and forgotten.
const innerName = "not-published.invalid"

// innerSigner signs Tessera's own checkpoints, without which it does not
// start. It implements the note.Signer that Tessera asks for.
type innerSigner struct{ key ed25519.PrivateKey }

func newInnerSigner() (innerSigner, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return innerSigner{key}, err
}

func (innerSigner) Name() string                      { return innerName }
func (innerSigner) KeyHash() uint32                   { return 0 }
func (s innerSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// openTessera opens the append lifecycle. Batches are made by the sequencer, so
// Tessera's own timer is as short as its splitting them allows; there are no
// witnesses in it, so opening never waits for one.
func openTessera(ctx context.Context, d *driver) (*tessera.Appender, error) {
	s, err := newInnerSigner()
	if err != nil {
		return nil, fmt.Errorf("open Tessera: %w", err)
	}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(s).
		WithCheckpointInterval(innerCheckpointInterval).
		WithCheckpointRepublishInterval(0).
		WithBatching(maxBatchSize, innerBatchAge).
		WithGarbageCollectionInterval(innerGarbageInterval)
	a, _, _, err := tessera.NewAppender(ctx, d, opts)
	if err != nil {
		// Tessera does not keep the cause, only its text.
		return nil, fmt.Errorf("open Tessera in %s: %w: %w", d.dir, err, ErrStorage)
	}
	return a, nil
}

// RouteLogs sends what Tessera says of itself to a logger instead of to
// standard error. Tessera's logger is one for the whole process, so this is for
// main to call, once, before New.
func RouteLogs(l *slog.Logger) { klog.SetSlogLogger(l) }
