package fingerprint

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

// endless is a file system of one file of weights whose data is computed, so
// that a model of any size costs no disk.
type endless struct {
	name   string
	header []byte
	size   int64
}

// endlessGGUF has blocks of whatever bytes: their scales are finite.
func endlessGGUF(t *testing.T, megabytes int) endless {
	t.Helper()
	_, block := Q4_K.Block()
	rows := uint64(megabytes) << 20 / uint64(16*block)
	length, _ := Q4_K.length(rows * 4096)
	header, err := formatGGUF(3, nil, []Entry{{"w", Q4_K, []uint64{rows, 4096}, 0, length}})
	if err != nil {
		t.Fatal(err)
	}
	header = append(header, make([]byte, pad(uint64(len(header)), ggufAlignment)-uint64(len(header)))...)
	return endless{"model.gguf", header, int64(len(header)) + int64(length)}
}

func endlessModel(t *testing.T, megabytes int) endless {
	t.Helper()
	const rows = 1 << 10
	columns := uint64(megabytes) << 20 / 2 / rows
	header, err := formatHeader(nil, []Source{{Name: "w", Dtype: BF16, Shape: []uint64{rows, columns}}})
	if err != nil {
		t.Fatal(err)
	}
	return endless{"model.safetensors", header, int64(len(header)) + int64(megabytes)<<20}
}

func (e endless) Open(name string) (fs.File, error) {
	if name == "." {
		return &endlessDir{e}, nil
	}
	return &endlessFile{endless: e}, nil
}

func (e endless) ReadDir(string) ([]fs.DirEntry, error) {
	return []fs.DirEntry{fs.FileInfoToDirEntry(endlessInfo{e.name, e.size, 0})}, nil
}

type endlessDir struct{ endless }

func (d *endlessDir) Stat() (fs.FileInfo, error) { return endlessInfo{".", 0, fs.ModeDir}, nil }
func (*endlessDir) Read([]byte) (int, error)     { return 0, io.EOF }
func (*endlessDir) Close() error                 { return nil }

type endlessInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i endlessInfo) Name() string      { return i.name }
func (i endlessInfo) Size() int64       { return i.size }
func (i endlessInfo) Mode() fs.FileMode { return i.mode }
func (endlessInfo) ModTime() time.Time  { return time.Time{} }
func (i endlessInfo) IsDir() bool       { return i.mode.IsDir() }
func (endlessInfo) Sys() any            { return nil }

type endlessFile struct {
	endless
	at int64
}

func (f *endlessFile) Stat() (fs.FileInfo, error) { return endlessInfo{f.name, f.size, 0}, nil }
func (f *endlessFile) Close() error               { return nil }

func (f *endlessFile) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.at)
	f.at += int64(n)
	return n, err
}

func (f *endlessFile) ReadAt(b []byte, off int64) (int, error) {
	n := int(min(int64(len(b)), max(0, f.size-off)))
	for i := 0; i < n; {
		at := off + int64(i)
		if at < int64(len(f.header)) {
			i += copy(b[i:n], f.header[at:])
			continue
		}
		var word [8]byte
		at -= int64(len(f.header))
		binary.LittleEndian.PutUint64(word[:], uint64(at/8)*0x9e3779b97f4a7c15&0x3fff_3fff_3fff_3fff)
		i += copy(b[i:n], word[at%8:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// TestMemory: what a scan allocates in all does not grow with the model, but
// for the leaves' hashes.
func TestMemory(t *testing.T) {
	t.Attr("invariant", "F2")
	allocated := func(model func(*testing.T, int) endless, megabytes int) uint64 {
		e := model(t, megabytes)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Scan(e, Options{Workers: 2})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Tensors[0].Eligible || m.Bytes != uint64(e.size) {
			t.Fatalf("%+v", m)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, c := range map[string]struct {
		model        func(*testing.T, int) endless
		small, large int
	}{"safetensors": {endlessModel, 8, 96}, "GGUF": {endlessGGUF, 2, 24}} {
		small, large := allocated(c.model, c.small), allocated(c.model, c.large)
		// 176 leaves of 33 bytes more, and room for the runtime's own.
		if large > small+1<<20 {
			t.Errorf("%s: %d bytes for %d MiB, %d for %d", name, small, c.small, large, c.large)
		}
	}
}

// TestFiles scans real folders, through os.DirFS and os.Root.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	data := writeFS(t, Bytes("w", BF16, []uint64{2, 2}, make([]byte, 8)))["model.safetensors"].Data
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("blobs/1")
	write("snapshot/model.safetensors")
	write("linked/config.json")
	if err := os.Symlink("../blobs/1", filepath.Join(dir, "linked/model.safetensors")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, fsys := range map[string]fs.FS{"DirFS": os.DirFS(dir), "Root": root.FS()} {
		sub := func(path string) fs.FS {
			s, err := fs.Sub(fsys, path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		plain, err := Scan(sub("snapshot"), Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := Scan(sub("linked"), Options{}); !errors.Is(err, ErrFileType) {
			t.Errorf("%s: link without Symlinks: %v", name, err)
		}
		linked, err := Scan(sub("linked"), Options{Symlinks: true})
		if err != nil {
			t.Fatal(name, err)
		}
		if linked.Tensors[0].Fingerprint != plain.Tensors[0].Fingerprint || linked.Tensors[0].File != "model.safetensors" {
			t.Errorf("%s: a link gives another fingerprint", name)
		}
		if _, err := Scan(fsys, Options{File: "snapshot"}); !errors.Is(err, ErrFileType) {
			t.Errorf("%s: folder as a file: %v", name, err)
		}
		if _, err := Scan(fsys, Options{File: "nothing"}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: no such file: %v", name, err)
		}
	}
}

// TestKind: kinds separate inputs, and unknown ones are refused.
func TestKind(t *testing.T) {
	for _, k := range []Kind{Manifest, Tensor} {
		if got, err := ParseKind(string(k)); err != nil || got != k {
			t.Errorf("%s: %v", k, err)
		}
	}
	for _, s := range []string{"", "band", "Tensor", "tensor "} {
		if _, err := ParseKind(s); !errors.Is(err, ErrKind) {
			t.Errorf("%q: %v", s, err)
		}
	}
	a, b := Fingerprint{Manifest, [32]byte{1}}, Fingerprint{Tensor, [32]byte{1}}
	if slices.Equal(a.Input(), b.Input()) {
		t.Error("equal inputs for two kinds")
	}
	if want := "haltlog/fingerprint/v1\x00tensor\x00\x01"; string(b.Input()[:len(want)]) != want || len(b.Input()) != len(want)+31 {
		t.Errorf("input %q", b.Input())
	}
}

// TestTensorKnownAnswer freezes the definition: leaf and node by hand.
func TestTensorKnownAnswer(t *testing.T) {
	m := fstest.MapFS{"model.safetensors": writeFS(t, Bytes("w", F32, []uint64{1, 2}, values(t, F32, []float64{1.5, -2})))["model.safetensors"]}
	// 1.5 and −2 fit E4M3: bytes 3c c0, class 3.
	const want = "022e1d2c6ebe9b787842e821dbf600394401f59e230abd61aaba3813f7a24e99"
	if got := mustScan(t, m, Options{}).Tensors[0].Fingerprint.String(); got != "tensor:"+want {
		t.Errorf("got %s, want %s", got, want)
	}
}
