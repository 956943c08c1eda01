package fold_test

import (
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/internal/fold/foldtest"
	"github.com/haltlog/haltlog/log"
)

// halted is a log whose run-1 was halted after it escrowed labels, and whose
// labels are published.
func halted(t *testing.T, before func(l *foldtest.Log, labels []blacklist.Entry)) (*foldtest.Log, []blacklist.Entry) {
	l := armed(t, foldtest.Options{})
	labels := foldtest.Labels(3)
	if before != nil {
		before(l, labels)
	}
	l.Artefact(run, labels)
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement(run, labels), l.Engines[0])
	return l, labels
}

func status(t *testing.T, l *foldtest.Log, e blacklist.Entry, want blacklist.Status) {
	t.Helper()
	rs := l.Machine.List().Lookup(e.Kind, e.Label)
	if len(rs) != 1 || rs[0].Status != want {
		t.Errorf("%+v, want %s", rs, want)
	}
}

// A run that declares a listed manifest is refused; a strike lets it in.
func TestListedManifestIsRefused(t *testing.T) {
	t.Attr("invariant", "E5")
	l, labels := halted(t, nil)
	st := l.RunStatement("run-2")
	st.Manifest = new(log.Bytes(labels[0].Label[:]))
	if s := l.Put(st, l.Registrar); s.Validity != log.Void {
		t.Errorf("a listed manifest is %s", s.Validity)
	}
	// A tensor's label is no manifest.
	st.Manifest = new(log.Bytes(labels[1].Label[:]))
	if s := l.Put(st, l.Registrar); s.Validity != log.Valid {
		t.Errorf("another label is %s: %s", s.Validity, s.Reason)
	}
	strike := &log.Strike{Origin: l.Origin, Sequence: 1, LabelKind: string(labels[0].Kind), Label: labels[0].Label[:], Reason: "wrong"}
	l.Must(strike, l.Threshold()...)
	status(t, l, labels[0], blacklist.Struck)
	st = l.RunStatement("run-3")
	st.Manifest = new(log.Bytes(labels[0].Label[:]))
	if s := l.Put(st, l.Registrar); s.Validity != log.Valid {
		t.Errorf("a struck manifest is %s: %s", s.Validity, s.Reason)
	}
	strike.Sequence, strike.Label = 2, foldtest.Labels(1)[0].Label[:]
	if s := l.Put(strike, l.Threshold()...); s.Validity != log.Void {
		t.Errorf("a strike of what was never listed is %s", s.Validity)
	}
}

// Labels that are not those of the escrow, or not all of them, are void.
func TestFingerprintsAreTheEscrowed(t *testing.T) {
	l := armed(t, foldtest.Options{})
	labels := foldtest.Labels(3)
	l.Artefact(run, labels)
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	n := len(l.Leaves)
	for name, change := range map[string]func(st *log.Fingerprints){
		"another label": func(st *log.Fingerprints) { st.Labels[1].Label = foldtest.Labels(1)[0].Label[:] },
		"one left out":  func(st *log.Fingerprints) { st.Labels = st.Labels[:2] },
		"another kind":  func(st *log.Fingerprints) { st.Labels[1].Kind = log.LabelManifest },
		"wrong leaf": func(st *log.Fingerprints) {
			st.Labels = st.Labels[:2]
			st.Excluded = []log.Exclusion{{Number: 2, Reason: "small", Leaf: log.Hash{1}}}
		},
		"none": func(st *log.Fingerprints) {
			st.Labels, st.Artefact, st.KeyVersion, st.Reason = []log.Label{}, nil, 0, "lost"
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := l.Fork(n)
			st := f.FingerprintsStatement(run, labels)
			change(st)
			if s := f.Put(st, f.Engines[0]); s.Validity != log.Void {
				t.Errorf("is %s", s.Validity)
			}
		})
	}
	st := l.FingerprintsStatement(run, labels)
	st.Labels = st.Labels[:2]
	st.Excluded = []log.Exclusion{{Number: 2, Reason: "one-dimensional", Leaf: log.Hash(blacklist.ArtefactLeaf(2, labels[2].Kind, labels[2].Label))}}
	l.Must(st, l.Engines[0])
	status(t, l, labels[1], blacklist.Active)
	if len(l.Machine.List().Lookup(labels[2].Kind, labels[2].Label)) != 0 {
		t.Error("an excluded label is listed")
	}
	if st := l.EpochStatement(); len(st.Parts) != 2 || st.Parts[0].Count+st.Parts[1].Count != 2 {
		t.Errorf("%+v", st.Parts)
	}
}

