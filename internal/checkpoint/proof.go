package checkpoint

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A Proof is a tlog-proof (c2sp.org/tlog-proof): everything needed to verify
// offline, against a policy, that a leaf is in a log. Files of it end in
// ".tlog-proof".
type Proof struct {
	// Index is the leaf's index from 0, below the checkpoint's size.
	Index uint64
	// Extra is opaque and not authenticated by anything; empty if absent.
	Extra []byte
	// Hashes runs from the leaf's sibling to the root's child.
	Hashes []Hash
	// Checkpoint is the signed checkpoint, verbatim.
	Checkpoint []byte
}

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// ParseProof parses a tlog-proof. It accepts exactly what [Proof.Format]
// prints, and verifies nothing.
func ParseProof(b []byte) (Proof, error) {
	if len(b) > MaxProof {
		return Proof{}, fmt.Errorf("tlog-proof: longer than %d bytes: %w", MaxProof, ErrMalformed)
	}
	// "The first line MUST be the string c2sp.org/tlog-proof@v1."
	rest, ok := strings.CutPrefix(string(b), proofHeader)
	if !ok {
		return Proof{}, fmt.Errorf("tlog-proof: first line: %w", ErrMalformed)
	}
	head, body, ok := strings.Cut(rest, "\n\n")
	if !ok {
		return Proof{}, fmt.Errorf("tlog-proof: no empty line: %w", ErrMalformed)
	}
	var p Proof
	lines := strings.Split(head, "\n")
	// "If no extra data is present, this line is omitted": an empty value has
	// no encoding.
	if s, ok := strings.CutPrefix(lines[0], "extra "); ok {
		x, err := decodeBase64(s)
		if err != nil || len(x) == 0 || len(x) > MaxExtra {
			return Proof{}, fmt.Errorf("tlog-proof: extra line: %w", ErrMalformed)
		}
		p.Extra, lines = x, lines[1:]
	}
	if len(lines) == 0 {
		return Proof{}, fmt.Errorf("tlog-proof: no index line: %w", ErrMalformed)
	}
	s, ok := strings.CutPrefix(lines[0], "index ")
	if !ok {
		return Proof{}, fmt.Errorf("tlog-proof: no index line: %w", ErrMalformed)
	}
	var err error
	if p.Index, err = ParseSize(s); err != nil {
		return Proof{}, fmt.Errorf("tlog-proof: index: %w", err)
	}
	if p.Hashes, err = parseHashLines(lines[1:]); err != nil {
		return Proof{}, fmt.Errorf("tlog-proof: %w", err)
	}
	if _, err := ParseNote([]byte(body)); err != nil {
		return Proof{}, fmt.Errorf("tlog-proof: %w", err)
	}
	p.Checkpoint = []byte(body)
	return p, nil
}

// Format is the proof in its only encoding.
func (p Proof) Format() []byte {
	var b strings.Builder
	b.WriteString(proofHeader)
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	b.WriteString("index " + strconv.FormatUint(p.Index, 10) + "\n")
	for _, h := range p.Hashes {
		b.WriteString(FormatHash(h) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return []byte(b.String())
}

// Verify checks offline that leaf (its data, not its hash) is at p.Index in
// the tree of the checkpoint, and that the checkpoint satisfies the policy.
// It says nothing about p.Extra.
func (p Proof) Verify(q *Quorum, leaf []byte) (Verified, error) {
	v, err := q.Verify(p.Checkpoint)
	if err != nil {
		return Verified{}, fmt.Errorf("tlog-proof: %w", err)
	}
	if err := VerifyInclusion(p.Index, v.Checkpoint.Size, LeafHash(leaf), p.Hashes, v.Checkpoint.Root); err != nil {
		return Verified{}, fmt.Errorf("tlog-proof: %w", err)
	}
	return v, nil
}

func parseHashLines(lines []string) ([]Hash, error) {
	if len(lines) > MaxProofHashes {
		return nil, fmt.Errorf("%d proof lines: %w", len(lines), ErrMalformed)
	}
	var hs []Hash
	for i, l := range lines {
		h, err := ParseHash(l)
		if err != nil {
			return nil, fmt.Errorf("proof line %d: %w", i+1, err)
		}
		hs = append(hs, h)
	}
	return hs, nil
}
