package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/internal/trust"
	"github.com/haltlog/haltlog/log"
)

// ErrOlder is a log that shows less than the mirror holds.
var ErrOlder = errors.New("the log shows an older state than the mirror holds")

// Config says what is mirrored where, and what is believed beforehand.
type Config struct {
	Dir     string
	Genesis *log.Hash // pinned; nil trusts the first one seen
	Quorum  []byte    // tlog-policy; nil takes the one of the genesis
	Rebuild bool      // the first update reads and verifies everything again
	Now     func() time.Time
	// Progress is told of each bundle of entries; may be nil.
	Progress func(done, total uint64)
}

// Report is what an update did.
type Report struct {
	Origin   string    `json:"origin"`
	Genesis  string    `json:"genesis"`
	FirstUse bool      `json:"trusted_on_first_use"`
	Size     uint64    `json:"size"`
	Entries  uint64    `json:"entries"` // that are new
	Epoch    uint64    `json:"epoch"`   // number of the newest; 0 for none
	Epochs   uint64    `json:"epochs"`  // that are new
	Seen     time.Time `json:"witnessed"`
}

// Mirror keeps a folder. It holds the folder's lock until Close.
type Mirror struct {
	cfg     Config
	log     *client.Plain
	store   *trust.File
	trusted *trust.Log      // once it was opened
	state   blacklist.State // of the newest epoch, if it was mirrored by this process
	files   files
	objects listsync.Objects
	rebuild bool
	swept   bool
	partial map[string]time.Time // when partial tiles were written here
}

