package boltstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/boltstore"
	"github.com/haltlog/haltlog/witness"
	"github.com/haltlog/haltlog/witness/storetest"
)

func TestConformance(t *testing.T) {
	t.Attr("invariant", "W1")
	path := filepath.Join(t.TempDir(), "w.db")
	var s *boltstore.Store
	storetest.Run(t, func(t *testing.T) witness.Store {
		if s != nil {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if s, err = boltstore.Open(path); err != nil {
			t.Fatal(err)
		}
		return s
	})
	keys, err := s.Keys("counter ")
	if err != nil || !slices.Equal(keys, []string{"counter 0", "counter 1", "counter 2"}) {
		t.Fatal(keys, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.db")
	s, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := s.Swap(t.Context(), string(rune('a'+i)), nil, make([]byte, 1<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := boltstore.Open(path); !errors.Is(err, boltstore.ErrInUse) {
		t.Fatalf("second opening: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("closing twice: %v", err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noise := slices.Clone(good)
	for i := 3 * os.Getpagesize(); i < len(noise); i++ {
		noise[i] ^= byte(i)
	}
	for name, b := range map[string][]byte{
		"text":          []byte("this is not a database\n"),
		"cut off":       good[:len(good)/2],
		"cut in header": good[:100],
		"zeros":         make([]byte, len(good)),
		"noise inside":  noise,
	} {
		t.Run(name, func(t *testing.T) {
			p := filepath.Join(t.TempDir(), "w.db")
			if err := os.WriteFile(p, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := boltstore.Open(p); !errors.Is(err, boltstore.ErrDamaged) {
				t.Fatalf("%v, %v", s, err)
			}
		})
	}
	if _, err := boltstore.Open(filepath.Join(t.TempDir(), "no", "w.db")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
