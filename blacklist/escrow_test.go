package blacklist

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

func escrowKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestEscrow(t *testing.T) {
	t.Attr("invariant", "B5")
	key, stranger := escrowKey(t), escrowKey(t)
	entries := append(tensors(labels(0, 3)...), Entry{fingerprint.Manifest, label(3)}, Entry{fingerprint.Tensor, label(4)})
	ctx := Context{"haltlog.example/log", "run-1", 4, NewArtefact(entries).Root()}
	sealed, wraps, err := Seal(key.PublicKey(), ctx, entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := ValidateWraps(wraps); err != nil {
		t.Fatal(err)
	}
	got, err := Open(key, ctx, sealed, wraps)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entries, got); diff != "" {
		t.Error(diff)
	}
	again, wraps2, err := Seal(key.PublicKey(), ctx, entries)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(again, sealed) || bytes.Equal(wraps[0].Bytes, wraps2[0].Bytes) {
		t.Error("the data key is not fresh")
	}
	other := Context{ctx.Origin, ctx.Run, 5, ctx.Root}
	sealedOther, wrapsOther, err := Seal(key.PublicKey(), other, entries)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte, i int) []byte {
		b = slices.Clone(b)
		b[(i+len(b))%len(b)] ^= 1
		return b
	}
	wrap := func(w Wrap) []Wrap { return []Wrap{w} }
	w := wraps[0]
	for name, c := range map[string]struct {
		key    *ecdh.PrivateKey
		ctx    Context
		sealed []byte
		wraps  []Wrap
		want   error
	}{
		"origin":               {key, Context{"haltlog.example/other", ctx.Run, 4, ctx.Root}, sealed, wraps, ErrSealed},
		"run":                  {key, Context{ctx.Origin, "run-2", 4, ctx.Root}, sealed, wraps, ErrSealed},
		"border moved":         {key, Context{ctx.Origin + "r", "un-1", 4, ctx.Root}, sealed, wraps, ErrSealed},
		"number":               {key, other, sealed, wraps, ErrSealed},
		"root":                 {key, Context{ctx.Origin, ctx.Run, 4, Hash{1}}, sealed, wraps, ErrSealed},
		"another key":          {stranger, ctx, sealed, wraps, ErrUnopenable},
		"another key, our ID":  {stranger, ctx, sealed, wrap(Wrap{1, EscrowKeyID(stranger.PublicKey()), w.Bytes}), ErrSealed},
		"another suite":        {key, ctx, sealed, wrap(Wrap{2, w.KeyID, w.Bytes}), ErrUnopenable},
		"wrap of another":      {key, ctx, sealed, wraps2, ErrSealed},
		"wrap of other number": {key, ctx, sealed, wrapsOther, ErrSealed},
		"labels of another":    {key, ctx, again, wraps, ErrSealed},
		"both of other number": {key, ctx, sealedOther, wrapsOther, ErrSealed},
		"sealed, truncated":    {key, ctx, sealed[:len(sealed)-1], wraps, ErrSealed},
		"sealed, empty":        {key, ctx, nil, wraps, ErrSealed},
		"sealed, nonce":        {key, ctx, flip(sealed, 0), wraps, ErrSealed},
		"sealed, body":         {key, ctx, flip(sealed, 20), wraps, ErrSealed},
		"sealed, mark":         {key, ctx, flip(sealed, -1), wraps, ErrSealed},
		"wrap, truncated":      {key, ctx, sealed, wrap(Wrap{1, w.KeyID, w.Bytes[:len(w.Bytes)-1]}), ErrSealed},
		"wrap, short":          {key, ctx, sealed, wrap(Wrap{1, w.KeyID, w.Bytes[:31]}), ErrSealed},
		"wrap, point":          {key, ctx, sealed, wrap(Wrap{1, w.KeyID, flip(w.Bytes, 0)}), ErrSealed},
		"wrap, low order":      {key, ctx, sealed, wrap(Wrap{1, w.KeyID, append(make([]byte, 32), w.Bytes[32:]...)}), ErrSealed},
		"wrap, body":           {key, ctx, sealed, wrap(Wrap{1, w.KeyID, flip(w.Bytes, 40)}), ErrSealed},
		"no wraps":             {key, ctx, sealed, nil, ErrWraps},
	} {
		if got, err := Open(c.key, c.ctx, c.sealed, c.wraps); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// A wrap of an unknown suite beside ours harms nothing.
	if _, err := Open(key, ctx, sealed, []Wrap{w, {2, w.KeyID, []byte{1}}}); err != nil {
		t.Error(err)
	}
	if _, _, err := Seal(key.PublicKey(), Context{Root: Hash{1}}, entries); !errors.Is(err, ErrSealed) {
		t.Errorf("sealed under a foreign root: %v", err)
	}
}

