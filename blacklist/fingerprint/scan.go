package fingerprint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sync"
)

// ErrStopped is returned by a scan whose Stop channel was closed.
var ErrStopped = errors.New("scan stopped")

// Options of a scan. The zero value scans the whole file system on all cores.
type Options struct {
	// Workers is how many files and tensors are hashed at once; 0 is one per
	// core. It never changes the result.
	Workers int

	// File restricts the scan to one file, for a model that is one: its
	// manifest is that of a model-signing run on the bare file.
	File string

	// Symlinks reads through symbolic links to files (a model hub's local
	// cache is made of them). Without it a link is [ErrFileType]. Where a link
	// may lead is the file system's to bound.
	Symlinks bool

	// Progress, if set, is told bytes done and in total, from one goroutine
	// at a time. Every byte of a tensor counts twice: once for the manifest,
	// once for its own fingerprint.
	Progress func(done, total uint64)

	// Cache, if set, spares the reading of files that it knows.
	Cache Cache

	// Verify reads every file all the same, for the manifest, and takes from
	// the cache only the tensors of files whose content it finds unchanged.
	Verify bool

	// Stop, if set, ends the scan with [ErrStopped] when it is closed.
	Stop <-chan struct{}

	saveEvery uint64 // 0: saveBytes
}

// Scan fingerprints the model under fsys: the manifest of all its files, and
// every tensor of its weights. Files of fsys must be [io.ReaderAt].
// Errors are those of this package or the file system's, with the file's name;
// there is no partial result.
func Scan(fsys fs.FS, opts Options) (Model, error) {
	files, err := list(fsys, opts)
	if err != nil {
		return Model{}, fmt.Errorf("list model: %w", err)
	}
	headers, err := readWeights(fsys, files, opts.File == "")
	if err != nil {
		return Model{}, fmt.Errorf("read model: %w", err)
	}
	s := &scan{fsys: fsys, opts: opts, files: files, digests: make([][32]byte, len(files))}
	var m Model
	for i, f := range files {
		h, read := headers[f.name]
		first := len(s.tensors)
		for j, e := range h.Tensors {
			t := newTensor(e, i, h.Data)
			t.swap = h.swap
			if h.strides != nil {
				t.strides = h.strides[j]
			}
			s.tensors = append(s.tensors, t)
			m.Parameters += e.Elements()
		}
		s.spans = append(s.spans, span{first, len(s.tensors)})
		m.Bytes += f.size
		if !read && otherWeights(f.name) {
			m.Skipped = append(m.Skipped, f.name)
		}
	}
	s.prints = make([]TensorPrint, len(s.tensors))
	s.standing = make([]standing, len(files))
	s.claims = make(map[int]claim)
	for i := range files {
		s.recall(i)
		s.total += s.unread(i)
	}
	if len(s.claims) > 0 {
		s.claiming = true
		if err := s.run(); err != nil {
			return Model{}, fmt.Errorf("hash model: %w", err)
		}
		s.claiming, s.file, s.begun = false, 0, false
		s.settle()
		s.total = s.done
		for i := range files {
			s.total += s.unread(i)
		}
	}
	if err := s.run(); err != nil {
		return Model{}, fmt.Errorf("hash model: %w", err)
	}
	if err := unchanged(fsys, files); err != nil {
		return Model{}, fmt.Errorf("hash model: %w", err)
	}
	m.Manifest = Fingerprint{Manifest, manifestDigest(s.digests)}
	m.Tensors = s.prints
	return m, nil
}

// list returns the files of the scan in manifest order, at least one.
func list(fsys fs.FS, opts Options) ([]file, error) {
	if opts.File != "" {
		info, err := fs.Stat(fsys, opts.File)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%q: %w", opts.File, ErrFileType)
		}
		return []file{{opts.File, uint64(info.Size()), info.ModTime()}}, nil
	}
	files, err := walk(fsys, opts.Symlinks)
	if err == nil && len(files) == 0 {
		err = ErrNoFiles
	}
	return files, err
}

type span struct{ first, end int }

// scan is one run of workers over a queue: for each file in order, the file
// itself and then its tensors' leaves. The pass over the file and the one over
// its tensors so stay near each other, and the second finds the page cache
// warm.
type scan struct {
	fsys    fs.FS
	opts    Options
	files   []file
	spans   []span // of tensors, by file
	tensors []*tensor
	digests [][32]byte
	prints  []TensorPrint
	total   uint64

	standing []standing    // by file
	claims   map[int]claim // by file, until they are settled
	claiming bool          // only the files of claims are read
	saving   sync.Mutex    // of the cache's Put

	mu     sync.Mutex // of the queue
	file   int
	begun  bool // the file itself has been taken
	tensor int
	leaf   int
	err    error

	report sync.Mutex
	done   uint64
}

// task is a whole file (tensor nil) or one leaf of a tensor.
type task struct {
	file   int
	tensor int // −1: the file itself
	leaf   int // −1: an empty tensor, which has none
}