// What is published but no group element cannot poison the list: it stays a
// leaf, and the step names it.
func TestUnlistableLabels(t *testing.T) {
	l := armed(t, foldtest.Options{})
	labels := foldtest.Labels(3)
	for i := range labels[2].Label {
		labels[2].Label[i] = 0xff
	}
	l.Artefact(run, labels)
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	s := l.Must(l.FingerprintsStatement(run, labels), l.Engines[0])
	if u := s.Listing.Unlistable; len(u) != 1 || u[0] != 2 || len(s.Listing.Labels) != 2 {
		t.Errorf("%+v", s.Listing)
	}
}

// The guard of a run that escrowed a label earlier contests it; one that came
// later changes nothing.
func TestContest(t *testing.T) {
	for _, earlier := range []bool{true, false} {
		other := "run-0"
		escrow := func(l *foldtest.Log, labels []blacklist.Entry) {
			l.Run(other)
			l.Artefact(other, labels)
		}
		var before func(*foldtest.Log, []blacklist.Entry)
		if earlier {
			before = escrow
		}
		l, labels := halted(t, before)
		if !earlier {
			escrow(l, labels)
		}
		path := []log.Hash{}
		for _, h := range blacklist.NewArtefact(labels).Path(1) {
			path = append(path, log.Hash(h))
		}
		st := &log.Contest{
			Origin: l.Origin, Run: other, LabelKind: string(labels[1].Kind), Label: labels[1].Label[:],
			Artefact: 1, Number: 1, Path: path,
		}
		wrong := *st
		wrong.Number = 2
		if s := l.Put(&wrong, l.Guard); s.Validity != log.Void {
			t.Errorf("a wrong path is %s", s.Validity)
		}
		s := l.Put(st, l.Guard)
		if s.Validity != log.Valid || s.Err != nil {
			t.Errorf("contest is %s: %s %v", s.Validity, s.Reason, s.Err)
		}
		if earlier {
			status(t, l, labels[1], blacklist.Contested)
		} else {
			status(t, l, labels[1], blacklist.Active)
			continue
		}
		// Officers who say nothing within their delay leave it listed: whoever
		// escrows all he has under two runs must not keep it off the list.
		delay := l.Machine.Ledger().Params().AuthorityDelay
		l.Anchor()
		covered, _ := l.Machine.Ledger().NewestAnchor()
		early := 0
		for a := covered; a.Min.Before(covered.Max.Add(delay)); a = *l.Anchor().Anchor {
			status(t, l, labels[1], blacklist.Contested)
			early++
		}
		if early < 2 {
			t.Errorf("contested for %d anchors", early)
		}
		status(t, l, labels[1], blacklist.Active)
	}
}

// Allowed labels are in the list and answer nothing.
func TestAllowList(t *testing.T) {
	l, labels := halted(t, nil)
	l.Must(&log.AllowList{
		Origin: l.Origin, Sequence: 1, LabelKind: string(labels[1].Kind), Labels: []log.Bytes{labels[1].Label[:]}, Reason: "causal mask",
	}, l.Threshold()...)
	status(t, l, labels[1], blacklist.Allow)
	status(t, l, labels[2], blacklist.Active)
}

// bandsOf makes a manifest, two tensors and a label in one band of each family.
func bandsOf() []blacklist.Entry {
	labels := foldtest.Labels(5)
	labels[3].Kind, labels[4].Kind = fingerprint.Band(7), fingerprint.BandP(15)
	return labels
}

// listed is a log that lists labels of run-1, which other runs may have escrowed
// before.
func listed(t *testing.T, labels []blacklist.Entry, before func(l *foldtest.Log)) *foldtest.Log {
	l := armed(t, foldtest.Options{})
	if before != nil {
		before(l)
	}
	l.Artefact(run, labels)
	l.Vote(run, l.Members[0])
	l.Decide(l.Engines[0])
	l.Must(l.FingerprintsStatement(run, labels), l.Engines[0])
	return l
}

