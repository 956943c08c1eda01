package fingerprint

import (
	"cmp"
	"slices"
)

// Sketched returns the tensors whose bands a model is asked for: of those with
// a sketch of the family, each fingerprint once, the n with the largest rank, in the order
// of the scan. The rank is the share of one fixed combination in the energy of
// all: it knows neither name, size nor scale, and noise moves the extremes
// least, so that nearly the same are chosen after a cast or a quantisation.
func (m Model) Sketched(family string, n int) []TensorPrint {
	var all []int
	seen := make(map[Fingerprint]bool)
	for i, t := range m.Tensors {
		if bits, _ := t.Sketch.of(family); t.Eligible && bits != nil && !seen[t.Fingerprint] {
			seen[t.Fingerprint] = true
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(i, j int) int {
		x, y := m.Tensors[i], m.Tensors[j]
		_, a := x.Sketch.of(family)
		_, b := y.Sketch.of(family)
		return cmp.Or(cmp.Compare(b, a), slices.Compare(x.Fingerprint.Value[:], y.Fingerprint.Value[:]))
	})
	all = all[:min(len(all), n)]
	slices.Sort(all)
	out := make([]TensorPrint, 0, len(all))
	for _, i := range all {
		out = append(out, m.Tensors[i])
	}
	return out
}
