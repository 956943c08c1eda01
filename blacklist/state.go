package blacklist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/haltlog/haltlog/blacklist/fingerprint"
)

// stateFormat is the first line of a state document.
const stateFormat = "haltlog/blacklist/state/v1"

// stateNames are the commitments that a state document holds of each part, in
// the order of its columns, which is their order in an epoch too.
func stateNames() []string {
	return []string{CommitFull, CommitLookup, CommitPolynomial, CommitRoot}
}

// State is every part of the set as an epoch left it; its hash stands in the
// epoch. The encoding is four lines of text (the format, the epoch's number, the
// log size that it folds, the number of parts) and a line for each part, in
// order of kind, band, prefix and key version: the part, the key version, the
// count, and the hashes named full, lookup, polynomial and root in lower-case
// hex, with a space between.
type State struct {
	Number uint64
	Size   uint64
	Parts  []PartEpoch // with the four commitments
}

// Marshal returns the one encoding.
func (s State) Marshal() []byte {
	b := fmt.Appendf(make([]byte, 0, 128+320*len(s.Parts)), "%s\n%d\n%d\n%d\n", stateFormat, s.Number, s.Size, len(s.Parts))
	for _, p := range s.Parts {
		b = fmt.Appendf(b, "%v %d %d", p.Part, p.KeyVersion, p.Count)
		for _, c := range p.Commitments {
			b = hex.AppendEncode(append(b, ' '), c.Hash[:])
		}
		b = append(b, '\n')
	}
	return b
}

// Hash returns SHA-256 of the encoding: what an epoch's state is.
func (s State) Hash() Hash { return sha256.Sum256(s.Marshal()) }

// ParseState is the inverse of Marshal; it validates too.
func ParseState(b []byte) (State, error) {
	bad := func(what string) (State, error) { return State{}, fmt.Errorf("%w: %s", ErrList, what) }
	lines, rest, ok := header(b, 4, stateFormat)
	if !ok {
		return bad("not a state document")
	}
	n, ok := decimals(lines[1:]...)
	// A line takes more than 264 bytes, so a short document cannot ask for much.
	if !ok || n[2] > uint64(len(rest))/264 {
		return bad("number, size or count of parts")
	}
	s := State{Number: n[0], Size: n[1], Parts: make([]PartEpoch, 0, n[2])}
	for range n[2] {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return bad("lines")
		}
		rest = after
		p, err := parseStateLine(string(line))
		if err != nil {
			return State{}, err
		}
		s.Parts = append(s.Parts, p)
	}
	if len(rest) > 0 {
		return bad("trailing data")
	}
	if err := s.Validate(); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	return s, nil
}

func parseStateLine(line string) (PartEpoch, error) {
	names := stateNames()
	fields := strings.Split(line, " ")
	if len(fields) != 3+len(names) {
		return PartEpoch{}, fmt.Errorf("%w: line of %d fields", ErrList, len(fields))
	}
	part, err := ParsePart(fields[0])
	if err != nil {
		return PartEpoch{}, fmt.Errorf("%w: %w", ErrList, err)
	}
	n, ok := decimals(fields[1:3]...)
	if !ok {
		return PartEpoch{}, fmt.Errorf("%w: key version or count", ErrList)
	}
	p := PartEpoch{Part: part, KeyVersion: n[0], Count: n[1]}
	for i, f := range fields[3:] {
		var h Hash
		if len(f) != 2*len(h) || strings.ToLower(f) != f {
			return PartEpoch{}, fmt.Errorf("%w: hash %q", ErrList, f)
		}
		if _, err := hex.Decode(h[:], []byte(f)); err != nil {
			return PartEpoch{}, fmt.Errorf("%w: %w", ErrList, err)
		}
		p.Commitments = append(p.Commitments, Commitment{names[i], h})
	}
	return p, nil
}