// Who may list what holds for the labels of bands as for all others: strike,
// allow-list and contest, by their full name, and of no other band.
func TestBandLabels(t *testing.T) {
	labels := bandsOf()
	other := "run-0"
	l := listed(t, labels, func(l *foldtest.Log) {
		l.Run(other)
		l.Artefact(other, labels)
	})
	for _, e := range labels {
		status(t, l, e, blacklist.Active)
	}
	if got := l.Machine.List().Lookup(fingerprint.Band(8), labels[3].Label); got != nil {
		t.Errorf("another band answers: %+v", got)
	}
	for _, kind := range []string{"band", "band-8", "tensor"} {
		st := &log.Strike{Origin: l.Origin, Sequence: 1, LabelKind: kind, Label: labels[3].Label[:], Reason: "wrong"}
		if s := l.Put(st, l.Threshold()...); s.Validity != log.Void {
			t.Errorf("a strike of %s is %s", kind, s.Validity)
		}
	}
	contest := func(n uint64) {
		t.Helper()
		path := []log.Hash{}
		for _, h := range blacklist.NewArtefact(labels).Path(n) {
			path = append(path, log.Hash(h))
		}
		l.Must(&log.Contest{
			Origin: l.Origin, Run: other, LabelKind: string(labels[n].Kind), Label: labels[n].Label[:], Artefact: 1, Number: n, Path: path,
		}, l.Guard)
	}
	contest(3)
	contest(4)
	status(t, l, labels[3], blacklist.Contested)
	status(t, l, labels[4], blacklist.Contested)
	l.Must(&log.Strike{Origin: l.Origin, Sequence: 1, LabelKind: "band-7", Label: labels[3].Label[:], Reason: "wrong"}, l.Threshold()...)
	status(t, l, labels[3], blacklist.Struck)
	l.Must(&log.AllowList{Origin: l.Origin, Sequence: 1, LabelKind: "bandp-15", Labels: []log.Bytes{labels[4].Label[:]}, Reason: "public base"}, l.Threshold()...)
	status(t, l, labels[4], blacklist.Allow)
	status(t, l, labels[1], blacklist.Active)
}

// What an allow-list names is not listed; what stands in the list without a band
// is no label of any.
func TestBandsAreNotListed(t *testing.T) {
	labels := bandsOf()
	l := listed(t, labels, func(l *foldtest.Log) {
		l.Must(&log.AllowList{Origin: l.Origin, Sequence: 1, LabelKind: "band-7", Labels: []log.Bytes{labels[3].Label[:]}, Reason: "public base"}, l.Threshold()...)
	})
	set := l.Machine.List()
	if published, excluded := set.Publish(labels); len(published) != 4 || len(excluded) != 1 || excluded[0].Number != 3 || !set.Excuses(excluded[0]) {
		t.Errorf("%+v", excluded)
	}
	bare := bandsOf()
	bare[3].Kind, bare[4].Kind = "band", "bandp"
	l = listed(t, bare, nil)
	if s := l.Steps[len(l.Steps)-1]; s.Listing == nil || len(s.Listing.Unlistable) != 2 {
		t.Errorf("%+v", s.Listing)
	}
}

// A model that shares frozen tensors with a halted one, and so agrees with it in
// every band of those, comes out clear, with leads; so does one whose declared
// base explains what bands agree. One that is like it in two bands is a likely
// copy, and one contested band less is a lead.
func TestFrozenTensorsAreLeads(t *testing.T) {
	labels := foldtest.Labels(9)
	for i := range 6 {
		labels[3+i].Kind = fingerprint.Band(i)
	}
	l := listed(t, labels, nil)
	at := func(tensor string, n ...int) (qs []blacklist.Question, ls []blacklist.Label) {
		for _, i := range n {
			qs = append(qs, blacklist.Question{Kind: labels[i].Kind, Elements: 10, Name: tensor})
			ls = append(ls, labels[i].Label)
		}
		return qs, ls
	}
	judge := func(base []blacklist.Entry, qs []blacklist.Question, ls []blacklist.Label) blacklist.Verdict {
		qs, ls = blacklist.Unexplained(qs, ls, base...)
		return blacklist.Judge(100, blacklist.Hits(qs, ls, l.Machine.List().Lookup)).Verdict
	}
	frozen, frozenLabels := at("frozen", 1, 3, 4, 5)
	tuned, tunedLabels := at("tuned", 6, 7)
	if v := judge(nil, frozen, frozenLabels); v != blacklist.Lead || v.ExitCode() != 0 {
		t.Errorf("a frozen tensor makes it %s", v)
	}
	if v := judge(nil, append(frozen, tuned...), append(frozenLabels, tunedLabels...)); v != blacklist.Copy || v.ExitCode() != 4 {
		t.Errorf("two bands of another tensor make it %s", v)
	}
	if v := judge(labels[3:], tuned, tunedLabels); v != blacklist.Clear {
		t.Errorf("what the base explains makes it %s", v)
	}
	if v := judge(labels, frozen, frozenLabels); v != blacklist.Lead {
		t.Errorf("a base that has a tensor makes it %s", v)
	}
	l.Must(&log.Strike{Origin: l.Origin, Sequence: 1, LabelKind: "band-3", Label: labels[6].Label[:], Reason: "wrong"}, l.Threshold()...)
	if v := judge(nil, tuned, tunedLabels); v != blacklist.Lead {
		t.Errorf("one band that stands makes it %s", v)
	}
}
