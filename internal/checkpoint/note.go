package checkpoint

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Note is a signed note (c2sp.org/signed-note): a text and the signature
// lines under it, none of them verified yet.
type Note struct {
	// Text is what was signed, with its final newline and without the blank
	// line that separates it from the signatures.
	Text string
	// Sigs are the signature lines in their order, at least one.
	Sigs []NoteSig
}

// A NoteSig is one signature line of a note.
type NoteSig struct {
	Name string // key name
	ID   uint32 // key ID
	Sig  []byte // what follows the key ID, at least one byte
}

// strictBase64 refuses padding bits that are not zero, which would give one
// value several encodings.
var strictBase64 = base64.StdEncoding.Strict()

// decodeBase64 decodes padded standard base64 in its only encoding. The
// library skips CR and LF inside its input, so they are refused before.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("base64: %w", ErrMalformed)
	}
	b, err := strictBase64.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("base64: %w", ErrMalformed)
	}
	return b, nil
}

const sigPrefix = "\u2014 "

// ParseNote parses a signed note. It accepts exactly what [Note.Bytes] prints
// and returns [ErrMalformed] for anything else.
func ParseNote(msg []byte) (Note, error) {
	if len(msg) > MaxNote {
		return Note{}, fmt.Errorf("note: longer than %d bytes: %w", MaxNote, ErrMalformed)
	}
	s := string(msg)
	// "Signed notes MUST be valid UTF-8 and MUST NOT contain any ASCII control
	// characters (those below U+0020) other than newline."
	if err := checkText(s); err != nil {
		return Note{}, fmt.Errorf("note: %w", err)
	}
	// "the text is separated from the signatures by the last empty line in the
	// note"
	split := strings.LastIndex(s, "\n\n")
	if split < 0 {
		return Note{}, fmt.Errorf("note: no blank line: %w", ErrMalformed)
	}
	n := Note{Text: s[:split+1]}
	sigs, err := ParseSignatures(s[split+2:])
	if err != nil {
		return Note{}, fmt.Errorf("note: %w", err)
	}
	n.Sigs = sigs
	return n, nil
}

// ParseSignatures parses signature lines that stand alone, at least one, such
// as a witness answers with.
func ParseSignatures(s string) ([]NoteSig, error) {
	if s == "" || !strings.HasSuffix(s, "\n") {
		return nil, fmt.Errorf("signature lines: no final newline: %w", ErrMalformed)
	}
	if strings.Count(s, "\n") > MaxSignatures {
		return nil, fmt.Errorf("signature lines: more than %d: %w", MaxSignatures, ErrMalformed)
	}
	var sigs []NoteSig
	for line := range strings.Lines(s) {
		sig, err := parseSigLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("signature line %d: %w", len(sigs)+1, err)
		}
		sigs = append(sigs, sig)
	}
	return sigs, nil
}

func parseSigLine(line string) (NoteSig, error) {
	rest, ok := strings.CutPrefix(line, sigPrefix)
	if !ok {
		return NoteSig{}, fmt.Errorf("no em dash: %w", ErrMalformed)
	}
	name, b64, ok := strings.Cut(rest, " ")
	if !ok {
		return NoteSig{}, fmt.Errorf("no signature: %w", ErrMalformed)
	}
	if err := checkName(name); err != nil {
		return NoteSig{}, err
	}
	raw, err := decodeBase64(b64)
	if err != nil {
		return NoteSig{}, err
	}
	if len(raw) < 5 {
		return NoteSig{}, fmt.Errorf("signature too short: %w", ErrMalformed)
	}
	return NoteSig{Name: name, ID: binary.BigEndian.Uint32(raw), Sig: raw[4:]}, nil
}

// Line is the signature line, with its final newline.
func (s NoteSig) Line() string {
	raw := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(s.Sig)), s.ID)
	raw = append(raw, s.Sig...)
	return sigPrefix + s.Name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// Bytes is the note in its only encoding.
func (n Note) Bytes() []byte {
	var b strings.Builder
	b.WriteString(n.Text)
	b.WriteString("\n")
	for _, s := range n.Sigs {
		b.WriteString(s.Line())
	}
	return []byte(b.String())
}

// checkText holds a text to what a signed note may contain.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("not UTF-8: %w", ErrMalformed)
	}
	for i := range len(s) {
		if s[i] < 0x20 && s[i] != '\n' {
			return fmt.Errorf("control character 0x%02x at byte %d: %w", s[i], i, ErrMalformed)
		}
	}
	return nil
}

// checkName holds a key name to signed-note's rule: "Key names MUST be
// non-empty and MUST NOT contain any Unicode spaces or plus (U+002B)
// characters."
func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("key name of %d bytes: %w", len(name), ErrMalformed)
	}
	if strings.ContainsRune(name, '+') || strings.ContainsFunc(name, unicode.IsSpace) {
		return fmt.Errorf("key name with a space or plus: %w", ErrMalformed)
	}
	return checkText(name)
}
