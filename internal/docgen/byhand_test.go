package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// These tests are a second verifier in small: they compute the examples of
// docs/protocol.md from the formulas that stand there, with the standard
// library alone, and look for the results among what the page prints.

// sum is SHA-256 over everything joined.
func sum(parts ...any) string {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case byte:
			b = append(b, p)
		case int:
			b = binary.BigEndian.AppendUint64(b, uint64(p))
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	h := sha256.Sum256(b)
	return string(h[:])
}

// printed is a value's hex in a block of the page, by the words before it.
func printed(t *testing.T, block, words string) string {
	t.Helper()
	page := read(t, root+"/docs/protocol.md")
	_, rest, ok := strings.Cut(page, blockOpen+block+" -->\n")
	rest, _, ok2 := strings.Cut(rest, blockClose)
	if !ok || !ok2 {
		t.Fatalf("no block %s", block)
	}
	lines := strings.Split(rest, "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, words) })
	if i < 0 || i+1 == len(lines) {
		t.Fatalf("block %s prints no %q", block, words)
	}
	return strings.TrimSpace(lines[i+1])
}

func agree(t *testing.T, block, words, computed string) {
	t.Helper()
	if p := printed(t, block, words); p != hex.EncodeToString([]byte(computed)) {
		t.Errorf("%s, %s: the page prints %s, its formula gives %x", block, words, p, computed)
	}
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parsed is an envelope as encoding/json reads it.
type parsed struct {
	Payload     []byte `json:"payload"`
	PayloadType string `json:"payloadType"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   []byte `json:"sig"`
	} `json:"signatures"`
}

func open(t *testing.T, kind string) (raw string, e parsed) {
	t.Helper()
	raw = read(t, root+"/log/testdata/golden/"+kind+".json")
	if err := json.Unmarshal([]byte(raw), &e); err != nil {
		t.Fatal(err)
	}
	return raw, e
}

func TestEnvelopeByHand(t *testing.T) {
	raw, e := open(t, "checkin")
	pae := fmt.Sprintf("DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload)
	spki := unhex(t, printed(t, "envelope", "public key of the signer"))
	if !ed25519.Verify(ed25519.PublicKey(spki[12:]), []byte(pae), e.Signatures[0].Sig) {
		t.Error("the signature does not verify over the encoding")
	}
	if printed(t, "envelope", "pre-authentication encoding") != pae || printed(t, "envelope", "envelope, which is the leaf") != raw {
		t.Error("the page prints other bytes")
	}
	keyID := hex.EncodeToString([]byte(sum(spki)))
	if e.Signatures[0].KeyID != keyID || printed(t, "envelope", "keyid") != keyID {
		t.Errorf("keyid %s", keyID)
	}
	agree(t, "envelope", "identity", sum("haltlog/identity/v1\n", len(pae), pae, keyID, "\n"))
	agree(t, "envelope", "leaf hash", sum(byte(0), raw))
}

func TestKeysByHand(t *testing.T) {
	spki := unhex(t, printed(t, "keys", "officer a, SPKI"))
	message := "haltlog/possession/v1\nhaltlog.example/2026\nofficer\n" + spki
	agree(t, "keys", "possession message", message)
	if !ed25519.Verify(ed25519.PublicKey(spki[12:]), []byte(message), []byte(unhex(t, printed(t, "keys", "possession proof")))) {
		t.Error("the possession proof does not verify")
	}
	agree(t, "keys", "keyid", sum(spki))
}

func TestHashesByHand(t *testing.T) {
	genesis, _ := open(t, "genesis")
	agree(t, "hashes", "genesis hash", sum("haltlog/genesis/v1\n", genesis))
	_, group := open(t, "group")
	h := sum("haltlog/group/v1\n", group.Payload)
	agree(t, "hashes", "group hash", h)
	if printed(t, "hashes", "the same in JSON") != base64.StdEncoding.EncodeToString([]byte(h)) {
		t.Error("group hash in JSON")
	}
	agree(t, "hashes", "its hash", sum("haltlog/policy/v1\n", printed(t, "hashes", "policy document")))
}

func TestVerdictRootByHand(t *testing.T) {
	str := func(s string) string { return string(binary.BigEndian.AppendUint64(nil, uint64(len(s)))) + s }
	tag := "haltlog/verdict/v1\n"
	one := sum(tag, str("run-1"), 7, str("go"), 0)
	two := sum(tag, str("run-2"), 7, str("halt"), 1, str("live_vote"), 1, 17, 1, 1, byte(1))
	three := sum(tag, str("run-3"), 2, str("closed"), 0)
	node := func(l, r string) string { return sum("haltlog/verdict-node/v1\n", l, r) }
	agree(t, "verdict-root", "no runs", sum("haltlog/verdict-none/v1\n"))
	agree(t, "verdict-root", "leaf of run-1", one)
	agree(t, "verdict-root", "leaf of run-2", two)
	agree(t, "verdict-root", "leaf of run-3", three)
	agree(t, "verdict-root", "root over the first 2", node(one, two))
	agree(t, "verdict-root", "root over the first 3", node(node(one, two), three))
}

func TestTensorByHand(t *testing.T) {
	// 1, 2, 3 and 250 fit U8, class 1.
	leaf := derived("haltlog/tensor-leaf/v2", []byte{1, 2, 3, 250})
	want := sum("haltlog/tensor/v1", byte(0), byte(1), byte(2), 2, 2, leaf)
	agree(t, "tensor", "shape 2 × 2, values [1 2 3 250] as F32", want)
	agree(t, "tensor", "shape 2 × 2, values [1 2 3 250] as BF16", want)
}

func TestLabelsByHand(t *testing.T) {
	value := unhex(t, printed(t, "labels", "tensor fingerprint"))
	page := read(t, root+"/docs/protocol.md")
	if !strings.Contains(page, hex.EncodeToString([]byte("haltlog/fingerprint/v1\x00tensor\x00"+value))) {
		t.Error("input of the tensor")
	}
	labels := values(t, "labels", "its label Y")
	leaf := func(n int, kind, label string) string {
		return sum("haltlog/blacklist/artefact-leaf/v1", byte(0), n, kind, byte(0), label)
	}
	node := func(l, r string) string { return sum("haltlog/blacklist/node/v1", byte(0), l, r) }
	manifest, tensor := leaf(0, "manifest", labels[0]), leaf(1, "tensor", labels[1])
	agree(t, "labels", "its leaf in an artefact, as number 0", manifest)
	agree(t, "labels", "its leaf in an artefact, as number 1", tensor)
	agree(t, "labels", "root of the artefact", node(manifest, tensor))

	u := []byte(values(t, "labels", "its scalar u")[1])
	slices.Reverse(u)
	scalar := func(u []byte) string { return sum("haltlog/blacklist/scalar-leaf/v1", byte(0), u) }
	tree := node(node(scalar(make([]byte, 32)), scalar(u)), scalar(slices.Repeat([]byte{0xff}, 32)))
	agree(t, "labels", "root of the part", tree)
	list := "haltlog/blacklist/full/v1\ntensor/-\n1\n1\n" + labels[1]
	agree(t, "labels", "full list of that part", list)
	agree(t, "labels", "its hash, the commitment", sum(list))
}

// values are all hex values in a block that stand behind the same words.
func values(t *testing.T, block, words string) []string {
	t.Helper()
	page := read(t, root+"/docs/protocol.md")
	_, rest, _ := strings.Cut(page, blockOpen+block+" -->\n")
	rest, _, _ = strings.Cut(rest, blockClose)
	var out []string
	lines := strings.Split(rest, "\n")
	for i, l := range lines[:len(lines)-1] {
		if strings.HasPrefix(l, words) {
			out = append(out, unhex(t, strings.TrimSpace(lines[i+1])))
		}
	}
	return out
}
