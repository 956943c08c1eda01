package log

import (
	"slices"
)

// pendingWhole is a statement of which some parts are there.
type pendingWhole struct {
	of    Kind
	first uint64 // index of its first part
	parts [][]byte
	have  int
	bytes int
}

// wholeKey names a pending whole: two keys that send parts of one whole do not
// meet.
type wholeKey struct {
	whole  Hash
	signer string
}

// parts are the statements that wait for a part. Their number and bytes are
// bounded, and each has an end by log order.
type parts struct {
	pending map[wholeKey]*pendingWhole
}

// expire forgets wholes whose last part is too late.
func (p *parts) expire(index uint64) {
	for k, w := range p.pending {
		if index-w.first > maxPartAge {
			p.drop(k)
		}
	}
}

func (p *parts) drop(k wholeKey) { delete(p.pending, k) }

// check says whether a part has its place.
func (p *parts) check(st *Part, signer string) error {
	w, ok := p.pending[wholeKey{st.Whole, signer}]
	if ok {
		switch {
		case w.of != st.Of || len(w.parts) != int(st.Count):
			return void(Conflict, "another part of this whole says otherwise")
		case w.parts[st.Number] != nil:
			return voidf(Conflict, "part %d is there already", st.Number)
		}
	} else {
		own := 0
		for k := range p.pending {
			if k.signer == signer {
				own++
			}
		}
		if n, _ := p.held(st.Of); own >= maxWholesPerKey || n >= maxPendingWholes/2 {
			return void(Conflict, "too many statements wait for their parts")
		}
	}
	if _, bytes := p.held(st.Of); bytes+len(st.Data) > maxPendingBytes/2 {
		return void(Conflict, "too many bytes wait for their parts")
	}
	return nil
}

// held is what waits in the half of the room that a kind may use: one half is for
// artefacts, whose signers are the many keys of guards, the other for officers
// and engines, so that no number of guards can keep a decision from the log.
func (p *parts) held(of Kind) (wholes, bytes int) {
	for _, w := range p.pending {
		if (w.of == KindArtefact) == (of == KindArtefact) {
			wholes++
			bytes += w.bytes
		}
	}
	return wholes, bytes
}

// completed is the whole if this part is the last missing one; nothing
// changes.
func (p *parts) completed(st *Part, signer string) ([]byte, bool) {
	w, ok := p.pending[wholeKey{st.Whole, signer}]
	have := 1
	if ok {
		have += w.have
	}
	if have != int(st.Count) {
		return nil, false
	}
	if !ok {
		return slices.Clone(st.Data), true
	}
	whole := make([]byte, 0, w.bytes+len(st.Data))
	for i, d := range w.parts {
		if i == int(st.Number) {
			d = st.Data
		}
		whole = append(whole, d...)
	}
	return whole, true
}

func (p *parts) add(st *Part, signer string, index uint64) {
	k := wholeKey{st.Whole, signer}
	w, ok := p.pending[k]
	if !ok {
		w = &pendingWhole{of: st.Of, first: index, parts: make([][]byte, st.Count)}
		p.pending[k] = w
	}
	w.parts[st.Number] = slices.Clone(st.Data)
	w.have++
	w.bytes += len(st.Data)
}
