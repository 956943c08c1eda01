package ceremony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/log"
)

// ErrFile is a file that no command here wrote.
var ErrFile = errors.New("no file of a ceremony")

// MaxFile bounds what is read of a file, in bytes: a batch of [MaxBatch] labels with
// the answers of 255 holders would be larger, and no set that rotates has so many.
const MaxFile = 64 << 20

// Holders, sets and batches pass between people as indented JSON of one form: a parser
// here refuses whatever its formatter would not print.

// FormatHolder is what a holder-to-be gives to who deals.
func FormatHolder(h log.Holder) []byte { return format(h) }

// ParseHolder is the inverse of FormatHolder. The error is ErrFile.
func ParseHolder(b []byte) (log.Holder, error) {
	h, err := parse[log.Holder](b)
	if err != nil {
		return h, err
	}
	if _, err := voprf.ParsePublicKey(h.Seal); err != nil || !log.ValidName(h.Name) || len(h.KeyID) != 64 {
		return log.Holder{}, fmt.Errorf("%w: holder's name or keys", ErrFile)
	}
	return h, nil
}

// FormatSet is what officers install.
func FormatSet(s log.EvaluatorSet) []byte { return format(s) }

// ParseSet is the inverse of FormatSet. The error is ErrFile.
func ParseSet(b []byte) (log.EvaluatorSet, error) {
	s, err := parse[log.EvaluatorSet](b)
	if err != nil {
		return s, err
	}
	// The statement that it goes into says what is wrong with it otherwise.
	if err := setOf(s).Validate(); err != nil {
		return log.EvaluatorSet{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return s, nil
}

// Marshal is the file that holders pass around.
func (b *Batch) Marshal() []byte {
	f := batchFile{Offset: b.Offset, Old: bytesOfLabels(b.Old), Fresh: bytesOfLabels(b.Fresh), Answers: b.Answers, Parts: b.Parts}
	return format(f)
}

// ParseBatch is the inverse of Marshal. The error is ErrFile.
func ParseBatch(raw []byte) (*Batch, error) {
	f, err := parse[batchFile](raw)
	if err != nil {
		return nil, err
	}
	b := &Batch{Offset: f.Offset, Answers: f.Answers, Parts: f.Parts}
	if b.Old, err = labelsOf(f.Old); err != nil {
		return nil, err
	}
	if b.Fresh, err = labelsOf(f.Fresh); err != nil {
		return nil, err
	}
	if len(b.Old) == 0 || len(b.Old) > MaxBatch || (len(b.Fresh) > 0 && len(b.Fresh) != len(b.Old)) {
		return nil, fmt.Errorf("%w: %d labels, %d new ones", ErrFile, len(b.Old), len(b.Fresh))
	}
	return b, nil
}

type batchFile struct {
	Offset  uint64            `json:"offset"`
	Old     []log.Bytes       `json:"old"`
	Fresh   []log.Bytes       `json:"fresh,omitempty"`
	Answers map[int]log.Bytes `json:"answers,omitempty"`
	Parts   []Part            `json:"parts,omitempty"`
}

func bytesOfLabels(ls []voprf.Label) (out []log.Bytes) {
	for _, l := range ls {
		out = append(out, l[:])
	}
	return out
}

func labelsOf(bs []log.Bytes) (out []voprf.Label, err error) {
	for i, b := range bs {
		l, err := voprf.ParseLabel(b)
		if err != nil {
			return nil, fmt.Errorf("%w: label %d: %w", ErrFile, i, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func format(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("ceremony: %v", err)) // plain values
	}
	return append(b, '\n')
}

func parse[T any](b []byte) (v T, err error) {
	if len(b) > MaxFile {
		return v, fmt.Errorf("%w: longer than %d bytes", ErrFile, MaxFile)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if !bytes.Equal(format(v), b) {
		return v, fmt.Errorf("%w: it is not as it would be printed", ErrFile)
	}
	return v, nil
}
