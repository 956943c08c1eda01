package fingerprint

import (
	"archive/zip"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// ErrTorch is returned for a PyTorch archive that is malformed, or whose
// tensors do not lie in its storages.
var ErrTorch = errors.New("malformed PyTorch archive")

// errNotTorch is a file that is no PyTorch archive: another format under the
// same suffix (a pickle of before version 1.6, TorchScript, anything).
var errNotTorch = errors.New("not a PyTorch archive")

// zipMagic begins every archive that torch.save writes.
const zipMagic = "PK\x03\x04"

// ReadTorch reads what a checkpoint of torch.save (since PyTorch 1.6) says of
// its tensors: the zip directory, and the pickle in it by a machine that knows
// tensors and plain data only and runs nothing. Entries are stored; compressed,
// encrypted, overlapping and repeated ones are refused. Tensors that are the
// same view of the same storage (tied weights) are one tensor.
// Errors are [ErrTorch], [ErrPickle], [ErrGlobal], or the reader's.
// Source: pytorch/pytorch torch/serialization.py (_save, _load),
// caffe2/serialize/inline_container.cc.
func ReadTorch(r io.ReaderAt, size uint64) (Header, error) {
	a, err := openTorch(r, size)
	if err != nil {
		return Header{}, err
	}
	text, err := a.read("data.pkl", MaxHeader)
	if err != nil {
		return Header{}, err
	}
	h := Header{}
	order := "little"
	if _, ok := a.entries["byteorder"]; ok {
		b, err := a.read("byteorder", 16)
		if err != nil {
			return Header{}, err
		}
		order = string(b)
	}
	switch order {
	case "little":
	case "big":
		h.swap = true
	default:
		return Header{}, fmt.Errorf("%w: byteorder %q", ErrTorch, order)
	}
	tensors, err := parsePickle(text)
	if err != nil {
		return Header{}, err
	}
	views, err := a.views(tensors, size)
	if err != nil {
		return Header{}, err
	}
	for _, v := range views {
		h.Tensors = append(h.Tensors, v.Entry)
		h.strides = append(h.strides, v.strides)
	}
	return h, nil
}

// torchEntry is where an entry's bytes are in the file.
type torchEntry struct{ begin, end uint64 }

type torchArchive struct {
	r       io.ReaderAt
	entries map[string]torchEntry // by name under the archive's one folder
}

// bounded fails after so many bytes: archive/zip reads as much directory as the
// file claims to have.
type bounded struct {
	r    io.ReaderAt
	left int64
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("%w: directory of more than %d bytes", ErrTorch, maxZipRead)
	}
	return b.r.ReadAt(p, off)
}

func openTorch(r io.ReaderAt, size uint64) (*torchArchive, error) {
	magic := make([]byte, min(size, uint64(len(zipMagic))))
	if err := readAt(r, magic, 0); err != nil {
		return nil, err
	}
	if string(magic) != zipMagic {
		return nil, errNotTorch
	}
	if size > math.MaxInt64/maxViews {
		return nil, fmt.Errorf("%w: %d bytes", ErrTorch, size)
	}
	limit := &bounded{r, maxZipRead}
	z, err := zip.NewReader(limit, int64(size))
	if err != nil {
		if errors.Is(err, ErrTorch) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrTorch, err)
	}
	if len(z.File) == 0 {
		return nil, errNotTorch
	}
	// The reader of torch takes the folder of the first entry for the
	// archive's. One that has several is none that torch wrote.
	folder, _, ok := strings.Cut(z.File[0].Name, "/")
	if !ok {
		return nil, errNotTorch
	}
	if !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == folder+"/data.pkl" }) {
		return nil, errNotTorch
	}
	a := &torchArchive{r, make(map[string]torchEntry)}
	var spans []torchEntry
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, folder+"/")
		if _, twice := a.entries[name]; !ok || name == "" || twice {
			return nil, fmt.Errorf("%w: entry %q twice or beside the folder", ErrTorch, f.Name)
		}
		if f.Method != zip.Store || f.Flags&1 != 0 || f.CompressedSize64 != f.UncompressedSize64 {
			return nil, fmt.Errorf("%w: entry %q is compressed or encrypted", ErrTorch, f.Name)
		}
		limit.left = maxZipRead // a local header is 30 bytes
		at, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%w: entry %q: %w", ErrTorch, f.Name, err)
		}
		if at < 0 || uint64(at) > size || f.CompressedSize64 > size-uint64(at) {
			return nil, fmt.Errorf("%w: entry %q at %d of %d bytes", ErrTorch, f.Name, at, size)
		}
		e := torchEntry{uint64(at), uint64(at) + f.CompressedSize64}
		a.entries[name] = e
		spans = append(spans, e)
	}
	slices.SortFunc(spans, func(x, y torchEntry) int { return cmp.Compare(x.begin, y.begin) })
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end {
			return nil, fmt.Errorf("%w: entries overlap at %d", ErrTorch, spans[i].begin)
		}
	}
	return a, nil
}

