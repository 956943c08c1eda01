package main

import (
	"bytes"
	"fmt"
	"math"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

func share(k, n int) string {
	if n == 0 {
		return "–"
	}
	lo, hi := interval(k, n)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", float64(k)/float64(n), lo, hi)
}

func ratio(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

// page is docs/fingerprints.md.
func (r *report) page() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "# What the sketches find\n\nMade by `make fingerprint-report`. Do not edit: run it again. Equal code gives an equal page.\n\n")
	fmt.Fprintf(&w, "%d models of each family; of each, the bands of %d tensors are listed, then the model comes back disguised: all tensors renamed and reordered, and changed as said. Files are written and scanned by the product's own code. "+
		"*Recall* is the share of models with two or more hits in one family of bands, which is what a check calls a likely copy; *hits* are of %d a model; *bit error* is of a tensor's 768 bits. Intervals are of 95 %%, after Clopper and Pearson. "+
		"What was *expected* is from a simulation before anything was built, for the plain sketch, or the permutation-invariant one where rows are permuted.\n\n| family | what |\n|---|---|\n",
		r.Models, fingerprint.SketchedTensors, fingerprint.SketchedTensors*fingerprint.Bands)
	for _, f := range r.families {
		fmt.Fprintf(&w, "| %s | %s |\n", f.name, f.says)
	}
	fmt.Fprintf(&w, "\nMade tensors are %d of %d × %d, the trained ones 19 of 256 × 256 (so that chance alone chooses most of them again): all eligible ones of a model have one shape.\n\n## Found again\n\n", layers, rows, cols)
	table(&w, r.rows, true)
	fmt.Fprintf(&w, "\n![Recall by disguise](fingerprints-recall.svg)\n\n![Bit error by disguise](fingerprints-bits.svg)\n\n## Recall by family of models\n\nEither family of bands, two hits together.\n\n| disguise |")
	for _, f := range r.families {
		fmt.Fprintf(&w, " %s |", f.name)
	}
	fmt.Fprintf(&w, "\n|---|%s\n", repeat("---|", len(r.families)))
	for _, x := range r.rows {
		fmt.Fprintf(&w, "| %s |", x.name)
		for _, o := range x.byFamily {
			fmt.Fprintf(&w, " %s |", share(o.either, o.models))
		}
		fmt.Fprintln(&w)
	}
	fmt.Fprintf(&w, "\n## Not to be found\n\nUnrelated models, and two models tuned from one base, without and with that base declared: what equals a band of one of its %d first tensors is not listed then.\n\n", fingerprint.BaseTensors)
	table(&w, r.unrelated, false)
	fmt.Fprintf(&w, "\nTwo that were tuned from one base are likely copies of one another also after what equals the base's bands was dropped: a bit near its threshold turns in both. "+
		"So a likely copy among models of one family is a matter for a person, as the answer says; exact tensors are not concerned.\n")
	r.chance(&w)
	r.choice(&w)
	return w.Bytes()
}

func table(w *bytes.Buffer, rows []row, expected bool) {
	fmt.Fprintf(w, "| disguise |%s band: recall | hits | bit error | bandp: recall | hits | bit error | either: recall |\n|---|%s---|---|---|---|---|---|---|\n", pick(expected, " expected |"), pick(expected, "---|"))
	for _, x := range rows {
		o := x.sum
		fmt.Fprintf(w, "| %s |", x.name)
		if expected {
			fmt.Fprintf(w, " %s |", x.expected)
		}
		for _, f := range o.family {
			fmt.Fprintf(w, " %s | %.2f | %.4f |", share(f.recall, o.models), ratio(f.hits, o.models), ratio(f.wrong, f.bits))
		}
		fmt.Fprintf(w, " %s |\n", share(o.either, o.models))
	}
}

// chance is what the bits of unrelated tensors say of false positives.
func (r *report) chance(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n## By chance\n\n%d pairs of bands of unrelated tensors were compared; %d were equal, with 2⁻⁴⁸ each %.1e were to be expected.", r.pairs, r.collided, float64(r.pairs)*math.Exp2(-48))
	for f, name := range familyNames() {
		n, mean, square := 0, 0.0, 0.0
		for d, k := range r.near[f] {
			n += k
			mean += float64(d * k)
			square += float64(d * d * k)
		}
		mean /= float64(n)
		variance := square/float64(n) - mean*mean
		// Bits that agree by halves and whose distance varies as that of 48
		// independent ones collide as those do; a wider one collides as fewer.
		bits := 4 * mean * (48 - mean) / 48 * 12 / variance
		bits = min(bits, 48)
		p := math.Exp2(-bits)
		perModel := float64(fingerprint.SketchedTensors*fingerprint.Bands) * float64(fingerprint.SketchedTensors) * 1e6 * p
		fmt.Fprintf(w, "\n\nIn `%s` %.2f of 48 bits differ on average (24 if nothing is shared), with variance %.2f (12 if bits are independent): as many as about %.1f independent bits. Against a million listed models that is %.1e accidental bands in a checked model, and %.1e models with two or more that are one halt's.",
			name, mean, variance, bits, perModel, perModel*perModel/2/1e6)
	}
	fmt.Fprintf(w, "\n\n![Bits that differ between unrelated tensors' bands](fingerprints-chance.svg)\n")
}

// choice is the comparison of the orders.
func (r *report) choice(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n## Which tensors\n\nA model has up to thousands of tensors of one shape, and names are worth nothing: %d are chosen for each sketch by an order that the values alone give. How many of the chosen are chosen again after the disguise, of %d:\n\n| disguise |", fingerprint.SketchedTensors, fingerprint.SketchedTensors)
	for _, n := range orderNames() {
		fmt.Fprintf(w, " %s |", n)
	}
	fmt.Fprintf(w, " recall if all were taken (band, bandp) |\n|---|%s---|\n", repeat("---|", int(orders)))
	for _, x := range r.rows {
		o := x.sum
		fmt.Fprintf(w, "| %s |", x.name)
		for _, n := range o.chosen {
			fmt.Fprintf(w, " %.1f |", 16*ratio(n, o.of))
		}
		fmt.Fprintf(w, " %.2f, %.2f |\n", ratio(o.family[0].all, o.models), ratio(o.family[1].all, o.models))
	}
	fmt.Fprintf(w, "\nChance alone gives %.1f of %d here. A norm holds up here, where all of a model is scaled alike, but a factor moved from one tensor to the next, which changes nothing of what a network computes, reorders all; the ranks do not see any scale. So they are what is built, one for each sketch, since a permutation of rows must not reorder tensors either.\n", 16.0*16/layers, fingerprint.SketchedTensors)
}

func pick(b bool, s string) string {
	if b {
		return s
	}
	return ""
}

func repeat(s string, n int) string { return string(bytes.Repeat([]byte(s), n)) }
