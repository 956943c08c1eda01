package fold

import (
	"fmt"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/log"
)

// CheckRotation holds a rotation against the labels that the list has in their
// order, and its proof against both keys.
func (l labels) CheckRotation(st *log.Rotation, from, to log.EvaluatorSet) error {
	old, next, err := l.rotated(st)
	if err != nil {
		return err
	}
	return verifyRotation(st, from, to, old, next)
}

// rotated are the labels of a rotation, old and new.
func (l labels) rotated(st *log.Rotation) (old, next []blacklist.Label, err error) {
	if n := l.set.Rotated(st.From, st.To); st.Offset != n {
		return nil, nil, fmt.Errorf("from label %d on, %d are carried over", st.Offset, n)
	}
	order := l.set.Order(st.From, st.Offset, len(st.Labels))
	if len(order) != len(st.Labels) {
		return nil, nil, fmt.Errorf("%d labels, there are %d", len(st.Labels), len(order))
	}
	for i, e := range order {
		y, err := blacklist.ParseLabel(st.Labels[i])
		if err != nil {
			return nil, nil, fmt.Errorf("label %d: %w", i, err)
		}
		old, next = append(old, e.Label), append(next, y)
	}
	return old, next, nil
}

// rotate takes a valid rotation into the list.
func (m *Machine) rotate(st *log.Rotation, index uint64) error {
	_, next, err := labels{m.set}.rotated(st)
	if err != nil {
		return fmt.Errorf("fold: rotation: %w", err)
	}
	r := blacklist.Rotation{Index: index, From: st.From, To: st.To, Offset: st.Offset, Labels: next}
	if err := m.set.Rotate(r); err != nil {
		return fmt.Errorf("fold: rotation: %w", err)
	}
	return nil
}

// KeyVersions are the versions under which clients ask. The newest evaluators'
// alone is current once every run that lives has escrowed under it, and every
// label published under an earlier one was carried over; until then those that
// still count stand before it.
func (m *Machine) KeyVersions() []uint64 {
	newest := m.ledger.Evaluators().Version
	var out []uint64
	for _, s := range m.ledger.EvaluatorSets() {
		if s.Version < newest && m.needed(s.Version, newest) {
			out = append(out, s.Version)
		}
	}
	return append(out, newest)
}

// needed reports whether something stands under an earlier key version alone.
func (m *Machine) needed(old, newest uint64) bool {
	if !m.carried(old, newest) {
		return true
	}
	for _, id := range m.ledger.Runs() {
		r, ok := m.ledger.Run(id)
		if !ok || r.Closed || r.Fingerprinted || r.Artefact == nil {
			continue
		}
		if r.Artefact.KeyVersion == old {
			return true // its labels are to come under it
		}
	}
	return false
}

// carried reports whether every label of a version was carried over to a newer
// one, at once or in steps.
func (m *Machine) carried(old, newest uint64) bool {
	if m.set.Ordered(old) == 0 || m.set.Rotated(old, newest) == m.set.Ordered(old) {
		return true
	}
	for _, s := range m.ledger.EvaluatorSets() {
		if s.Version > old && s.Version < newest && m.set.Rotated(old, s.Version) == m.set.Ordered(old) && m.carried(s.Version, newest) {
			return true
		}
	}
	return false
}
