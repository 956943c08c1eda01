package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing/fstest"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/group"
)

// labels follows two fingerprints to artefact, part and list, under the key 2.
func labels() (string, error) {
	secret := append([]byte{2}, make([]byte, 31)...)
	key, err := voprf.ParsePrivateKey(secret)
	if err != nil {
		return "", err
	}
	fs := []fingerprint.Fingerprint{
		{Kind: fingerprint.Manifest, Value: sha256.Sum256([]byte("a manifest"))},
		{Kind: fingerprint.Tensor, Value: sha256.Sum256([]byte("a tensor"))},
	}
	h := func(b []byte) string { return hex.EncodeToString(b) }
	out := [][2]string{
		{"evaluator's key k = 2, 32 bytes little-endian", h(secret)},
		{"public key pk = k·G", h(key.Public().Bytes())},
	}
	var entries []blacklist.Entry
	for i, f := range fs {
		y, err := key.Label(f.Input())
		if err != nil {
			return "", err
		}
		entries = append(entries, blacklist.Entry{Kind: f.Kind, Label: y})
		leaf := blacklist.ArtefactLeaf(uint64(i), f.Kind, y)
		u := group.HashToScalar(group.TagBlacklistScalar, y[:]).Bytes()
		out = append(out,
			[2]string{fmt.Sprintf("%s fingerprint", f.Kind), h(f.Value[:])},
			[2]string{"its input x", h(f.Input())},
			[2]string{"its label Y", h(y[:])},
			[2]string{fmt.Sprintf("its leaf in an artefact, as number %d", i), h(leaf[:])},
			[2]string{"its scalar u, 32 bytes little-endian", h(u)},
		)
	}
	root := blacklist.NewArtefact(entries).Root()
	out = append(out, [2]string{"root of the artefact of both", h(root[:])})
	part := blacklist.Part{Kind: fingerprint.Tensor}
	tree := blacklist.NewTree(entries[1].Label)
	treeRoot := tree.Root()
	list := blacklist.FullList{Part: part, KeyVersion: 1, Labels: tree.Labels()}
	full := list.Hash()
	out = append(out,
		[2]string{"root of the part tensor/- that holds the tensor's label alone: 3 leaves", h(treeRoot[:])},
		[2]string{"full list of that part under key version 1, hex", h(list.Marshal())},
		[2]string{"its hash, the commitment named full", h(full[:])},
	)
	return rows(out...), nil
}

// tensor fingerprints one small tensor in two number formats.
func tensor() (string, error) {
	values := []float32{1, 2, 3, 250}
	var wide, narrow []byte
	for _, v := range values {
		wide = binary.LittleEndian.AppendUint32(wide, math.Float32bits(v))
		narrow = binary.LittleEndian.AppendUint16(narrow, uint16(math.Float32bits(v)>>16))
	}
	var out [][2]string
	for _, f := range []struct {
		name  string
		dtype fingerprint.Dtype
		data  []byte
	}{{"F32", fingerprint.F32, wide}, {"BF16", fingerprint.BF16, narrow}} {
		var file bytes.Buffer
		if err := fingerprint.WriteFile(&file, nil, []fingerprint.Source{fingerprint.Bytes("w", f.dtype, []uint64{2, 2}, f.data)}); err != nil {
			return "", err
		}
		m, err := fingerprint.Scan(fstest.MapFS{"model.safetensors": {Data: file.Bytes()}}, fingerprint.Options{})
		if err != nil {
			return "", err
		}
		p := m.Tensors[0]
		out = append(out, [2]string{
			fmt.Sprintf("shape 2 × 2, values %v as %s, data %x: not eligible (%s)", values, f.name, f.data, p.Reason),
			hex.EncodeToString(p.Fingerprint.Value[:]),
		})
	}
	return rows(out...), nil
}
