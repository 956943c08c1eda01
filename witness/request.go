package witness

import (
	"fmt"
	"strings"

	"github.com/haltlog/haltlog/internal/checkpoint"
)

// A Request is the body of add-checkpoint, none of it verified.
type Request struct {
	Old   uint64 // size that the proof starts from
	Proof []checkpoint.Hash
	Note  checkpoint.Note
	// Checkpoint is Note's text, parsed.
	Checkpoint checkpoint.Checkpoint
}

// ParseRequest parses an add-checkpoint body. It accepts exactly what
// [Request.Bytes] prints, and returns [ErrMalformed] for anything else.
func ParseRequest(body []byte) (Request, error) {
	r, err := parseRequest(body)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return r, nil
}

func parseRequest(body []byte) (Request, error) {
	if len(body) > MaxBody {
		return Request{}, fmt.Errorf("longer than %d bytes", MaxBody)
	}
	// "The request body MUST be a sequence of an old size line, zero or more
	// consistency proof lines, and an empty line, followed by a checkpoint.
	// Each line MUST terminate in a newline character (U+000A)."
	head, note, ok := strings.Cut(string(body), "\n\n")
	if !ok {
		return Request{}, fmt.Errorf("no empty line")
	}
	lines := strings.Split(head, "\n")
	// "The old size line MUST consist of the string old, a single space
	// (0x20), and the tree size of the previous checkpoint encoded as an ASCII
	// decimal with no leading zeroes (unless the size is zero, in which case
	// the encoding MUST be 0)."
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return Request{}, fmt.Errorf("no old size line")
	}
	var r Request
	var err error
	if r.Old, err = checkpoint.ParseSize(size); err != nil {
		return Request{}, fmt.Errorf("old size: %w", err)
	}
	// "Each consistency proof line MUST encode a single hash in base64. The
	// client MUST NOT send more than 63 consistency proof lines."
	if len(lines)-1 > checkpoint.MaxProofHashes {
		return Request{}, fmt.Errorf("%d proof lines", len(lines)-1)
	}
	for i, l := range lines[1:] {
		h, err := checkpoint.ParseHash(l)
		if err != nil {
			return Request{}, fmt.Errorf("proof line %d: %w", i+1, err)
		}
		r.Proof = append(r.Proof, h)
	}
	if r.Note, err = checkpoint.ParseNote([]byte(note)); err != nil {
		return Request{}, err
	}
	r.Checkpoint, err = checkpoint.ParseCheckpoint(r.Note.Text)
	return r, err
}

// Bytes is the request in its only encoding. Note.Text is what is printed;
// Checkpoint is not looked at.
func (r Request) Bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b.WriteString(checkpoint.FormatHash(h) + "\n")
	}
	b.WriteString("\n")
	b.Write(r.Note.Bytes())
	return []byte(b.String())
}
