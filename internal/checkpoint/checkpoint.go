package checkpoint

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Checkpoint is the body of a tlog-checkpoint (c2sp.org/tlog-checkpoint):
// what a log says its tree is.
type Checkpoint struct {
	// Origin names the log: one non-empty line of at most MaxName bytes.
	Origin string
	// Size is the number of leaves, at most MaxSize.
	Size uint64
	// Root is the RFC 6962 tree head at that size.
	Root Hash
	// Extensions are the lines after the third, none of them empty. They are
	// not covered by ML-DSA-44 cosignatures.
	Extensions []string
}

// ParseCheckpoint parses the text of a note as a checkpoint. It accepts
// exactly what [Checkpoint.String] prints, and says nothing about whether
// the root fits the size.
func ParseCheckpoint(body string) (Checkpoint, error) {
	if len(body) > MaxNote {
		return Checkpoint{}, fmt.Errorf("checkpoint: longer than %d bytes: %w", MaxNote, ErrMalformed)
	}
	if err := checkText(body); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	text, ok := strings.CutSuffix(body, "\n")
	if !ok {
		return Checkpoint{}, fmt.Errorf("checkpoint: no final newline: %w", ErrMalformed)
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return Checkpoint{}, fmt.Errorf("checkpoint: %d lines: %w", len(lines), ErrMalformed)
	}
	// "The note text is a sequence of at least three non-empty lines" and
	// "Extension lines, if any, MUST be non-empty."
	if slices.Contains(lines, "") {
		return Checkpoint{}, fmt.Errorf("checkpoint: empty line: %w", ErrMalformed)
	}
	c := Checkpoint{Origin: lines[0]}
	if len(c.Origin) > MaxName {
		return Checkpoint{}, fmt.Errorf("checkpoint: origin of %d bytes: %w", len(c.Origin), ErrMalformed)
	}
	var err error
	// "the ASCII decimal representation of the number of leaves in the tree,
	// with no leading zeroes (unless the tree is empty, in which case the tree
	// size is 0)"
	if c.Size, err = ParseSize(lines[1]); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: size: %w", err)
	}
	if c.Root, err = ParseHash(lines[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: root: %w", err)
	}
	if len(lines) > 3 {
		c.Extensions = lines[3:]
	}
	return c, nil
}

// String is the checkpoint's body, the exact inverse of [ParseCheckpoint] for
// every value that it returns.
func (c Checkpoint) String() string {
	var b strings.Builder
	b.WriteString(c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + FormatHash(c.Root) + "\n")
	for _, x := range c.Extensions {
		b.WriteString(x + "\n")
	}
	return b.String()
}

// Equal reports whether both say the same, extensions included.
func (c Checkpoint) Equal(d Checkpoint) bool {
	return c.Origin == d.Origin && c.Size == d.Size && c.Root == d.Root && slices.Equal(c.Extensions, d.Extensions)
}

// check refuses a value that ParseCheckpoint could not have returned, so that
// nothing is signed that no reader would accept.
func (c Checkpoint) check() error {
	d, err := ParseCheckpoint(c.String())
	if err != nil {
		return err
	}
	if !c.Equal(d) {
		return fmt.Errorf("checkpoint: fields with line breaks: %w", ErrMalformed)
	}
	return nil
}

// ParseSize parses a tree size or index: decimal digits without sign or
// leading zeros, at most MaxSize.
func ParseSize(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("not a decimal number without leading zeros: %w", ErrMalformed)
	}
	return n, nil
}

// ParseHash parses 32 bytes of padded standard base64.
func ParseHash(s string) (Hash, error) {
	// 32 bytes take 44 characters; checked first so that no long line is
	// decoded for nothing.
	if len(s) != 44 {
		return Hash{}, fmt.Errorf("hash of %d characters: %w", len(s), ErrMalformed)
	}
	b, err := decodeBase64(s)
	if err != nil {
		return Hash{}, err
	}
	if len(b) != len(Hash{}) {
		return Hash{}, fmt.Errorf("hash of %d bytes: %w", len(b), ErrMalformed)
	}
	return Hash(b), nil
}

// FormatHash is the hash in padded standard base64.
func FormatHash(h Hash) string { return base64.StdEncoding.EncodeToString(h[:]) }