// read reads a whole entry of at most limit bytes.
func (a *torchArchive) read(name string, limit uint64) ([]byte, error) {
	e := a.entries[name]
	if e.end-e.begin > limit {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrTorch, name, e.end-e.begin)
	}
	b := make([]byte, e.end-e.begin)
	return b, readAt(a.r, b, int64(e.begin))
}

// torchView is a tensor in the file; strides is nil for row-major ones.
type torchView struct {
	Entry
	strides []uint64
}

// views places the tensors in the file, each view and
// each name once.
func (a *torchArchive) views(tensors []*pickleTensor, size uint64) ([]torchView, error) {
	var views []torchView
	seen, names, count := make(map[string]bool), make(map[string]bool), make(map[string]int)
	total := uint64(0)
	for i, t := range tensors {
		v, err := a.view(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
		key := fmt.Sprint(v.Begin, v.Dtype, v.Shape, v.strides)
		if seen[key] {
			continue
		}
		seen[key] = true
		// Views may share bytes, and a stride of 0 repeats them: without a
		// bound, a file of a kilobyte is a tensor of a year.
		if total += v.End - v.Begin; total > maxViews*size {
			return nil, fmt.Errorf("%w: tensors of more than %d times the file", ErrTorch, maxViews)
		}
		// Keys of dicts in dicts repeat (an optimiser's state); names do not.
		base := cmp.Or(t.name, "tensor "+strconv.Itoa(i))
		for v.Name = base; names[v.Name]; v.Name = base + " #" + strconv.Itoa(count[base]+1) {
			count[base]++
		}
		names[v.Name] = true
		views = append(views, v)
	}
	slices.SortStableFunc(views, func(x, y torchView) int {
		return cmp.Or(cmp.Compare(x.Begin, y.Begin), cmp.Compare(x.End, y.End), cmp.Compare(x.Name, y.Name))
	})
	return views, nil
}

// view checks one tensor against its storage. End is where it would end in
// row-major order, which is its length and not its place where it has strides.
func (a *torchArchive) view(t *pickleTensor) (torchView, error) {
	e, ok := a.entries["data/"+t.storage.key]
	if !ok {
		return torchView{}, fmt.Errorf("%w: no storage %q", ErrTorch, t.storage.key)
	}
	unit := uint64(1)
	if t.storage.dtype != 0 {
		unit = uint64(t.storage.dtype.Size())
	}
	hi, length := bits.Mul64(t.storage.numel, unit)
	if hi != 0 || length != e.end-e.begin {
		return torchView{}, fmt.Errorf("%w: storage %q of %d elements in %d bytes", ErrTorch, t.storage.key, t.storage.numel, e.end-e.begin)
	}
	width := uint64(t.dtype.Size())
	elements, ok := product(t.shape)
	span, fits := t.dtype.length(elements)
	if !ok || !fits {
		return torchView{}, fmt.Errorf("%w: shape %v", ErrTorch, t.shape)
	}
	last := t.offset // the element of the highest place
	rowMajor, next := true, uint64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		n, stride := t.shape[i], t.strides[i]
		if n > 1 && stride != next {
			rowMajor = false
		}
		next *= max(n, 1)
		if n == 0 {
			continue
		}
		hi, reach := bits.Mul64(n-1, stride)
		var carry uint64
		if last, carry = bits.Add64(last, reach, 0); hi != 0 || carry != 0 {
			return torchView{}, fmt.Errorf("%w: strides %v", ErrTorch, t.strides)
		}
	}
	// Divided, not multiplied: nothing to overflow.
	room := length / width
	if elements > 0 && last >= room || t.offset > room {
		return torchView{}, fmt.Errorf("%w: shape %v, strides %v from %d in %d elements", ErrTorch, t.shape, t.strides, t.offset, room)
	}
	v := torchView{Entry: Entry{Name: t.name, Dtype: t.dtype, Shape: t.shape}}
	v.Begin = e.begin + t.offset*width
	if span > math.MaxInt64-v.Begin {
		return torchView{}, fmt.Errorf("%w: shape %v", ErrTorch, t.shape)
	}
	v.End = v.Begin + span
	if elements == 0 {
		rowMajor = true
	}
	if !rowMajor {
		v.strides = t.strides
	}
	return v, nil
}

