package clearance

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/polynomial"
	"github.com/haltlog/haltlog/internal/group"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

// text is bytes as the published vectors write them: lower-case hex.
type text []byte

func (h text) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *text) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors are the published ones.
type vectors struct {
	Format string   `json:"format"`
	Seed   string   `json:"seed"` // of SHAKE256, from which all randomness is read
	H      text     `json:"h"`
	Cases  []vector `json:"cases"`
}

// vector is one statement, one commitment, and proofs that are valid or not.
type vector struct {
	Name         string    `json:"name"`
	Origin       string    `json:"origin"`
	Size         uint64    `json:"size"`
	From         uint64    `json:"from"`
	KeyVersion   uint64    `json:"key_version"`
	Part         string    `json:"part"`
	List         text      `json:"list"` // encoding of the full list or the delta
	ListHash     text      `json:"list_hash"`
	Labels       []text    `json:"labels"`
	Roots        []text    `json:"roots"` // u of each label, in their order
	Pads         []text    `json:"pads"`
	D            int       `json:"d"`
	Coefficients text      `json:"coefficients_hash"`
	Label        text      `json:"label"` // what is committed to
	U            text      `json:"u"`
	R0           text      `json:"r0"`
	C0           text      `json:"c0"`
	Proof        text      `json:"proof"`
	X            text      `json:"x"`
	DeltaBar     text      `json:"delta_bar"`
	Invalid      []invalid `json:"invalid"`
}

// invalid is the vector with fields replaced; an absent one stays.
type invalid struct {
	Reason     string  `json:"reason"`
	Origin     *string `json:"origin,omitempty"`
	Size       *uint64 `json:"size,omitempty"`
	From       *uint64 `json:"from,omitempty"`
	KeyVersion *uint64 `json:"key_version,omitempty"`
	Part       *string `json:"part,omitempty"`
	ListHash   text    `json:"list_hash,omitempty"`
	Labels     *[]text `json:"labels,omitempty"` // the polynomial is then theirs
	C0         text    `json:"c0,omitempty"`
	Proof      *text   `json:"proof,omitempty"`
}

// TestVectors holds the code to the published vectors, and writes them with -update.
func TestVectors(t *testing.T) {
	t.Attr("invariant", "BG1")
	t.Attr("invariant", "BG2")
	t.Attr("invariant", "BG3")
	path := filepath.Join("testdata", "vectors.json")
	made, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, made) {
		t.Error("the published vectors are not those that the code makes")
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(v.H, second().Bytes()) {
		t.Error("H differs")
	}
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
}

// check reads a vector as a stranger would.
func (c vector) check(t *testing.T) {
	st := c.statement(t)
	if hash := st.Polynomial.Hash(); !bytes.Equal(hash[:], c.Coefficients) || st.Polynomial.D() != c.D {
		t.Error("polynomial differs")
	}
	for i, p := range c.Pads {
		if pad := polynomial.Pad(uint64(i)); !bytes.Equal(p, pad[:]) {
			t.Errorf("pad %d differs", i)
		}
	}
	var list []blacklist.Label
	if c.From == 0 {
		full, err := blacklist.ParseFullList(c.List)
		if err != nil || full.Hash() != st.ListHash || full.Part != st.Part || full.KeyVersion != st.KeyVersion {
			t.Errorf("list: %v", err)
		}
		list = full.Labels
	} else {
		delta, err := blacklist.ParseDelta(c.List)
		if err != nil || delta.Hash() != st.ListHash || delta.Part != st.Part || delta.KeyVersion != st.KeyVersion || delta.From != st.From || delta.To != st.Size {
			t.Errorf("delta: %v", err)
		}
		list = delta.Labels
	}
	if len(list) != len(c.Labels) {
		t.Errorf("%d labels in the list, %d beside it", len(list), len(c.Labels))
	}
	for i, l := range list {
		if u := blacklist.ScalarOf(l); !bytes.Equal(l[:], c.Labels[i]) || !bytes.Equal(u[:], c.Roots[i]) {
			t.Errorf("label %d differs", i)
		}
	}
	secret, err := Open(blacklist.Label(c.Label), c.R0)
	if err != nil {
		t.Fatal(err)
	}
	if c0 := secret.Commitment(); !bytes.Equal(c0[:], c.C0) || !bytes.Equal(secret.u.Bytes(), c.U) {
		t.Error("C_0 does not open")
	}
	if err := Verify(st, Commitment(c.C0), c.Proof); err != nil {
		t.Errorf("valid: %v", err)
	}
	p, err := ParseProof(c.Proof, c.D)
	if err != nil {
		t.Fatal(err)
	}
	bar := foldAt(st.Polynomial.Coefficients(), toField(p.X), toFields(p.Phi))
	if b := bar.Bytes(); !bytes.Equal(b[:], c.DeltaBar) || !bytes.Equal(p.X.Bytes(), c.X) {
		t.Error("x or δ̄ differs")
	}
	for _, bad := range c.Invalid {
		with := c.with(bad)
		if err := Verify(with.statement(t), Commitment(with.C0), with.Proof); !errors.Is(err, ErrProof) && !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", bad.Reason, err)
		}
	}
}

