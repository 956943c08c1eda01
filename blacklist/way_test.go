package blacklist_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	rnd "math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
)

// weights is one layer of BF16 numbers, the same for the same seed.
func weights(seed uint64) []byte {
	r := rnd.New(rnd.NewPCG(seed, 0))
	var b []byte
	for range 1 << 16 {
		b = binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
	}
	return b
}

// wider is the same numbers as F32.
func wider(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); i += 2 {
		out = append(out, 0, 0, b[i], b[i+1])
	}
	return out
}

type memory struct {
	bytes.Buffer
	m    fstest.MapFS
	name string
}

func (f *memory) Close() error {
	f.m[f.name] = &fstest.MapFile{Data: f.Bytes()}
	return nil
}

func save(t *testing.T, shard uint64, sources ...fingerprint.Source) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	create := func(name string) (io.WriteCloser, error) { return &memory{m: m, name: name}, nil }
	if err := fingerprint.WriteSharded(create, shard, nil, sources); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTheWay goes from a run's saved checkpoint to the three answers, with
// everything in between that leaves a machine.
func TestTheWay(t *testing.T) {
	key := voprf.GenerateKey()
	evaluator := voprf.NewEvaluator(key)
	ask := func(m fstest.MapFS) (fingerprint.Model, []blacklist.Question, []blacklist.Label) {
		t.Helper()
		model, err := fingerprint.Scan(m, fingerprint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		qs := blacklist.Questions(model)
		query, err := voprf.NewQuery(key.Public(), blacklist.Inputs(qs))
		if err != nil {
			t.Fatal(err)
		}
		var responses [][]byte
		for _, r := range query.Requests() {
			response, err := evaluator.Answer(r)
			if err != nil {
				t.Fatal(err)
			}
			responses = append(responses, response)
		}
		labels, err := query.Labels(responses)
		if err != nil {
			t.Fatal(err)
		}
		return model, qs, labels
	}
	shape := []uint64{256, 256}
	layer := func(i int, name string) fingerprint.Source {
		return fingerprint.Bytes(name, fingerprint.BF16, shape, weights(uint64(i)))
	}
	bias := fingerprint.Bytes("bias", fingerprint.BF16, []uint64{1 << 16}, weights(99))

	// The run saves; its guard escrows; layer 0 is the declared base's.
	_, baseQs, baseLabels := ask(save(t, 1<<30, layer(0, "base")))
	base := blacklist.Entries(baseQs, baseLabels)
	_, qs, labels := ask(save(t, 1<<30, layer(0, "l0"), layer(1, "l1"), layer(2, "l2"), layer(3, "l3"), bias))
	entries := blacklist.Entries(qs, labels, base...)
	if len(entries) != 1+3+3*32 { // manifest, layers 1 to 3, and their bands
		t.Fatalf("%d labels", len(entries))
	}
	escrow, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	artefact := blacklist.NewArtefact(entries)
	ctx := blacklist.Context{Origin: "log.example", Run: "run-1", Number: 1, Root: artefact.Root()}
	sealed, wraps, err := blacklist.Seal(escrow.PublicKey(), ctx, entries)
	if err != nil {
		t.Fatal(err)
	}

	// The halt; the daemon opens and publishes.
	opened, err := blacklist.Open(escrow, ctx, sealed, wraps)
	if err != nil {
		t.Fatal(err)
	}
	set := blacklist.NewSet()
	published, excluded := set.Publish(opened)
	err = set.List(blacklist.Listing{
		Index: 12, Run: "run-1", Halt: 11, KeyVersion: 1, Artefact: 10,
		Root: artefact.Root(), Count: artefact.Count(), Labels: published, Excluded: excluded,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.EpochAt(1, 0, 13).Validate(); err != nil {
		t.Fatal(err)
	}

	// Labs ask.
	upcast := func(i int, name string) fingerprint.Source {
		return fingerprint.Bytes(name, fingerprint.F32, shape, wider(weights(uint64(i))))
	}
	for name, c := range map[string]struct {
		model fstest.MapFS
		want  blacklist.Verdict
	}{
		"the release itself":            {save(t, 1<<30, layer(0, "l0"), layer(1, "l1"), layer(2, "l2"), layer(3, "l3"), bias), blacklist.Listed},
		"renamed, re-sharded, up-cast":  {save(t, 200_000, upcast(3, "x"), upcast(1, "y"), upcast(0, "z"), upcast(2, "a"), bias), blacklist.Listed},
		"other weights":                 {save(t, 1<<30, layer(10, "l0"), layer(11, "l1"), layer(12, "l2"), layer(13, "l3"), bias), blacklist.Clear},
		"one frozen layer":              {save(t, 1<<30, layer(10, "l0"), layer(1, "l1"), layer(12, "l2"), layer(13, "l3"), bias), blacklist.Lead},
		"another fine-tune of the base": {save(t, 1<<30, layer(0, "l0"), layer(21, "l1")), blacklist.Clear},
	} {
		model, qs, labels := ask(c.model)
		got := blacklist.Judge(model.Parameters, blacklist.Hits(qs, labels, set.Lookup))
		if got.Verdict != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
}

// ExampleTree_ProveAbsence proves to a stranger, who holds nothing but root
// and count of a witnessed epoch, that a label is not listed.
func ExampleTree_ProveAbsence() {
	key := voprf.GenerateKey()
	listed, _ := key.Label([]byte("a halted model"))
	mine, _ := key.Label([]byte("my model"))
	tree := blacklist.NewTree(listed)

	proof, ok := tree.ProveAbsence(mine)
	fmt.Println(ok)
	wire, err := blacklist.ParseAbsence(proof.Marshal())
	fmt.Println(err)
	fmt.Println(wire.Verify(tree.Root(), tree.Count(), mine))
	fmt.Println(wire.Verify(tree.Root(), tree.Count(), listed) != nil)
	// Output:
	// true
	// <nil>
	// <nil>
	// true
}
