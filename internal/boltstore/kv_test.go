package boltstore_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/haltlog/haltlog/internal/boltstore"
)

func TestKV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	kv, err := boltstore.OpenKV(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := func() (got []string) {
		t.Helper()
		err := kv.Scan("a", []byte("k1"), func(k, v []byte) bool {
			got = append(got, string(k)+"="+string(v))
			return len(got) < 2
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if v, err := kv.Get("a", []byte("k")); v != nil || err != nil || keys() != nil {
		t.Errorf("empty: %q, %v", v, err)
	}
	err = kv.Update(func(put func(string, []byte, []byte) error) error {
		for _, k := range []string{"k3", "k0", "k2", "k1"} {
			if err := put("a", []byte(k), []byte("v")); err != nil {
				return err
			}
		}
		return put("b", []byte("k1"), []byte("other"))
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	err = kv.Update(func(put func(string, []byte, []byte) error) error {
		return errors.Join(put("a", []byte("k1"), []byte("half")), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("update: %v", err)
	}
	if _, err := boltstore.OpenKV(path); !errors.Is(err, boltstore.ErrInUse) {
		t.Errorf("open twice: %v", err)
	}
	if err := kv.Close(); err != nil {
		t.Fatal(err)
	}
	if kv, err = boltstore.OpenKV(path); err != nil {
		t.Fatal(err)
	}
	if got, want := keys(), []string{"k1=v", "k2=v"}; !slices.Equal(got, want) {
		t.Errorf("scan: %v, want %v", got, want)
	}
	if err := kv.Reset(); err != nil || keys() != nil {
		t.Errorf("after reset: %v, %v", keys(), err)
	}
	if err := kv.Close(); err != nil {
		t.Error(err)
	}
}

func TestKVIsNoWitness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "witness")
	s, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := boltstore.OpenKV(path); !errors.Is(err, boltstore.ErrDamaged) {
		t.Errorf("a witness's memory as a projection: %v", err)
	}
}
