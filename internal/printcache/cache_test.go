package printcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// model writes a model of two safetensors files and a GGUF one and returns its
// folder. All were last changed an hour ago.
func model(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	source := func(name string, d fingerprint.Dtype) fingerprint.Source {
		x := make([]float32, 256*512)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		b, err := fingerprint.Quantise(nil, d, x)
		if err != nil {
			t.Fatal(err)
		}
		return fingerprint.Bytes(name, d, []uint64{256, 512}, b)
	}
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"a.safetensors": func(b *bytes.Buffer) error {
			return fingerprint.WriteFile(b, nil, []fingerprint.Source{source("a", fingerprint.BF16), source("b", fingerprint.F32)})
		},
		"b.safetensors": func(b *bytes.Buffer) error {
			return fingerprint.WriteFile(b, nil, []fingerprint.Source{source("c", fingerprint.F16), fingerprint.Bytes("empty", fingerprint.I8, []uint64{0, 3}, nil)})
		},
		"c.gguf": func(b *bytes.Buffer) error {
			return fingerprint.WriteGGUF(b, nil, []fingerprint.Source{source("d", fingerprint.Q4_K)})
		},
		"readme.txt": func(b *bytes.Buffer) error { _, err := b.WriteString("hello"); return err },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), b.Bytes())
	}
	return dir
}

