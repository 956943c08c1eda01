package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Direction says what a change does to the runs under it (E4).
type Direction uint8

// Directions. Whatever is mixed, unknown or incomparable is a Loosening.
const (
	Unchanged Direction = iota
	Tightening
	Loosening
)

func (d Direction) String() string {
	return [...]string{"unchanged", "tightening", "loosening"}[d]
}

// A Change is one field that differs.
type Change struct {
	Field     string
	Old, New  string // in words; "none" where there is none
	Direction Direction
}

// String is the change in words: "tightens: dead-vote threshold 5 → 3".
func (c Change) String() string {
	verb := "loosens"
	if c.Direction == Tightening {
		verb = "tightens"
	}
	name := strings.NewReplacer("_ms", "", ".", " ", "_", "-").Replace(c.Field)
	return fmt.Sprintf("%s: %s %s → %s", verb, name, c.Old, c.New)
}

// Compare judges a document against the one in force by the declared direction
// of every field: Tightening only if every change is one. Without a document in
// force, between chains and under unknown semantics nothing can be compared,
// which is a Loosening.
func Compare(old, next *Document) (Direction, []Change) {
	if old == nil || next == nil {
		return Loosening, nil
	}
	var changes []Change
	add := func(field, was, is string, tightens bool) {
		d := Loosening
		if tightens {
			d = Tightening
		}
		changes = append(changes, Change{Field: field, Old: was, New: is, Direction: d})
	}
	if old.Chain != next.Chain {
		add("chain", old.Chain, next.Chain, false)
	}
	if old.Semantics != next.Semantics || old.Supported() != nil {
		add("semantics", fmt.Sprint(old.Semantics), fmt.Sprint(next.Semantics), false)
		return Loosening, changes
	}
	for id, f := range fieldTable {
		switch fieldID(id) {
		case fClasses:
			compareClasses(old, next, add)
			continue
		case fMonitorKeys:
			if !slices.Equal(old.Monitors.Keys, next.Monitors.Keys) {
				add(f.Name, list(old.Monitors.Keys), list(next.Monitors.Keys), contains(next.Monitors.Keys, old.Monitors.Keys))
			}
			continue
		}
		if f.get == nil || f.Direction == Identity {
			continue
		}
		a, b := f.get(old), f.get(next)
		if a == b {
			continue
		}
		tightens := f.Direction == LowerTights && b < a || f.Direction == HigherTights && b > a
		if fieldID(id) == fDeadWindow && (a == 0 || b == 0) {
			tightens = false // 0 follows other fields: incomparable with a length
		}
		add(f.Name, f.Words(a), f.Words(b), tightens)
	}
	switch {
	case len(changes) == 0:
		return Unchanged, nil
	case slices.ContainsFunc(changes, func(c Change) bool { return c.Direction == Loosening }):
		return Loosening, changes
	}
	return Tightening, changes
}

func compareClasses(old, next *Document, add func(field, was, is string, tightens bool)) {
	interval := &fieldTable[fClassInterval]
	for _, c := range old.Classes {
		name := "class " + c.Name + " checkin_interval_ms"
		i := slices.IndexFunc(next.Classes, func(x Class) bool { return x.Name == c.Name })
		switch {
		case i < 0:
			add(name, interval.Words(c.CheckinIntervalMS), "none", false)
		case next.Classes[i].CheckinIntervalMS != c.CheckinIntervalMS:
			b := next.Classes[i].CheckinIntervalMS
			add(name, interval.Words(c.CheckinIntervalMS), interval.Words(b), b < c.CheckinIntervalMS)
		}
	}
	for _, c := range next.Classes {
		if !slices.ContainsFunc(old.Classes, func(x Class) bool { return x.Name == c.Name }) {
			add("class "+c.Name+" checkin_interval_ms", "none", interval.Words(c.CheckinIntervalMS), false)
		}
	}
}

// contains says whether every element of part, sorted, is in whole, sorted.
func contains(whole, part []string) bool {
	for _, s := range part {
		if _, ok := slices.BinarySearch(whole, s); !ok {
			return false
		}
	}
	return true
}

func list(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, " ")
}

// Words prints a value of the field, or one of its bounds, for people.
func (f Field) Words(v int64) string {
	switch f.Unit {
	case Millis:
		return (time.Duration(v) * time.Millisecond).String()
	case Switch:
		return [...]string{"no", "yes"}[v]
	case Modes:
		return Mode(v).String()
	case When:
		return time.UnixMilli(v).UTC().Format(timeLayout)
	}
	return fmt.Sprint(v)
}
