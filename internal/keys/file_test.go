package keys_test

import (
	"bytes"
	"crypto"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/ring"
)

// TestFiles makes a key of each kind, and reads it back from its file.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, a := range []keys.Algorithm{keys.Ed25519, keys.P256, keys.X25519} {
		k, err := keys.Generate(a)
		if err != nil {
			t.Fatal(err)
		}
		text, err := keys.MarshalPrivate(k)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, string(a)+".pem")
		if err := keys.Create(path, text); err != nil {
			t.Fatal(err)
		}
		got, err := keys.LoadPrivate(path)
		if err != nil || !k.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got) {
			t.Errorf("%s: another key, %v", a, err)
		}
		var spki []byte
		if a == keys.X25519 {
			e, err := keys.LoadEscrow(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keys.Load(path); !errors.Is(err, keys.ErrKey) {
				t.Errorf("an escrow key signs: %v", err)
			}
			if spki, err = keys.SPKI(e.Public()); err != nil {
				t.Fatal(err)
			}
		} else {
			s, err := keys.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			sig, err := s.Sign([]byte("message"))
			if err != nil || keys.Verify(s.SPKI(), []byte("message"), sig) != nil {
				t.Errorf("%s: %v", a, err)
			}
			if _, err := keys.LoadEscrow(path); !errors.Is(err, keys.ErrKey) {
				t.Errorf("a signing key opens: %v", err)
			}
			spki = s.SPKI()
		}
		pub := filepath.Join(dir, string(a)+".pub")
		if err := keys.Create(pub, keys.MarshalPublic(spki)); err != nil {
			t.Fatal(err)
		}
		if got, err := keys.LoadPublic(pub); err != nil || !bytes.Equal(got, spki) {
			t.Errorf("%s: another public key, %v", a, err)
		}
		if _, err := keys.LoadPrivate(pub); !errors.Is(err, keys.ErrKey) {
			t.Errorf("a public key is a private one: %v", err)
		}
	}
	s, p, err := ring.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ring.pem")
	if err := keys.Create(path, keys.MarshalRing(s)); err != nil {
		t.Fatal(err)
	}
	if got, err := keys.LoadRing(path); err != nil || got.Public() != p {
		t.Errorf("another ring secret, %v", err)
	}
}

// TestCreate holds that a key file is whole, its owner's only, and never
// replaced, and that nothing else is left beside it.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key.pem")
	if err := keys.Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := keys.Create(path, []byte("second")); !errors.Is(err, keys.ErrExists) {
		t.Errorf("replaced: %v", err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := keys.Create(filepath.Join(dir, "link"), []byte("x")); !errors.Is(err, keys.ErrExists) {
		t.Errorf("followed a link: %v", err)
	}
	if err := keys.Create(filepath.Join(dir, "none", "key.pem"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	b, err := os.ReadFile(path)
	if err != nil || string(b) != "first" {
		t.Errorf("%q, %v", b, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestBadFiles holds that each wrong file is one clear error and no key.
func TestBadFiles(t *testing.T) {
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.MarshalPrivate(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for what, content := range map[string][]byte{
		"empty": nil, "text": []byte("no key"), "huge": bytes.Repeat([]byte("a"), 1<<20),
		"two blocks": append(bytes.Clone(text), text...), "text before": append([]byte("x\n"), text...), "text behind": append(bytes.Clone(text), "x"...),
		"headers":   bytes.Replace(text, []byte("KEY-----\n"), []byte("KEY-----\nA: b\n\n"), 1),
		"truncated": text[:len(text)/2], "damaged": bytes.Replace(text, []byte("MC4CAQAw"), []byte("MC4CAQAx"), 1),
		"other type": bytes.ReplaceAll(text, []byte("PRIVATE"), []byte("EC PRIVATE")),
	} {
		path := filepath.Join(dir, what)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, a := keys.Load(path)
		_, b := keys.LoadRing(path)
		_, c := keys.LoadPublic(path)
		_, d := keys.LoadEscrow(path)
		for i, err := range []error{a, b, c, d} {
			if !errors.Is(err, keys.ErrKey) {
				t.Errorf("%s, reader %d: %v", what, i, err)
			}
		}
	}
	if _, err := keys.Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzParsePrivate holds that what is read as a private key is printed as one
// that is read as the same.
func FuzzParsePrivate(f *testing.F) {
	for _, a := range []keys.Algorithm{keys.Ed25519, keys.P256, keys.X25519} {
		k, err := keys.Generate(a)
		if err != nil {
			f.Fatal(err)
		}
		text, err := keys.MarshalPrivate(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := keys.ParsePrivate(text)
		if err != nil {
			return
		}
		again, err := keys.MarshalPrivate(k)
		if err != nil {
			t.Fatal(err)
		}
		l, err := keys.ParsePrivate(again)
		if err != nil || !k.(interface{ Equal(crypto.PrivateKey) bool }).Equal(l) {
			t.Fatalf("another key, %v", err)
		}
	})
}

// FuzzParseSPKI holds that a public key has one encoding.
func FuzzParseSPKI(f *testing.F) {
	for _, a := range []keys.Algorithm{keys.Ed25519, keys.P256, keys.X25519} {
		k, err := keys.Generate(a)
		if err != nil {
			f.Fatal(err)
		}
		spki, err := keys.SPKI(k.(interface{ Public() crypto.PublicKey }).Public())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(spki)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := keys.ParseSPKI(der)
		if err != nil {
			return
		}
		if again, err := keys.SPKI(pub); err != nil || !bytes.Equal(again, der) {
			t.Fatalf("accepted %x, printed %x, %v", der, again, err)
		}
	})
}