// TestOpenForeignRoot: a sealer that lies about the root is found out after
// opening, whatever the associated data says.
func TestOpenForeignRoot(t *testing.T) {
	t.Attr("invariant", "B5")
	key := escrowKey(t)
	entries := tensors(labels(0, 3)...)
	ctx := Context{"haltlog.example/log", "run-1", 1, NewArtefact(tensors(labels(1, 4)...)).Root()}
	plain, err := formatEntries(entries)
	if err != nil {
		t.Fatal(err)
	}
	sealed, wraps, err := seal(EscrowKeys{HPKE: []*ecdh.PublicKey{key.PublicKey()}}, ctx, plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(key, ctx, sealed, wraps); !errors.Is(err, ErrSealed) {
		t.Errorf("opened: %v", err)
	}
}

func TestValidateWraps(t *testing.T) {
	id, id2 := EscrowKeyID(escrowKey(t).PublicKey()), "ff"+EscrowKeyID(escrowKey(t).PublicKey())[2:]
	if id > id2 {
		id, id2 = id2, id
	}
	b := []byte{1}
	for name, c := range map[string]struct {
		wraps []Wrap
		ok    bool
	}{
		"sorted":       {[]Wrap{{1, id, b}, {1, id2, b}, {9, id, b}}, true},
		"none":         {nil, false},
		"suite 0":      {[]Wrap{{0, id, b}}, false},
		"upper case":   {[]Wrap{{1, "AB" + id[2:], b}}, false},
		"short ID":     {[]Wrap{{1, id[2:], b}}, false},
		"no bytes":     {[]Wrap{{1, id, nil}}, false},
		"twice":        {[]Wrap{{1, id, b}, {1, id, b}}, false},
		"out of order": {[]Wrap{{1, id2, b}, {1, id, b}}, false},
		"too many":     {make([]Wrap, MaxWraps+1), false},
	} {
		if err := ValidateWraps(c.wraps); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEscrowKeyID: the ID is over the key as x509 encodes it.
func TestEscrowKeyID(t *testing.T) {
	pub := escrowKey(t).PublicKey()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	if EscrowKeyID(pub) != hex.EncodeToString(sum[:]) {
		t.Error("not the SPKI's hash")
	}
}

func TestContestPath(t *testing.T) {
	for n := 1; n < 18; n++ {
		entries := tensors(labels(0, n)...)
		a := NewArtefact(entries)
		for i := range uint64(n) {
			path := a.Path(i)
			if err := VerifyPath(a.Root(), a.Count(), i, fingerprint.Tensor, label(int(i)), path); err != nil {
				t.Fatal(err)
			}
			if VerifyPath(a.Root(), a.Count(), i, fingerprint.Manifest, label(int(i)), path) == nil ||
				VerifyPath(a.Root(), a.Count(), i, fingerprint.Tensor, label(n), path) == nil ||
				VerifyPath(a.Root(), a.Count(), i+1, fingerprint.Tensor, label(int(i)), path) == nil {
				t.Fatal("path serves another leaf")
			}
		}
		if a.Path(uint64(n)) != nil {
			t.Fatal("path beyond the count")
		}
	}
}

func FuzzEntries(f *testing.F) {
	for _, entries := range [][]Entry{nil, tensors(labels(0, 2)...), {{fingerprint.Manifest, label(0)}, {fingerprint.Tensor, label(1)}}} {
		b, err := formatEntries(entries)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := parseEntries(b)
		if err != nil {
			return
		}
		back, err := formatEntries(entries)
		if err != nil || !bytes.Equal(back, b) {
			t.Fatalf("entries are malleable: %v", err)
		}
	})
}