// next takes the next task; false at the end or after an error.
func (s *scan) next() (task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && s.file < len(s.files) {
		at, claimed := s.spans[s.file], false
		if s.claiming {
			_, claimed = s.claims[s.file]
		}
		if s.claiming && (!claimed || s.begun) {
			s.file, s.begun = s.file+1, false
			continue
		}
		if !s.begun {
			s.begun = true
			s.tensor, s.leaf = at.first, 0
			if !s.standing[s.file].hashed {
				return task{file: s.file, tensor: -1}, true
			}
		}
		if s.tensor == at.end {
			s.file, s.begun = s.file+1, false
			continue
		}
		if s.standing[s.file].known[s.tensor-at.first] {
			s.tensor, s.leaf = s.tensor+1, 0
			continue
		}
		t := s.tensors[s.tensor]
		if t.count() == 0 {
			s.tensor++
			return task{file: s.file, tensor: s.tensor - 1, leaf: -1}, true
		}
		if s.leaf == t.count() {
			s.tensor, s.leaf = s.tensor+1, 0
			continue
		}
		s.leaf++
		return task{s.file, s.tensor, s.leaf - 1}, true
	}
	return task{}, false
}

func (s *scan) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *scan) print(i int) TensorPrint {
	p := s.tensors[i].print()
	p.File = s.files[s.tensors[i].file].name
	return p
}

func (s *scan) run() error {
	n := s.opts.Workers
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(n, MaxWorkers) {
		wg.Go(func() {
			w := worker{scan: s, current: -1}
			defer w.close()
			for t, ok := s.next(); ok; t, ok = s.next() {
				if err := w.do(t); err != nil {
					s.fail(err)
				}
			}
		})
	}
	wg.Wait()
	return s.err
}

// advance reports n more bytes, or that the scan is to stop.
func (s *scan) advance(n int) error {
	select {
	case <-s.opts.Stop:
		return ErrStopped
	default:
	}
	s.report.Lock()
	defer s.report.Unlock()
	s.done += uint64(n)
	if s.opts.Progress != nil {
		s.opts.Progress(s.done, s.total)
	}
	return nil
}

// worker owns the buffers and the one open file of a goroutine (F2).
type worker struct {
	*scan
	current int // index of the open file, −1: none
	handle  fs.File
	at      io.ReaderAt
	read    []byte
	hasher  *leafHasher

	sketcher sketcher
}

func (w *worker) close() {
	if w.handle != nil {
		w.handle.Close()
	}
	w.handle, w.current = nil, -1
}

func (w *worker) open(i int) error {
	if w.current == i {
		return nil
	}
	w.close()
	h, at, err := open(w.fsys, w.files[i])
	if err != nil {
		return err
	}
	w.handle, w.at, w.current = h, at, i
	return nil
}

func (w *worker) do(t task) error {
	if err := w.open(t.file); err != nil {
		return err
	}
	if t.tensor < 0 {
		w.buffer(fileBlock)
		r := io.NewSectionReader(w.at, 0, int64(w.files[t.file].size)+1)
		d, err := hashFile(r, w.files[t.file], w.read, w.advance)
		w.digests[t.file] = d
		if err == nil && !w.claiming {
			w.finished(t.file, -1)
		}
		return err
	}
	if t.leaf < 0 {
		w.prints[t.tensor] = w.print(t.tensor)
		w.finished(t.file, t.tensor)
		return nil
	}
	x := w.tensors[t.tensor]
	n, last, err := w.leaf(x, t.leaf)
	if err != nil {
		return err
	}
	if err := w.advance(n); err != nil || !last {
		return err
	}
	// Leaves hashed before a later one raised the class are hashed again. That
	// may raise it once more: until a round finds none.
	for again := true; again; {
		again = false
		for i := range x.leaves {
			if !x.stale(i) {
				continue
			}
			if _, _, err := w.leaf(x, i); err != nil {
				return err
			}
			if err := w.advance(0); err != nil {
				return err
			}
			again = true
		}
	}
	p := w.print(t.tensor)
	if p.Eligible {
		if p.Sketch, err = w.sketch(x); err != nil {
			return err
		}
	}
	w.prints[t.tensor] = p
	w.finished(t.file, t.tensor)
	return nil
}

func (w *worker) buffer(n int) {
	if cap(w.read) < n {
		w.read = make([]byte, n)
	}
	w.read = w.read[:n]
}

// leaf reads and hashes one leaf. It returns its bytes and whether it was the
// tensor's last.
func (w *worker) leaf(t *tensor, i int) (n int, last bool, err error) {
	offset, n := t.span(i)
	w.buffer(n)
	if t.strides != nil {
		err = gather(w.at, w.read, t, uint64(i)*leafElements)
	} else {
		err = readAt(w.at, w.read, int64(offset))
	}
	if err != nil {
		return 0, false, fmt.Errorf("%q: tensor %q: %w", w.files[t.file].name, t.Name, err)
	}
	if t.swap {
		swapBytes(w.read, t.Dtype.Size())
	}
	if t.Dtype == BOOL {
		for _, b := range w.read {
			if b > 1 {
				return 0, false, fmt.Errorf("%q: tensor %q: %w: BOOL of %d", w.files[t.file].name, t.Name, ErrHeader, b)
			}
		}
	}
	if w.hasher == nil {
		w.hasher = newLeafHasher()
	}
	return n, t.hashLeaf(i, w.read, w.hasher), nil
}
