package blacklist

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// TestJudgeBands: two bands with one halt are a likely copy, unless the tensor
// is the halted model's as it is, or the labels are contested, struck or allowed.
func TestJudgeBands(t *testing.T) {
	rec := func(run string, halt uint64, st Status) Record { return Record{Run: run, Halt: halt, Status: st} }
	band := func(n uint8, tensor string, r ...Record) Hit { return Hit{Kind: kindOf(n), Name: tensor, Records: r} }
	exact := func(n uint64, tensor string, r ...Record) Hit {
		return Hit{Kind: fingerprint.Tensor, Elements: n, Name: tensor, Records: r}
	}
	a := rec("a", 1, Active)
	for name, c := range map[string]struct {
		hits []Hit
		want Verdict
	}{
		"one band":                       {[]Hit{band(0, "w", a)}, Lead},
		"two bands of one tensor":        {[]Hit{band(0, "w", a), band(1, "w", a)}, Copy},
		"two bands of two tensors":       {[]Hit{band(0, "v", a), band(0, "w", a)}, Copy},
		"one of each family":             {[]Hit{band(3, "w", a), band(16+3, "w", a)}, Copy},
		"of two halts":                   {[]Hit{band(0, "w", a), band(1, "w", rec("b", 2, Active))}, Lead},
		"one under two key versions":     {[]Hit{band(0, "w", a, a)}, Lead},
		"one contested":                  {[]Hit{band(0, "w", a), band(1, "w", rec("a", 1, Contested))}, Lead},
		"both contested":                 {[]Hit{band(0, "w", rec("a", 1, Contested)), band(1, "w", rec("a", 1, Contested))}, Lead},
		"struck":                         {[]Hit{band(0, "w", rec("a", 1, Struck)), band(1, "w", rec("a", 1, Struck))}, Clear},
		"allowed":                        {[]Hit{band(0, "w", rec("a", 1, Allow)), band(1, "w", rec("a", 1, Allow))}, Clear},
		"a frozen tensor":                {[]Hit{exact(10, "w", a), band(0, "w", a), band(1, "w", a), band(2, "w", a)}, Lead},
		"a frozen tensor and a copy":     {[]Hit{exact(10, "w", a), band(0, "w", a), band(0, "v", a), band(1, "v", a)}, Copy},
		"a tensor frozen of another":     {[]Hit{exact(10, "w", rec("b", 2, Active)), band(0, "w", a), band(1, "w", a)}, Copy},
		"a frozen tensor that is struck": {[]Hit{exact(10, "w", rec("a", 1, Struck)), band(0, "w", a), band(1, "w", a)}, Copy},
		"a tensor that is contested":     {[]Hit{exact(10, "w", rec("a", 1, Contested)), band(0, "w", a), band(1, "w", a)}, Lead},
		"listed counts more":             {[]Hit{exact(60, "v", a), band(0, "w", a), band(1, "w", a)}, Listed},
		"listed of another halt":         {[]Hit{exact(60, "v", rec("b", 2, Active)), band(0, "w", a), band(1, "w", a)}, Listed},
	} {
		if got := Judge(100, c.hits); got.Verdict != c.want {
			t.Errorf("%s: %s, want %s", name, got.Verdict, c.want)
		}
	}
	got := Judge(100, []Hit{exact(10, "w", a), band(0, "w", a), band(0, "v", a), band(1, "v", a)})
	if diff := cmp.Diff([]Match{{Run: "a", Halt: 1, Tensors: 1, Elements: 10, Bands: 2}}, got.Matches); diff != "" {
		t.Error(diff)
	}
	if Copy.ExitCode() != 4 {
		t.Error("a likely copy exits with ", Copy.ExitCode())
	}
}

// TestUnexplained: a declared base explains bands, and never a tensor.
func TestUnexplained(t *testing.T) {
	qs := []Question{{Kind: fingerprint.Manifest}, {Kind: fingerprint.Tensor}, {Kind: kindOf(0)}, {Kind: kindOf(0)}, {Kind: kindOf(1)}}
	ls := labels(0, len(qs))
	base := []Entry{{fingerprint.Manifest, ls[0]}, {fingerprint.Tensor, ls[1]}, {kindOf(0), ls[2]}, {kindOf(1), ls[3]}}
	gotQ, gotL := Unexplained(qs, ls, base...)
	if len(gotQ) != 4 || gotL[2] != ls[3] || gotL[3] != ls[4] || gotQ[2].Kind != kindOf(0) {
		t.Errorf("%+v %v", gotQ, gotL)
	}
}

// TestKindOrder: parts stand in an epoch by family, then by band as a number.
func TestKindOrder(t *testing.T) {
	names := map[string]uint8{"band-0": 0, "band-2": 2, "band-10": 10, "bandp-0": 16, "bandp-15": 31, "manifest": 32, "tensor": 33}
	for name, n := range names {
		if got := kindNumber(fingerprint.Kind(name)); got != n || kindOf(n) != fingerprint.Kind(name) {
			t.Errorf("%s is number %d", name, got)
		}
	}
	for _, name := range []string{"", "band", "bandp", "band-16", "band-00", "band-01", "bandq-1", "band-", "band-x", "Tensor", "manifest-0"} {
		if got := kindNumber(fingerprint.Kind(name)); got != noKind {
			t.Errorf("%s is number %d", name, got)
		}
	}
}
