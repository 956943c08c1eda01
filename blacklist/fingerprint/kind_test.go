package fingerprint

import "testing"

// TestKinds: 34 names, each read back, and no other spelling of any.
func TestKinds(t *testing.T) {
	all := Kinds()
	if len(all) != 34 {
		t.Errorf("%d kinds", len(all))
	}
	seen := make(map[Kind]bool)
	for _, k := range all {
		back, err := ParseKind(string(k))
		if err != nil || back != k || seen[k] {
			t.Errorf("%s: %v, %v", k, back, err)
		}
		seen[k] = true
		family, band := k.Family()
		switch family {
		case FamilyBand:
			seen[Band(band)] = Band(band) == k
		case FamilyBandP:
			seen[BandP(band)] = BandP(band) == k
		}
		if !seen[k] || k.Sketch() != (family == FamilyBand || family == FamilyBandP) {
			t.Errorf("%s is %s %d", k, family, band)
		}
	}
	for _, s := range []string{"", "band", "bandp", "band-", "band-16", "band-01", "band-+1", "band--1", "bandp-1 ", "Band-1", "tensor-0", "manifest-"} {
		if k, err := ParseKind(s); err == nil {
			t.Errorf("%q is taken for %s", s, k)
		}
	}
}
