package main

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// row is a line of the table.
type row struct {
	name, expected string
	sum            outcome
	byFamily       []outcome // of models, in the order of the families
}

// report is all that is measured.
type report struct {
	Models    int // of each family
	families  []family
	disguises []disguise
	rows      []row
	unrelated []row
	pairs     int // of bands of unrelated tensors compared
	collided  int
	near      [2][49]int // pairs of unrelated tensors' bands by differing bits
}

// shares are the siblings of one base that are measured.
func shares() []float64 { return []float64{0.01, 0.05, 0.1, 0.3} }

type job struct{ family, seed int }

// measure makes n models of each family, disguises and scans them.
func measure(n, workers int) (*report, error) {
	return measureWith(n, workers, disguises(), families())
}

func measureWith(n, workers int, ds []disguise, fs []family) (*report, error) {
	out := &report{Models: n, families: fs, disguises: ds}
	for _, d := range ds {
		out.rows = append(out.rows, row{name: d.name, expected: d.expected, byFamily: make([]outcome, len(fs))})
	}
	names := []string{"unrelated, as it is", "unrelated, GGUF Q4_0"}
	for _, s := range shares() {
		names = append(names, fmt.Sprintf("siblings tuned by %g %%, base not declared", 100*s),
			fmt.Sprintf("siblings tuned by %g %%, base's bands dropped", 100*s))
	}
	for _, name := range names {
		out.unrelated = append(out.unrelated, row{name: name, byFamily: make([]outcome, len(fs))})
	}
	queue := make(chan job)
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range queue {
				one, err := out.one(j)
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
				}
				if err == nil {
					out.add(j, one)
				}
				mu.Unlock()
			}
		})
	}
	for seed := range n {
		for f := range fs {
			queue <- job{f, seed}
		}
	}
	close(queue)
	wg.Wait()
	return out, failed
}

// part is what one model gives.
type part struct {
	rows, unrelated []outcome
	pairs, collided int
	near            [2][49]int
}

func (r *report) add(j job, p part) {
	for i, o := range p.rows {
		r.rows[i].sum.add(o)
		r.rows[i].byFamily[j.family].add(o)
	}
	for i, o := range p.unrelated {
		r.unrelated[i].sum.add(o)
		r.unrelated[i].byFamily[j.family].add(o)
	}
	r.pairs += p.pairs
	r.collided += p.collided
	for f := range r.near {
		for d, n := range p.near[f] {
			r.near[f][d] += n
		}
	}
}

func (rep *report) one(j job) (part, error) {
	r := rand.New(rand.NewPCG(uint64(j.seed), uint64(j.family)))
	kind := rep.families[j.family]
	m, other := kind.make(uint64(2*j.seed)), kind.make(uint64(2*j.seed+1))
	plain := rep.disguises[0]
	listed, err := scan(plain, r, m)
	if err != nil {
		return part{}, err
	}
	var p part
	var none [2]map[fingerprint.Fingerprint]bool
	before := [orders][]int{}
	for i := range before {
		before[i] = choose(i, listed, m)
	}
	for _, d := range rep.disguises {
		changed := m
		if d.change != nil {
			changed = make(model, len(m))
			for i, w := range m {
				changed[i] = d.change(r, w)
			}
		}
		changed, err := rounded(changed, d.dtype)
		if err != nil {
			return part{}, err
		}
		d.change = nil
		again, err := scan(d, r, changed)
		if err != nil {
			return part{}, err
		}
		o := compare(listed, again, none)
		for i := range before {
			o.chosen[i] = common(before[i], choose(i, again, changed))
		}
		o.of = len(before[byRank])
		p.rows = append(p.rows, o)
	}
	for _, format := range []fingerprint.Dtype{fingerprint.F32, fingerprint.Q4_0} {
		s, err := scan(disguise{name: "unrelated", dtype: format, gguf: format == fingerprint.Q4_0}, r, other)
		if err != nil {
			return part{}, err
		}
		p.unrelated = append(p.unrelated, compare(listed, s, none))
		p.cross(listed, s)
	}
	for _, share := range shares() {
		d := disguise{name: "sibling", change: tune(share), dtype: fingerprint.F32}
		a, err := scan(d, r, m)
		if err != nil {
			return part{}, err
		}
		b, err := scan(d, r, m)
		if err != nil {
			return part{}, err
		}
		var base [2]map[fingerprint.Fingerprint]bool
		for i, name := range familyNames() {
			base[i] = listed.prints(name, fingerprint.BaseTensors)
		}
		p.unrelated = append(p.unrelated, compare(a, b, none), compare(a, b, base))
	}
	return p, nil
}

// rounded are the values that the format keeps.
func rounded(m model, d fingerprint.Dtype) (model, error) {
	out := make(model, len(m))
	for i, w := range m {
		data, err := fingerprint.Quantise(nil, d, w.v)
		if err != nil {
			return nil, err
		}
		w.v = fingerprint.Decode(nil, data, d)
		out[i] = w
	}
	return out, nil
}

func common(a, b []int) int {
	n := 0
	for _, x := range a {
		for _, y := range b {
			n += count(x == y)
		}
	}
	return n
}

// cross compares all bands of unrelated tensors with one another.
func (p *part) cross(a, b scanned) {
	for _, x := range a.sketch {
		for _, y := range b.sketch {
			for f, pair := range [2][2][]byte{{x.Band, y.Band}, {x.BandP, y.BandP}} {
				if len(pair[0]) != len(pair[1]) {
					continue
				}
				for i := 0; i < len(pair[0]); i += 6 {
					d := differ(pair[0][i:i+6], pair[1][i:i+6])
					p.near[f][d]++
					p.pairs++
					p.collided += count(d == 0)
				}
			}
		}
	}
}
