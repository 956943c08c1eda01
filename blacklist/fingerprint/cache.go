package fingerprint

import (
	"cmp"
	"slices"
	"time"
)

// CacheVersion numbers what a [FileResult] means. It changes with every change
// to what a scan computes of a file, so that older results are no hits. All
// that a scan needs later of a tensor has to be in exported fields of
// [TensorPrint]: caches keep those.
const CacheVersion = 3

// FileKey names a file as it was when it was scanned. A file that changed has
// another size or time, unless somebody set the time back: see [Options.Verify].
type FileKey struct {
	Name    string // in the scanned file system
	Size    uint64
	ModTime time.Time
}

// FileResult is what a scan computed of one file.
type FileResult struct {
	Digest  [32]byte // SHA-256 of the whole file; zero if Partial
	Tensors []TensorPrint
	Partial bool // some of the tensors only: the scan did not finish the file
}

// Cache keeps results across scans. It is asked before anything is read, and
// told of each finished file, and now and then of one that is under way. What
// it returns is believed for a file of that name, size and time, so a Cache
// must return nothing that it cannot tell to be whole and its own. It is called
// by one goroutine at a time; what it cannot keep it forgets.
type Cache interface {
	Get(FileKey) (FileResult, bool)
	Put(FileKey, FileResult)
}

func (f file) key() FileKey { return FileKey{f.name, f.size, f.mtime} }

// standing is how far one file has come. It is guarded by the queue's lock.
type standing struct {
	hashed  bool   // the digest is known
	open    int    // tensors not printed
	unsaved uint64 // bytes of tensors printed since the last Put
	known   []bool // by tensor of the file: printed
}

// recall takes what the cache knows of file i. Only results that fit the header
// that was just read are taken: same names, same shapes.
func (s *scan) recall(i int) {
	at := s.spans[i]
	p := &s.standing[i]
	p.open = at.end - at.first
	p.known = make([]bool, p.open)
	if s.opts.Cache == nil {
		return
	}
	r, ok := s.opts.Cache.Get(s.files[i].key())
	if !ok || r.Partial && s.opts.Verify || !r.Partial && len(r.Tensors) != p.open {
		return
	}
	prints := make(map[string]TensorPrint, len(r.Tensors))
	for _, t := range r.Tensors {
		prints[t.Name] = t
	}
	found, known := make([]TensorPrint, p.open), make([]bool, p.open)
	for j := range found {
		x := s.tensors[at.first+j]
		t, ok := prints[x.Name]
		if ok && (!slices.Equal(t.Shape, x.Shape) || t.Elements != x.elements || t.Eligible != (t.Reason == "") || !t.Sketch.fits()) {
			return
		}
		if !ok && !r.Partial {
			return
		}
		t.File = s.files[i].name
		found[j], known[j] = t, ok
	}
	if s.opts.Verify {
		s.claims[i] = claim{r.Digest, found}
		return
	}
	p.known = known
	s.adopt(i, found)
	if !r.Partial {
		s.digests[i], p.hashed = r.Digest, true
	}
}

// adopt takes the known ones among a file's prints.
func (s *scan) adopt(i int, found []TensorPrint) {
	p := &s.standing[i]
	for j, t := range found {
		if p.known[j] {
			s.prints[s.spans[i].first+j] = t
			p.open--
		}
	}
}

// claim is what the cache says of a file whose content is to be looked at.
type claim struct {
	digest [32]byte
	prints []TensorPrint
}

// settle compares the claims with the digests that were just computed. A claim
// about other content is dropped, and the file read like any other.
func (s *scan) settle() {
	for i, c := range s.claims {
		p := &s.standing[i]
		p.hashed = true
		if s.digests[i] != c.digest {
			continue
		}
		for j := range p.known {
			p.known[j] = true
		}
		s.adopt(i, c.prints)
	}
	s.claims = nil
}

// finished notes that a file was hashed (tensor −1) or a tensor of it printed,
// and tells the cache when the file is complete, or has come far.
func (s *scan) finished(i, tensor int) {
	if s.opts.Cache == nil {
		return
	}
	s.mu.Lock()
	p := &s.standing[i]
	if tensor < 0 {
		p.hashed = true
	} else {
		p.open--
		p.known[tensor-s.spans[i].first] = true
		p.unsaved += s.tensors[tensor].End - s.tensors[tensor].Begin
	}
	save := p.hashed && p.open == 0 || p.unsaved >= cmp.Or(s.opts.saveEvery, saveBytes)
	if save {
		p.unsaved = 0
	}
	s.mu.Unlock()
	if save {
		s.save(i)
	}
}

// save tells the cache how far file i has come. One at a time, and looking
// again: what is told later is never less than what was told before.
func (s *scan) save(i int) {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	p := &s.standing[i]
	r := FileResult{Partial: !p.hashed || p.open > 0}
	if !r.Partial {
		r.Digest = s.digests[i]
	}
	for j, known := range p.known {
		if known {
			r.Tensors = append(r.Tensors, s.prints[s.spans[i].first+j])
		}
	}
	s.mu.Unlock()
	// F4: what is kept was a file's, from its first byte to its last.
	if f := s.files[i]; unchanged(s.fsys, []file{f}) == nil {
		s.opts.Cache.Put(f.key(), r)
	}
}

// unread reports the bytes of file i that are still to be read.
func (s *scan) unread(i int) uint64 {
	p := &s.standing[i]
	n := uint64(0)
	if !p.hashed {
		n += s.files[i].size
	}
	for j, known := range p.known {
		if t := s.tensors[s.spans[i].first+j]; !known {
			n += t.End - t.Begin
		}
	}
	return n
}
