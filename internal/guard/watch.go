package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const artefactFile = "artefacts.json"

// artefacts is what survives of the watcher: how many saved models were handed on, and which.
type artefacts struct {
	Count uint64   `json:"count"`
	Names []string `json:"names"`
}

// sight is one look at one entry of the watched directory: everything that changes while a model is still being saved.
type sight struct {
	files string
	newer time.Time
}

// watchCheckpoints hands each completed checkpoint on, oldest first. An entry counts as complete when two looks in a row
// see the same files, sizes and times; names that begin with a dot or end in .tmp or .partial are still being written.
// The work runs beside the loop; only the runtime's scheduler is shared, and beats need little of it.
func (s *session) watchCheckpoints(ctx context.Context) {
	tick := time.NewTicker(s.WatchEvery)
	defer tick.Stop()
	done, err := loadArtefacts(s.StateDir)
	if err != nil {
		s.warn("checkpoints")(err)
		return
	}
	before := map[string]sight{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := look(s.Checkpoints, done.Names)
		if err != nil {
			s.warn("checkpoints")(err)
			continue
		}
		for _, name := range stable(before, now) {
			next, err := s.artefact(ctx, name, done)
			if err != nil {
				s.warn("artefact")(err)
				break // it is tried again before anything newer: numbers follow the order of saving
			}
			done = next
		}
		before = now
	}
}

// artefact hands one checkpoint on and remembers it only when its statements are durable. A crash in between leaves parts
// of a whole that is never complete, and the checkpoint is sealed anew.
func (s *session) artefact(ctx context.Context, name string, done artefacts) (artefacts, error) {
	statements, err := s.deps.Artefact(ctx, filepath.Join(s.Checkpoints, name), done.Count)
	if err != nil {
		return done, fmt.Errorf("fingerprint %s: %w", name, err)
	}
	for _, b := range statements {
		if err := s.spool.Put(b); err != nil {
			return done, err
		}
	}
	done = artefacts{done.Count + 1, append(slices.Clone(done.Names), name)}
	return done, saveArtefacts(s.StateDir, done)
}

func loadArtefacts(dir string) (artefacts, error) {
	b, err := readBounded(filepath.Join(dir, artefactFile), maxMountinfo)
	if errors.Is(err, fs.ErrNotExist) {
		return artefacts{}, nil
	}
	if err != nil {
		return artefacts{}, err
	}
	var a artefacts
	if err := json.Unmarshal(b, &a); err != nil {
		return artefacts{}, fmt.Errorf("%w: %s: %w", ErrState, artefactFile, err)
	}
	return a, nil
}

func saveArtefacts(dir string, a artefacts) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return writeDurable(dir, artefactFile, b)
}

// look takes one sight of every entry that was not handed on yet.
func look(dir string, handled []string) (map[string]sight, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxWatched {
		return nil, fmt.Errorf("%s holds more than %d entries", dir, maxWatched)
	}
	out := map[string]sight{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".partial") ||
			slices.Contains(handled, name) {
			continue
		}
		s, err := sightOf(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // vanished or still changing
		}
		if err != nil {
			return nil, err
		}
		out[name] = s
	}
	return out, nil
}

// sightOf follows no symbolic links: the command owns this directory and could point them anywhere.
func sightOf(path string) (sight, error) {
	var b strings.Builder
	var s sight
	files := 0
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxWatched {
			return fmt.Errorf("%s holds more than %d files", path, maxWatched)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.IsDir() && !info.Mode().IsRegular() {
			return nil
		}
		fmt.Fprintf(&b, "%q %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		if info.ModTime().After(s.newer) {
			s.newer = info.ModTime()
		}
		return nil
	})
	s.files = b.String()
	return s, err
}

// stable lists what two looks saw alike, oldest first.
func stable(before, now map[string]sight) []string {
	var out []string
	for name, s := range now {
		if old, ok := before[name]; ok && old == s {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return compareFirst(now[a].newer.Compare(now[b].newer), strings.Compare(a, b))
	})
	return out
}

func compareFirst(order ...int) int {
	for _, o := range order {
		if o != 0 {
			return o
		}
	}
	return 0
}