var changed = time.Unix(1_700_000_000, 0)

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, changed, changed); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir, root string) *Cache {
	t.Helper()
	c, err := Open(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stats(t *testing.T, c *Cache) Stats {
	t.Helper()
	s, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scan returns the model and how many bytes were read for it.
func scan(t *testing.T, root string, opts fingerprint.Options) (fingerprint.Model, uint64) {
	t.Helper()
	var read uint64
	opts.Progress = func(done, total uint64) {
		if done > total {
			t.Errorf("progress %d of %d", done, total)
		}
		read = done
	}
	m, err := fingerprint.Scan(os.DirFS(root), opts)
	if err != nil {
		t.Fatal(err)
	}
	return m, read
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSame: with and without a cache, in every mode, the same model to the
// last field comes out; and a second scan reads nothing.
func TestSame(t *testing.T) {
	root, dir := model(t), filepath.Join(t.TempDir(), "cache")
	want, all := scan(t, root, fingerprint.Options{})
	c := open(t, dir, root)
	for i, step := range []struct {
		verify bool
		stats  Stats
	}{{false, Stats{Kept: 4}}, {false, Stats{Hits: 4, Kept: 4}}, {true, Stats{Hits: 8, Kept: 4}}} {
		got, read := scan(t, root, fingerprint.Options{Cache: c, Verify: step.verify})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("scan %d: %+v, want %+v", i, got, want)
		}
		if s := stats(t, c); s != step.stats {
			t.Errorf("scan %d: %+v, want %+v", i, s, step.stats)
		}
		if limit := []uint64{all, 0, want.Bytes}[i]; read != limit {
			t.Errorf("scan %d read %d bytes, want %d", i, read, limit)
		}
	}
	// Another root is another model.
	if _, read := scan(t, root, fingerprint.Options{Cache: open(t, dir, filepath.Dir(root))}); read != all {
		t.Errorf("under another root, read %d of %d", read, all)
	}
}

// TestChanged: a file of another size or time is read, the others are not; one
// that was changed just now is not kept.
func TestChanged(t *testing.T) {
	t.Attr("invariant", "PC4")
	root, dir := model(t), t.TempDir()
	c := open(t, dir, root)
	scan(t, root, fingerprint.Options{Cache: c})
	put(t, filepath.Join(root, "readme.txt"), []byte("longer than it was"))
	if _, read := scan(t, root, fingerprint.Options{Cache: c}); read != 18 {
		t.Errorf("read %d bytes", read)
	}
	now := time.Now()
	if err := os.Chtimes(filepath.Join(root, "readme.txt"), now, now); err != nil {
		t.Fatal(err)
	}
	before := stats(t, c)
	for range 2 {
		if _, read := scan(t, root, fingerprint.Options{Cache: c}); read != 18 {
			t.Errorf("read %d bytes of a file of just now", read)
		}
	}
	if after := stats(t, c); after.Kept != before.Kept || after.Refused != 0 {
		t.Errorf("%+v, was %+v", after, before)
	}
}

// TestCorrupt: whatever byte of an entry is flipped, cut off or added, and
// whatever lies in its place: it is refused, computed anew, and written again.
func TestCorrupt(t *testing.T) {
	t.Attr("invariant", "PC1")
	root, dir := model(t), t.TempDir()
	want, _ := scan(t, root, fingerprint.Options{Cache: open(t, dir, root)})
	paths := entries(t, dir)
	if len(paths) != 4 {
		t.Fatalf("%d entries", len(paths))
	}
	good := make(map[string][]byte)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		good[p] = b
	}
	r := rand.New(rand.NewPCG(2, 2))
	for name, spoil := range map[string]func(b []byte, i int) []byte{
		"empty":   func([]byte, int) []byte { return nil },
		"cut":     func(b []byte, _ int) []byte { return b[:r.IntN(len(b))] },
		"longer":  func(b []byte, _ int) []byte { return append(b, '\n') },
		"flipped": func(b []byte, _ int) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"swapped": func(_ []byte, i int) []byte { return good[paths[(i+1)%len(paths)]] },
		"other version of the format": func(b []byte, _ int) []byte {
			return bytes.Replace(b, []byte("cache/v1"), []byte("cache/v2"), 1)
		},
		"poisoned without the sum": func(b []byte, _ int) []byte {
			return bytes.Replace(b, []byte(`"digest":"`), []byte(`"digest":"00`), 1)
		},
	} {
		for i, p := range paths {
			if err := os.WriteFile(p, spoil(bytes.Clone(good[p]), i), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := open(t, dir, root)
		got, _ := scan(t, root, fingerprint.Options{Cache: c})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: another model", name)
		}
		if s := stats(t, c); s != (Stats{Refused: 4, Kept: 4}) {
			t.Errorf("%s: %+v", name, s)
		}
		for _, p := range paths {
			if b, err := os.ReadFile(p); err != nil || !bytes.Equal(b, good[p]) {
				t.Errorf("%s: entry not written again: %v", name, err)
			}
		}
	}
}

// TestPoisoned: an entry that a program forged as the user, sum and all, is
// believed by a plain scan; one that verifies finds it out when the content is
// not the entry's.
func TestPoisoned(t *testing.T) {
	t.Attr("invariant", "PC3")
	root, dir := model(t), t.TempDir()
	want, _ := scan(t, root, fingerprint.Options{Cache: open(t, dir, root)})
	// The weights are swapped for others of the same size, and the time is set back.
	path := filepath.Join(root, "a.safetensors")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 0x10
	put(t, path, b)
	if got, _ := scan(t, root, fingerprint.Options{Cache: open(t, dir, root)}); got.Manifest != want.Manifest {
		t.Fatal("the test's swap is noticed without verifying")
	}
	got, _ := scan(t, root, fingerprint.Options{Cache: open(t, dir, root), Verify: true})
	fresh, _ := scan(t, root, fingerprint.Options{})
	if !reflect.DeepEqual(got, fresh) || got.Manifest == want.Manifest {
		t.Error("verifying believes the entry")
	}
	// And it has put it right.
	if got, read := scan(t, root, fingerprint.Options{Cache: open(t, dir, root)}); !reflect.DeepEqual(got, fresh) || read != 0 {
		t.Error("verifying leaves the entry")
	}
}

// TestFolder: a folder that others may write to is refused.
func TestFolder(t *testing.T) {
	t.Attr("invariant", "PC3")
	dir := t.TempDir()
	for _, mode := range []fs.FileMode{0o777, 0o770, 0o702} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, "/m"); !errors.Is(err, ErrFolder) {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if _, err := Open(t.TempDir(), "m"); err == nil {
		t.Error("a relative root is taken")
	}
	file := filepath.Join(t.TempDir(), "f")
	put(t, file, nil)
	if _, err := Open(file, "/m"); err == nil {
		t.Error("a file is taken")
	}
}

// TestInterrupted: a scan that is stopped goes on with what it finished, inside
// a large file, too.
func TestInterrupted(t *testing.T) {
	t.Attr("invariant", "PC2")
	root, dir := model(t), t.TempDir()
	want, all := scan(t, root, fingerprint.Options{})
	stop, once := make(chan struct{}), true
	_, err := fingerprint.Scan(os.DirFS(root), fingerprint.Options{Workers: 1, Cache: open(t, dir, root), Stop: stop, Progress: func(done, total uint64) {
		if done > total*4/5 && once {
			once = false
			close(stop)
		}
	}})
	if !errors.Is(err, fingerprint.ErrStopped) {
		t.Fatal(err)
	}
	// What a crash in the middle of writing leaves is no entry.
	if err := os.WriteFile(filepath.Join(filepath.Dir(entries(t, dir)[0]), ".tmp-1"), []byte("haltlog"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir, root)
	got, read := scan(t, root, fingerprint.Options{Cache: c})
	if !reflect.DeepEqual(got, want) {
		t.Error("another model")
	}
	if read == 0 || read > all*2/3 {
		t.Errorf("read %d of %d again", read, all)
	}
	if s := stats(t, c); s.Refused != 0 || s.Hits == 0 {
		t.Errorf("%+v", s)
	}
}

// TestPartial: of a file that was scanned in part, the rest is read.
func TestPartial(t *testing.T) {
	root, dir := model(t), t.TempDir()
	want, all := scan(t, root, fingerprint.Options{})
	c := open(t, dir, root)
	key := fingerprint.FileKey{Name: "a.safetensors", ModTime: changed}
	info, err := os.Stat(filepath.Join(root, key.Name))
	if err != nil {
		t.Fatal(err)
	}
	key.Size = uint64(info.Size())
	c.Put(key, fingerprint.FileResult{Partial: true, Tensors: want.Tensors[:1]})
	got, read := scan(t, root, fingerprint.Options{Cache: c})
	if !reflect.DeepEqual(got, want) || read != all-256*512*4 {
		t.Errorf("read %d of %d", read, all)
	}
	// What was not there whole cannot be verified.
	c = open(t, t.TempDir(), root)
	c.Put(key, fingerprint.FileResult{Partial: true, Tensors: want.Tensors[:1]})
	if _, read := scan(t, root, fingerprint.Options{Cache: c, Verify: true}); read != all {
		t.Errorf("verifying read %d of %d", read, all)
	}
	// Names and shapes are the header's, not the entry's.
	for _, spoil := range []func(p *fingerprint.TensorPrint){
		func(p *fingerprint.TensorPrint) { p.Shape = []uint64{512, 256} },
		func(p *fingerprint.TensorPrint) { p.Elements++ },
		func(p *fingerprint.TensorPrint) { p.Eligible = !p.Eligible },
	} {
		p := want.Tensors[0]
		spoil(&p)
		c = open(t, t.TempDir(), root)
		c.Put(key, fingerprint.FileResult{Partial: true, Tensors: []fingerprint.TensorPrint{p}})
		if got, read := scan(t, root, fingerprint.Options{Cache: c}); read != all || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v is believed", p)
		}
	}
}

// FuzzParse: what is read prints as it was.
func FuzzParse(f *testing.F) {
	c := &Cache{root: "/m"}
	b, err := c.entry(fingerprint.FileKey{Name: "w"}, fingerprint.FileResult{Tensors: []fingerprint.TensorPrint{{Fingerprint: fingerprint.Fingerprint{Kind: fingerprint.Tensor}, Shape: []uint64{2, 3}, File: "w"}}}).print()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-65])
	f.Add([]byte(format + "{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parse(b)
		if err != nil { // with a sum that is right
			sum := sha256.Sum256(b)
			b = append(hex.AppendEncode(bytes.Clone(b), sum[:]), '\n')
			e, err = parse(b)
		}
		if err != nil {
			return
		}
		if again, err := e.print(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%q prints %q", b, again)
		}
	})
}
