package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/haltlog/haltlog/internal/api"
	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/projection"
	"github.com/haltlog/haltlog/log"
)

// head is the newest epoch below the published checkpoint: what nobody has
// witnessed yet is no list for a lab.
func (s *Server) head(w http.ResponseWriter, r *http.Request) { s.headWhere(w, r, 0) }

// headOf is the head of one epoch, by its number.
func (s *Server) headOf(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.PathValue("number"), 10, 63)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != r.PathValue("number") {
		s.fail(w, r, fmt.Errorf("%w: epochs are numbered from 1", errQuery))
		return
	}
	s.headWhere(w, r, n)
}

// headWhere answers with the head of an epoch; 0 is the newest.
func (s *Server) headWhere(w http.ResponseWriter, r *http.Request, number uint64) {
	size, err := s.publishedSize(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var index uint64
	n := uint64(0)
	for e, err := range s.all(log.KindEpoch) {
		if err != nil {
			s.fail(w, r, err)
			return
		}
		// Valid epochs are numbered from 1 without gaps.
		if log.Validity(e.Validity) != log.Valid {
			continue
		}
		if e.Index >= size || (number > 0 && n == number) {
			break
		}
		n, index = n+1, e.Index
	}
	if n == 0 || (number > 0 && n != number) {
		s.fail(w, r, ErrNotFound)
		return
	}
	h, err := s.headAt(r.Context(), index)
	if err == nil && h.Number != n {
		err = errors.New("epochs are not numbered without gaps")
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, h)
}

// publishedSize is the size of the published checkpoint.
func (s *Server) publishedSize(ctx context.Context) (uint64, error) {
	raw, _, err := s.deps.Log.ReadTile(ctx, "checkpoint")
	if err != nil {
		return 0, err
	}
	n, err := checkpoint.ParseNote(raw)
	if err != nil {
		return 0, err
	}
	c, err := checkpoint.ParseCheckpoint(n.Text)
	return c.Size, err
}

// all yields every entry of a kind that the projection knows.
func (s *Server) all(kind log.Kind) func(func(projection.Entry, error) bool) {
	return func(yield func(projection.Entry, error) bool) {
		q := projection.Query{Kind: string(kind), Limit: pageLimit}
		for {
			page, err := s.deps.Index.Find(q)
			if err != nil {
				yield(projection.Entry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			q.Cursor = page.Next
		}
	}
}

// headAt makes the head of the epoch that an entry is, or completes.
func (s *Server) headAt(ctx context.Context, index uint64) (api.Head, error) {
	h := api.Head{Index: index, Entries: []api.HeadEntry{}, Authority: []uint64{}}
	for e, err := range s.all(log.KindAuthority) {
		if err != nil {
			return h, err
		}
		if e.Index >= index {
			break
		}
		h.Authority = append(h.Authority, e.Index)
	}
	leaf, err := s.leaf(ctx, index)
	if err != nil {
		return h, err
	}
	whole, err := log.Parse(leaf)
	if err != nil {
		return h, err
	}
	leaves := map[uint64][]byte{index: leaf}
	if p, ok := whole.Statement.(*log.Part); ok {
		if whole, err = s.joined(ctx, index, p, whole.Signer(), leaves); err != nil {
			return h, err
		}
	}
	st, ok := whole.Statement.(*log.Epoch)
	if !ok {
		return h, fmt.Errorf("entry %d is no epoch", index)
	}
	h.Number, h.Size = st.Number, st.Size
	for i, leaf := range leaves {
		proof, err := s.deps.Log.Proof(ctx, i)
		if err != nil {
			return h, err
		}
		h.Entries = append(h.Entries, api.HeadEntry{Index: i, Leaf: leaf, Proof: string(proof)})
	}
	slices.SortFunc(h.Entries, func(a, b api.HeadEntry) int { return int(int64(a.Index) - int64(b.Index)) })
	return h, nil
}

// joined finds the parts of a whole, the last of which stands at an index. They were
// sent one after the other, so that the search goes back from it, a bundle at a time.
func (s *Server) joined(ctx context.Context, index uint64, last *log.Part, signer string, leaves map[uint64][]byte) (*log.Signed, error) {
	parts := make([]*log.Signed, last.Count)
	places := []uint64{}
	for e, err := range s.all(log.KindPart) {
		if err != nil {
			return nil, err
		}
		if e.Index >= index {
			break
		}
		if log.Validity(e.Validity) != log.Void {
			places = append(places, e.Index)
		}
	}
	for places = append(places, index); len(places) > 0 && slices.Contains(parts, nil); {
		n := len(places) - 1
		for n > 0 && places[n-1]/bundleWidth == places[len(places)-1]/bundleWidth {
			n--
		}
		if err := s.takeParts(ctx, places[n:], last, signer, parts, leaves); err != nil {
			return nil, err
		}
		places = places[:n]
	}
	if slices.Contains(parts, nil) {
		return nil, fmt.Errorf("entry %d completes parts that are not there", index)
	}
	return log.Join(parts)
}

// takeParts takes those of some entries of one bundle that are parts of the whole.
func (s *Server) takeParts(ctx context.Context, places []uint64, last *log.Part, signer string, parts []*log.Signed, leaves map[uint64][]byte) error {
	at := places[0]
	for leaf, err := range s.deps.Log.Entries(ctx, at, places[len(places)-1]+1) {
		if err != nil {
			return err
		}
		if _, ok := slices.BinarySearch(places, at); ok {
			if err := takePart(at, leaf, last, signer, parts, leaves); err != nil {
				return err
			}
		}
		at++
	}
	return nil
}

// takePart takes one entry, if it is a part of the whole.
func takePart(index uint64, leaf []byte, last *log.Part, signer string, parts []*log.Signed, leaves map[uint64][]byte) error {
	signed, err := log.Parse(leaf)
	if err != nil {
		return err
	}
	p, ok := signed.Statement.(*log.Part)
	if ok && p.Whole == last.Whole && p.Count == last.Count && signed.Signer() == signer && parts[p.Number] == nil {
		parts[p.Number], leaves[index] = signed, leaf
	}
	return nil
}
