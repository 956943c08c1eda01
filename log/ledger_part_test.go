package log_test

import (
	"fmt"
	"testing"

	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// whole is a halted run's fingerprints that fill several leaves.
func whole(t *testing.T) (l *foldtest.Log, statement []byte) {
	t.Helper()
	l = foldtest.New(t, foldtest.Options{Engines: 2}).Setup()
	l.Run(run)
	l.Decide(l.Engines[0])
	labels := foldtest.Labels(1200)
	l.Artefact(run, labels)
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	return l, l.Seal(l.FingerprintsStatement(run, labels), l.Engines[0])
}

func split(t *testing.T, statement []byte, signer log.Signer) [][]byte {
	t.Helper()
	parts, err := log.Split(statement, signer)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 3 {
		t.Fatalf("%d parts", len(parts))
	}
	return parts
}

// The whole is judged at the index of the last missing part, in whatever order
// the parts come and whatever stands between them.
func TestParts(t *testing.T) {
	t.Attr("invariant", "S1")
	t.Attr("invariant", "S3")
	l, statement := whole(t)
	parts := split(t, statement, l.Engines[0])
	n := len(parts)
	for i := n - 1; i > 0; i-- {
		want(t, l.Append(parts[i]), log.Pending, "")
		want(t, l.Append(parts[i]), log.Void, "there already")
		l.Anchor()
	}
	if err := l.Machine.Ledger().Admit(parts[0]); err != nil {
		t.Errorf("admit the last part: %v", err)
	}
	s := l.Append(parts[0])
	want(t, s, log.Valid, "")
	if s.Signed.Kind() != log.KindFingerprints || s.Signed.Index != l.Size()-1 || s.Listing == nil || len(s.Listing.Labels) != 1200 {
		t.Errorf("kind %s at %d", s.Signed.Kind(), s.Signed.Index)
	}
	// Once more: the parts wait again, and the whole is a duplicate.
	for _, p := range parts[1:] {
		want(t, l.Append(p), log.Pending, "")
	}
	want(t, l.Append(parts[0]), log.Void, "replay key")
}

func TestPartsVoid(t *testing.T) {
	l, statement := whole(t)
	parts := split(t, statement, l.Engines[0])
	part := func(change func(*log.Part)) *log.Part {
		s, err := log.Parse(parts[len(parts)-1])
		if err != nil {
			t.Fatal(err)
		}
		p := *s.Statement.(*log.Part)
		change(&p)
		return &p
	}
	last := len(parts) - 1
	begin := func() *foldtest.Log {
		f := l.Fork(len(l.Leaves))
		for _, p := range parts[:last] {
			want(t, f.Append(p), log.Pending, "")
		}
		return f
	}
	f := begin()
	want(t, f.Put(part(func(p *log.Part) { p.Data[0] ^= 1 }), f.Engines[0]), log.Void, "do not make the whole")
	// The wrong last part ended the attempt; the right ones start it anew.
	want(t, f.Append(parts[last]), log.Pending, "")

	f = begin()
	want(t, f.Put(part(func(p *log.Part) { p.Of = log.KindEpoch }), f.Engines[0]), log.Void, "says otherwise")
	// A key that may not sign the whole takes no room with its parts.
	want(t, f.Put(part(func(p *log.Part) { p.Of = log.KindArtefact }), f.Engines[0]), log.Void, "does not sign kind artefact")
	want(t, f.Put(part(func(*log.Part) {}), f.Registrar), log.Void, "does not sign kind fingerprints")
	// Another key's parts do not join these.
	want(t, f.Put(part(func(*log.Part) {}), f.Engines[1]), log.Pending, "")
	// A stranger's take no room at all.
	want(t, f.Put(part(func(*log.Part) {}), foldtest.NewKey(t, "stranger")), log.Void, "unknown key")
	want(t, f.Append(parts[last]), log.Valid, "")
}

// What waits for parts is bounded by number and by age.
func TestPartsAreBounded(t *testing.T) {
	l, statement := whole(t)
	parts := split(t, statement, l.Engines[0])
	s, err := log.Parse(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	flood := func(n byte) *log.Part {
		p := *s.Statement.(*log.Part)
		p.Whole = log.Hash{n}
		return &p
	}
	for n := range byte(4) {
		want(t, l.Put(flood(n), l.Engines[0]), log.Pending, "")
	}
	want(t, l.Put(flood(9), l.Engines[0]), log.Void, "too many")
	if l.Machine.Ledger().Admit(parts[1]) == nil {
		t.Error("one key takes more room than its own")
	}
	// Another key has its own room.
	want(t, l.Put(flood(9), l.Engines[1]), log.Pending, "")
	junk := []byte("{}")
	for range 1<<14 + 1 {
		l.Append(junk)
	}
	want(t, l.Put(flood(9), l.Engines[0]), log.Pending, "")
}

// Guards, of whom there are many, fill their own half of the room: an engine's
// parts still find place.
func TestGuardsLeaveRoomForEngines(t *testing.T) {
	l, statement := whole(t)
	s, err := log.Parse(split(t, statement, l.Engines[0])[0])
	if err != nil {
		t.Fatal(err)
	}
	st := l.RunStatement("run-many")
	var guards []*foldtest.Key
	st.Guards = nil
	for n := range 8 {
		k := foldtest.NewKey(t, fmt.Sprintf("guard-%d", n))
		g := k.Guard(l.Origin)
		g.Name = k.Name
		guards, st.Guards = append(guards, k), append(st.Guards, g)
	}
	l.Must(st, l.Registrar)
	flood := func(n int) *log.Part {
		p := *s.Statement.(*log.Part)
		p.Of, p.Whole = log.KindArtefact, log.Hash{1, byte(n)}
		return &p
	}
	taken := 0
	for n := range 32 {
		if step := l.Put(flood(n), guards[n%8]); step.Validity == log.Pending {
			taken++
		}
	}
	if taken != 16 {
		t.Errorf("guards hold %d places, want half of 32", taken)
	}
	want(t, l.Put(s.Statement, l.Engines[0]), log.Pending, "")
}
