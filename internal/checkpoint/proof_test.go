package checkpoint_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

func testProof(t testing.TB, w world, index, size int) checkpoint.Proof {
	t.Helper()
	m := newTree(t, size)
	p, err := tlog.ProveRecord(int64(size), int64(index), m)
	if err != nil {
		t.Fatal(err)
	}
	c := checkpoint.Checkpoint{Origin: testOrigin, Size: uint64(size), Root: m.root(t, size)}
	return checkpoint.Proof{Index: uint64(index), Extra: []byte("more"), Hashes: hashes(p), Checkpoint: []byte(w.signed(t, c, 0, 1))}
}

func TestProofVerify(t *testing.T) {
	t.Attr("invariant", "L4")
	w := newWorld(t)
	p := testProof(t, w, 5, 11)
	q, err := checkpoint.ParseProof(p.Format())
	if err != nil || !bytes.Equal(q.Format(), p.Format()) {
		t.Fatal(err)
	}
	v, err := q.Verify(w.q, leaf(5))
	if err != nil || v.Checkpoint.Size != 11 || len(v.Cosigned) != 2 {
		t.Fatal(v, err)
	}
	_, err = q.Verify(w.q, leaf(6))
	wantErr(t, err, checkpoint.ErrProof)
	other := q
	other.Index = 4
	_, err = other.Verify(w.q, leaf(5))
	wantErr(t, err, checkpoint.ErrProof)
	other = q
	other.Hashes = q.Hashes[:len(q.Hashes)-1]
	_, err = other.Verify(w.q, leaf(5))
	wantErr(t, err, checkpoint.ErrProof)
	other = q
	other.Checkpoint = testProof(t, w, 5, 12).Checkpoint
	_, err = other.Verify(w.q, leaf(5))
	wantErr(t, err, checkpoint.ErrProof)
	n, err := checkpoint.ParseNote(q.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	n.Sigs = n.Sigs[:2]
	other = q
	other.Checkpoint = n.Bytes()
	_, err = other.Verify(w.q, leaf(5))
	wantErr(t, err, checkpoint.ErrQuorum)
}

func TestProofRefuses(t *testing.T) {
	good := string(testProof(t, newWorld(t), 5, 11).Format())
	first := good[strings.Index(good, "index 5\n")+8:][:45]
	for name, s := range map[string]string{
		"empty":            "",
		"another version":  strings.Replace(good, "@v1", "@v2", 1),
		"CRLF":             strings.Replace(good, "@v1\n", "@v1\r\n", 1),
		"empty extra":      strings.Replace(good, "extra bW9yZQ==", "extra ", 1),
		"extra unpadded":   strings.Replace(good, "bW9yZQ==", "bW9yZQ", 1),
		"extra twice":      strings.Replace(good, "extra bW9yZQ==\n", "extra bW9yZQ==\nextra bW9yZQ==\n", 1),
		"extra after":      strings.Replace(good, "extra bW9yZQ==\nindex 5\n", "index 5\nextra bW9yZQ==\n", 1),
		"no index":         strings.Replace(good, "index 5\n", "", 1),
		"index 05":         strings.Replace(good, "index 5", "index 05", 1),
		"index +5":         strings.Replace(good, "index 5", "index +5", 1),
		"index with space": strings.Replace(good, "index 5", "index  5", 1),
		"short hash":       strings.Replace(good, first, first[1:], 1),
		"many hashes":      strings.Replace(good, first, strings.Repeat(first, 61), 1),
		"no empty line":    strings.Replace(good, "\n\n", "\n", 1),
		"no signatures":    good[:strings.LastIndex(good, "\n\n")+2],
		"trailing data":    good + "x",
	} {
		t.Run(name, func(t *testing.T) {
			if s == good {
				t.Fatal("the case changes nothing")
			}
			_, err := checkpoint.ParseProof([]byte(s))
			wantErr(t, err, checkpoint.ErrMalformed)
		})
	}
}
