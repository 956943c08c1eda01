package clearing

import (
	"errors"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// TestOpenedTwice: who lists one fingerprint twice in the opening does not make up
// for one that the training manifest commits to and that was never cleared.
func TestOpenedTwice(t *testing.T) {
	t.Attr("invariant", "CL3")
	s := newSite(t)
	f := s.list(t)
	// Of what is committed to, one is listed: it cannot be cleared.
	ours := append(model("ours")[1:3], model("halted-0")[1])
	m, mo, err := Commit(ours)
	if err != nil {
		t.Fatal(err)
	}
	cleared := []blacklist.Question{ours[0], ours[1], ours[1]}
	for _, pseudonymous := range []bool{false, true} {
		blinds, err := mo.Blinds(cleared[:2])
		if err != nil {
			t.Fatal(err)
		}
		d, o := s.make(t, f, Request{Questions: cleared[:2], Blinds: blinds, Pseudonymous: pseudonymous})
		if a, err := Open(t.Context(), d, o, s.trust, ours[:2], m); err != nil || a.Fits() || a.Uncleared != 1 {
			t.Errorf("one of the manifest's was not cleared: %+v %v", a, err)
		}
		// The same again in the opening, and in the question to the evaluators.
		if blinds, err = mo.Blinds(cleared); err != nil {
			t.Fatal(err)
		}
		_, twice := s.make(t, f, Request{Questions: cleared, Blinds: blinds, Pseudonymous: pseudonymous})
		twice.Fingerprints[0].Commitments = o.Fingerprints[0].Commitments
		for i := range twice.Fingerprints[1:] {
			twice.Fingerprints[1+i].Commitments = o.Fingerprints[1].Commitments
		}
		if a, err := Open(t.Context(), d, twice, s.trust, ours[:2], m); err == nil && a.Fits() {
			t.Errorf("a fingerprint that is opened twice hides one that was not cleared: %+v", a)
		}
	}
}

// TestAuditCounts: a question that is asked twice does not make up for a fingerprint
// that is not the model's.
func TestAuditCounts(t *testing.T) {
	t.Attr("invariant", "CL3")
	s := newSite(t)
	f := s.list(t)
	ours := model("ours")
	d, o := s.make(t, f, Request{Questions: ours})
	asked := append(slices.Clone(ours[:4]), ours[3])
	if a, err := Open(t.Context(), d, o, s.trust, asked, nil); err != nil || a.Fits() || a.Foreign != 1 {
		t.Errorf("%+v %v", a, err)
	}
}

// TestOpenedAsAnotherKind: a label is absent from every part that it does not belong
// into. That it was proven against its own is seen at the audit: the kind that a
// commitment goes by is the fingerprint's.
func TestOpenedAsAnotherKind(t *testing.T) {
	t.Attr("invariant", "CL3")
	s := newSite(t)
	f := s.list(t)
	halted := model("halted-0")[1:2]
	halted[0].Kind = fingerprint.Band(3) // a tensor's fingerprint, said to be a band's
	m, mo, err := Commit(halted)
	if err != nil {
		t.Fatal(err)
	}
	blinds, err := mo.Blinds(halted)
	if err != nil {
		t.Fatal(err)
	}
	for _, pseudonymous := range []bool{false, true} {
		d, o := s.make(t, f, Request{Questions: halted, Blinds: blinds, Pseudonymous: pseudonymous})
		if _, err := Verify(t.Context(), d, s.trust, f); err != nil {
			t.Fatalf("the label is in no part of bands: %v", err)
		}
		if _, err := Open(t.Context(), d, o, s.trust, nil, m); !errors.Is(err, ErrOpening) {
			t.Errorf("a listed label opens as one of another kind: %v", err)
		}
		raw, err := o.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseOpening(raw); !errors.Is(err, ErrOpening) {
			t.Errorf("opening of another kind: %v", err)
		}
	}
	raw, err := mo.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseManifestOpening(raw); !errors.Is(err, ErrManifest) {
		t.Errorf("manifest's opening of another kind: %v", err)
	}
}
