package fingerprint

import (
	"cmp"
	"slices"
)

// Sketched returns the tensors whose bands a model is asked for: of those with
// a sketch, each fingerprint once, the n with the largest rank, in the order
// of the scan. The rank is the share of one fixed combination in the energy of
// all: it knows neither name, size nor scale, and noise moves the extremes
// least, so that nearly the same are chosen after a cast or a quantisation.
func (m Model) Sketched(n int) []TensorPrint {
	var all []int
	seen := make(map[Fingerprint]bool)
	for i, t := range m.Tensors {
		if t.Eligible && t.Sketch != nil && !seen[t.Fingerprint] {
			seen[t.Fingerprint] = true
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int {
		x, y := m.Tensors[a], m.Tensors[b]
		return cmp.Or(cmp.Compare(y.Sketch.Rank, x.Sketch.Rank), slices.Compare(x.Fingerprint.Value[:], y.Fingerprint.Value[:]))
	})
	all = all[:min(len(all), n)]
	slices.Sort(all)
	out := make([]TensorPrint, 0, len(all))
	for _, i := range all {
		out = append(out, m.Tensors[i])
	}
	return out
}
