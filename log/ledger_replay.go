package log

// replays are the replay keys that are taken. A monotone key holds only its
// last sequence, so that a check-in every minute for a year takes no more room
// than one.
type replays struct {
	last map[string]uint64
	once map[string]struct{}
}

func newReplays() replays {
	return replays{last: map[string]uint64{}, once: map[string]struct{}{}}
}

// taken reports whether a key is taken already.
func (r replays) taken(k ReplayKey) bool {
	if k.Monotone {
		last, ok := r.last[k.Scope]
		return ok && k.Sequence <= last
	}
	_, ok := r.once[k.Scope]
	return ok
}

func (r replays) take(k ReplayKey) {
	if k.Monotone {
		r.last[k.Scope] = k.Sequence
		return
	}
	r.once[k.Scope] = struct{}{}
}

// identities are those of void statements, the oldest first. A valid statement
// needs none: it holds its replay key.
type identities struct {
	set   map[Hash]uint64 // identity → index of the void entry
	order []Hash          // a circle once it is full
	next  int
}

func newIdentities() identities { return identities{set: map[Hash]uint64{}} }

func (s *identities) has(h Hash) (index uint64, ok bool) {
	index, ok = s.set[h]
	return index, ok
}

func (s *identities) add(h Hash, index uint64) {
	if _, ok := s.set[h]; ok {
		return
	}
	s.set[h] = index
	if len(s.order) < maxVoidIdentities {
		s.order = append(s.order, h)
		return
	}
	delete(s.set, s.order[s.next])
	s.order[s.next] = h
	s.next = (s.next + 1) % maxVoidIdentities
}
