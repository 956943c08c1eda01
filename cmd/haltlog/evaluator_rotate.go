package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/ceremony"
	"github.com/haltlog/haltlog/internal/fold"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/internal/officer"
	"github.com/haltlog/haltlog/log"
)

// rotateCmd moves labels by a factor that nobody holds whole. A batch goes around as a
// file: t holders answer, somebody combines, t holders prove, an engine logs it.
type rotateCmd struct {
	Next    rotateNextCmd    `cmd:"" help:"Write the next batch of labels that are to be moved."`
	Answer  rotateAnswerCmd  `cmd:"" help:"As a holder, evaluate the old labels under the share of the factor."`
	Combine rotateCombineCmd `cmd:"" help:"Make the new labels of the answers."`
	Prove   rotateProveCmd   `cmd:"" help:"As a holder, add a part of the proof."`
	Submit  rotateSubmitCmd  `cmd:"" help:"As an engine, log the rotation."`
	Public  rotatePublicCmd  `cmd:"" help:"As one who holds both keys and an engine's: move labels by a factor that everybody sees. Only where the old key is known to be safe."`
}

// rotateFlags are of every step.
type rotateFlags struct {
	ceremonyFlags `embed:""`
	Ceremony      string `arg:"" help:"Name of the ceremony that dealt the factor."`
	Out           string `required:"" type:"path" help:"File of the batch to write. It must not exist."`
}

// rotating is a ceremony and what the list has next for it.
type rotating struct {
	c        *ceremony.Ceremony
	rotation voprf.Rotation
	next     *ceremony.Batch
	l        *opened
}

func (f *ceremonyFlags) rotating(e *env, name string) (rotating, error) {
	m, l, err := f.fold(e)
	if err != nil {
		return rotating{}, err
	}
	fail := func(err error) (rotating, error) { return rotating{}, errors.Join(err, l.close()) }
	c, err := ceremony.Read(m.Ledger(), name)
	if err != nil {
		return fail(no(err))
	}
	r, err := c.Rotation()
	if errors.Is(err, ceremony.ErrUnfinished) {
		return fail(no(err))
	}
	if err != nil {
		return fail(err)
	}
	return rotating{c, r, ceremony.Next(m.List(), r.From.Version, r.To.Version), l}, nil
}

// batch reads a file, and refuses any but the batch that the list has next.
func (r rotating) batch(path string) (*ceremony.Batch, error) {
	b, err := parseFile(path, ceremony.ParseBatch)
	if err != nil {
		return nil, err
	}
	if !b.Is(r.next) {
		return nil, no(fmt.Errorf("%s: not the labels that the list has next: make it anew", path))
	}
	return b, nil
}

func (e *env) batch(b *ceremony.Batch, out string) error {
	if err := create(out, b.Marshal()); err != nil {
		return err
	}
	return e.print(map[string]any{"offset": b.Offset, "labels": len(b.Old), "answers": len(b.Answers), "parts": len(b.Parts), "batch": out}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%d labels from %d on; %d answers, %d parts of the proof\n", len(b.Old), b.Offset, len(b.Answers), len(b.Parts))
		return err
	})
}

type rotateNextCmd struct {
	rotateFlags `embed:""`
}

// Run exits with 3 when nothing is left.
func (c *rotateNextCmd) Run(e *env) error {
	r, err := c.rotating(e, c.Ceremony)
	if err != nil {
		return err
	}
	defer r.l.close()
	if r.next == nil {
		return no(fmt.Errorf("every label of key version %d is listed under %d", r.rotation.From.Version, r.rotation.To.Version))
	}
	return e.batch(r.next, c.Out)
}

type rotateAnswerCmd struct {
	rotateFlags `embed:""`
	secretFlags `embed:""`
	Batch       string `arg:"" type:"path" help:"The batch as it came."`
}

func (c *rotateAnswerCmd) Run(e *env) error {
	return c.with(e, c.rotateFlags, c.secretFlags, func(_ rotating, b *ceremony.Batch, delta *voprf.Share) error { return b.Answer(delta) })
}

// with lets a holder add to a batch.
func (c *rotateAnswerCmd) with(e *env, f rotateFlags, s secretFlags, add func(rotating, *ceremony.Batch, *voprf.Share) error) error {
	r, err := f.rotating(e, f.Ceremony)
	if err != nil {
		return err
	}
	defer r.l.close()
	b, err := r.batch(c.Batch)
	if err != nil {
		return err
	}
	h, _, err := s.holder(e, r.c.Holders)
	if err != nil {
		return err
	}
	delta, err := r.c.Delta(h)
	if err != nil {
		return err
	}
	if err := add(r, b, delta); err != nil {
		return err
	}
	return e.batch(b, f.Out)
}

