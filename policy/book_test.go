package policy

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestBookChecksNumbersAndLinks(t *testing.T) {
	t.Attr("invariant", "E4")
	b := NewBook(genesis)
	one := quiet(t)
	if err := b.Check(successor(t, one), 0); !errors.Is(err, ErrNumber) {
		t.Errorf("number 2 first: %v", err)
	}
	if err := b.Check(quiet(t, func(*Document) {}), 0); err != nil {
		t.Fatal(err)
	}
	b, now := b.Submit(5, one)
	if _, ok := b.InForce("main"); now || ok {
		t.Error("the first policy is in force before its covering anchor")
	}
	if err := b.Check(one, 6); !errors.Is(err, ErrNumber) {
		t.Errorf("second policy of one number: %v", err)
	}
	if err := b.Check(successor(t, one, func(d *Document) { d.Previous = new(Hash{1}) }), 6); !errors.Is(err, ErrPrevious) {
		t.Errorf("wrong previous: %v", err)
	}
	if err := b.Check(successor(t, one, func(d *Document) { d.MaxGapMS = 1_000_000 }), 6); !errors.Is(err, ErrInvalid) {
		t.Errorf("invalid: %v", err)
	}
	b, changed := b.Anchor(6, 5, when(0), when(1)) // covers 0 to 4 only
	if len(changed) != 0 {
		t.Error("in force without being covered")
	}
	old := b
	b, changed = b.Anchor(7, 6, when(0), when(1))
	if d, ok := b.InForce("main"); len(changed) != 1 || !ok || d.Number != 1 {
		t.Error("not in force at its covering anchor")
	}
	if _, ok := old.InForce("main"); ok {
		t.Error("an older book has changed")
	}
}

func TestLooseningWaitsAndTighteningSupersedes(t *testing.T) {
	t.Attr("invariant", "E4")
	one := quiet(t, func(d *Document) { d.DelayMS = 10_000 })
	b, _ := NewBook(genesis).Submit(0, one)
	b, _ = b.Anchor(1, 1, when(0), when(500))
	two := successor(t, one, func(d *Document) { d.DeadVote.Threshold = 9 })
	b, now := b.Submit(2, two)
	if now {
		t.Fatal("a loosening is in force at its own index")
	}
	b, _ = b.Anchor(3, 3, when(1000), when(2000)) // covers it: the delay runs from 2000
	force := func(b Book) uint64 { d, _ := b.InForce("main"); return d.Number }
	early, _ := b.Anchor(4, 4, when(11_999), when(13_000))
	if force(early) != 1 {
		t.Error("in force before the delay")
	}
	late, changed := b.Anchor(4, 4, when(12_000), when(13_000))
	if force(late) != 2 || len(changed) != 1 {
		t.Error("not in force after the delay")
	}
	three := successor(t, two, func(d *Document) { d.DeadVote.Threshold = 2 })
	b, now = b.Submit(5, three)
	if !now || force(b) != 3 || len(b.Pending("main")) != 0 {
		t.Error("a tightening is not in force at its own index, or leaves what is pending")
	}
	b, changed = b.Anchor(6, 6, when(1e9), when(1e9))
	if force(b) != 3 || len(changed) != 0 {
		t.Error("a superseded policy came back")
	}
}

func TestPendingIsBoundedButTighteningPasses(t *testing.T) {
	d := quiet(t)
	b, _ := NewBook(genesis).Submit(0, d)
	b, _ = b.Anchor(1, 1, when(0), when(0))
	loose := func(d *Document) { d.DeadVote.Threshold = 9 }
	for i := range MaxPending {
		d = successor(t, d, loose)
		if err := b.Check(d, uint64(i)+2); err != nil {
			t.Fatal(err)
		}
		b, _ = b.Submit(uint64(i)+2, d)
	}
	if err := b.Check(successor(t, d), 99); !errors.Is(err, ErrPending) {
		t.Errorf("one more loosening: %v", err)
	}
	if err := b.Check(successor(t, d, func(d *Document) { d.DeadVote.Threshold = 1 }), 99); err != nil {
		t.Errorf("a tightening is refused: %v", err)
	}
}

func TestBooksThatPartDoNotMeet(t *testing.T) {
	doc := quiet(t)
	b, _ := NewBook(genesis).Submit(0, doc)
	for i := range uint64(4) {
		doc = successor(t, doc)
		b, _ = b.Submit(i+1, doc)
	}
	one := successor(t, doc, func(d *Document) { d.DelayMS = 1_000 })
	two := successor(t, doc, func(d *Document) { d.DelayMS = 2_000 })
	x, _ := b.Submit(5, one)
	y, _ := b.Submit(5, two)
	if p := x.Pending("main"); p[len(p)-1] != one || len(b.Pending("main")) != len(p)-1 {
		t.Error("the first branch or the stem has changed")
	}
	if p := y.Pending("main"); p[len(p)-1] != two {
		t.Error("the second branch is not its own")
	}
}

