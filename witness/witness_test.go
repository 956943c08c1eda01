package witness_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/witness"
)

const origin = "log.example/one"

func newSigner(t testing.TB, typ byte, name string, seed byte) checkpoint.Signer {
	t.Helper()
	skey, _, err := checkpoint.GenerateKey(typ, name, bytes.NewReader(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := checkpoint.ParseSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tree is a log's tree; two of other salt differ from leaf 0 on.
type tree struct{ t checkpoint.Tree }

func newTree(t testing.TB, salt string, n int) *tree {
	t.Helper()
	m := &tree{}
	for i := range n {
		if err := m.t.Append(fmt.Appendf(nil, "%s %d", salt, i)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *tree) root(t testing.TB, n int) checkpoint.Hash {
	t.Helper()
	h, err := m.t.Root(uint64(n))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (m *tree) proof(t testing.TB, old, size int) []checkpoint.Hash {
	t.Helper()
	if old > size {
		return nil
	}
	p, err := m.t.Consistency(uint64(old), uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world is one log and a witness with both kinds of key.
type world struct {
	store   witness.Store
	now     uint64
	log     checkpoint.Signer
	signers []checkpoint.Signer
	w       *witness.Witness
	tree    *tree
	fork    *tree
}

func newWorld(t testing.TB, store witness.Store) *world {
	t.Helper()
	w := &world{
		store: store, now: 1_700_000_000,
		log: newSigner(t, checkpoint.TypeEd25519, origin, 1),
		signers: []checkpoint.Signer{
			newSigner(t, checkpoint.TypeEd25519Cosignature, "w.example", 2),
			newSigner(t, checkpoint.TypeMLDSA44Cosignature, "w.example", 3),
		},
		tree: newTree(t, "tree", 40), fork: newTree(t, "fork", 40),
	}
	w.start(t)
	return w
}

// start makes the witness anew over the same store, as after a restart.
func (w *world) start(t testing.TB) {
	t.Helper()
	var err error
	w.w, err = witness.New(
		witness.Config{Signers: w.signers, Logs: []witness.Log{{Origin: origin, Keys: []checkpoint.VKey{w.log.VKey()}}}},
		witness.Deps{Store: w.store, Clock: func() uint64 { return w.now }},
	)
	if err != nil {
		t.Fatal(err)
	}
}

func sign(t testing.TB, s checkpoint.Signer, c checkpoint.Checkpoint) string {
	t.Helper()
	l, err := s.Sign(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// body is an honest request from old to size over m.
func (w *world) body(t testing.TB, m *tree, old, size int) string {
	t.Helper()
	c := checkpoint.Checkpoint{Origin: origin, Size: uint64(size), Root: m.root(t, size)}
	return request(uint64(old), m.proof(t, old, size), c.String()+"\n"+sign(t, w.log, c))
}

func request(old uint64, proof []checkpoint.Hash, note string) string {
	var s strings.Builder
	s.WriteString(fmt.Sprintf("old %d\n", old))
	for _, h := range proof {
		s.WriteString(checkpoint.FormatHash(h) + "\n")
	}
	return s.String() + "\n" + note
}

func (w *world) add(t testing.TB, body string) error {
	t.Helper()
	_, err := w.w.AddCheckpoint(t.Context(), []byte(body))
	return err
}

func (w *world) mustAdd(t testing.TB, body string) string {
	t.Helper()
	lines, err := w.w.AddCheckpoint(t.Context(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(lines)
}

func wantErr(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
}

func wantConflict(t testing.TB, err error, size uint64) {
	t.Helper()
	c, ok := errors.AsType[*witness.ConflictError](err)
	if !ok || c.Size != size {
		t.Fatalf("got %v, want a conflict with %d", err, size)
	}
}

// verify holds cosignature lines to every key of the witness.
func (w *world) verify(t testing.TB, c checkpoint.Checkpoint, lines string, time uint64) {
	t.Helper()
	sigs, err := checkpoint.ParseSignatures(lines)
	if err != nil || len(sigs) != len(w.signers) {
		t.Fatalf("%d lines, %v", len(sigs), err)
	}
	for i, s := range w.signers {
		v, err := checkpoint.NewVerifier(s.VKey())
		if err != nil {
			t.Fatal(err)
		}
		at, err := v.Verify(c, sigs[i].Sig)
		if err != nil || at != time || !v.Matches(sigs[i]) {
			t.Fatalf("line %d: time %d, %v", i, at, err)
		}
	}
}

func TestAddCheckpoint(t *testing.T) {
	w := newWorld(t, witness.NewMemory())
	for _, step := range [][2]int{{0, 0}, {0, 1}, {1, 1}, {1, 7}, {7, 8}, {8, 40}, {40, 40}} {
		w.now += 10
		lines := w.mustAdd(t, w.body(t, w.tree, step[0], step[1]))
		w.verify(t, checkpoint.Checkpoint{Origin: origin, Size: uint64(step[1]), Root: w.tree.root(t, step[1])}, lines, w.now)
	}
}

// TestRefusals has one wrong thing in each request, sent to a witness that last
// cosigned size 8. Nothing may have changed afterwards.
func TestRefusals(t *testing.T) {
	t.Attr("invariant", "W2")
	t.Attr("invariant", "W3")
	w := newWorld(t, witness.NewMemory())
	w.mustAdd(t, w.body(t, w.tree, 0, 8))
	good := w.body(t, w.tree, 8, 13)
	c13 := checkpoint.Checkpoint{Origin: origin, Size: 13, Root: w.tree.root(t, 13)}
	note13 := c13.String() + "\n" + sign(t, w.log, c13)
	other := newSigner(t, checkpoint.TypeEd25519, origin, 9)
	c12 := checkpoint.Checkpoint{Origin: origin, Size: 12, Root: w.tree.root(t, 12)}
	stranger := checkpoint.Checkpoint{Origin: "log.example/unknown", Size: 13, Root: w.tree.root(t, 13)}
	p := w.tree.proof(t, 8, 13)
	sub := func(old, new string) string {
		s := strings.Replace(good, old, new, 1)
		if s == good {
			t.Fatalf("%q is not in the request", old)
		}
		return s
	}
	// resigned is a checkpoint text that the parser should refuse, under a
	// signature that would hold.
	resigned := func(old, new string) string {
		text := strings.Replace(c13.String(), old, new, 1)
		return request(8, p, text+"\n"+sign(t, w.log, c13))
	}
	badProof := append([]checkpoint.Hash{}, p...)
	badProof[0][0] ^= 1
	for name, tc := range map[string]struct {
		body string
		err  error
	}{
		"empty":                      {"", witness.ErrMalformed},
		"no old line":                {sub("old 8\n", ""), witness.ErrMalformed},
		"old 08":                     {sub("old 8", "old 08"), witness.ErrMalformed},
		"old 00":                     {sub("old 8", "old 00"), witness.ErrMalformed},
		"old +0":                     {sub("old 8", "old +0"), witness.ErrMalformed},
		"old -0":                     {sub("old 8", "old -0"), witness.ErrMalformed},
		"old without space":          {sub("old 8", "old8"), witness.ErrMalformed},
		"old with two spaces":        {sub("old 8", "old  8"), witness.ErrMalformed},
		"old with trailing space":    {sub("old 8\n", "old 8 \n"), witness.ErrMalformed},
		"old in capitals":            {sub("old 8", "OLD 8"), witness.ErrMalformed},
		"old in hexadecimal":         {sub("old 8", "old 0x8"), witness.ErrMalformed},
		"old beyond 2^63":            {sub("old 8", "old 9223372036854775808"), witness.ErrMalformed},
		"CRLF":                       {strings.ReplaceAll(good, "\n", "\r\n"), witness.ErrMalformed},
		"CRLF in the first line":     {sub("old 8\n", "old 8\r\n"), witness.ErrMalformed},
		"64 proof lines":             {request(8, make([]checkpoint.Hash, 64), note13), witness.ErrMalformed},
		"proof line of 31 bytes":     {sub("old 8\n", "old 8\n"+base64.StdEncoding.EncodeToString(make([]byte, 31))+"\n"), witness.ErrMalformed},
		"proof line not base64":      {sub("old 8\n", "old 8\n"+strings.Repeat("!", 44)+"\n"), witness.ErrMalformed},
		"no empty line":              {sub("\n\n", "\n"), witness.ErrMalformed},
		"no signature":               {request(8, p, c13.String()+"\n"), witness.ErrMalformed},
		"no final newline":           {strings.TrimSuffix(good, "\n"), witness.ErrMalformed},
		"trailing data":              {good + "x\n", witness.ErrMalformed},
		"size with a leading zero":   {resigned("\n13\n", "\n013\n"), witness.ErrMalformed},
		"root of 31 bytes":           {resigned(checkpoint.FormatHash(c13.Root), base64.StdEncoding.EncodeToString(c13.Root[:31])), witness.ErrMalformed},
		"root of 33 bytes":           {resigned(checkpoint.FormatHash(c13.Root), base64.StdEncoding.EncodeToString(append(c13.Root[:], 0))), witness.ErrMalformed},
		"too long":                   {good + strings.Repeat("\u2014 a AAAAAAA=\n", witness.MaxBody/15), witness.ErrMalformed},
		"old beyond the checkpoint":  {request(14, nil, note13), witness.ErrMalformed},
		"unknown origin":             {request(8, p, stranger.String()+"\n"+sign(t, w.log, stranger)), witness.ErrUnknownLog},
		"signed by another key":      {request(8, p, c13.String()+"\n"+sign(t, other, c13)), witness.ErrForbidden},
		"signature of another size":  {request(8, p, c13.String()+"\n"+sign(t, w.log, c12)), witness.ErrForbidden},
		"good line, then a bad one":  {good + sign(t, w.log, c12), witness.ErrForbidden},
		"only our own cosignature":   {request(8, p, c13.String()+"\n"+sign(t, w.signers[0], c13)), witness.ErrForbidden},
		"proof damaged":              {request(8, badProof, note13), witness.ErrInconsistent},
		"proof missing":              {request(8, nil, note13), witness.ErrInconsistent},
		"proof too long":             {request(8, append(append([]checkpoint.Hash{}, p...), p[0]), note13), witness.ErrInconsistent},
		"a fork":                     {w.body(t, w.fork, 8, 13), witness.ErrInconsistent},
		"the fork at the same size":  {w.body(t, w.fork, 8, 8), witness.ErrInconsistent},
		"same size, proof not empty": {request(8, p[:1], strings.SplitN(w.body(t, w.tree, 8, 8), "\n\n", 2)[1]), witness.ErrInconsistent},
	} {
		t.Run(name, func(t *testing.T) { wantErr(t, w.add(t, tc.body), tc.err) })
	}
	for _, old := range []int{0, 7, 9} {
		wantConflict(t, w.add(t, request(uint64(old), nil, note13)), 8)
	}
	w.mustAdd(t, good)
}

// TestFirstContact: what running witnesses have let through when they knew
// nothing of a log yet.
func TestFirstContact(t *testing.T) {
	t.Attr("invariant", "W3")
	fresh := func() *world { return newWorld(t, witness.NewMemory()) }
	signed := func(w *world, size uint64, root checkpoint.Hash) string {
		c := checkpoint.Checkpoint{Origin: origin, Size: size, Root: root}
		return c.String() + "\n" + sign(t, w.log, c)
	}
	w := fresh()
	for _, old := range []string{"00", "+0", "-0", "", "0 ", "0x0"} {
		body := strings.Replace(w.body(t, w.tree, 0, 9), "old 0\n", "old "+old+"\n", 1)
		wantErr(t, w.add(t, body), witness.ErrMalformed)
	}
	wantConflict(t, w.add(t, w.body(t, w.tree, 5, 9)), 0)
	wantConflict(t, w.add(t, w.body(t, w.tree, 9, 9)), 0)
	wantErr(t, w.add(t, request(0, w.tree.proof(t, 5, 9), signed(w, 9, w.tree.root(t, 9)))), witness.ErrInconsistent)
	wantErr(t, w.add(t, request(0, nil, signed(w, 0, w.tree.root(t, 9)))), witness.ErrInconsistent)
	wantErr(t, w.add(t, request(0, make([]checkpoint.Hash, 1), signed(w, 0, checkpoint.EmptyRoot()))), witness.ErrInconsistent)
	if _, err := w.w.Checkpoint(t.Context(), origin); !errors.Is(err, witness.ErrNeverCosigned) {
		t.Fatal(err)
	}
	w.mustAdd(t, w.body(t, w.tree, 0, 9))
}

// TestMoreKeys: an origin with two keys takes a line of either, and refuses a
// bad line of either beside a good one of the other. Its keys may be named
// otherwise than the origin, and be ML-DSA-44.
func TestMoreKeys(t *testing.T) {
	w := newWorld(t, witness.NewMemory())
	second := newSigner(t, checkpoint.TypeMLDSA44Cosignature, "another-name", 8)
	var err error
	w.w, err = witness.New(witness.Config{Signers: w.signers, Logs: []witness.Log{
		{Origin: origin, Keys: []checkpoint.VKey{w.log.VKey(), second.VKey()}},
	}}, witness.Deps{Store: w.store, Clock: func() uint64 { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	c := checkpoint.Checkpoint{Origin: origin, Size: 3, Root: w.tree.root(t, 3)}
	d := checkpoint.Checkpoint{Origin: origin, Size: 4, Root: w.tree.root(t, 4)}
	head := c.String() + "\n"
	wantErr(t, w.add(t, request(0, nil, head+sign(t, second, d)+sign(t, w.log, c))), witness.ErrForbidden)
	wantErr(t, w.add(t, request(0, nil, head+sign(t, second, c)+sign(t, w.log, d))), witness.ErrForbidden)
	w.mustAdd(t, request(0, nil, head+sign(t, second, c)))
	w.mustAdd(t, request(3, nil, head+sign(t, w.log, c)))
	w.mustAdd(t, request(3, nil, head+sign(t, w.log, c)+sign(t, second, c)+"\u2014 stranger AAAAAAA=\n"))
}

// TestLargestHonestRequest: two ML-DSA-44 lines, 16 more of witnesses, and a
// full proof stay within the bound.
func TestLargestHonestRequest(t *testing.T) {
	w := newWorld(t, witness.NewMemory())
	w.mustAdd(t, w.body(t, w.tree, 0, 8))
	c := checkpoint.Checkpoint{Origin: origin, Size: 13, Root: w.tree.root(t, 13)}
	var note strings.Builder
	note.WriteString(c.String() + "\n" + sign(t, w.log, c))
	for range 18 {
		note.WriteString(sign(t, newSigner(t, checkpoint.TypeMLDSA44Cosignature, "unknown.example", 77), c))
	}
	full := request(8, make([]checkpoint.Hash, 63), note.String())
	if len(full) < 60<<10 {
		t.Fatalf("only %d bytes", len(full))
	}
	// The proof is judged, so the body was read.
	wantErr(t, w.add(t, full), witness.ErrInconsistent)
	w.mustAdd(t, request(8, w.tree.proof(t, 8, 13), note.String()))
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t, witness.NewMemory())
	good := witness.Config{Signers: w.signers, Logs: []witness.Log{{Origin: origin, Keys: []checkpoint.VKey{w.log.VKey()}}}}
	deps := witness.Deps{Store: w.store, Clock: func() uint64 { return 1 }}
	edit := func(f func(*witness.Config)) witness.Config {
		c := good
		f(&c)
		return c
	}
	for name, cfg := range map[string]witness.Config{
		"no key":          edit(func(c *witness.Config) { c.Signers = nil }),
		"a log's key":     edit(func(c *witness.Config) { c.Signers = []checkpoint.Signer{w.log} }),
		"key twice":       edit(func(c *witness.Config) { c.Signers = []checkpoint.Signer{w.signers[0], w.signers[0]} }),
		"log twice":       edit(func(c *witness.Config) { c.Logs = append(c.Logs, c.Logs[0]) }),
		"log without key": edit(func(c *witness.Config) { c.Logs = []witness.Log{{Origin: origin}} }),
		"origin empty":    edit(func(c *witness.Config) { c.Logs = []witness.Log{{Keys: good.Logs[0].Keys}} }),
		"own key as log": edit(func(c *witness.Config) {
			c.Logs = []witness.Log{{Origin: "x", Keys: []checkpoint.VKey{w.signers[0].VKey()}}}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := witness.New(cfg, deps); err == nil {
				t.Fatal("accepted")
			}
		})
	}
	if _, err := witness.New(good, witness.Deps{}); err == nil {
		t.Fatal("accepted without a store")
	}
}

func FuzzParseRequest(f *testing.F) {
	w := newWorld(f, witness.NewMemory())
	f.Add([]byte(w.body(f, w.tree, 0, 8)))
	f.Add([]byte(w.body(f, w.tree, 8, 13)))
	f.Add([]byte("old 00\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := witness.ParseRequest(b)
		if err == nil && !bytes.Equal(r.Bytes(), b) {
			t.Fatalf("%q printed as %q", b, r.Bytes())
		}
	})
}