type rotateCombineCmd struct {
	rotateFlags `embed:""`
	Batch       string `arg:"" type:"path" help:"The batch with the answers of enough holders."`
}

// Run exits with 4 where an answer is wrong and the others suffice.
func (c *rotateCombineCmd) Run(e *env) error {
	r, err := c.rotating(e, c.Ceremony)
	if err != nil {
		return err
	}
	defer r.l.close()
	b, err := r.batch(c.Batch)
	if err != nil {
		return err
	}
	lies, err := b.Combine(r.rotation)
	if err != nil {
		return no(errors.Join(err, liesOf(lies)))
	}
	if err := e.batch(b, c.Out); err != nil {
		return err
	}
	if err := liesOf(lies); err != nil {
		return look(err)
	}
	return nil
}

func liesOf(lies []*voprf.Misanswer) error {
	var errs []error
	for _, l := range lies {
		errs = append(errs, fmt.Errorf("holder %d: %w", l.Index, l))
	}
	return errors.Join(errs...)
}

type rotateProveCmd struct {
	rotateAnswerCmd `embed:""`
}

func (c *rotateProveCmd) Run(e *env) error {
	return c.with(e, c.rotateFlags, c.secretFlags, func(r rotating, b *ceremony.Batch, delta *voprf.Share) error {
		if len(b.Fresh) == 0 {
			return no(errors.New("the batch has no new labels: combine the answers first"))
		}
		return b.Prove(r.rotation, delta)
	})
}

type rotateSubmitCmd struct {
	ceremonyFlags `embed:""`
	Ceremony      string `arg:"" help:"Name of the ceremony that dealt the factor."`
	Batch         string `arg:"" type:"path" help:"The batch with enough parts of the proof."`
	Key           string `required:"" help:"An engine's signing key: a file or a KMS address."`
}

func (c *rotateSubmitCmd) Run(e *env) error {
	r, err := c.rotating(e, c.Ceremony)
	if err != nil {
		return err
	}
	defer r.l.close()
	b, err := r.batch(c.Batch)
	if err != nil {
		return err
	}
	st, err := b.Statement(r.c.Origin, r.rotation)
	if err != nil {
		return no(err)
	}
	signer, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	return e.put(r.l.client, st, signer)
}

type rotatePublicCmd struct {
	ceremonyFlags `embed:""`
	From          string `required:"" type:"path" help:"The old key (key new evaluator)."`
	To            string `required:"" type:"path" help:"The new key, which is installed."`
	Key           string `required:"" help:"An engine's signing key: a file or a KMS address."`
}

// Run moves all labels that are left, a batch at a time. It exits with 3 where none is.
func (c *rotatePublicCmd) Run(e *env) error {
	old, err := parseFile(c.From, officer.ParseEvaluator)
	if err != nil {
		return err
	}
	fresh, err := parseFile(c.To, officer.ParseEvaluator)
	if err != nil {
		return err
	}
	delta, err := voprf.Factor(old, fresh)
	if err != nil {
		return usage("%v", err)
	}
	signer, err := keys.Open(e.ctx, c.Key)
	if err != nil {
		return err
	}
	for moved := 0; ; {
		m, l, err := c.fold(e)
		if err != nil {
			return err
		}
		b, err := c.batch(e, m, l, delta, old, fresh, signer)
		err = errors.Join(err, l.close())
		switch {
		case err != nil:
			return err
		case b == nil && moved == 0:
			return no(errors.New("no label is left under the old key alone"))
		case b == nil:
			return nil
		}
		moved += len(b.Old)
	}
}

// batch moves one batch; nil when none is left.
func (c *rotatePublicCmd) batch(e *env, m *fold.Machine, l *opened, delta []byte, old, fresh *voprf.PrivateKey, signer log.Signer) (*ceremony.Batch, error) {
	var from, to *log.EvaluatorSet
	for _, s := range m.Ledger().EvaluatorSets() {
		if bytes.Equal(s.PublicKey, old.Public().Bytes()) {
			from = &s
		}
		if bytes.Equal(s.PublicKey, fresh.Public().Bytes()) {
			to = &s
		}
	}
	if from == nil || to == nil || from.Version >= to.Version {
		return nil, no(errors.New("the log names no such evaluators in force, the old key's before the new one's"))
	}
	b := ceremony.NextPublic(m.List(), from.Version, to.Version)
	if b == nil {
		return nil, nil
	}
	st, err := b.Public(m.Ledger().Origin(), *from, *to, delta)
	if err != nil {
		return nil, err
	}
	return b, e.put(l.client, st, signer)
}
