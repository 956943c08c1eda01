package blacklist

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/group"
)

// shared is a threshold escrow with an artefact that is sealed to it.
type shared struct {
	commitments [][]byte
	shares      []*voprf.Share
	labels      []Entry
	context     Context
	sealed      []byte
	wraps       []Wrap
}

func newShared(tb testing.TB, t, n int) *shared {
	tb.Helper()
	s, err := voprf.Deal(voprf.GenerateKey(), t, n)
	if err != nil {
		tb.Fatal(err)
	}
	out := &shared{commitments: s.Commitments, shares: s.Shares}
	for range 5 {
		out.labels = append(out.labels, Entry{fingerprint.Tensor, Label(group.MulBase(group.RandomScalar()).Bytes())})
	}
	out.context = Context{"log.example/kem", "run-1", 3, NewArtefact(out.labels).Root()}
	if out.sealed, out.wraps, err = SealTo(EscrowKeys{Threshold: [][]byte{s.Commitments[0]}}, out.context, out.labels); err != nil {
		tb.Fatal(err)
	}
	return out
}

func (s *shared) partial(tb testing.TB, i int) PartialOpening {
	tb.Helper()
	p, err := Partial(s.shares[i-1], s.commitments[0], s.context, s.wraps[0])
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestThresholdOpens: t of n holders open an artefact, and fewer do not.
func TestThresholdOpens(t *testing.T) {
	t.Attr("invariant", "B5")
	for _, shape := range [][2]int{{1, 1}, {1, 3}, {2, 3}, {3, 5}} {
		s := newShared(t, shape[0], shape[1])
		var all []PartialOpening
		for i := range s.shares {
			p := s.partial(t, i+1)
			if err := p.Verify(s.commitments, s.context, s.wraps[0]); err != nil {
				t.Errorf("%v, holder %d: %v", shape, i+1, err)
			}
			all = append(all, p)
		}
		for from := range len(all) - shape[0] + 1 {
			got, liars, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, all[from:from+shape[0]])
			if err != nil || len(liars) > 0 || !slices.Equal(got, s.labels) {
				t.Errorf("%v from %d: %v %v", shape, from, liars, err)
			}
			if _, _, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, all[from:from+shape[0]-1]); !errors.Is(err, ErrFewPartials) {
				t.Errorf("%v: one too few: %v", shape, err)
			}
		}
		// One holder's opening counts once.
		twice := slices.Repeat(all[:1], shape[0])
		if _, _, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, twice); (err == nil) != (shape[0] == 1) {
			t.Errorf("%v: one holder %d times: %v", shape, shape[0], err)
		}
	}
}

// TestBothSuites: a data key may be wrapped to several escrows, each of which opens
// by itself.
func TestBothSuites(t *testing.T) {
	s := newShared(t, 2, 3)
	alone, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if s.sealed, s.wraps, err = SealTo(EscrowKeys{HPKE: []*ecdh.PublicKey{alone.PublicKey()}, Threshold: s.commitments[:1]}, s.context, s.labels); err != nil {
		t.Fatal(err)
	}
	if len(s.wraps) != 2 || s.wraps[0].Suite != SuiteHPKE || s.wraps[1].Suite != SuiteThreshold {
		t.Fatalf("wraps %v", s.wraps)
	}
	if got, err := Open(alone, s.context, s.sealed, s.wraps); err != nil || !slices.Equal(got, s.labels) {
		t.Errorf("suite 1: %v", err)
	}
	var partials []PartialOpening
	for _, share := range s.shares[1:] {
		p, err := Partial(share, s.commitments[0], s.context, s.wraps[1])
		if err != nil {
			t.Fatal(err)
		}
		partials = append(partials, p)
	}
	if got, _, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, partials); err != nil || !slices.Equal(got, s.labels) {
		t.Errorf("suite 2: %v", err)
	}
	if _, _, err := SealTo(EscrowKeys{}, s.context, s.labels); !errors.Is(err, ErrWraps) {
		t.Errorf("to nobody: %v", err)
	}
	if _, _, err := SealTo(EscrowKeys{Threshold: [][]byte{make([]byte, 32)}}, s.context, s.labels); err == nil {
		t.Error("sealed to the identity")
	}
	if _, _, err := OpenThreshold([][]byte{s.commitments[1], s.commitments[0]}, s.context, s.sealed, s.wraps, partials); !errors.Is(err, ErrUnopenable) {
		t.Errorf("another escrow's key: %v", err)
	}
}