// naive is E4 as it is told, over the whole history.
type naive struct{ log []step }

type step struct {
	doc      *Document // a policy, or
	size     uint64    // an anchor
	min, max int64
}

// inForce is the index at which policy p comes into force by itself, before
// anything supersedes it; -1 for not yet.
func (n naive) inForce(p int, until int) int {
	before := n.force(p)
	if before != nil {
		if d, _ := Compare(before, n.log[p].doc); d != Loosening {
			return p
		}
	}
	cover := -1
	for i := p + 1; i < until; i++ {
		if s := n.log[i]; s.doc == nil && s.size > uint64(p) {
			cover = i
			break
		}
	}
	if cover < 0 || before == nil {
		return cover
	}
	for i := cover; i < until; i++ {
		if s := n.log[i]; s.doc == nil && s.min >= n.log[cover].max+before.DelayMS {
			return i
		}
	}
	return -1
}

// force is the policy in force before entry i.
func (n naive) force(i int) *Document {
	var best *Document
	for p := range i {
		d := n.log[p].doc
		if d == nil {
			continue
		}
		at := n.inForce(p, i)
		if at < 0 {
			continue
		}
		superseded := false
		for q := p + 1; q < at; q++ { // a tightening with a higher number came first
			if n.log[q].doc != nil && n.inForce(q, i) == q {
				superseded = true
			}
		}
		if !superseded && (best == nil || d.Number > best.Number) {
			best = d
		}
	}
	return best
}

func TestBookAgainstTheNaiveOrder(t *testing.T) {
	t.Attr("invariant", "E4")
	rapid.Check(t, func(r *rapid.T) {
		b := NewBook(genesis)
		var n naive
		clock, last := int64(0), quiet(t)
		first, highest := true, uint64(0)
		for i := range rapid.IntRange(1, 14).Draw(r, "entries") {
			if rapid.Bool().Draw(r, "policy") {
				d := last
				if !first {
					d = successor(t, last)
				}
				d.DeadVote.Threshold = rapid.Int64Range(1, 4).Draw(r, "threshold")
				d.DelayMS = rapid.Int64Range(1000, 3000).Draw(r, "delay")
				first, last = false, d
				if err := b.Check(d, uint64(i)); err != nil {
					r.Fatal(err)
				}
				b, _ = b.Submit(uint64(i), d)
				n.log = append(n.log, step{doc: d})
			} else {
				clock += rapid.Int64Range(1, 2000).Draw(r, "pause")
				s := step{size: uint64(rapid.IntRange(max(0, i-3), i).Draw(r, "size")), min: clock, max: clock + rapid.Int64Range(0, 1000).Draw(r, "spread")}
				n.log = append(n.log, s)
				b, _ = b.Anchor(uint64(i), s.size, when(s.min), when(s.max))
			}
			want := n.force(i + 1)
			got, _ := b.InForce("main")
			if got != want {
				r.Fatalf("after entry %d: in force %+v, want %+v", i, got, want)
			}
			if got != nil {
				if got.Number < highest {
					r.Fatalf("numbers went back from %d to %d", highest, got.Number)
				}
				highest = got.Number
			}
		}
	})
}

func TestUnknownSemanticsKeepsTheLastKnownDelay(t *testing.T) {
	t.Attr("invariant", "E4")
	t.Attr("invariant", "E7")
	one := quiet(t, func(d *Document) { d.DelayMS = 5000 })
	b, _ := NewBook(genesis).Submit(0, one)
	b, _ = b.Anchor(1, 1, when(0), when(0))
	next := successor(t, one)
	strange := &Document{Chain: "main", Number: 2, Previous: next.Previous, Semantics: 7, raw: []byte("strange")}
	b, now := b.Submit(2, strange)
	if now {
		t.Fatal("what cannot be compared is in force at once")
	}
	b, _ = b.Anchor(3, 3, when(1000), when(1000))
	b, _ = b.Anchor(4, 4, when(6000), when(6000))
	three := quiet(t, func(d *Document) { d.Number, d.Previous = 3, new(strange.Hash()) })
	b, now = b.Submit(5, three)
	if d, _ := b.InForce("main"); now || d.Number != 2 {
		t.Error("unknown semantics is not in force, or left without delay")
	}
	b, _ = b.Anchor(6, 6, when(7000), when(7000))
	early, _ := b.Anchor(7, 7, when(11_999), when(12_000))
	b, _ = b.Anchor(7, 7, when(12_000), when(12_000))
	if d, _ := early.InForce("main"); d.Number != 2 {
		t.Error("left before the last known delay")
	}
	if d, _ := b.InForce("main"); d.Number != 3 {
		t.Error("never left")
	}
}
