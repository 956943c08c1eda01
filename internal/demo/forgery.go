package demo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/haltlog/haltlog/internal/checkpoint"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// forgery is a log in the hands of an operator, an engine and a quorum of
// witnesses who lie together: they have all their real keys (D4).
type forgery struct {
	quorum    *checkpoint.Quorum
	log       checkpoint.Signer
	witnesses []checkpoint.Signer // as many as a quorum takes
	engine    *keys.Signer
	leaves    [][]byte
	parsed    []*log.Signed // nil for a part
}

// forge reads the whole log and every key that the liars have.
func (w *world) forge(ctx context.Context) (*forgery, error) {
	f := &forgery{}
	size, err := w.published(ctx)
	if err != nil {
		return nil, err
	}
	for e, err := range w.client.Entries(ctx, client.Filter{}) {
		if err != nil {
			return nil, err
		}
		if e.Index >= size {
			break
		}
		s, err := log.Parse(e.Leaf)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", e.Index, err)
		}
		f.leaves, f.parsed = append(f.leaves, e.Leaf), append(f.parsed, s)
	}
	if uint64(len(f.leaves)) != size {
		return nil, fmt.Errorf("read %d of %d entries", len(f.leaves), size)
	}
	text, err := os.ReadFile(w.file("quorum"))
	if err != nil {
		return nil, err
	}
	if f.quorum, err = checkpoint.ParseQuorum(text); err != nil {
		return nil, err
	}
	if f.log, err = noteKey(w.key("log")); err != nil {
		return nil, err
	}
	for _, p := range w.witness[:2] {
		s, err := noteKey(w.key("witness-" + p.name))
		if err != nil {
			return nil, err
		}
		f.witnesses = append(f.witnesses, s)
	}
	f.engine, err = keys.Load(w.key("engine"))
	return f, err
}

func noteKey(path string) (checkpoint.Signer, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return checkpoint.ParseSigner(strings.TrimSpace(string(b)))
}

// cut is the log's first n entries.
func (f *forgery) cut(n uint64) [][]byte { return slices.Clone(f.leaves[:n]) }

// newest is the index of the newest statement of a type below a bound for which
// keep says yes.
func newest[T log.Statement](f *forgery, below uint64, keep func(T) bool) (uint64, T, error) {
	for i := int(below) - 1; i >= 0; i-- {
		if st, ok := f.parsed[i].Statement.(T); ok && keep(st) {
			return uint64(i), st, nil
		}
	}
	var none T
	return 0, none, fmt.Errorf("the log holds no such %T", none)
}

// note signs a checkpoint of some leaves, with the log's and the witnesses' keys.
func (f *forgery) note(leaves [][]byte, at time.Time) ([]byte, error) {
	var t checkpoint.Tree
	for _, leaf := range leaves {
		if err := t.Append(leaf); err != nil {
			return nil, err
		}
	}
	root, err := t.Root(t.Size())
	if err != nil {
		return nil, err
	}
	c := checkpoint.Checkpoint{Origin: origin, Size: t.Size(), Root: root}
	var b strings.Builder
	b.WriteString(c.String() + "\n")
	for _, s := range append([]checkpoint.Signer{f.log}, f.witnesses...) {
		line, err := s.Sign(c, uint64(at.Unix()))
		if err != nil {
			return nil, err
		}
		b.WriteString(line)
	}
	return []byte(b.String()), nil
}

// anchor is an anchor of some leaves, witnessed at a time.
func (f *forgery) anchor(leaves [][]byte, at time.Time) ([]byte, error) {
	note, err := f.note(leaves, at)
	if err != nil {
		return nil, err
	}
	if note, err = f.quorum.Minimal(note); err != nil {
		return nil, err
	}
	return log.Seal(&log.Anchor{Origin: origin, Checkpoint: note})
}

// machine folds some leaves as every honest reader does.
func machine(leaves [][]byte) *fold.Machine {
	m := fold.New(fold.Config{}, fold.Deps{Verifier: keys.NewVerifier()})
	for _, leaf := range leaves {
		m.Apply(leaf)
	}
	return m
}
