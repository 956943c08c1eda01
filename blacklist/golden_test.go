package blacklist

import (
	"crypto/ecdh"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

var update = flag.Bool("update", false, "write testdata/escrow.json anew")

// golden is a sealed artefact that every later version must still open.
type golden struct {
	Key     []byte
	Context Context
	Sealed  []byte
	Wraps   []Wrap
}

// TestEscrowGolden opens labels that an earlier version sealed: they may have
// to be opened years after.
func TestEscrowGolden(t *testing.T) {
	t.Attr("invariant", "B5")
	const path = "testdata/escrow.json"
	entries := append([]Entry{{fingerprint.Manifest, label(0)}}, tensors(labels(1, 4)...)...)
	if *update {
		key := escrowKey(t)
		g := golden{Key: key.Bytes(), Context: Context{"haltlog.example/log", "run-1", 7, NewArtefact(entries).Root()}}
		var err error
		if g.Sealed, g.Wraps, err = Seal(key.PublicKey(), g.Context, entries); err != nil {
			t.Fatal(err)
		}
		b, err := json.MarshalIndent(g, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.X25519().NewPrivateKey(g.Key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(key, g.Context, g.Sealed, g.Wraps)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entries, got); diff != "" {
		t.Error(diff)
	}
}

// TestKnownAnswers freezes leaf, artefact root, part and full list. The values
// were computed with a second implementation.
func TestKnownAnswers(t *testing.T) {
	t.Attr("invariant", "B1")
	entries := append([]Entry{{fingerprint.Manifest, label(0)}}, tensors(labels(1, 3)...)...)
	full := FullList{Part{Kind: fingerprint.Tensor}, 1, NewTree(labels(0, 3)...).Labels()}
	for what, c := range map[string]struct{ got, want string }{
		"leaf":     {hexOf(ArtefactLeaf(258, fingerprint.Tensor, label(0))), vectorLeaf},
		"artefact": {hexOf(NewArtefact(entries).Root()), vectorArtefact},
		"full":     {hexOf(full.Hash()), vectorFull},
		"part":     {PartOf(fingerprint.Tensor, label(0), 12).String(), vectorPart},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", what, c.got, c.want)
		}
	}
}
