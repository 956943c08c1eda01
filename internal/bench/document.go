package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Document is what one run writes.
type Document struct {
	Date      time.Time `json:"date"`
	Commit    string    `json:"commit"`
	Quick     bool      `json:"quick"`
	Machine   Machine   `json:"machine"`
	LoadAfter string    `json:"load_after"`
	Figures   []Figure  `json:"figures"`
	Failed    []string  `json:"failed,omitempty"` // groups that could not be measured
}

// Figure is one measurement. For a duration p99 is what 99 % stay below; for a
// rate or a throughput it is what 99 % of the equal slices of the measurement
// stay above.
type Figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
	N      int     `json:"n"` // samples: events of a duration, slices of a rate
	Target *Target `json:"target"`
	Met    *bool   `json:"met"` // null without a target
	Peer   *Peer   `json:"peer"`
	Note   string  `json:"note,omitempty"`
}

// Target is what was promised; a bound that is nil was not.
type Target struct {
	P50   *float64 `json:"p50,omitempty"`
	P99   *float64 `json:"p99,omitempty"`
	Ratio *float64 `json:"ratio,omitempty"` // to the peer
}

// Peer is what was measured beside it, in the same run. Ratio is the figure's p50
// over the peer's.
type Peer struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	N     int     `json:"n"`
	Ratio float64 `json:"ratio"`
}

// Units. More of a rate is better, less of a duration.
const (
	millis    = "ms"
	micros    = "µs"
	perSecond = "1/s"
	gigabytes = "GB/s"
	mebibytes = "MiB"
	percent   = "%"
)

// sample is a set of measurements in one unit.
type sample struct {
	unit string
	all  []float64
}

func durations(unit string, ds []time.Duration) sample {
	s := sample{unit: unit}
	per := float64(time.Millisecond)
	if unit == micros {
		per = float64(time.Microsecond)
	}
	for _, d := range ds {
		s.all = append(s.all, float64(d)/per)
	}
	return s
}

func (s sample) more() bool { return s.unit == perSecond || s.unit == gigabytes }

// at is the quantile that a share of the samples is not worse than, by the nearest rank.
func (s sample) at(share float64) float64 {
	if len(s.all) == 0 {
		return 0
	}
	sorted := slices.Clone(s.all)
	slices.SortFunc(sorted, func(a, b float64) int {
		if s.more() {
			a, b = b, a
		}
		return cmp.Compare(a, b)
	})
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// peer is a sample as somebody's peer.
func (s sample) peer(name string) *Peer {
	return &Peer{Name: name, Unit: s.unit, P50: round(s.at(0.5)), P99: round(s.at(0.99)), N: len(s.all)}
}

// add reports a figure.
func (b *bench) add(name string, s sample, target *Target, peer *Peer, note string) {
	f := Figure{Name: name, Unit: s.unit, P50: round(s.at(0.5)), P99: round(s.at(0.99)), N: len(s.all), Target: target, Peer: peer, Note: note}
	if peer != nil && peer.P50 != 0 {
		peer.Ratio = round(f.P50 / peer.P50)
	}
	f.judge(s.more())
	b.doc.Figures = append(b.doc.Figures, f)
	b.say("  %s: p50 %g, p99 %g %s (n %d)", name, f.P50, f.P99, f.Unit, f.N)
	if peer != nil {
		b.say("    beside %s: p50 %g, p99 %g %s, ratio %g", peer.Name, peer.P50, peer.P99, peer.Unit, peer.Ratio)
	}
}

func (f *Figure) judge(more bool) {
	if f.Target == nil {
		return
	}
	met := f.N > 0
	hold := func(have float64, want *float64) {
		if want == nil {
			return
		}
		if more {
			met = met && have >= *want
		} else {
			met = met && have <= *want
		}
	}
	hold(f.P50, f.Target.P50)
	hold(f.P99, f.Target.P99)
	if f.Target.Ratio != nil {
		met = met && f.Peer != nil
		if f.Peer != nil {
			hold(f.Peer.Ratio, f.Target.Ratio)
		}
	}
	f.Met = &met
}

// round keeps four digits: more would claim what a shared machine cannot know.
func round(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