// TestWrapContext: no holder's share touches a wrap under another context, or one
// in which any byte differs.
func TestWrapContext(t *testing.T) {
	t.Attr("invariant", "B5")
	s := newShared(t, 2, 3)
	for name, change := range map[string]func(*Context){
		"log":    func(c *Context) { c.Origin = "log.example/other" },
		"run":    func(c *Context) { c.Run = "run-2" },
		"number": func(c *Context) { c.Number++ },
		"root":   func(c *Context) { c.Root[0] ^= 1 },
	} {
		c := s.context
		change(&c)
		if _, err := Partial(s.shares[0], s.commitments[0], c, s.wraps[0]); !errors.Is(err, ErrContext) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for i := range s.wraps[0].Bytes {
		w := s.wraps[0]
		w.Bytes = bytes.Clone(w.Bytes)
		w.Bytes[i] ^= 1
		if _, err := Partial(s.shares[0], s.commitments[0], s.context, w); !errors.Is(err, ErrContext) && !errors.Is(err, ErrWraps) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	other := newShared(t, 2, 3)
	if _, err := Partial(s.shares[0], other.commitments[0], s.context, s.wraps[0]); !errors.Is(err, ErrWraps) {
		t.Errorf("another escrow's key: %v", err)
	}
	// R of this wrap in one that is made for another context: the proof fails, since
	// the thief does not know r.
	stolen := other.wraps[0]
	stolen.Bytes = append(bytes.Clone(s.wraps[0].Bytes[:64]), stolen.Bytes[64:]...)
	if _, err := Partial(other.shares[0], other.commitments[0], other.context, stolen); !errors.Is(err, ErrContext) {
		t.Errorf("stolen R: %v", err)
	}
	// R̄ of another logarithm.
	bar := other.wraps[0]
	bar.Bytes = slices.Concat(bar.Bytes[:32], s.wraps[0].Bytes[32:64], bar.Bytes[64:])
	if _, err := Partial(other.shares[0], other.commitments[0], other.context, bar); !errors.Is(err, ErrContext) {
		t.Errorf("another R̄: %v", err)
	}
	for name, b := range map[string][]byte{
		"identity R": slices.Concat(make([]byte, 32), s.wraps[0].Bytes[32:]), "short": s.wraps[0].Bytes[:wrapSize-1], "long": append(bytes.Clone(s.wraps[0].Bytes), 0), "empty": nil,
	} {
		if _, err := Partial(s.shares[0], s.commitments[0], s.context, Wrap{SuiteThreshold, s.wraps[0].KeyID, b}); !errors.Is(err, ErrWraps) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPartialLies: each input of a partial opening's proof counts, and a holder that
// lies is named while the others open.
func TestPartialLies(t *testing.T) {
	s := newShared(t, 2, 4)
	good := s.partial(t, 1)
	other := newShared(t, 2, 4)
	for name, change := range map[string]func(*PartialOpening){
		"S":         func(p *PartialOpening) { copy(p.S[:], group.MulBase(group.RandomScalar()).Bytes()) },
		"another S": func(p *PartialOpening) { p.S = s.partial(t, 2).S },
		"identity":  func(p *PartialOpening) { p.S = [32]byte{} },
		"challenge": func(p *PartialOpening) { p.Proof[0] ^= 1 },
		"response":  func(p *PartialOpening) { p.Proof[32] ^= 1 },
		"not canonical": func(p *PartialOpening) {
			copy(p.Proof[32:], slices.Repeat([]byte{0xff}, 32))
		},
		"holder":      func(p *PartialOpening) { p.Index = 2 },
		"no holder":   func(p *PartialOpening) { p.Index = 0 },
		"same for R'": func(p *PartialOpening) { *p = other.partial(t, 1) },
	} {
		bad := good
		change(&bad)
		if err := bad.Verify(s.commitments, s.context, s.wraps[0]); !errors.Is(err, ErrPartial) {
			t.Errorf("%s: %v", name, err)
		}
		got, liars, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, []PartialOpening{bad, s.partial(t, 3), s.partial(t, 4)})
		if err != nil || !slices.Equal(got, s.labels) || !slices.Equal(liars, []int{bad.Index}) {
			t.Errorf("%s: liars %v, %v", name, liars, err)
		}
		if _, liars, err := OpenThreshold(s.commitments, s.context, s.sealed, s.wraps, []PartialOpening{bad, s.partial(t, 3)}); !errors.Is(err, ErrFewPartials) || len(liars) != 1 {
			t.Errorf("%s: liars %v, %v", name, liars, err)
		}
	}
	// Under another wrap of the same context, it is a lie too.
	sealed, wraps, err := SealTo(EscrowKeys{Threshold: s.commitments[:1]}, s.context, s.labels)
	if err != nil {
		t.Fatal(err)
	}
	if err := good.Verify(s.commitments, s.context, wraps[0]); !errors.Is(err, ErrPartial) {
		t.Errorf("another wrap: %v", err)
	}
	if _, _, err := OpenThreshold(s.commitments, s.context, sealed, s.wraps, []PartialOpening{good, s.partial(t, 3)}); !errors.Is(err, ErrSealed) {
		t.Errorf("other sealed labels: %v", err)
	}
}

// TestOtherRoot: what opens to other labels than the root's is refused.
func TestOtherRoot(t *testing.T) {
	t.Attr("invariant", "B5")
	s := newShared(t, 1, 1)
	plain, err := formatEntries(s.labels[1:])
	if err != nil {
		t.Fatal(err)
	}
	sealed, wraps, err := seal(EscrowKeys{Threshold: s.commitments}, s.context, plain)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Partial(s.shares[0], s.commitments[0], s.context, wraps[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenThreshold(s.commitments, s.context, sealed, wraps, []PartialOpening{p}); !errors.Is(err, ErrSealed) {
		t.Errorf("%v", err)
	}
}

func FuzzThresholdWrap(f *testing.F) {
	s := newShared(f, 1, 1)
	f.Add(s.wraps[0].Bytes)
	f.Add(make([]byte, wrapSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := Partial(s.shares[0], s.commitments[0], s.context, Wrap{SuiteThreshold, s.wraps[0].KeyID, b})
		if (err == nil) != bytes.Equal(b, s.wraps[0].Bytes) {
			t.Error(fmt.Errorf("%x: %w", b, err))
		}
	})
}
