package evaluator

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist/voprf"
)

// ErrShares is a file of shares that is none.
var ErrShares = errors.New("no file of an evaluator's shares")

// Shares are one holder's secrets of one key version.
type Shares struct {
	Version uint64
	Labels  *voprf.Share
	Escrow  *voprf.Share // nil where the set has no escrow key
}

const sharesHead = "haltlog/evaluator-shares/v1"

// Format prints no secret, whatever the verb.
func (s Shares) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "shares of key version %d", s.Version) }

// Marshal is the file: the format's name, the key version, and each share in
// lower-case hex behind its purpose, a line each.
func (s Shares) Marshal() []byte {
	text := fmt.Sprintf("%s\nversion %d\nlabels %x\n", sharesHead, s.Version, s.Labels.Bytes())
	if s.Escrow != nil {
		text += fmt.Sprintf("escrow %x\n", s.Escrow.Bytes())
	}
	return []byte(text)
}

// ParseShares reads exactly what Marshal printed. Errors hold no key material.
func ParseShares(text []byte) (s Shares, err error) {
	lines := strings.Split(string(text), "\n")
	if n := len(lines); n != 4 && n != 5 || lines[n-1] != "" || lines[0] != sharesHead {
		return s, ErrShares
	}
	version, ok := strings.CutPrefix(lines[1], "version ")
	s.Version, err = strconv.ParseUint(version, 10, 53)
	if !ok || err != nil || s.Version == 0 || strconv.FormatUint(s.Version, 10) != version {
		return Shares{}, fmt.Errorf("%w: version", ErrShares)
	}
	if s.Labels, err = parseShare(lines[2], "labels "); err != nil {
		return Shares{}, err
	}
	if len(lines) == 5 {
		if s.Escrow, err = parseShare(lines[3], "escrow "); err != nil {
			return Shares{}, err
		}
		if s.Escrow.Index() != s.Labels.Index() {
			return Shares{}, fmt.Errorf("%w: of two holders", ErrShares)
		}
	}
	return s, nil
}

func parseShare(line, purpose string) (*voprf.Share, error) {
	digits, ok := strings.CutPrefix(line, purpose)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || hex.EncodeToString(raw) != digits {
		return nil, fmt.Errorf("%w: want %sand hexadecimal digits", ErrShares, purpose)
	}
	s, err := voprf.ParseShare(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %sshare", ErrShares, purpose) // the cause would show a part of it
	}
	return s, nil
}

// LoadShares reads a file.
func LoadShares(path string) (Shares, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Shares{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxShareFile {
		return Shares{}, fmt.Errorf("%w: %s", ErrShares, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Shares{}, err
	}
	return ParseShares(text)
}
