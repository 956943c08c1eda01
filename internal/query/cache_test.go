package query

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// filled is a cache with some labels of a key.
func filled(t testing.TB, dir string, key *voprf.PrivateKey) (*Cache, *Version) {
	t.Helper()
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Version(1, key.Public().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []string{"a", "b", "c"} {
		y, err := key.Label([]byte(x))
		if err != nil {
			t.Fatal(err)
		}
		v.Put([]byte(x), y)
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	return c, v
}

// TestFollow: after a rotation whose factor was published, labels follow to the next key
// and are those that it gives, also after a restart; nobody is asked.
func TestFollow(t *testing.T) {
	t.Attr("invariant", "QU1")
	dir := t.TempDir()
	key := voprf.GenerateKey()
	c, _ := filled(t, dir, key)
	delta := voprf.GenerateKey().Bytes()
	next, err := voprf.Label(key.Public().Bytes()).Rotate(delta)
	if err != nil {
		t.Fatal(err)
	}
	from := log.EvaluatorSet{Version: 1, PublicKey: key.Public().Bytes()}
	to := log.EvaluatorSet{Version: 2, PublicKey: next[:]}
	if n, err := c.Follow(from, to, delta); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	if n, err := c.Follow(from, to, delta); err != nil || n != 0 {
		t.Errorf("again: %d %v", n, err)
	}
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := again.Version(2, next[:])
	if err != nil || v.Len() != 3 {
		t.Fatal(err)
	}
	y, err := key.Label([]byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := y.Rotate(delta)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := v.Get([]byte("a")); !ok || got != want {
		t.Error("another label followed")
	}
}

// TestDamagedCache: a file that is cut anywhere, or has any byte changed, is refused in
// one sentence, and left as it is.
func TestDamagedCache(t *testing.T) {
	t.Attr("invariant", "QU1")
	dir := t.TempDir()
	key := voprf.GenerateKey()
	filled(t, dir, key)
	path := filepath.Join(dir, "1.labels")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Version(1, key.Public().Bytes()); !errors.Is(err, ErrCache) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, raw) {
			t.Errorf("%s: the file was touched: %v", name, err)
		}
	}
	for i := range good {
		try("cut", good[:i])
		changed := bytes.Clone(good)
		changed[i] ^= 1
		try("changed", changed)
	}
	try("longer", append(bytes.Clone(good), 0))
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, secretName), make([]byte, secretSize-1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCache(dir); !errors.Is(err, ErrCache) {
		t.Errorf("a short secret: %v", err)
	}
}

// FuzzCache: behind the seal too, what is read prints as it was.
func FuzzCache(f *testing.F) {
	key := voprf.GenerateKey().Public().Bytes()
	cache := &Cache{secret: make([]byte, secretSize)}
	empty := func() *Version {
		return &Version{cache: cache, number: 1, key: key, labels: map[[32]byte]voprf.Label{}}
	}
	head := cacheFormat + "\n1\n" + hex.EncodeToString(key) + "\n"
	f.Add([]byte(head + "0\n"))
	f.Add(append([]byte(head+"1\n"), make([]byte, recordSize)...))
	f.Add(append([]byte(head+"2\n"), make([]byte, 2*recordSize)...))
	f.Add([]byte(head + "01\n"))
	f.Add([]byte(head + "-0\n"))
	f.Add([]byte(head + "9223372036854775807\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		// The key is another one in each process.
		body = bytes.Replace(body, []byte("KEY"), []byte(hex.EncodeToString(key)), 1)
		raw := append(bytes.Clone(body), cache.mac("file\n", body)...)
		v := empty()
		if err := v.parse(raw); err != nil {
			if !errors.Is(err, ErrCache) {
				t.Errorf("%v", err)
			}
			return
		}
		if !bytes.Equal(v.print(), raw) {
			t.Errorf("%q prints as another", body)
		}
	})
}