// gather reads the elements of a strided tensor from element first on, in
// row-major order, until dst is full: as runs of what lies together, along the
// rows or, of a transposed matrix, along many columns at once.
func gather(r io.ReaderAt, dst []byte, t *tensor, first uint64) error {
	width := t.Dtype.Size()
	rank := len(t.Shape)
	index := make([]uint64, rank)
	for i, rest := rank-1, first; i >= 0; i-- {
		index[i], rest = rest%t.Shape[i], rest/t.Shape[i]
	}
	for len(dst) > 0 {
		place := uint64(0)
		for i, n := range index {
			place += n * t.strides[i]
		}
		at := t.offset + place*uint64(width)
		if n, err := gatherColumns(r, dst, t, at, index); err != nil {
			return err
		} else if n > 0 {
			dst = dst[n:]
		} else {
			run := uint64(1)
			if t.strides[rank-1] == 1 {
				run = min(t.Shape[rank-1]-index[rank-1], uint64(len(dst)/width))
			}
			n := int(run) * width
			if err := readAt(r, dst[:n], int64(at)); err != nil {
				return err
			}
			dst = dst[n:]
			index[rank-1] += run
		}
		for i := rank - 1; i > 0 && index[i] == t.Shape[i]; i-- {
			index[i] = 0
			index[i-1]++
		}
	}
	return nil
}

// gatherColumns reads as many whole rows as dst holds of a matrix whose columns
// lie together, a piece of each column at a time, and moves the index behind
// them. It returns the bytes, 0 where that is no way.
func gatherColumns(r io.ReaderAt, dst []byte, t *tensor, at uint64, index []uint64) (int, error) {
	width, last := t.Dtype.Size(), len(t.Shape)-1
	if last < 1 || t.strides[last-1] != 1 || t.strides[last] == 1 || index[last] != 0 {
		return 0, nil
	}
	columns := int(t.Shape[last])
	rows := min(t.Shape[last-1]-index[last-1], uint64(len(dst)/width/columns))
	if rows < 2 {
		return 0, nil
	}
	piece := make([]byte, int(rows)*width)
	for j := range columns {
		if err := readAt(r, piece, int64(at+uint64(j)*t.strides[last]*uint64(width))); err != nil {
			return 0, err
		}
		for i := range int(rows) {
			copy(dst[(i*columns+j)*width:][:width], piece[i*width:])
		}
	}
	index[last] = t.Shape[last]
	index[last-1] += rows - 1
	return int(rows) * columns * width, nil
}

// swapBytes turns big-endian elements of size bytes into little-endian ones.
func swapBytes(b []byte, size int) {
	switch size {
	case 2:
		for ; len(b) >= 2; b = b[2:] {
			binary.LittleEndian.PutUint16(b, binary.BigEndian.Uint16(b))
		}
	case 4:
		for ; len(b) >= 4; b = b[4:] {
			binary.LittleEndian.PutUint32(b, binary.BigEndian.Uint32(b))
		}
	case 8:
		for ; len(b) >= 8; b = b[8:] {
			binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
		}
	}
}

// torchSuffix reports the suffixes that torch.save's files go by.
func torchSuffix(name string) bool {
	for _, s := range []string{".pt", ".pth", ".bin", ".ckpt"} {
		if hasSuffix(name, s) {
			return true
		}
	}
	return false
}
