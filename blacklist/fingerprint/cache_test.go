package fingerprint

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/fstest"
)

// memory is a cache in memory that keeps all it was told.
type memory struct {
	told  []FileResult
	known map[FileKey]FileResult
}

func (m *memory) Get(k FileKey) (FileResult, bool) {
	r, ok := m.known[k]
	return r, ok
}

func (m *memory) Put(k FileKey, r FileResult) {
	m.told = append(m.told, r)
	m.known[k] = r
}

func cachedModel(t *testing.T) fstest.MapFS {
	t.Helper()
	var tensors []Source
	for i := range 6 {
		tensors = append(tensors, Bytes(fmt.Sprint("w", i), BF16, []uint64{256, 256}, values(t, BF16, random(1<<16, uint64(i), bfloat))))
	}
	return writeFS(t, tensors...)
}

// TestCachePartial: the cache is told of a large file while it is read, each
// time of more, and a scan that was stopped goes on from there.
func TestCachePartial(t *testing.T) {
	m := cachedModel(t)
	want := mustScan(t, m, Options{})
	c := &memory{known: make(map[FileKey]FileResult)}
	stop := make(chan struct{})
	_, err := Scan(m, Options{Workers: 1, Cache: c, saveEvery: 1, Stop: stop, Progress: func(done, total uint64) {
		if done > total*3/4 && stop != nil {
			close(stop)
			stop = nil
		}
	}})
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if n := len(c.told); n < 2 || n > 4 {
		t.Fatalf("told %d times", n)
	}
	for i, r := range c.told {
		if !r.Partial || r.Digest != [32]byte{} || len(r.Tensors) != i+1 {
			t.Errorf("%d: %+v", i, r)
		}
	}
	kept := len(c.told)
	var first uint64
	got := mustScan(t, m, Options{Workers: 3, Cache: c, Progress: func(done, total uint64) {
		first = total
	}})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if size := uint64(len(m["model.safetensors"].Data)); first != size+uint64(6-kept)<<17 {
		t.Errorf("read %d bytes, with %d of 6 tensors known", first, kept)
	}
	if last := c.told[len(c.told)-1]; last.Partial || len(last.Tensors) != 6 {
		t.Errorf("%+v", last)
	}
}

// TestCacheMisfit: results that are not those of the header that was read are
// not taken, whatever the cache says.
func TestCacheMisfit(t *testing.T) {
	m := cachedModel(t)
	want := mustScan(t, m, Options{})
	c := &memory{known: make(map[FileKey]FileResult)}
	mustScan(t, m, Options{Cache: c})
	if len(c.told) != 1 || c.told[0].Partial {
		t.Fatalf("%+v", c.told)
	}
	good := c.told[0]
	for name, spoil := range map[string]func(r *FileResult){
		"renamed":   func(r *FileResult) { r.Tensors[2].Name = "other" },
		"reshaped":  func(r *FileResult) { r.Tensors[2].Shape = []uint64{512, 128} },
		"resized":   func(r *FileResult) { r.Tensors[2].Elements++ },
		"fewer":     func(r *FileResult) { r.Tensors = r.Tensors[1:] },
		"more":      func(r *FileResult) { r.Tensors = append(r.Tensors, r.Tensors[0]) },
		"eligible?": func(r *FileResult) { r.Tensors[2].Reason = Small },
	} {
		r := good
		r.Tensors = append([]TensorPrint{}, good.Tensors...)
		for i := range r.Tensors {
			r.Tensors[i].Fingerprint.Value[0] ^= 1 // seen if any is taken
		}
		spoil(&r)
		for k := range c.known {
			c.known[k] = r
		}
		if got := mustScan(t, m, Options{Cache: c}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: taken", name)
		}
	}
}