func (c vector) statement(t *testing.T) *Statement {
	t.Helper()
	part, err := blacklist.ParsePart(c.Part)
	if err != nil {
		t.Fatal(err)
	}
	var list []blacklist.Label
	for _, l := range c.Labels {
		list = append(list, blacklist.Label(l))
	}
	return &Statement{
		Origin: c.Origin, Size: c.Size, From: c.From, KeyVersion: c.KeyVersion, Part: part,
		ListHash: blacklist.Hash(c.ListHash), Polynomial: polynomialOf(list),
	}
}

// with replaces what an invalid case replaces.
func (c vector) with(b invalid) vector {
	put(&c.Origin, b.Origin)
	put(&c.Size, b.Size)
	put(&c.From, b.From)
	put(&c.KeyVersion, b.KeyVersion)
	put(&c.Part, b.Part)
	put(&c.Labels, b.Labels)
	put(&c.Proof, b.Proof)
	if b.ListHash != nil {
		c.ListHash = b.ListHash
	}
	if b.C0 != nil {
		c.C0 = b.C0
	}
	return c
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

const vectorSeed = "haltlog clearance vectors v1"

func makeVectors(t *testing.T) vectors {
	t.Helper()
	random := sha3.NewSHAKE256()
	if _, err := random.Write([]byte(vectorSeed)); err != nil {
		t.Fatal(err)
	}
	v := vectors{Format: "haltlog/clearance/vectors/v1", Seed: vectorSeed, H: second().Bytes()}
	for _, c := range []struct {
		name string
		n    int
		from uint64
		kind fingerprint.Kind
	}{
		{"full, no labels, d = 0", 0, 0, fingerprint.Manifest},
		{"full, 1 label, d = 0", 1, 0, fingerprint.Tensor},
		{"full, 3 labels, d = 1", 3, 0, fingerprint.Tensor},
		{"full, 2 labels and a pad, d = 1", 2, 0, fingerprint.Band(7)},
		{"full, 12 labels and 3 pads, d = 3", 12, 0, fingerprint.Tensor},
		{"extension, no labels, d = 0", 0, 700, fingerprint.Tensor},
		{"extension, 5 labels and 2 pads, d = 2", 5, 700, fingerprint.BandP(15)},
	} {
		list := listOf(c.n)
		st := statement(list)
		st.Part.Kind, st.From = c.kind, c.from
		full := blacklist.FullList{Part: st.Part, KeyVersion: st.KeyVersion, Labels: list}
		raw := full.Marshal()
		st.ListHash = full.Hash()
		if c.from > 0 {
			delta := blacklist.Delta{Part: st.Part, KeyVersion: st.KeyVersion, From: st.From, To: st.Size, Labels: list}
			raw, st.ListHash = delta.Marshal(), delta.Hash()
		}
		l := fresh()
		secret, err := commit(l, random)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := prove(st, secret, random)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParseProof(proof, st.Polynomial.D())
		if err != nil {
			t.Fatal(err)
		}
		c0, hash := secret.Commitment(), st.Polynomial.Hash()
		bar := foldAt(st.Polynomial.Coefficients(), toField(p.X), toFields(p.Phi)).Bytes()
		x := vector{
			Name: c.name, Origin: st.Origin, Size: st.Size, From: st.From, KeyVersion: st.KeyVersion, Part: st.Part.String(),
			List: raw, ListHash: st.ListHash[:], Labels: []text{}, Roots: []text{}, Pads: []text{}, D: st.Polynomial.D(), Coefficients: hash[:],
			Label: l[:], U: secret.u.Bytes(), R0: secret.Blind(), C0: c0[:], Proof: proof, X: p.X.Bytes(), DeltaBar: bar[:],
		}
		for _, l := range list {
			u := blacklist.ScalarOf(l)
			x.Labels, x.Roots = append(x.Labels, l[:]), append(x.Roots, u[:])
		}
		for i := range 2<<x.D - 1 - c.n {
			pad := polynomial.Pad(uint64(i))
			x.Pads = append(x.Pads, pad[:])
		}
		x.Invalid = invalidOf(x)
		v.Cases = append(v.Cases, x)
	}
	return v
}

// invalidOf are the ways in which a vector is not valid.
func invalidOf(c vector) []invalid {
	other := slices.Repeat([]byte{7}, 32)
	list := []invalid{
		{Reason: "another origin", Origin: new(c.Origin + "x")},
		{Reason: "another log size", Size: new(c.Size + 1)},
		{Reason: "another key version", KeyVersion: new(c.KeyVersion + 1)},
		{Reason: "another part", Part: new("band-3/-")},
		{Reason: "another prefix of a kind", Part: new("tensor/0")},
		{Reason: "another list hash", ListHash: other},
		{Reason: "commitment to zero", C0: second().Bytes()},
		{Reason: "commitment is the identity", C0: make([]byte, 32)},
		{Reason: "commitment is not canonical", C0: slices.Repeat([]byte{0xff}, 32)},
		{Reason: "32 bytes too few", Proof: new(c.Proof[:len(c.Proof)-32])},
		{Reason: "32 bytes too many", Proof: new(append(slices.Clone(c.Proof), make([]byte, 32)...))},
	}
	if c.From == 0 {
		list = append(list, invalid{Reason: "full proof as an extension", From: new(uint64(1))})
	} else {
		list = append(list, invalid{Reason: "extension from another size", From: new(c.From - 1)}, invalid{Reason: "extension as a full proof", From: new(uint64(0))})
	}
	if n := len(c.Labels); n > 1 {
		labels := slices.Clone(c.Labels)
		labels[0] = c.Label
		list = append(list, invalid{Reason: "the label is on the list", Labels: &labels})
	}
	name := func(i int) string { return fieldName(i, c.D) }
	elements := 2*c.D + 1
	for i := range len(c.Proof) / 32 {
		replace := func(reason string, with []byte) {
			p := bytes.Clone(c.Proof)
			copy(p[32*i:], with)
			list = append(list, invalid{Reason: name(i) + " " + reason, Proof: (*text)(&p)})
		}
		if i < elements {
			replace("is another element", group.Generator().Bytes())
			replace("is the identity", make([]byte, 32))
		} else {
			replace("is one", append([]byte{1}, make([]byte, 31)...))
		}
		replace("is not canonical", slices.Repeat([]byte{0xff}, 32))
	}
	x := bytes.Clone(c.Proof)
	copy(x[32*elements:], make([]byte, 32))
	return append(list, invalid{Reason: "x is zero", Proof: (*text)(&x)})
}

// fieldName names the i-th 32 bytes of a proof.
func fieldName(i, d int) string {
	for _, f := range []struct {
		name  string
		first int
		n     int
	}{
		{"C", 1, d}, {"V", -1, 1}, {"D", 1, d}, {"x", -1, 1}, {"phi", 0, d + 1}, {"rho", 0, d + 1}, {"eta", 0, d}, {"t", -1, 1}, {"omega", -1, 1}, {"zeta", -1, 1},
	} {
		if i < f.n {
			if f.first < 0 {
				return f.name
			}
			return f.name + "_" + string(rune('0'+f.first+i))
		}
		i -= f.n
	}
	return "nothing"
}
