package guardian

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/haltlog/haltlog/blacklist"
	"github.com/haltlog/haltlog/blacklist/fingerprint"
	"github.com/haltlog/haltlog/blacklist/voprf"
	"github.com/haltlog/haltlog/internal/client"
	"github.com/haltlog/haltlog/internal/keys"
	"github.com/haltlog/haltlog/log"
)

// escrower makes artefact statements. Labels leave it sealed, and fingerprints blinded.
type escrower struct {
	trust   *trust
	sources *sources // with the evaluator's token
	run     string
	base    []blacklist.Entry
	key     log.Signer
}

// newEscrower checks the declared base against its file before anything runs: without it, labels of somebody else's
// model would be escrowed as this run's, and listed at a halt.
func newEscrower(t *trust, s *sources, r *guarded, key log.Signer, baseFile []byte) (*escrower, error) {
	e := &escrower{trust: t, sources: s, run: r.statement.Run, key: key}
	declared := r.statement.Base
	switch {
	case declared == nil && baseFile != nil:
		return nil, fmt.Errorf("%w: the run declares none", ErrBase)
	case declared == nil:
		return e, nil
	case baseFile == nil:
		return nil, fmt.Errorf("%w: its file is missing", ErrBase)
	}
	var err error
	if e.base, err = ParseLabels(baseFile); err != nil {
		return nil, err
	}
	tree := blacklist.NewArtefact(e.base)
	if tree.Count() != declared.Count || log.Hash(tree.Root()) != declared.Root {
		return nil, fmt.Errorf("%w: count or root differs", ErrBase)
	}
	if v := t.evaluatorSet().Version; v != declared.KeyVersion {
		return nil, fmt.Errorf("%w: they are under key version %d, evaluators hold %d", ErrBase, declared.KeyVersion, v)
	}
	return e, nil
}

// artefact fingerprints one saved model and escrows its labels. number counts from 0, statements from 1. What is larger
// than one entry comes in parts.
func (e *escrower) artefact(ctx context.Context, path string, number uint64) ([][]byte, error) {
	model, err := scan(ctx, path)
	if err != nil {
		return nil, err
	}
	set := e.trust.evaluatorSet()
	labels, err := e.labels(ctx, set, blacklist.Questions(model))
	if err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		// All of it is the declared base: a statement needs at least the manifest, and there is nothing to escrow.
		return nil, nil
	}
	return e.seal(set, labels, number)
}

// seal makes the statement, or its parts.
func (e *escrower) seal(set log.EvaluatorSet, labels []blacklist.Entry, number uint64) ([][]byte, error) {
	var to blacklist.EscrowKeys
	if len(set.Escrow) > 0 {
		// To them alone: beside a wrap to the operator, theirs would guard nothing.
		to.Threshold = [][]byte{set.Escrow[0]}
	} else {
		key, err := e.escrowKey()
		if err != nil {
			return nil, err
		}
		to.HPKE = []*ecdh.PublicKey{key}
	}
	root := blacklist.NewArtefact(labels).Root()
	sealed, wraps, err := blacklist.SealTo(to, blacklist.Context{Origin: e.trust.origin, Run: e.run, Number: number + 1, Root: root}, labels)
	if err != nil {
		return nil, err
	}
	st := &log.Artefact{
		Origin: e.trust.origin, Run: e.run, Number: number + 1, KeyVersion: set.Version, Count: uint64(len(labels)),
		Root: log.Hash(root), Sealed: sealed,
	}
	for _, w := range wraps {
		st.Wraps = append(st.Wraps, log.Wrap{Suite: w.Suite, KeyID: w.KeyID, Bytes: w.Bytes})
	}
	whole, err := log.Seal(st, e.key)
	if err != nil {
		return nil, err
	}
	return log.Split(whole, e.key)
}

// labels asks the evaluator. Nothing is used before its proofs hold under the key that the log names.
func (e *escrower) labels(ctx context.Context, set log.EvaluatorSet, qs []blacklist.Question) ([]blacklist.Entry, error) {
	public, err := voprf.ParsePublicKey(set.PublicKey)
	if err != nil {
		return nil, err
	}
	query, err := voprf.NewQuery(public, blacklist.Inputs(qs))
	if err != nil {
		return nil, err
	}
	if len(set.Holders) > 0 && set.N > 1 {
		labels, err := e.together(ctx, set, query)
		if err != nil {
			return nil, err
		}
		return blacklist.Entries(qs, labels, e.base...), nil
	}
	var answers [][]byte
	for _, request := range query.Requests() {
		a, err := first(ctx, e.sources, func(ctx context.Context, c *client.Client) ([]byte, error) {
			return c.Evaluate(ctx, set.Version, request)
		})
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	labels, err := query.Labels(answers)
	if err != nil {
		return nil, err
	}
	return blacklist.Entries(qs, labels, e.base...), nil
}

// escrowKey is the newest escrow key that officers granted.
func (e *escrower) escrowKey() (*ecdh.PublicKey, error) {
	grants := e.trust.role(log.RoleEscrow)
	if len(grants) == 0 {
		return nil, fmt.Errorf("%w: no escrow", ErrKey)
	}
	pub, err := keys.ParseSPKI(grants[len(grants)-1].SPKI)
	if err != nil {
		return nil, err
	}
	x, ok := pub.(*ecdh.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the escrow's", ErrKey)
	}
	return x, nil
}

// scan reads a model that the command wrote, which may be hostile: nothing outside of path is opened, and no link
// followed.
func scan(ctx context.Context, path string) (fingerprint.Model, error) {
	parent, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fingerprint.Model{}, err
	}
	defer parent.Close()
	name := filepath.Base(path)
	info, err := parent.Lstat(name)
	if err != nil {
		return fingerprint.Model{}, err
	}
	opts := fingerprint.Options{Stop: ctx.Done()}
	switch {
	case info.Mode().IsRegular():
		opts.File = name
		return fingerprint.Scan(parent.FS(), opts)
	case !info.IsDir():
		return fingerprint.Model{}, &fs.PathError{Op: "scan", Path: name, Err: errors.New("neither a file nor a directory")}
	}
	dir, err := parent.OpenRoot(name)
	if err != nil {
		return fingerprint.Model{}, err
	}
	defer dir.Close()
	return fingerprint.Scan(dir.FS(), opts)
}
