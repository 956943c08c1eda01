package policy

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// crowd is a state with runs of 64 members each and every tripwire on.
func crowd(t testing.TB, runs int) (State, []string) {
	doc := quiet(t, live, dead, leased, func(d *Document) {
		d.Monitors = Monitors{DwellMS: 60_000, Keys: []string{key(1), key(2), key(3)}, Mode: Enforce}
		d.Artefact.Mode, d.Life.Mode, d.Witness.Mode = Enforce, Enforce, Enforce
		d.Engine = Engine{DwellMS: 60_000, Mode: Enforce, Quorum: 2}
	})
	s := Fold(New(genesis), Enforced{Doc: doc})
	var ids []string
	for i := range runs {
		id := fmt.Sprintf("run-%04d", i)
		ids = append(ids, id)
		s = Fold(s, Registered{Run: id, Chain: "main", Class: "standard", Members: names(MaxMembers), MaxLife: 1000 * time.Hour, Index: uint64(i)})
	}
	s, _ = Decide(s, epoch)
	return s, ids
}

// busy is a range in which every run's guard beats and one member checks in.
func busy(s State, ids []string, round int) State {
	for i, id := range ids {
		s = Fold(s, Beat{Run: id, Alive: true, Index: uint64(2 * i)})
		s = Fold(s, Checkin{Run: id, Member: fmt.Sprintf("m%02d", round%MaxMembers), Index: uint64(2*i + 1)})
	}
	return s
}

func BenchmarkDecideIdle(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, _ := crowd(b, n)
			b.ReportAllocs()
			for b.Loop() {
				Decide(s, epoch.Add(time.Second))
			}
		})
	}
}

func BenchmarkDecideVote(b *testing.B) {
	s, ids := crowd(b, 100)
	s = Fold(s, Vote{Run: ids[50], Index: 1000})
	b.ReportAllocs()
	for b.Loop() {
		Decide(s, epoch.Add(time.Second))
	}
}

func BenchmarkDecideBusy(b *testing.B) {
	s, ids := crowd(b, 100)
	s = busy(s, ids, 0)
	b.ReportAllocs()
	for b.Loop() {
		Decide(s, epoch.Add(time.Second))
	}
}

func BenchmarkFold(b *testing.B) {
	s, ids := crowd(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		Fold(s, Vote{Run: ids[0]})
	}
}

func BenchmarkNextDue(b *testing.B) {
	s, _ := crowd(b, 100)
	b.ReportAllocs()
	for b.Loop() {
		NextDue(s)
	}
}

// reach is how many bytes a value holds, all that it points to included.
func reach(v reflect.Value, seen map[uintptr]bool) uintptr {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return v.Type().Size()
		}
		seen[v.Pointer()] = true
		return v.Type().Size() + reach(v.Elem(), seen)
	case reflect.Interface:
		if v.IsNil() {
			return v.Type().Size()
		}
		return v.Type().Size() + reach(v.Elem(), seen)
	case reflect.Struct:
		n := uintptr(0)
		for _, f := range v.Fields() {
			n += reach(f, seen)
		}
		return n
	case reflect.Slice:
		n := v.Type().Size() + uintptr(v.Cap()-v.Len())*v.Type().Elem().Size()
		for i := range v.Len() {
			n += reach(v.Index(i), seen)
		}
		return n
	case reflect.String:
		return v.Type().Size() + uintptr(v.Len())
	}
	return v.Type().Size()
}

// TestMemoryIsFlat: the state after many rounds is as large as after a few.
func TestMemoryIsFlat(t *testing.T) {
	size := func(rounds int) uintptr {
		s, ids := crowd(t, 4)
		for r := range rounds {
			s = busy(s, ids, r)
			for _, k := range []string{key(1), key(2), key(3)} {
				s = Fold(s, MonitorBeat{Monitor: k})
			}
			at := epoch.Add(time.Duration(r) * 20 * time.Millisecond)
			for _, e := range []string{"b", "c"} {
				s = Fold(s, Decided{Engine: e, Go: ids})
			}
			s = Fold(s, Anchored{Min: at, Max: at})
			// A run that comes, and ends in one of the three ways.
			id := fmt.Sprintf("passing-%d", r)
			s = Fold(s, Registered{Run: id, Chain: "main", Class: "standard", Members: names(8)})
			s = Fold(s, []Event{Vote{Run: id}, Closed{Run: id}, Halted{Run: id}}[r%3])
			s, _ = Decide(s, at)
		}
		if n := len(s.Armed()); n != len(ids) {
			t.Fatalf("%d runs are armed, want %d", n, len(ids))
		}
		return reach(reflect.ValueOf(s), map[uintptr]bool{})
	}
	few, many := size(100), size(5_000)
	if many > few+few/10 {
		t.Errorf("%d bytes after 100 rounds, %d after 5,000", few, many)
	}
}