// Open locks the folder.
func Open(cfg Config, source *client.Client) (*Mirror, error) {
	if cfg.Dir == "" || cfg.Now == nil || source == nil {
		return nil, errors.New("mirror: folder, clock or log is missing")
	}
	own := filepath.Join(cfg.Dir, ".mirror")
	list := filepath.Join(cfg.Dir, "v1", "blacklist")
	for _, dir := range []string{filepath.Join(own, "partial"), filepath.Join(list, "objects")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	store, err := trust.OpenFile(filepath.Join(own, "trust.json"))
	if err != nil {
		return nil, err
	}
	return &Mirror{
		cfg: cfg, log: client.NewPlain(source), store: store, files: files{cfg.Dir}, rebuild: cfg.Rebuild, partial: map[string]time.Time{},
		objects: listsync.Objects{Dir: list, Partial: filepath.Join(own, "partial")},
	}, nil
}

// Close gives the lock back.
func (m *Mirror) Close() error { return m.store.Close() }

// Update brings the mirror to what the log publishes now. After an error the mirror is
// what it was, or further, and correct.
func (m *Mirror) Update(ctx context.Context) (Report, error) {
	for try := 1; ; try++ {
		r, err := m.update(ctx)
		if err != nil {
			m.trusted = nil
		}
		// The list moved on while it was read: the newest one is read then.
		if err == nil || !errors.Is(err, client.ErrNotFound) || try == maxTries {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(time.Duration(try) * retryPause):
		}
	}
}

func (m *Mirror) update(ctx context.Context) (Report, error) {
	var r Report
	l, err := m.open(ctx)
	if err != nil {
		return r, err
	}
	r.Origin, r.Genesis, r.FirstUse = l.Genesis().Origin, l.GenesisHash().Hex(), l.FirstUse()
	served, err := m.log.Head(ctx)
	none := errors.Is(err, client.ErrNotFound)
	if err != nil && !none {
		return r, fmt.Errorf("head: %w", err)
	}
	v, err := l.Refresh(ctx) // after the head, so that it is covered
	if err != nil {
		return r, err
	}
	r.Size, r.Seen = v.Checkpoint.Size, time.Unix(int64(v.MinTime), 0).UTC()
	have, err := m.published()
	if err != nil {
		return r, err
	}
	if have.Size > v.Checkpoint.Size {
		return r, fmt.Errorf("size %d, %d is mirrored: %w", v.Checkpoint.Size, have.Size, ErrOlder)
	}
	r.Entries = v.Checkpoint.Size - have.Size
	if m.rebuild {
		have = checkpoint.Checkpoint{}
	}
	// What a reader begins with, as it was verified.
	if err := errors.Join(m.files.update(api.RouteGenesis, l.Leaf()), m.files.update(api.RouteQuorum, []byte(l.Quorum().String()))); err != nil {
		return r, err
	}
	if err := m.entries(ctx, v.Checkpoint, have.Size); err != nil {
		return r, err
	}
	next := list{}
	if !none {
		if next, err = m.list(ctx, l, served); err != nil {
			return r, err
		}
		r.Epoch, r.Epochs = served.Number, uint64(len(next.heads))
	}
	// Everything is there that the checkpoint names, and then the heads (MI2). The
	// checkpoint is first, because a reader holds a head against one that covers it.
	if err := m.files.update(api.RouteCheckpoint, v.Raw); err != nil {
		return r, err
	}
	if err := m.publish(next); err != nil {
		return r, err
	}
	m.rebuild = false
	return r, m.sweep(v.Checkpoint.Size)
}

// open is the log as it is believed: read from its beginning once, and again after an
// error.
func (m *Mirror) open(ctx context.Context) (*trust.Log, error) {
	if m.trusted != nil {
		return m.trusted, nil
	}
	m.log = client.NewPlain(m.log.Client) // no tile of before
	l, err := trust.Open(ctx, trust.Config{Quorum: m.cfg.Quorum, Genesis: m.cfg.Genesis}, m.log, m.store)
	if err == nil {
		m.trusted = l
	}
	return l, err
}

// published is the checkpoint that the mirror shows; the zero value before the first.
func (m *Mirror) published() (checkpoint.Checkpoint, error) {
	raw, err := m.files.read(api.RouteCheckpoint)
	if err != nil || raw == nil {
		return checkpoint.Checkpoint{}, err
	}
	n, err := checkpoint.ParseNote(raw)
	if err != nil {
		return checkpoint.Checkpoint{}, fmt.Errorf("mirrored checkpoint: %w", err)
	}
	return checkpoint.ParseCheckpoint(n.Text)
}

func tileName(level int, index uint64, width int) string {
	return fmt.Sprintf("%s%d/%s", api.RouteTile, level, client.TilePath(index, width))
}

func bundleName(index uint64, width int) string {
	return api.RouteTile + "entries/" + client.TilePath(index, width)
}

// entries writes bundles and tiles from what is mirrored to a checkpoint's size.
func (m *Mirror) entries(ctx context.Context, c checkpoint.Checkpoint, have uint64) error {
	if c.Size == have {
		return nil
	}
	t, err := newTree(ctx, m.log, c.Size, c.Root)
	if err != nil {
		return err
	}
	first := have / tileWidth
	for n := first; n*tileWidth < c.Size; n++ {
		width := t.width(0, n)
		tile, bundle := tileName(0, n, width), bundleName(n, width)
		// An interrupted update has them already, verified.
		if m.rebuild || !m.files.has(tile) || !m.files.has(bundle) {
			raw, hashes, err := t.bundle(ctx, n)
			if err != nil {
				return err
			}
			if err := errors.Join(m.files.write(bundle, raw), m.files.write(tile, hashes)); err != nil {
				return err
			}
		}
		if width < tileWidth {
			m.partial[m.files.path(bundle)], m.partial[m.files.path(tile)] = m.cfg.Now(), m.cfg.Now()
		}
		if m.cfg.Progress != nil {
			m.cfg.Progress(min((n+1)*tileWidth, c.Size), c.Size)
		}
	}
	for level := 1; c.Size>>(8*level) > 0; level++ {
		for n := have >> (8 * level) / tileWidth; n*tileWidth < c.Size>>(8*level); n++ {
			name := tileName(level, n, t.width(level, n))
			if t.width(level, n) < tileWidth {
				m.partial[m.files.path(name)] = m.cfg.Now()
			}
			if !m.rebuild && m.files.has(name) {
				continue
			}
			raw, err := t.tile(ctx, level, n)
			if err != nil {
				return err
			}
			if err := m.files.write(name, raw); err != nil {
				return err
			}
		}
	}
	return nil
}
