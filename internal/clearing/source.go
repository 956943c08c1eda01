package clearing

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/listsync"
	"github.com/haltlog/haltlog/log"
)

// Folder is a lab's own list, and the objects in its folder.
type Folder struct {
	Dir  string
	List *listsync.List
}

// OpenFolder opens a folder that haltlog sync keeps.
func OpenFolder(dir string) (*Folder, error) {
	l, err := listsync.Open(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{dir, l}, nil
}

// Object reads an object of the folder, or of a mirror's.
func (f *Folder) Object(_ context.Context, hash [32]byte) ([]byte, error) {
	name := hex.EncodeToString(hash[:])
	raw, err := os.ReadFile(filepath.Join(f.Dir, "objects", name[:2], name))
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", name, err)
	}
	return raw, nil
}

// Before takes what was added since out of what there is.
func (f *Folder) Before(_ context.Context, kind fingerprint.Kind, version, size uint64) ([]blacklist.Label, error) {
	var out []blacklist.Label
	for _, p := range partsOf(f.List.State(), kind, version) {
		full, err := f.List.Full(p.Part, version)
		if err != nil {
			return nil, err
		}
		added, err := f.List.Delta(p.Part, version, size)
		if err != nil {
			return nil, err
		}
		out = append(out, without(full.Labels, added.Labels)...)
	}
	return out, nil
}

// Served is a log or a mirror.
type Served struct{ Client *client.Client }

// Object asks for an object.
func (s *Served) Object(ctx context.Context, hash [32]byte) ([]byte, error) {
	return s.Client.Object(ctx, hash)
}

// Before takes what the epochs since added out of the newest list. It believes all
// of it, and its caller none.
func (s *Served) Before(ctx context.Context, kind fingerprint.Kind, version, size uint64) ([]blacklist.Label, error) {
	head, err := s.Client.Head(ctx)
	if err != nil {
		return nil, err
	}
	e, err := epochIn(head.Entries)
	if err != nil {
		return nil, err
	}
	raw, err := s.Client.Object(ctx, e.State)
	if err != nil {
		return nil, err
	}
	state, err := blacklist.ParseState(raw)
	if err != nil {
		return nil, err
	}
	var all, added []blacklist.Label
	for _, p := range partsOf(state, kind, version) {
		hash, _ := p.Hash(blacklist.CommitFull)
		if raw, err = s.Client.Object(ctx, hash); err != nil {
			return nil, err
		}
		full, err := blacklist.ParseFullList(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, full.Labels...)
	}
	for n := head.Number; head.Size != size; {
		for _, p := range e.Parts {
			hash, ok := p.Hash(blacklist.CommitDeltaFull)
			if !ok || p.Part.Kind != kind || p.KeyVersion != version {
				continue
			}
			if raw, err = s.Client.Object(ctx, hash); err != nil {
				return nil, err
			}
			d, err := blacklist.ParseDelta(raw)
			if err != nil {
				return nil, err
			}
			added = append(added, d.Labels...)
		}
		if n--; n == 0 || head.Size < size || state.Number-n > maxEpochs {
			return nil, fmt.Errorf("no epoch of size %d within reach", size)
		}
		if head, err = s.Client.HeadOf(ctx, n); err != nil {
			return nil, err
		}
		if e, err = epochIn(head.Entries); err != nil {
			return nil, err
		}
	}
	return without(all, added), nil
}

// without are the labels of one list that are not in the other.
func without(all, gone []blacklist.Label) []blacklist.Label {
	skip := make(map[blacklist.Label]bool, len(gone))
	for _, y := range gone {
		skip[y] = true
	}
	out := make([]blacklist.Label, 0, len(all))
	for _, y := range all {
		if !skip[y] {
			out = append(out, y)
		}
	}
	return out
}

// epochIn reads an epoch out of its entries, without judging it.
func epochIn(entries []api.HeadEntry) (blacklist.Epoch, error) {
	var parts []*log.Signed
	for _, x := range entries {
		s, err := log.Parse(x.Leaf)
		if err != nil {
			return blacklist.Epoch{}, err
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return blacklist.Epoch{}, fmt.Errorf("%w: no entry", ErrList)
	}
	whole := parts[0]
	if _, ok := whole.Statement.(*log.Part); ok || len(parts) > 1 {
		var err error
		if whole, err = log.Join(parts); err != nil {
			return blacklist.Epoch{}, err
		}
	}
	st, ok := whole.Statement.(*log.Epoch)
	if !ok {
		return blacklist.Epoch{}, fmt.Errorf("%w: no epoch", ErrList)
	}
	return fold.Epoch(st), nil
}

// Sources are several, asked in turn.
type Sources []Source

// Object is the first one's that has it.
func (s Sources) Object(ctx context.Context, hash [32]byte) (b []byte, err error) {
	for _, one := range s {
		if b, err = one.Object(ctx, hash); err == nil {
			return b, nil
		}
	}
	return nil, err
}

// Before is the first one's that has it.
func (s Sources) Before(ctx context.Context, kind fingerprint.Kind, version, size uint64) (l []blacklist.Label, err error) {
	for _, one := range s {
		if l, err = one.Before(ctx, kind, version, size); err == nil {
			return l, nil
		}
	}
	return nil, err
}
