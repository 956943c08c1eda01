package query

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/durable"
	"github.com/haltlog/haltlog/log"
)

// Errors of a cache.
var (
	// ErrCache is a cache that is not as it was written. To remove its folder costs
	// the asking.
	ErrCache = errors.New("cache of labels is damaged")
	// ErrDelta is a factor that does not carry one key to the other.
	ErrDelta = errors.New("not the factor between the two keys")
)

const (
	cacheFormat = "haltlog/label-cache/v1"
	secretName  = "secret"
	secretSize  = 32
	recordSize  = sha256.Size + voprf.ElementSize
)

// Cache keeps labels in a folder, a file for each key version. A file holds no
// fingerprint: an HMAC of it under a secret that lies beside, and the label. The
// labels stand there as they are: who reads them can look them up on the list, so
// the folder is as private as the answers. It is safe for concurrent use, by one
// process.
type Cache struct {
	dir    string
	secret []byte

	mu       sync.Mutex
	versions map[uint64]*Version
}

// OpenCache opens a folder, and makes it, 0700, with a fresh secret.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &Cache{dir: dir, versions: map[uint64]*Version{}}
	path := filepath.Join(dir, secretName)
	secret, err := readUpTo(path, secretSize)
	if errors.Is(err, fs.ErrNotExist) {
		secret = make([]byte, secretSize)
		_, _ = rand.Read(secret) // never fails
		err = durable.Replace(path, secret, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("%w: secret of %d bytes", ErrCache, len(secret))
	}
	c.secret = secret
	return c, nil
}

// Version is what is cached under one key.
type Version struct {
	cache   *Cache
	number  uint64
	key     []byte
	mu      sync.Mutex
	labels  map[[sha256.Size]byte]voprf.Label
	changed bool
}

// Version is the part of a key version, read if it is there. Labels under another
// key of the same number, of another log, are refused (ErrCache).
func (c *Cache) Version(number uint64, publicKey []byte) (*Version, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.versions[number]; v != nil {
		if !bytes.Equal(v.key, publicKey) {
			return nil, fmt.Errorf("%w: key version %d is of another key", ErrCache, number)
		}
		return v, nil
	}
	v := &Version{cache: c, number: number, key: slices.Clone(publicKey), labels: map[[sha256.Size]byte]voprf.Label{}}
	raw, err := readUpTo(c.path(number), maxCached*recordSize+1024)
	if err == nil {
		err = v.parse(raw)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	c.versions[number] = v
	return v, nil
}

func (c *Cache) path(number uint64) string {
	return filepath.Join(c.dir, fmt.Sprintf("%d.labels", number))
}

// Save writes what changed: each file as a whole, or the old one stays.
func (c *Cache) Save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, v := range c.versions {
		if err := v.save(c.path(n)); err != nil {
			return fmt.Errorf("save labels of key version %d: %w", n, err)
		}
	}
	return nil
}

// Follow makes labels under the next key of those under the last one, where the
// officers published the factor Δ between them: nobody is asked. The factor is held
// against the two keys that the log names. Labels that are there already stay.
// It says how many followed. Errors: ErrDelta, ErrCache.
func (c *Cache) Follow(from, to log.EvaluatorSet, delta []byte) (int, error) {
	last, err := voprf.ParseLabel(from.PublicKey)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDelta, err)
	}
	if next, err := last.Rotate(delta); err != nil || !bytes.Equal(next[:], to.PublicKey) {
		return 0, fmt.Errorf("%w: versions %d and %d: %w", ErrDelta, from.Version, to.Version, errors.Join(err))
	}
	old, err := c.Version(from.Version, from.PublicKey)
	if err != nil {
		return 0, err
	}
	fresh, err := c.Version(to.Version, to.PublicKey)
	if err != nil || old == fresh {
		return 0, err
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	fresh.mu.Lock()
	defer fresh.mu.Unlock()
	n := 0
	for k, l := range old.labels {
		if _, ok := fresh.labels[k]; ok {
			continue
		}
		if l, err = l.Rotate(delta); err != nil {
			return n, err
		}
		fresh.labels[k], fresh.changed = l, true
		n++
	}
	return n, nil
}

// Get is the label of a fingerprint's input, if it is there.
func (v *Version) Get(input []byte) (voprf.Label, bool) {
	k := v.place(input)
	v.mu.Lock()
	defer v.mu.Unlock()
	l, ok := v.labels[k]
	return l, ok
}

// Put keeps a label; a full cache keeps no more.
func (v *Version) Put(input []byte, l voprf.Label) {
	k := v.place(input)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.labels) >= maxCached {
		return
	}
	v.labels[k], v.changed = l, true
}

// Len is how many labels there are.
func (v *Version) Len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.labels)
}

// place is what a file shows of a fingerprint: the same under each key version.
func (v *Version) place(input []byte) [sha256.Size]byte {
	return [sha256.Size]byte(v.cache.mac("input\n", input))
}

// mac is HMAC-SHA256 under the folder's secret; use is no other's prefix.
func (c *Cache) mac(use string, b []byte) []byte {
	h := hmac.New(sha256.New, c.secret)
	h.Write([]byte(use))
	h.Write(b)
	return h.Sum(nil)
}

// print is the file: a line each for the format, the key version, the public key and the
// count, then 64 bytes for each label, ascending, and the HMAC of all of it: a
// changed label could clear a listed model (QU1).
func (v *Version) print() []byte {
	places := make([][sha256.Size]byte, 0, len(v.labels))
	for k := range v.labels {
		places = append(places, k)
	}
	slices.SortFunc(places, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	b := v.header(len(places))
	b = slices.Grow(b, len(places)*recordSize+sha256.Size)
	for _, k := range places {
		l := v.labels[k]
		b = append(append(b, k[:]...), l[:]...)
	}
	return append(b, v.cache.mac("file\n", b)...)
}

func (v *Version) header(n int) []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n%d\n", cacheFormat, v.number, hex.EncodeToString(v.key), n)
}

// parse reads exactly what print printed under the same secret.
func (v *Version) parse(raw []byte) error {
	bad := func(why string) error {
		return fmt.Errorf("%w: key version %d: %s", ErrCache, v.number, why)
	}
	if len(raw) < sha256.Size {
		return bad("cut off")
	}
	body, tag := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(tag, v.cache.mac("file\n", body)) {
		return bad("not what this folder's secret sealed")
	}
	// The format, the version, the key and the count, a line each.
	lines := bytes.SplitAfterN(body, []byte("\n"), 5)
	if len(lines) != 5 {
		return bad("of another form")
	}
	n, err := strconv.Atoi(string(bytes.TrimSuffix(lines[3], []byte("\n"))))
	if err != nil || !bytes.Equal(v.header(n), body[:len(body)-len(lines[4])]) || len(lines[4])%recordSize != 0 || len(lines[4])/recordSize != n {
		return bad("of another key, or of another form")
	}
	body = lines[4]
	var last []byte
	for ; len(body) > 0; body = body[recordSize:] {
		k := body[:sha256.Size]
		if last != nil && bytes.Compare(last, k) >= 0 {
			return bad("not in order")
		}
		last = k
		v.labels[[sha256.Size]byte(k)] = voprf.Label(body[sha256.Size:recordSize])
	}
	return nil
}

func (v *Version) save(path string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.changed {
		return nil
	}
	if err := durable.Replace(path, v.print(), 0o600); err != nil {
		return err
	}
	v.changed = false
	return nil
}

// readUpTo reads a file whole, and none that is longer.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%w: %s: longer than %d bytes", ErrCache, filepath.Base(path), limit)
	}
	return raw, nil
}
