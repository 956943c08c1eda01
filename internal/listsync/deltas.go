package listsync

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/haltlog/haltlog/blacklist"
)

// deltasFormat is the first line of the document that names an epoch's deltas.
const deltasFormat = "haltlog/list/deltas/v1"

// deltaOf is where the delta of one part is.
type deltaOf struct {
	part    blacklist.Part
	version uint64
	hash    blacklist.Hash
}

// formatDeltas is the format's line, and one for each delta: part, key version,
// hash, with a space between.
func formatDeltas(ds []deltaOf) []byte {
	b := fmt.Appendf(nil, "%s\n", deltasFormat)
	for _, d := range ds {
		b = fmt.Appendf(b, "%v %d %x\n", d.part, d.version, d.hash)
	}
	return b
}

// parseDeltas is the inverse of formatDeltas, and refuses all else.
func parseDeltas(raw []byte) ([]deltaOf, error) {
	bad := func(what string) ([]deltaOf, error) {
		return nil, fmt.Errorf("deltas of an epoch: %w: %s", ErrHead, what)
	}
	text, ok := strings.CutPrefix(string(raw), deltasFormat+"\n")
	if !ok || (text != "" && !strings.HasSuffix(text, "\n")) {
		return bad("not such a document")
	}
	var out []deltaOf
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(f) != 3 {
			return bad("line")
		}
		part, err := blacklist.ParsePart(f[0])
		if err != nil || part.String() != f[0] {
			return bad("part")
		}
		version, err := strconv.ParseUint(f[1], 10, 64)
		if err != nil || strconv.FormatUint(version, 10) != f[1] {
			return bad("key version")
		}
		hash, err := hex.DecodeString(f[2])
		if err != nil || len(hash) != 32 || hex.EncodeToString(hash) != f[2] {
			return bad("hash")
		}
		out = append(out, deltaOf{part, version, blacklist.Hash(hash)})
	}
	return out, nil
}

// deltasIn are the deltas that an epoch commits to.
func deltasIn(e blacklist.Epoch) []deltaOf {
	var out []deltaOf
	for _, p := range e.Parts {
		if h, ok := p.Hash(blacklist.CommitDeltaFull); ok {
			out = append(out, deltaOf{p.Part, p.KeyVersion, h})
		}
	}
	return out
}
