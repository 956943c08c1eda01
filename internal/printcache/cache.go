// Package printcache owns the results of scans in a folder: a file of the
// model that did not change is not read again, and an interrupted scan goes on
// where it stopped.
//
// Invariants:
//
//   - PC1: what is not, to the last byte, an entry that this package would write
//     for that very file, size, time and version, is no hit; it is counted, and
//     computed and written anew.
//   - PC2: an entry is replaced as a whole or not at all, whatever crashes.
//   - PC3: nobody but the user can write entries: a folder that belongs to
//     another user, or that others may write to, is refused. Who writes as the
//     user is held off by a scan that verifies ([fingerprint.Options.Verify]):
//     it reads every file again and trusts an entry for that content only.
//   - PC4: a file that changed in the last moments before its entry would be
//     written is not kept: a second change could leave size and time alike.
package printcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/durable"
)

// ErrFolder is returned for a folder that is not the user's alone.
var ErrFolder = errors.New("cache folder is not the user's alone")

// errEntry is an entry that this package did not write, or not for this file.
var errEntry = errors.New("malformed cache entry")

// format is the first line of an entry.
const format = "haltlog/fingerprint-cache/v1\n"

// Stats says what a cache did.
type Stats struct {
	Hits    int // files, whole or in part
	Kept    int // entries written
	Refused int // entries that were there and were not believed
}

// Cache is a [fingerprint.Cache] over a folder, for the models under one root.
type Cache struct {
	dir  string
	root string
	now  func() time.Time

	mu    sync.Mutex
	stats Stats
	err   error
}

// Open opens the folder, making it if it is not there, for scans of the file
// system at root, an absolute path. Several processes may share a folder.
func Open(dir, root string) (*Cache, error) {
	if !filepath.IsAbs(root) {
		return nil, fmt.Errorf("root %q is not absolute", root)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || !own(info) || info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%w: %s (%v)", ErrFolder, dir, info.Mode())
	}
	return &Cache{dir: dir, root: filepath.Clean(root), now: time.Now}, nil
}

// Stats returns the counts so far, and the first error of writing an entry.
// Such an error costs time at the next scan, and nothing else.
func (c *Cache) Stats() (Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats, c.err
}

// entry is the document of one file.
type entry struct {
	Version int                       `json:"version"`
	Root    string                    `json:"root"`
	Name    string                    `json:"name"`
	Size    uint64                    `json:"size"`
	ModTime int64                     `json:"mtime"` // nanoseconds since 1970
	Partial bool                      `json:"partial"`
	Digest  string                    `json:"digest"`
	Tensors []fingerprint.TensorPrint `json:"tensors"`
}

func (c *Cache) entry(k fingerprint.FileKey, r fingerprint.FileResult) entry {
	return entry{
		Version: fingerprint.CacheVersion, Root: c.root, Name: k.Name, Size: k.Size, ModTime: k.ModTime.UnixNano(),
		Partial: r.Partial, Digest: hex.EncodeToString(r.Digest[:]), Tensors: r.Tensors,
	}
}

// print returns the one encoding: the format, the document in one line, and
// the SHA-256 of both.
func (e entry) print() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(format)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	return append(hex.AppendEncode(b.Bytes(), sum[:]), '\n'), nil
}

// parse reads what print writes, and nothing else.
func parse(text []byte) (entry, error) {
	var e entry
	head, ok := bytes.CutPrefix(text, []byte(format))
	if !ok {
		return e, errEntry
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, fmt.Errorf("%w: %w", errEntry, err)
	}
	again, err := e.print()
	if err != nil || !bytes.Equal(again, text) {
		return e, errEntry
	}
	return e, nil
}

// path returns where the entry of a file of the model lies. The root enters, so
// that models in different places do not push one another out.
func (c *Cache) path(name string) string {
	sum := sha256.Sum256([]byte(c.root + "\x00" + name))
	text := hex.EncodeToString(sum[:])
	return filepath.Join(c.dir, text[:2], text)
}

// Get implements [fingerprint.Cache].
func (c *Cache) Get(k fingerprint.FileKey) (fingerprint.FileResult, bool) {
	text, err := c.read(c.path(k.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return fingerprint.FileResult{}, false
	}
	r, current, err := c.result(k, text, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.stats.Refused++
	case current:
		c.stats.Hits++
		return r, true
	}
	return fingerprint.FileResult{}, false
}

func (c *Cache) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxEntry+1))
	if err == nil && len(text) > maxEntry {
		err = errEntry
	}
	return text, err
}

// result holds an entry against the file that is asked for. current is false
// for an honest entry of what the file was before.
func (c *Cache) result(k fingerprint.FileKey, text []byte, err error) (r fingerprint.FileResult, current bool, _ error) {
	if err != nil {
		return r, false, err
	}
	e, err := parse(text)
	if err != nil {
		return r, false, err
	}
	if e.Root != c.root || e.Name != k.Name {
		return r, false, errEntry
	}
	digest, err := hex.DecodeString(e.Digest)
	if err != nil || len(digest) != len(r.Digest) {
		return r, false, errEntry
	}
	for _, t := range e.Tensors {
		if t.Fingerprint.Kind != fingerprint.Tensor || t.File != k.Name {
			return r, false, errEntry
		}
	}
	r = fingerprint.FileResult{Digest: [32]byte(digest), Tensors: e.Tensors, Partial: e.Partial}
	if e.Partial && r.Digest != [32]byte{} {
		return r, false, errEntry
	}
	return r, e.Version == fingerprint.CacheVersion && e.Size == k.Size && e.ModTime == k.ModTime.UnixNano(), nil
}

// Put implements [fingerprint.Cache].
func (c *Cache) Put(k fingerprint.FileKey, r fingerprint.FileResult) {
	if c.now().Sub(k.ModTime) < settled {
		return
	}
	err := c.put(k, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.stats.Kept++
	} else if c.err == nil {
		c.err = fmt.Errorf("keep results of %q: %w", k.Name, err)
	}
}

func (c *Cache) put(k fingerprint.FileKey, r fingerprint.FileResult) error {
	// Names that JSON cannot hold would come back as others.
	if strings.ToValidUTF8(k.Name, "") != k.Name {
		return nil
	}
	text, err := c.entry(k, r).print()
	if err != nil {
		return err
	}
	if len(text) > maxEntry {
		return nil
	}
	path := c.path(k.Name)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.Replace(path, text, 0o600)
}
