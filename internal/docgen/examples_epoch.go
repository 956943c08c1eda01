package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
)

// epoch makes two small epochs, and every object of the second.
func epoch() (string, error) {
	key, err := voprf.ParsePrivateKey(append([]byte{2}, make([]byte, 31)...))
	if err != nil {
		return "", err
	}
	set := blacklist.NewSet()
	var labels []blacklist.Entry
	for i := range 3 {
		f := fingerprint.Fingerprint{Kind: fingerprint.Band(7), Value: sha256.Sum256(fmt.Appendf(nil, "band %d", i))}
		y, err := key.Label(f.Input())
		if err != nil {
			return "", err
		}
		labels = append(labels, blacklist.Entry{Kind: f.Kind, Label: y})
	}
	for i, entries := range [][]blacklist.Entry{labels[:2], labels[2:]} {
		a := blacklist.NewArtefact(entries)
		at := uint64(100 * (i + 1))
		l := blacklist.Listing{Index: at, Run: fmt.Sprint("run-", i), Halt: at - 1, KeyVersion: 1, Artefact: at - 2, Root: a.Root(), Count: a.Count()}
		l.Labels, l.Excluded = set.Publish(entries)
		if err := set.List(l); err != nil {
			return "", err
		}
	}
	set.Commit(1, 150, set.EpochAt(1, 0, 150))
	e := set.EpochAt(2, set.From(), 250)
	set.Commit(2, 250, e)
	out := [][2]string{}
	add := func(name string, h blacklist.Hash) error {
		b, ok := set.Object(h)
		if !ok {
			return fmt.Errorf("no object %s", name)
		}
		out = append(out, [2]string{name + ", hex", hex.EncodeToString(b)}, [2]string{"its hash", hex.EncodeToString(h[:])})
		return nil
	}
	for i, y := range labels {
		out = append(out, [2]string{fmt.Sprintf("label %d of kind band-7, listed at index %d", i, 100*(i/2+1)), hex.EncodeToString(y.Label[:])})
	}
	for _, c := range e.Parts[0].Commitments {
		if strings.HasSuffix(c.Name, "root") {
			out = append(out, [2]string{c.Name, hex.EncodeToString(c.Hash[:])})
			continue
		}
		if err := add(fmt.Sprintf("%s of epoch 2, from size 150 to 250", c.Name), c.Hash); err != nil {
			return "", err
		}
	}
	state, ok := set.Object(e.State)
	if !ok {
		return "", fmt.Errorf("no state")
	}
	out = append(out,
		[2]string{"the state document, each line feed shown as a new line", strings.ReplaceAll(strings.TrimSuffix(string(state), "\n"), "\n", "\n    ")},
		[2]string{"its hash, the statement's state", hex.EncodeToString(e.State[:])},
	)
	t, ok := set.Tree(e.Parts[0].Part, 1)
	if !ok {
		return "", fmt.Errorf("no tree")
	}
	bucket, ok := t.Bucket(0, 0)
	if !ok {
		return "", fmt.Errorf("no bucket")
	}
	raw := bucket.Marshal(t.Count())
	out = append(out, [2]string{
		fmt.Sprintf("the one bucket of 0 bits of the part, %d bytes, without the zeros at its end", len(raw)),
		hex.EncodeToString([]byte(strings.TrimRight(string(raw), "\x00"))),
	})
	return rows(out...), nil
}