// Validate checks the form: known parts in strict order, each with the four
// commitments, each kind under each key version split by as many bits as its
// labels demand, no part missing.
func (s State) Validate() error {
	if err := checkParts(s.Parts, stateNames()); err != nil {
		return err
	}
	return checkSplit(s.Parts)
}

// Versions are the key versions that hold labels, ascending.
func (s State) Versions() []uint64 {
	var out []uint64
	for _, p := range s.Parts {
		if p.Count > 0 {
			out = append(out, p.KeyVersion)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// CheckAsked holds the key versions that an epoch says a model has to be asked under
// against the parts: each holds labels, and so the newest that does is among them,
// since no newer one can hold its labels. That older ones were rotated wholly, the
// audit sees. The error is ErrEpoch.
func (s State) CheckAsked(asked []uint64) error {
	held := s.Versions()
	for _, v := range asked {
		if !slices.Contains(held, v) {
			return fmt.Errorf("%w: nothing is listed under key version %d", ErrEpoch, v)
		}
	}
	if n := len(held); n > 0 && !slices.Contains(asked, held[n-1]) {
		return fmt.Errorf("%w: it names nobody to be asked under key version %d", ErrEpoch, held[n-1])
	}
	return nil
}

// Find returns the part that a label lies in under that key version.
func (s State) Find(kind fingerprint.Kind, keyVersion uint64, l Label) (PartEpoch, bool) {
	return findPart(s.Parts, kind, keyVersion, l)
}

// part returns a part by its address.
func (s State) part(p Part, keyVersion uint64) (PartEpoch, bool) {
	i, ok := slices.BinarySearchFunc(s.Parts, PartEpoch{Part: p, KeyVersion: keyVersion}, comparePartEpochs)
	if !ok {
		return PartEpoch{}, false
	}
	return s.Parts[i], true
}

// With returns the state after an epoch of semantics 2 with that number and log
// size: its parts replace those of the same address, and where a kind is split
// anew all of its parts under that key version. Whoever follows the epochs so
// knows every part without reading the state document; the hash of the two must
// be the same ([ErrEpoch] otherwise).
func (s State) With(number, size uint64, e Epoch) (State, error) {
	if e.Semantics != 2 {
		return State{}, fmt.Errorf("%w: semantics %d", ErrEpoch, e.Semantics)
	}
	if err := e.Validate(); err != nil {
		return State{}, err
	}
	bits := make(map[shelf]int)
	for _, p := range e.Parts {
		bits[shelf{p.Part.Kind, p.KeyVersion}] = len(p.Part.Prefix)
	}
	next := State{Number: number, Size: size, Parts: make([]PartEpoch, 0, len(s.Parts)+len(e.Parts))}
	changed := e.Parts
	for _, p := range s.Parts {
		if n, ok := bits[shelf{p.Part.Kind, p.KeyVersion}]; ok && n != len(p.Part.Prefix) {
			continue
		}
		for len(changed) > 0 && comparePartEpochs(changed[0], p) < 0 {
			next.Parts, changed = append(next.Parts, changed[0].lasting()), changed[1:]
		}
		if len(changed) > 0 && comparePartEpochs(changed[0], p) == 0 {
			continue
		}
		next.Parts = append(next.Parts, p)
	}
	for _, p := range changed {
		next.Parts = append(next.Parts, p.lasting())
	}
	if err := next.Validate(); err != nil {
		return State{}, err
	}
	if next.Hash() != e.State {
		return State{}, fmt.Errorf("%w: the parts do not give the state", ErrEpoch)
	}
	return next, nil
}

// lasting is the part without what is of the delta.
func (p PartEpoch) lasting() PartEpoch {
	q := PartEpoch{Part: p.Part, KeyVersion: p.KeyVersion, Count: p.Count}
	for _, name := range stateNames() {
		h, _ := p.Hash(name)
		q.Commitments = append(q.Commitments, Commitment{name, h})
	}
	return q
}
