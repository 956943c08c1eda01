package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// scanned is a model as a scan sees it, and which tensor is which for the report.
type scanned struct {
	model  fingerprint.Model
	sketch map[int]*fingerprint.Sketch // by place in the model
}

// scan writes the disguised model and fingerprints the files.
func scan(d disguise, r *rand.Rand, m model) (scanned, error) {
	dir, err := os.MkdirTemp("", "printreport")
	if err != nil {
		return scanned{}, err
	}
	defer os.RemoveAll(dir)
	if err := d.save(dir, r, m); err != nil {
		return scanned{}, fmt.Errorf("%s: %w", d.name, err)
	}
	found, err := fingerprint.Scan(os.DirFS(dir), fingerprint.Options{Workers: 1})
	if err != nil {
		return scanned{}, fmt.Errorf("%s: %w", d.name, err)
	}
	s := scanned{found, make(map[int]*fingerprint.Sketch)}
	for _, t := range found.Tensors {
		if t.Sketch != nil {
			s.sketch[place(t)] = t.Sketch
		}
	}
	return s, nil
}

func place(t fingerprint.TensorPrint) int {
	_, n, _ := strings.Cut(t.Name, ".")
	i, _ := strconv.Atoi(n)
	return i
}

// prints are the bands of the tensors that are chosen of n, by family.
func (s scanned) prints(family string, n int) map[fingerprint.Fingerprint]bool {
	out := make(map[fingerprint.Fingerprint]bool)
	for _, t := range s.model.Sketched(family, n) {
		for _, f := range t.Sketch.Prints(family) {
			out[f] = true
		}
	}
	return out
}

// shared counts what is in both and not in without.
func shared(a, b, without map[fingerprint.Fingerprint]bool) int {
	n := 0
	for f := range a {
		if b[f] && !without[f] {
			n++
		}
	}
	return n
}

// outcome is what was found of one disguised model, or of all, summed.
type outcome struct {
	models int
	family [2]found // band, bandp
	either int      // models with two hits in both families together
	chosen [orders]int
	of     int // tensors chosen of the listed models
}

type found struct {
	hits   int // bands listed and asked for, of the chosen tensors
	recall int // models with two or more
	all    int // models with two or more, were all tensors listed and asked for
	wrong  int // bits that differ between a tensor and itself
	bits   int
}

func (o *outcome) add(x outcome) {
	o.models += x.models
	o.either += x.either
	o.of += x.of
	for i := range o.chosen {
		o.chosen[i] += x.chosen[i]
	}
	for i := range o.family {
		f, g := &o.family[i], x.family[i]
		f.hits += g.hits
		f.recall += g.recall
		f.all += g.all
		f.wrong += g.wrong
		f.bits += g.bits
	}
}

func familyNames() [2]string { return [2]string{fingerprint.FamilyBand, fingerprint.FamilyBandP} }

// compare asks for a model that is a listed one again, or (related false) is
// none. base are bands that were not listed.
func compare(listed, asked scanned, base [2]map[fingerprint.Fingerprint]bool) outcome {
	o := outcome{models: 1}
	total := 0
	for i, name := range familyNames() {
		f := &o.family[i]
		f.hits = shared(listed.prints(name, fingerprint.SketchedTensors), asked.prints(name, fingerprint.SketchedTensors), base[i])
		f.recall = count(f.hits >= 2)
		f.all = count(shared(listed.prints(name, len(listed.model.Tensors)), asked.prints(name, len(asked.model.Tensors)), base[i]) >= 2)
		total += f.hits
	}
	o.either = count(total >= 2)
	for i, a := range listed.sketch {
		b := asked.sketch[i]
		if b == nil {
			continue
		}
		o.family[0].wrong += differ(a.Band, b.Band)
		o.family[0].bits += 8 * len(a.Band)
		if len(a.BandP) == len(b.BandP) {
			o.family[1].wrong += differ(a.BandP, b.BandP)
			o.family[1].bits += 8 * len(a.BandP)
		}
	}
	return o
}

func differ(a, b []byte) int {
	n := 0
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The orders by which tensors could be chosen without their names.
const (
	byRank   = iota // one combination's share of the energy: what is built for band
	byRankP         // the correlation of two buckets: what is built for bandp
	byTails         // mean magnitude over root mean square, a robust shape
	byNorm          // root mean square
	byCoarse        // a few bits of the sketch itself
	orders
)

func orderNames() [orders]string {
	return [orders]string{"rank of band (built)", "rank of bandp (built)", "weight of the tails", "norm", "coarse sketch (16 bits of bandp)"}
}

// choose returns the places of the tensors that an order would choose.
func choose(order int, s scanned, m model) []int {
	var all []int
	for i := range m {
		if s.sketch[i] != nil {
			all = append(all, i)
		}
	}
	key := make(map[int]float64)
	for _, i := range all {
		switch order {
		case byRank:
			key[i] = float64(s.sketch[i].Rank)
		case byRankP:
			key[i] = float64(s.sketch[i].RankP)
		case byTails:
			key[i] = tails(m[i].v)
		case byNorm:
			key[i] = norm(m[i].v)
		default:
			if p := s.sketch[i].BandP; len(p) > 1 {
				key[i] = float64(p[0])*256 + float64(p[1])
			}
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(key[b], key[a]) })
	return all[:min(len(all), fingerprint.SketchedTensors)]
}

func tails(v []float32) float64 {
	var a float64
	for _, x := range v {
		a += max(float64(x), -float64(x))
	}
	return a / norm(v)
}
